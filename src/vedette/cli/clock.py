"""``vedette clock``: whether the platform believes its clock, and an operator's word that it is right."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated, Any

import typer

from vedette.cli.change import Change, DryRunOption, YesOption, perform
from vedette.cli.output import show_time
from vedette.cli.session import Session, remote

_RequiredReason = Annotated[
    str, typer.Option("--reason", "-r", metavar="TEXT", help="Why it is right; it stands in the ledger.")
]


@remote
def show(session: Session) -> None:
    """Show what the platform's clock reads, and what it should read."""
    found = session.client.get("/v1/clock").body
    if session.output.is_json:
        session.output.json(found)
        return
    session.output.details(
        {
            "clock": show_time(found["at"]),
            "expected": show_time(found["expected"]),
            "off by": _show_drift(found),
            "allowed": timedelta(seconds=found["limit_s"]),
            "believed": not found["is_held"],
        }
    )
    if found["is_held"]:
        session.output.note("Nothing that widens access is done; disabling, revoking and blocking work.")
        session.output.note("Set the clock right; or, if it is right: vedette clock accept --reason TEXT")


@remote
def accept(session: Session, *, reason: _RequiredReason, dry_run: DryRunOption = False, yes: YesOption = False) -> None:
    """Believe the clock as it stands; what widens access works again."""
    before = session.client.get("/v1/clock").body
    change = Change(
        summary=f"believe the clock, which reads {show_time(before['at'])}",
        method="POST",
        path="/v1/clock/accept",
        body={"reason": reason},
        before=before,
        after={"is_held": False},
        warning=_warning(before),
    )
    answer = perform(session, change, dry_run=dry_run, yes=yes)
    if answer is None:
        return
    if session.output.is_json:
        session.output.json(answer.body)
    elif before["is_held"]:
        session.output.line(f"The clock is believed: {show_time(answer.body['at'])}.")
    else:
        session.output.line("The clock was believed already.")


def _warning(found: Mapping[str, Any]) -> str:
    if not found["is_held"]:
        return ""
    return (
        f"It should read {show_time(found['expected'])}, so it is {_show_drift(found)}. What ends by time is judged by "
        "it: set back, it revives certificates that have ended; set forward, it ends them."
    )


def _show_drift(found: Mapping[str, Any]) -> str:
    drift = timedelta(seconds=round(found["drift_s"]))
    if not drift:
        return "less than a second"
    return f"{abs(drift)} {'behind' if drift < timedelta() else 'ahead'}"
