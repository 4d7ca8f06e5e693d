"""Changes: what they would do, whether that is wanted, and the request that does it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Final

import typer

from vedette.cli.client import ANSWER_S, Answer
from vedette.cli.output import show_value, tell, tell_changes
from vedette.cli.problems import NotConfirmed, Usage
from vedette.cli.session import Session

DryRunOption = Annotated[
    bool, typer.Option("--dry-run", help="Only show what would change; nothing is sent that changes anything.")
]
YesOption = Annotated[bool, typer.Option("--yes", "-y", help="Do it without asking.")]
ReasonOption = Annotated[str, typer.Option("--reason", "-r", metavar="TEXT", help="Why; it stands in the ledger.")]

# For acts that take access away: nobody is kept from them by a missing word.
NO_REASON: Final = "no reason given"

# The bookkeeping of a resource; not what a person asked to change.
_NOT_SHOWN: Final = frozenset(
    {
        "revision",
        "updated_at",
        "status_changed_at",
        "lifecycle_changed_at",
        "last_connected_at",
        "presence",
        "keys",
        "member_count",
        "progress",
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One request that changes something.

    Attributes:
        summary: What it does, in the imperative: ``disable the device pump-7``.
        before: The resource as it is, when there is one.
        after: The members that become different; for a new resource all that is asked for.
        etag: The revision that ``before`` was.
        warning: What a person should know before saying yes.
        is_whole: ``after`` is the whole resource: what it lacks is taken away.
        shown: How values are written for people.
        answer_s: How long the answer may take.
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
    is_whole: bool = False
    shown: Callable[[object], str] = show_value
    answer_s: float = ANSWER_S

    @property
    def differences(self) -> dict[str, dict[str, Any]]:
        """Member → before and after, nested members by their dotted path."""
        return differences(self.before, self.after, is_whole=self.is_whole)


def differences(
    before: Mapping[str, Any], after: Mapping[str, Any], *, is_whole: bool = False
) -> dict[str, dict[str, Any]]:
    """Return what changes: dotted path → ``before`` and ``after``.

    Args:
        before: The resource.
        after: What is merged into it.
        is_whole: ``after`` is the whole resource: what it lacks was taken away.
    """
    found: dict[str, dict[str, Any]] = {}
    names = [*after, *(name for name in before if name not in after)] if is_whole else list(after)
    for name in names:
        former, value = before.get(name), after.get(name)
        is_new_and_empty = is_whole and former is None and value == {}
        if isinstance(value, Mapping) and (isinstance(former, Mapping) or former is None) and not is_new_and_empty:
            inner = differences(former or {}, value, is_whole=is_whole)
            found |= {f"{name}.{path}": change for path, change in inner.items()}
        elif name not in _NOT_SHOWN and former != value:
            found[name] = {"before": former, "after": value}
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
    return session.client.send(
        change.method,
        change.path,
        change.body,
        params=change.params,
        etag=change.etag,
        answer_s=change.answer_s,
    )


def perform_and_say(session: Session, change: Change, done: str, *, dry_run: bool, yes: bool | None = None) -> None:
    """Carry a change out whose answer a person needs not see; programs get it whole.

    Args:
        session: Of the command.
        change: What to do.
        done: What a person is told then.
        dry_run: Only show it.
        yes: As for ``perform``.
    """
    answer = perform(session, change, dry_run=dry_run, yes=yes)
    if answer is None:
        return
    if session.output.is_json:
        session.output.json(answer.body)
    else:
        session.output.line(done)


def show_change(session: Session, before: Mapping[str, Any], after: Mapping[str, Any], *, done: str) -> None:
    """Tell a person what became different in a resource."""
    found = differences(before, after, is_whole=True)
    session.output.line(done if found else "It was so already.")
    session.output.changes(found, show_value)


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
    if change.before:
        session.output.changes(found, change.shown)
    elif change.after:
        session.output.details({name: each["after"] for name, each in found.items()})
    if change.before and change.after and not found:
        session.output.line("It is so already.")
    session.output.note("Nothing was changed.")


def _confirm(change: Change) -> None:
    if not sys.stdin.isatty():
        raise Usage(f"confirm with --yes: {change.summary}", hint="or look first: --dry-run")
    if change.warning:
        tell(change.warning)
    tell_changes(change.differences, change.shown)
    tell(f"Really {change.summary}? [y/N]")
    if sys.stdin.readline().strip().lower() not in {"y", "yes"}:
        raise NotConfirmed("nothing was changed")
