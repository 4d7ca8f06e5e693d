"""``vedette session``: which browsers are logged in."""

from __future__ import annotations

from typing import Annotated

import typer

from vedette.cli.change import Change, DryRunOption, ReasonOption, perform
from vedette.cli.client import path_of
from vedette.cli.lists import AfterOption, AllOption, LimitOption, show_list
from vedette.cli.output import show_time
from vedette.cli.session import Session, remote


@remote
def list_sessions(
    session: Session,
    *,
    person_id: Annotated[str | None, typer.Option("--person", metavar="PERSON_ID", help="Only theirs.")] = None,
    limit: LimitOption = 100,
    after: AfterOption = "",
    everything: AllOption = False,
) -> None:
    """List the browsers that are logged in."""
    show_list(
        session,
        "/v1/sessions",
        {"person_id": person_id},
        columns={
            "session": lambda item: item["session_id"],
            "who": lambda item: item["name"],
            "by": lambda item: item["kind"],
            "from": lambda item: item["address"],
            "browser": lambda item: item["user_agent"],
            "began": lambda item: show_time(item["created_at"]),
            "last used": lambda item: show_time(item["last_used_at"]),
        },
        limit=limit,
        after=after,
        everything=everything,
        empty="Nobody is logged in: vedette login-link",
    )


@remote
def end(
    session: Session,
    session_id: Annotated[
        str, typer.Argument(metavar="SESSION_ID", help="See `vedette session list`.", show_default=False)
    ],
    *,
    reason: ReasonOption = "",
    dry_run: DryRunOption = False,
) -> None:
    """Log a browser out."""
    change = Change(
        summary=f"end the session {session_id}",
        method="DELETE",
        path=path_of("/v1/sessions/{}", session_id),
        params={"reason": reason or None},
    )
    if perform(session, change, dry_run=dry_run) is not None and not session.output.is_json:
        session.output.line(f"{session_id} has ended.")
