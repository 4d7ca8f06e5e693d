"""``vedette review``: who may what, listed and signed off line by line."""

from __future__ import annotations

import sys
from typing import Annotated, Literal

import typer

from vedette.cli.change import Change, DryRunOption, perform
from vedette.cli.client import path_of
from vedette.cli.lists import AfterOption, AllOption, LimitOption, show_list, write_items
from vedette.cli.output import show_time
from vedette.cli.session import Session, remote

_Argument = Annotated[str, typer.Argument(metavar="REVIEW_ID", help="See `vedette review list`.", show_default=False)]


@remote
def list_reviews(
    session: Session, *, limit: LimitOption = 100, after: AfterOption = "", everything: AllOption = False
) -> None:
    """List access reviews, the youngest first."""
    show_list(
        session,
        "/v1/reviews",
        {},
        columns={
            "review": lambda item: item["review_id"],
            "name": lambda item: item["name"],
            "due": lambda item: show_time(item["due_at"]),
            "open": lambda item: f"{item['open_entries']} of {item['total_entries']}",
            "": lambda item: "OVERDUE" if item["is_overdue"] else "closed" if item["closed_at"] else "",
        },
        limit=limit,
        after=after,
        everything=everything,
        empty="No access review yet: vedette review begin NAME --due TIME",
    )


@remote
def begin(
    session: Session,
    name: Annotated[str, typer.Argument(help="What people call it.", show_default=False)],
    *,
    due: Annotated[str, typer.Option("--due", metavar="TIME", help="Until when: RFC 3339, within a year.")],
    dry_run: DryRunOption = False,
) -> None:
    """List who may what now: roles of people, service tokens, service policies."""
    body = {"name": name, "due_at": due}
    change = Change(summary=f"begin the access review {name}", method="POST", path="/v1/reviews", body=body, after=body)
    answer = perform(session, change, dry_run=dry_run)
    if answer is None:
        return
    found = answer.body
    if session.output.is_json:
        session.output.json(found)
        return
    session.output.line(f"{found['review_id']} has {found['total_entries']} lines to be signed off.")
    session.output.note(f"See them: vedette review show {found['review_id']}")


@remote
def show(
    session: Session,
    review_id: _Argument,
    *,
    is_open: Annotated[bool, typer.Option("--open", help="Only lines that nobody has signed off.")] = False,
    limit: LimitOption = 1000,
    after: AfterOption = "",
    everything: AllOption = False,
) -> None:
    """Show the lines of a review."""
    show_list(
        session,
        path_of("/v1/reviews/{}/entries", review_id),
        {"is_open": "true" if is_open else None},
        columns={
            "line": lambda item: item["entry_id"],
            "who": lambda item: f"{item['subject_name']} ({item['subject_kind']})",
            "what": lambda item: item["role"] if item["mode"] == "active" else f"{item['role']} (eligible)",
            "where": lambda item: ", ".join([*item["sites"], *item["groups"]]) or "everywhere",
            "since": lambda item: show_time(item["granted_at"]),
            "last used": lambda item: show_time(item["last_used_at"]),
            "signed off": lambda item: item["outcome"],
            "by": lambda item: item["signed_by"],
        },
        limit=limit,
        after=after,
        everything=everything,
        empty="Every line is signed off." if is_open else "It lists nothing.",
    )


@remote
def sign(
    session: Session,
    review_id: _Argument,
    line: Annotated[str, typer.Argument(metavar="LINE", help="See `vedette review show`.", show_default=False)],
    outcome: Annotated[
        Literal["kept", "withdrawn"], typer.Argument(help="`withdrawn` takes it away at once.", show_default=False)
    ],
    *,
    note: Annotated[str, typer.Option("--note", metavar="TEXT", help="It stands in the ledger.")] = "",
    dry_run: DryRunOption = False,
) -> None:
    """Sign a line off; nobody signs off their own."""
    path = path_of("/v1/reviews/{}/entries/{}/sign", review_id, line)
    body = {"outcome": outcome, "note": note}
    change = Change(summary=f"sign the line {line} off as {outcome}", method="POST", path=path, body=body)
    answer = perform(session, change, dry_run=dry_run)
    if answer is None:
        return
    found = answer.body
    if session.output.is_json:
        session.output.json(found)
    else:
        session.output.line(f"{found['subject_name']}, {found['role']}: {found['outcome']}.")


@remote
def export(
    session: Session,
    review_id: _Argument,
    *,
    form: Annotated[Literal["csv", "json"], typer.Option("--format", help="CSV or JSON.")] = "csv",
) -> None:
    """Write a whole review to standard output, for auditors."""
    if form == "json":
        path = path_of("/v1/reviews/{}/entries", review_id)
        write_items(session.client.pages(path, {}, limit=None))
        return
    sys.stdout.write(str(session.client.get(path_of("/v1/reviews/{}/export", review_id)).body))


@remote
def close(
    session: Session,
    review_id: _Argument,
    *,
    reason: Annotated[str, typer.Option("--reason", "-r", metavar="TEXT", help="Why, though lines are open.")],
    dry_run: DryRunOption = False,
) -> None:
    """Close a review that has open lines."""
    path = path_of("/v1/reviews/{}/close", review_id)
    change = Change(summary=f"close the access review {review_id}", method="POST", path=path, body={"reason": reason})
    answer = perform(session, change, dry_run=dry_run)
    if answer is None:
        return
    found = answer.body
    if session.output.is_json:
        session.output.json(found)
    else:
        session.output.line(f"{found['name']} is closed with {found['open_entries']} open lines.")
