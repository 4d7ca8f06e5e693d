"""``vedette conduit``: what may pass from one zone to another."""

from __future__ import annotations

import re
from typing import Annotated, Any, Final

import typer

from vedette.cli.change import Change, DryRunOption, YesOption, perform, perform_and_say
from vedette.cli.client import path_of
from vedette.cli.lists import AfterOption, AllOption, LimitOption, show_list
from vedette.cli.output import show_time
from vedette.cli.problems import Usage
from vedette.cli.session import Session, remote
from vedette.cli.zone import PlanOption, show_service

_SERVICE: Final = re.compile(r"(tcp|udp|sctp)/(\d{1,5})(?:-(\d{1,5}))?|icmp")
_Conduit = Annotated[str, typer.Argument(metavar="CONDUIT_ID", help="See `vedette conduit list`.", show_default=False)]


@remote
def list_conduits(
    session: Session,
    *,
    plan: PlanOption = "approved",
    limit: LimitOption = 100,
    after: AfterOption = "",
    everything: AllOption = False,
) -> None:
    """List the conduits of a plan; what none allows is refused between zones."""
    show_list(
        session,
        "/v1/conduits",
        {"plan": plan},
        columns={
            "conduit": lambda item: item["conduit_id"],
            "from": lambda item: item["source_name"],
            "to": lambda item: item["target_name"],
            "services": lambda item: ", ".join(show_service(each) for each in item["services"][:8]),
            "operations": lambda item: ", ".join(item["operations"]) or "all",
            "owner": lambda item: item["owner"],
            "until": lambda item: show_time(item["expires_at"]),
        },
        limit=limit,
        after=after,
        everything=everything,
        empty="It has no conduit: nothing may pass between its zones.",
    )


@remote
def show(session: Session, conduit_id: _Conduit, *, plan: PlanOption = "approved") -> None:
    """Show a conduit, who answers for it, and why it was proposed."""
    found = session.client.get(path_of("/v1/conduits/{}", conduit_id), {"plan": plan}).body
    if session.output.is_json:
        session.output.json(found)
        return
    facts = {name.replace("_", " "): value for name, value in found.items() if name not in {"reasons", "services"}}
    facts["services"] = ", ".join(show_service(each) for each in found["services"])
    session.output.details(facts, title=f"{found['source_name']} → {found['target_name']}")
    for reason in found["reasons"]:
        session.output.line(f"- {reason}")


@remote
def create(
    session: Session,
    source: Annotated[str, typer.Argument(metavar="FROM", help="Zone of the clients, or `external`.")],
    target: Annotated[str, typer.Argument(metavar="TO", help="Zone of the servers, or `external`.")],
    services: Annotated[list[str], typer.Argument(metavar="SERVICE...", help="tcp/502, udp/5000-5010, icmp.")],
    *,
    operation: Annotated[
        list[str] | None, typer.Option("--operation", metavar="CLASS", help="Only such operations; repeatable.")
    ] = None,
    network: Annotated[
        list[str] | None, typer.Option("--network", metavar="CIDR", help="Where the external end must be; repeatable.")
    ] = None,
    owner: Annotated[str, typer.Option("--owner", metavar="TEXT", help="Who answers for it.")] = "",
    why: Annotated[str, typer.Option("--why", metavar="TEXT", help="Why it is needed.")] = "",
    expires: Annotated[
        str | None, typer.Option("--expires", metavar="TIME", help="Until when: RFC 3339; left out: it stays.")
    ] = None,
    dry_run: DryRunOption = False,
) -> None:
    """Add a conduit to the draft."""
    body: dict[str, Any] = {
        "source": source,
        "target": target,
        "services": [_parse(each) for each in services],
        "operations": operation or [],
        "networks": network or [],
        "owner": owner,
        "why": why,
        "expires_at": expires,
    }
    change = Change(
        summary=f"add a conduit from {source} to {target} to the draft",
        method="POST",
        path="/v1/conduits",
        body=body,
        after=body,
    )
    answer = perform(session, change, dry_run=dry_run)
    if answer is None:
        return
    if session.output.is_json:
        session.output.json(answer.body)
    else:
        session.output.line(f"{answer.body['conduit_id']} is in the draft.")


@remote
def update(
    session: Session,
    conduit_id: _Conduit,
    *,
    owner: Annotated[str | None, typer.Option("--owner", metavar="TEXT", help="Who answers for it.")] = None,
    why: Annotated[str | None, typer.Option("--why", metavar="TEXT", help="Why it is needed.")] = None,
    expires: Annotated[str | None, typer.Option("--expires", metavar="TIME", help="Until when: RFC 3339.")] = None,
    dry_run: DryRunOption = False,
) -> None:
    """Say who answers for a conduit of the draft, why, and until when."""
    sent = {"owner": owner, "why": why, "expires_at": expires}
    body = {name: value for name, value in sent.items() if value is not None}
    if not body:
        raise Usage("nothing would change", hint="say --owner, --why or --expires")
    change = Change(
        summary=f"change the conduit {conduit_id}",
        method="PATCH",
        path=path_of("/v1/conduits/{}", conduit_id),
        body=body,
        after=body,
    )
    perform_and_say(session, change, f"{conduit_id} is changed in the draft.", dry_run=dry_run)


@remote
def remove(session: Session, conduit_id: _Conduit, *, dry_run: DryRunOption = False, yes: YesOption = False) -> None:
    """Take a conduit out of the draft."""
    change = Change(
        summary=f"take the conduit {conduit_id} out of the draft",
        method="DELETE",
        path=path_of("/v1/conduits/{}", conduit_id),
        warning="Once that is approved and enforced, nothing passes there.",
    )
    if perform(session, change, dry_run=dry_run, yes=yes) is not None and not session.output.is_json:
        session.output.line(f"{conduit_id} is out of the draft.")


def _parse(text: str) -> dict[str, Any]:  # Any: JSON
    found = _SERVICE.fullmatch(text)
    if found is None:
        raise Usage(f"{text[:40]!r} is no service", hint="write tcp/502, udp/5000-5010 or icmp")
    if found[1] is None:
        return {"transport": text}
    return {"transport": found[1], "port": int(found[2]), "port_last": int(found[3] or 0)}
