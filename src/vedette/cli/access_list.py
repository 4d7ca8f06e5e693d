"""``vedette access-list``: who may not enter, and who alone may."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

import typer

from vedette.cli.change import NO_REASON, Change, DryRunOption, ReasonOption, YesOption, perform
from vedette.cli.client import path_of
from vedette.cli.lists import AfterOption, AllOption, LimitOption, show_list
from vedette.cli.output import show_time
from vedette.cli.problems import NotFound
from vedette.cli.session import Session, remote

_Effect = Literal["allow", "block"]
_Kind = Literal["device_id", "device_id_prefix", "certificate", "authority", "enrollment"]


@remote
def list_entries(
    session: Session,
    *,
    effect: Annotated[_Effect | None, typer.Option(help="Only this list.")] = None,
    limit: LimitOption = 100,
    after: AfterOption = "",
    everything: AllOption = False,
) -> None:
    """List the entries of the allow list and the block list; block wins."""
    show_list(
        session,
        "/v1/access-lists",
        {"effect": effect},
        columns={
            "entry": lambda item: item["entry_id"],
            "list": lambda item: item["effect"],
            "kind": lambda item: item["kind"],
            "value": lambda item: item["value"],
            "reason": lambda item: item["reason"],
            "made": lambda item: show_time(item["created_at"]),
            "by": lambda item: item["created_by"],
        },
        limit=limit,
        after=after,
        everything=everything,
        empty="Both lists are empty: everybody with valid credentials may enter.",
    )


@remote
def add(
    session: Session,
    effect: Annotated[_Effect, typer.Argument(help="Which list.", show_default=False)],
    kind: Annotated[_Kind, typer.Argument(help="What the value names.", show_default=False)],
    value: Annotated[str, typer.Argument(help="A device id, its beginning, a SHA-256, or a generated id.")],
    *,
    reason: ReasonOption = NO_REASON,
    dry_run: DryRunOption = False,
    yes: YesOption = False,
) -> None:
    """Put an entry on a list; every device that it concerns is judged again at once."""
    body = {"effect": effect, "kind": kind, "value": value, "reason": reason}
    is_first_allowed = effect == "allow" and not _has_allowed(session)
    change = Change(
        summary=f"{effect} {kind.replace('_', ' ')} {value}",
        method="POST",
        path="/v1/access-lists",
        body=body,
        after=body,
        warning="It is the first entry of the allow list: whoever is not on it is cut off." if is_first_allowed else "",
    )
    answer = perform(session, change, dry_run=dry_run, yes=yes if is_first_allowed else None)
    if answer is None:
        return
    if session.output.is_json:
        session.output.json(answer.body)
    else:
        session.output.line(f"{answer.body['entry_id']} is on the {effect} list.")


@remote
def remove(
    session: Session,
    entry_id: Annotated[str, typer.Argument(metavar="ENTRY_ID", help="See `vedette access-list list`.")],
    *,
    reason: ReasonOption,
    dry_run: DryRunOption = False,
    yes: YesOption = False,
) -> None:
    """Take an entry off its list; every device that it concerned is judged again at once."""
    before = _find(session, entry_id) if dry_run or not yes else {}
    change = Change(
        summary=f"remove the entry {entry_id}",
        method="DELETE",
        path=path_of("/v1/access-lists/{}", entry_id),
        params={"reason": reason},
        before=before,
        warning=f"It is: {before['effect']} {before['kind']} {before['value']} ({before['reason']})" if before else "",
    )
    if perform(session, change, dry_run=dry_run, yes=yes) is not None and not session.output.is_json:
        session.output.line(f"{entry_id} is removed.")


def _has_allowed(session: Session) -> bool:
    return bool(session.client.get("/v1/access-lists", {"effect": "allow", "limit": 1}).body["items"])


def _find(session: Session, entry_id: str) -> Mapping[str, Any]:
    for page in session.client.pages("/v1/access-lists", {}, limit=None):
        for item in page["items"]:
            if item["entry_id"] == entry_id:
                return dict(item)
    raise NotFound(f"there is no entry {entry_id[:80]!r}", hint="see them: vedette access-list list")
