"""``vedette person`` and ``vedette passkey``: who may operate the platform, and what they log in with."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import typer

from vedette.cli.change import NO_REASON, Change, DryRunOption, ReasonOption, YesOption, perform
from vedette.cli.client import path_of
from vedette.cli.lists import AfterOption, AllOption, LimitOption, show_list
from vedette.cli.output import show_time
from vedette.cli.session import Session, remote

_PersonArgument = Annotated[
    str, typer.Argument(metavar="PERSON_ID", help="See `vedette person list`.", show_default=False)
]
_PasskeyArgument = Annotated[
    str, typer.Argument(metavar="PASSKEY_ID", help="See `vedette passkey list`.", show_default=False)
]


@remote
def list_people(
    session: Session, *, limit: LimitOption = 100, after: AfterOption = "", everything: AllOption = False
) -> None:
    """List people, in the order they came."""
    show_list(
        session,
        "/v1/people",
        {},
        columns={
            "person": lambda item: item["person_id"],
            "name": lambda item: item["name"],
            "state": lambda item: "disabled" if item["is_disabled"] else "enabled",
            "passkeys": lambda item: item["passkeys"],
            "recovery codes": lambda item: item["recovery_codes_left"],
            "last login": lambda item: show_time(item["last_login_at"]),
        },
        limit=limit,
        after=after,
        everything=everything,
        empty="Nobody has registered a passkey yet: open a link of `vedette login-link`.",
    )


@remote
def disable(
    session: Session,
    person_id: _PersonArgument,
    *,
    reason: ReasonOption = NO_REASON,
    dry_run: DryRunOption = False,
) -> None:
    """Keep a person out until they are enabled; their sessions end at once."""
    _set_disabled(session, person_id, "disable", reason, dry_run=dry_run)


@remote
def enable(
    session: Session, person_id: _PersonArgument, *, reason: ReasonOption = "", dry_run: DryRunOption = False
) -> None:
    """Let a person log in again."""
    _set_disabled(session, person_id, "enable", reason, dry_run=dry_run)


@remote
def delete(
    session: Session,
    person_id: _PersonArgument,
    *,
    reason: ReasonOption,
    dry_run: DryRunOption = False,
    yes: YesOption = False,
) -> None:
    """Take a person away with their passkeys, recovery codes and sessions; the ledger keeps what they did."""
    person = _person(session, person_id)
    change = Change(
        summary=f"delete {person['name']} ({person_id})",
        method="DELETE",
        path=path_of("/v1/people/{}", person_id),
        params={"reason": reason},
        before=person,
        warning="Their passkeys and recovery codes open nothing any more.",
    )
    if perform(session, change, dry_run=dry_run, yes=yes) is not None and not session.output.is_json:
        session.output.line(f"{person['name']} is deleted.")


@remote
def list_passkeys(
    session: Session,
    *,
    person_id: Annotated[str | None, typer.Option("--person", metavar="PERSON_ID", help="Only theirs.")] = None,
    limit: LimitOption = 100,
    after: AfterOption = "",
    everything: AllOption = False,
) -> None:
    """List passkeys, in the order they were added."""
    show_list(
        session,
        "/v1/passkeys",
        {"person_id": person_id},
        columns={
            "passkey": lambda item: item["passkey_id"],
            "name": lambda item: item["name"],
            "person": lambda item: item["person_id"],
            "added": lambda item: show_time(item["created_at"]),
            "last used": lambda item: show_time(item["last_used_at"]),
            "": lambda item: "synced by its maker" if item["is_synced"] else "",
        },
        limit=limit,
        after=after,
        everything=everything,
        empty="Nobody has registered a passkey yet: open a link of `vedette login-link`.",
    )


@remote
def remove_passkey(
    session: Session,
    passkey_id: _PasskeyArgument,
    *,
    reason: ReasonOption = "",
    dry_run: DryRunOption = False,
    yes: YesOption = False,
) -> None:
    """Take a passkey away; it opens nothing any more, and sessions that it began end at once."""
    change = Change(
        summary=f"remove the passkey {passkey_id}",
        method="DELETE",
        path=path_of("/v1/passkeys/{}", passkey_id),
        params={"reason": reason or None},
    )
    if perform(session, change, dry_run=dry_run, yes=yes) is not None and not session.output.is_json:
        session.output.line(f"{passkey_id} is removed.")


def _set_disabled(session: Session, person_id: str, verb: str, reason: str, *, dry_run: bool) -> None:
    change = Change(
        summary=f"{verb} the person {person_id}",
        method="POST",
        path=path_of(f"/v1/people/{{}}/{verb}", person_id),
        body={"reason": reason},
        before=_person(session, person_id) if dry_run else {},
        after={"is_disabled": verb == "disable"},
    )
    answer = perform(session, change, dry_run=dry_run)
    if answer is None:
        return
    if session.output.is_json:
        session.output.json(answer.body)
    else:
        session.output.line(f"{answer.body['name']} is {verb}d.")


def _person(session: Session, person_id: str) -> Mapping[str, Any]:
    return dict(session.client.get(path_of("/v1/people/{}", person_id)).body)
