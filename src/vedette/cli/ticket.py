"""``vedette ticket``: changes that were announced, whose alerts are raised to nobody."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from vedette.cli.alert_exception import RulesOption, SitesOption, SourcesOption, given, show_pattern
from vedette.cli.change import NO_REASON, Change, DryRunOption, ReasonOption, perform, perform_and_say
from vedette.cli.client import path_of
from vedette.cli.lists import AfterOption, AllOption, LimitOption, show_list
from vedette.cli.output import show_time
from vedette.cli.session import Session, remote

_Argument = Annotated[str, typer.Argument(metavar="TICKET_ID", help="See `vedette ticket list`.", show_default=False)]


@remote
def list_tickets(
    session: Session,
    *,
    every: Annotated[bool, typer.Option("--every", help="Also those that are over.")] = False,
    limit: LimitOption = 100,
    after: AfterOption = "",
    everything: AllOption = False,
) -> None:
    """List the changes that go on or are to come, youngest first."""
    show_list(
        session,
        "/v1/tickets",
        {"is_over": None if every else "false"},
        columns={
            "ticket": lambda item: item["ticket_id"],
            "reference": lambda item: item["reference"],
            "state": lambda item: item["state"],
            "from": lambda item: show_time(item["begins_at"]),
            "to": lambda item: show_time(item["ends_at"]),
            "what": lambda item: show_pattern(item["pattern"]),
            "people": lambda item: item["people"],
            "authorized": lambda item: item["matched"],
        },
        limit=limit,
        after=after,
        everything=everything,
        empty="No change is announced.",
    )


@remote
def show(session: Session, ticket_id: _Argument) -> None:
    """Show an announced change."""
    found = session.client.get(path_of("/v1/tickets/{}", ticket_id)).body
    if session.output.is_json:
        session.output.json(found)
        return
    facts = {
        "reference": found["reference"],
        "summary": found["summary"],
        "state": found["state"],
        "from": show_time(found["begins_at"]),
        "to": show_time(found["ends_at"]),
        "what": show_pattern(found["pattern"]),
        "people": ", ".join(found["people"]),
        "authorized": f"{found['matched']} alerts",
        "opened by": found["created_by"],
    }
    session.output.details({name: value for name, value in facts.items() if value}, title=ticket_id)


@remote
def open_ticket(
    session: Session,
    reference: Annotated[str, typer.Argument(metavar="REFERENCE", help="What it is called: CHG-1042.")],
    *,
    target: Annotated[list[str], typer.Option("--target", help="Address or network of what is changed; repeatable.")],
    begins_at: Annotated[str, typer.Option("--from", metavar="TIME", help="When it begins, RFC 3339: now or later.")],
    ends_at: Annotated[str, typer.Option("--to", metavar="TIME", help="When it ends, RFC 3339.")],
    rule: RulesOption = None,
    source: SourcesOption = None,
    site: SitesOption = None,
    person: Annotated[list[str] | None, typer.Option("--person", help="Who does it; repeatable.")] = None,
    summary: Annotated[str, typer.Option(help="What is changed.")] = "",
    dry_run: DryRunOption = False,
) -> None:
    """Announce a change: alerts that it brings about are kept, marked, and raised to nobody."""
    body: dict[str, Any] = {
        "reference": reference,
        "summary": summary,
        "people": list(person or ()),
        "pattern": given(rules=rule, sources=source, targets=target, sites=site),
        "begins_at": begins_at,
        "ends_at": ends_at,
    }
    change = Change(
        summary=f"announce the change {reference}", method="POST", path="/v1/tickets", body=body, after=body
    )
    answer = perform(session, change, dry_run=dry_run)
    if answer is None:
        return
    if session.output.is_json:
        session.output.json(answer.body)
    else:
        session.output.line(f"{answer.body['ticket_id']} is {answer.body['state']}.")


@remote
def end(
    session: Session, ticket_id: _Argument, *, reason: ReasonOption = NO_REASON, dry_run: DryRunOption = False
) -> None:
    """End a change before its time: what happens from now on is loud."""
    change = Change(
        summary=f"end the ticket {ticket_id}",
        method="POST",
        path=path_of("/v1/tickets/{}/end", ticket_id),
        body={"reason": reason},
    )
    perform_and_say(session, change, f"{ticket_id} is over.", dry_run=dry_run)
