"""Changes: what they would do, whether that is wanted, and the request that does it."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Final

import typer

from vedette.cli.client import Answer
from vedette.cli.output import show_value, tell
from vedette.cli.problems import NotConfirmed, Usage
from vedette.cli.session import Session

DryRunOption = Annotated[
    bool, typer.Option("--dry-run", help="Only show what would change; nothing is sent that changes anything.")
]
YesOption = Annotated[bool, typer.Option("--yes", "-y", help="Do it without asking.")]
ReasonOption = Annotated[str, typer.Option("--reason", "-r", help="Why; it stands in the ledger.")]

# For acts that take access away: nobody is kept from them by a missing word.
NO_REASON: Final = "no reason given"

_ABSENT: Final = object()
# The bookkeeping of a resource; not what a person asked to change.
_NOT_SHOWN: Final = frozenset({"revision", "updated_at", "status_changed_at", "lifecycle_changed_at"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One request that changes something.

    Attributes:
        summary: What it does, in the imperative: ``disable the device pump-7``.
        before: The resource as it is, when there is one.
        after: The members that become different; for a new resource all that is asked for.
        etag: The revision that ``before`` was.
        warning: What a person should know before saying yes.
    """

    summary: str
    method: str
    path: str
    body: Mapping[str, Any] | None = None
    params: Mapping[str, str | int | list[str] | None] = field(default_factory=dict)
    before: Mapping[str, Any] = field(default_factory=dict)
    after: Mapping[str, Any] = field(default_factory=dict)
    etag: str = ""
    warning: str = ""

    @property
    def differences(self) -> dict[str, dict[str, Any]]:
        """Member → before and after, nested members by their dotted path."""
        return differences(self.before, self.after)


def differences(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Return what a merge of ``after`` into ``before`` changes: dotted path → ``before`` and ``after``."""
    found: dict[str, dict[str, Any]] = {}
    for name, value in after.items():
        former = before.get(name, _ABSENT)
        if isinstance(value, Mapping) and (isinstance(former, Mapping) or former in (None, _ABSENT)):
            inner = differences(former if isinstance(former, Mapping) else {}, value)
            found |= {f"{name}.{path}": change for path, change in inner.items()}
        elif name not in _NOT_SHOWN and former != value and not (former is _ABSENT and value is None):
            found[name] = {"before": None if former is _ABSENT else former, "after": value}
    return found


def perform(session: Session, change: Change, *, dry_run: bool, yes: bool | None = None) -> Answer | None:
    """Carry a change out; return the answer, ``None`` after a dry run.

    Args:
        session: Of the command.
        change: What to do.
        dry_run: Only show it.
        yes: For destructive changes: whether it was confirmed on the command line. ``None`` for all others.

    Raises:
        NotConfirmed: The person said no.
        Usage: It must be confirmed, and nobody is there to ask.
    """
    if dry_run:
        _show(session, change)
        return None
    if yes is False:
        _confirm(change)
    return session.client.send(change.method, change.path, change.body, params=change.params, etag=change.etag)


def show_change(session: Session, change: Change, *, done: str) -> None:
    """Tell a person what was changed."""
    if change.differences:
        session.output.line(done)
        _show_differences(session, change.differences)
    else:
        session.output.line("It was so already.")


def _show_differences(session: Session, found: Mapping[str, Mapping[str, Any]]) -> None:
    """Write one line for each member that changes."""
    if found:
        rows = [(name, show_value(each["before"]), "→", show_value(each["after"])) for name, each in found.items()]
        session.output.table(("", "before", "", "after"), rows)


def _show(session: Session, change: Change) -> None:
    found = change.differences
    if session.output.is_json:
        session.output.json(
            {
                "dry_run": True,
                "summary": change.summary,
                "request": {"method": change.method, "path": change.path, "body": change.body},
                "changes": found,
            }
        )
        return
    session.output.line(f"Would {change.summary}.")
    if change.warning:
        session.output.line(change.warning)
    _show_differences(session, found)
    if change.before and not found and change.method != "DELETE":
        session.output.line("It is so already.")
    session.output.note("Nothing was changed.")


def _confirm(change: Change) -> None:
    if not sys.stdin.isatty():
        raise Usage(f"confirm with --yes: {change.summary}", hint="or look first: --dry-run")
    if change.warning:
        tell(change.warning)
    for name, each in change.differences.items():
        tell(f"  {name}: {show_value(each['before'])} → {show_value(each['after'])}")
    tell(f"Really {change.summary}? [y/N]")
    if sys.stdin.readline().strip().lower() not in {"y", "yes"}:
        raise NotConfirmed("nothing was changed")
