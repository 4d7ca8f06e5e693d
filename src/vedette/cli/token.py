"""``vedette token``: what programs show instead of a person."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import typer

from vedette.cli.change import NO_REASON, Change, DryRunOption, ReasonOption, YesOption, perform
from vedette.cli.client import path_of
from vedette.cli.lists import AfterOption, AllOption, LimitOption, show_list
from vedette.cli.output import show_time, tell
from vedette.cli.session import Session, remote

_IdArgument = Annotated[str, typer.Argument(metavar="TOKEN_ID", help="See `vedette token list`.", show_default=False)]


@remote
def list_tokens(
    session: Session,
    *,
    owner_id: Annotated[str | None, typer.Option("--owner", metavar="PERSON_ID", help="Only theirs.")] = None,
    limit: LimitOption = 100,
    after: AfterOption = "",
    everything: AllOption = False,
) -> None:
    """List service tokens: who answers for them, what they may do, and when they were used last."""
    show_list(
        session,
        "/v1/service-tokens",
        {"owner_id": owner_id},
        columns={
            "token": lambda item: item["name"],
            "roles": lambda item: ", ".join(item["roles"]),
            "where": _where,
            "owner": lambda item: item["owner_name"] or "host",
            "ends": lambda item: show_time(item["expires_at"]),
            "last used": lambda item: show_time(item["last_used_at"]),
            "from": lambda item: item["last_used_address"],
            "id": lambda item: item["token_id"],
        },
        limit=limit,
        after=after,
        everything=everything,
        empty="There are none yet: vedette token create NAME --role auditor",
    )


@remote
def show(session: Session, token_id: _IdArgument) -> None:
    """Show a service token; never its secret."""
    found = session.client.get(path_of("/v1/service-tokens/{}", token_id)).body
    if session.output.is_json:
        session.output.json(found)
        return
    session.output.details(
        {
            "name": found["name"],
            "id": found["token_id"],
            "owner": found["owner_name"] or "host",
            "roles": ", ".join(found["roles"]),
            "where": _where(found),
            "networks": ", ".join(found["networks"]) or "everywhere",
            "made": show_time(found["created_at"]),
            "ends": show_time(found["expires_at"]),
            "last used": show_time(found["last_used_at"]),
            "last used from": found["last_used_address"],
        }
    )


@remote
def create(
    session: Session,
    name: Annotated[str, typer.Argument(metavar="NAME", help="What it is for.", show_default=False)],
    *,
    role: Annotated[list[str], typer.Option("--role", metavar="ROLE", help="What it may do; repeat it for several.")],
    site: Annotated[list[str] | None, typer.Option("--site", help="Only there; repeat it for several.")] = None,
    group: Annotated[list[str] | None, typer.Option("--group", help="Only these devices; repeat it.")] = None,
    network: Annotated[
        list[str] | None, typer.Option("--network", metavar="CIDR", help="Only from there; repeat it.")
    ] = None,
    days: Annotated[int, typer.Option("--days", min=1, max=90, help="How long it lives.")] = 90,
    dry_run: DryRunOption = False,
) -> None:
    """Make a service token. Its secret is printed once: keep it where only the program can read it."""
    body = {
        "name": name,
        "roles": list(role),
        "sites": list(site or []),
        "groups": list(group or []),
        "networks": list(network or []),
        "lifetime_days": days,
    }
    change = Change(
        summary=f"create the service token {name}", method="POST", path="/v1/service-tokens", body=body, after=body
    )
    answer = perform(session, change, dry_run=dry_run)
    if answer is None or session.output.is_json:
        return
    made = answer.body["service_token"]
    session.output.line(answer.body["secret"])
    tell(f"{made['token_id']}: shown once; it ends {show_time(made['expires_at'])}.")


@remote
def revoke(
    session: Session,
    token_id: _IdArgument,
    *,
    reason: ReasonOption = "",
    yes: YesOption = False,
    dry_run: DryRunOption = False,
) -> None:
    """End a service token at once: the next request with it is refused."""
    found = session.client.get(path_of("/v1/service-tokens/{}", token_id)).body
    change = Change(
        summary=f"revoke the service token {found['name']}",
        method="DELETE",
        path=path_of("/v1/service-tokens/{}", token_id),
        params={"reason": reason or NO_REASON},
        warning="The program that uses it is refused from now on.",
    )
    if perform(session, change, dry_run=dry_run, yes=yes) is not None and not session.output.is_json:
        session.output.line(f"{found['name']} is revoked.")


def _where(item: Mapping[str, Any]) -> str:
    places = [*(f"site {each}" for each in item["sites"]), *(f"group {each}" for each in item["groups"])]
    return ", ".join(places) or "everywhere"
