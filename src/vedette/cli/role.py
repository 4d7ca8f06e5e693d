"""``vedette role`` and ``vedette elevation``: who may do what, where, and until when."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

import typer

from vedette.cli.change import NO_REASON, Change, DryRunOption, ReasonOption, YesOption, perform
from vedette.cli.client import path_of
from vedette.cli.lists import AfterOption, AllOption, LimitOption, show_list
from vedette.cli.output import show_time
from vedette.cli.problems import Usage
from vedette.cli.session import Session, remote

RoleName = Literal["admin", "operator", "analyst", "developer", "deployer", "manufacturer", "auditor"]
RoleArgument = Annotated[RoleName, typer.Argument(help="See `vedette role kinds`.", show_default=False)]
SiteOption = Annotated[
    list[str] | None, typer.Option("--site", metavar="SITE", help="At this site only; may be given again.")
]
GroupOption = Annotated[
    list[str] | None,
    typer.Option("--group", metavar="GROUP", help="For devices of this group only, by id or name; may be given again."),
]
_PersonArgument = Annotated[
    str, typer.Argument(metavar="PERSON_ID", help="See `vedette person list`.", show_default=False)
]
_MineOption = Annotated[bool, typer.Option("--mine", help="Only my own.")]
_PersonOption = Annotated[str | None, typer.Option("--person", metavar="PERSON_ID", help="Only theirs.")]


@remote
def kinds(session: Session) -> None:
    """List the built-in roles and what each gives."""
    found = session.client.get("/v1/roles").body
    if session.output.is_json:
        session.output.json(found)
        return
    session.output.table(
        ("role", "what it is for", "gives"),
        [(each["role"], each["summary"], " ".join(each["actions"])) for each in found["items"]],
    )


@remote
def rights(session: Session) -> None:
    """Show what I hold at this moment, and what weighty acts ask me for."""
    found = session.client.get("/v1/rights").body
    if session.output.is_json:
        session.output.json(found)
        return
    session.output.table(
        ("role", "where"), [(each["role"], _where(each["sites"], each["groups"])) for each in found["holdings"]]
    )
    asked = "a passkey shown within five minutes" if found["is_step_up_needed"] else "nothing more"
    signed = "my passkey's signature over them" if found["is_signature_needed"] else "nothing more"
    session.output.details(
        {
            "I am": found["actor_id"],
            "may": " ".join(found["actions"]),
            "weighty acts ask for": asked,
            "momentous acts ask for": signed,
            "another person approves": " ".join(found["second_approver"]) or "nothing",
        }
    )


@remote
def list_grants(
    session: Session,
    *,
    person_id: _PersonOption = None,
    is_mine: _MineOption = False,
    limit: LimitOption = 100,
    after: AfterOption = "",
    everything: AllOption = False,
) -> None:
    """List who has which role, and where."""
    show_list(
        session,
        "/v1/grants",
        {"person_id": _own_id(session) if is_mine else person_id},
        columns={
            "grant": lambda item: item["grant_id"],
            "person": lambda item: item["person_id"],
            "role": lambda item: item["role"] if item["mode"] == "active" else f"{item['role']} (eligible)",
            "where": lambda item: _where(item["sites"], item["groups"]),
            "since": lambda item: show_time(item["granted_at"]),
            "by": lambda item: item["granted_by"],
            "until": lambda item: show_time(item["expires_at"]),
        },
        limit=limit,
        after=after,
        everything=everything,
        empty="Nobody has a role yet: whoever registers a passkey by a one-time link gets the link's.",
    )


@remote
def grant(
    session: Session,
    person_id: _PersonArgument,
    role: RoleArgument,
    *,
    site: SiteOption = None,
    group: GroupOption = None,
    is_eligible: Annotated[
        bool, typer.Option("--eligible", help="It counts only while they have elevated themselves to it.")
    ] = False,
    until: Annotated[str | None, typer.Option("--until", metavar="TIME", help="Ends by itself then: RFC 3339.")] = None,
    reason: ReasonOption = "",
    dry_run: DryRunOption = False,
) -> None:
    """Give a person a role; it counts from their next request on."""
    body = {
        "role": role,
        "sites": list(site or ()),
        "groups": list(group or ()),
        "mode": "eligible" if is_eligible else "active",
        "reason": reason,
        "expires_at": until,
    }
    change = Change(
        summary=f"grant {role} to {person_id}, {_where(site or (), group or ())}",
        method="POST",
        path=path_of("/v1/people/{}/grants", person_id),
        body=body,
        after=body,
    )
    _tell(session, perform(session, change, dry_run=dry_run), lambda found: f"{found['grant_id']} is granted.")


@remote
def withdraw(
    session: Session,
    grant_id: Annotated[str, typer.Argument(metavar="GRANT_ID", help="See `vedette role list`.", show_default=False)],
    *,
    reason: ReasonOption = NO_REASON,
    dry_run: DryRunOption = False,
    yes: YesOption = False,
) -> None:
    """Take a role away at once; what was elevated to it ends."""
    change = Change(
        summary=f"withdraw {grant_id}",
        method="DELETE",
        path=path_of("/v1/grants/{}", grant_id),
        params={"reason": reason},
    )
    if perform(session, change, dry_run=dry_run, yes=yes) is not None and not session.output.is_json:
        session.output.line(f"{grant_id} is withdrawn.")


@remote
def list_elevations(
    session: Session,
    *,
    person_id: _PersonOption = None,
    is_mine: _MineOption = False,
    limit: LimitOption = 100,
    after: AfterOption = "",
    everything: AllOption = False,
) -> None:
    """List who elevated themselves to what, the youngest first."""
    show_list(
        session,
        "/v1/elevations",
        {"person_id": _own_id(session) if is_mine else person_id},
        columns={
            "elevation": lambda item: item["elevation_id"],
            "person": lambda item: item["person_id"],
            "role": lambda item: item["role"],
            "where": lambda item: _where(item["sites"], item["groups"]),
            "from": lambda item: show_time(item["begun_at"]),
            "until": lambda item: show_time(item["ended_at"] or item["ends_at"]),
            "": lambda item: "lasts" if item["is_active"] else "",
            "why": lambda item: item["reason"],
        },
        limit=limit,
        after=after,
        everything=everything,
        empty="Nobody has elevated themselves.",
    )


@remote
def begin_elevation(
    session: Session,
    grant_id: Annotated[
        str, typer.Argument(metavar="GRANT_ID", help="Of mine that is eligible: `vedette role list --mine`.")
    ],
    *,
    minutes: Annotated[int, typer.Option("--minutes", min=5, max=1440, help="How long it lasts.")] = 60,
    reason: ReasonOption,
    dry_run: DryRunOption = False,
) -> None:
    """Make a role count that I am eligible for; it ends by itself."""
    body = {"grant_id": grant_id, "minutes": minutes, "reason": reason}
    change = Change(
        summary=f"make {grant_id} count for {minutes} minutes", method="POST", path="/v1/elevations", body=body
    )
    answer = perform(session, change, dry_run=dry_run)
    _tell(
        session,
        answer,
        lambda found: f"{found['role']} counts until {show_time(found['ends_at'])}: {found['elevation_id']}",
    )


@remote
def end_elevation(
    session: Session,
    elevation_id: Annotated[str, typer.Argument(metavar="ELEVATION_ID", help="See `vedette elevation list`.")],
    *,
    dry_run: DryRunOption = False,
) -> None:
    """End an elevation before its time."""
    path = path_of("/v1/elevations/{}", elevation_id)
    change = Change(summary=f"end the elevation {elevation_id}", method="DELETE", path=path)
    if perform(session, change, dry_run=dry_run) is not None and not session.output.is_json:
        session.output.line(f"{elevation_id} is over.")


def _own_id(session: Session) -> str:
    found = session.client.get("/v1/session").body["person_id"]
    if not found:
        raise Usage("the host's token is nobody's", hint="see what it may do: vedette role rights")
    return str(found)


def _where(sites: Any, groups: Any) -> str:  # Any: lists of names
    places = [*(f"site {each}" for each in sites), *(f"group {each}" for each in groups)]
    return ", ".join(places) or "everywhere"


def _tell(session: Session, answer: Any, text: Any) -> None:  # Any: an answer, and what makes a line of it
    if answer is None:
        return
    found: Mapping[str, Any] = answer.body
    if session.output.is_json:
        session.output.json(found)
    else:
        session.output.line(text(found))
