"""``vedette authority reports`` and ``acknowledge``: certificates under our signature that stand in no record."""

from __future__ import annotations

from typing import Annotated

import typer

from vedette.cli.change import Change, DryRunOption, YesOption, perform
from vedette.cli.client import path_of
from vedette.cli.lists import AfterOption, AllOption, LimitOption, show_list
from vedette.cli.output import show_time
from vedette.cli.session import Session, remote

_RequiredReason = Annotated[
    str, typer.Option("--reason", "-r", metavar="TEXT", help="What you found out; it stands in the ledger.")
]


@remote
def list_reports(
    session: Session, *, limit: LimitOption = 100, after: AfterOption = "", everything: AllOption = False
) -> None:
    """List certificates that our operational authority signed, that were presented, and that no record knows."""
    show_list(
        session,
        "/v1/reported-certificates",
        {},
        columns={
            "SHA-256": lambda item: item["sha256"],
            "standing": lambda item: item["standing"],
            "serial": lambda item: item["serial"],
            "subject": lambda item: item["subject"],
            "presented as": lambda item: item["presented_as"],
            "from": lambda item: item["remote_address"],
            "reported": lambda item: show_time(item["reported_at"]),
            "acknowledged": lambda item: show_time(item["acknowledged_at"]),
        },
        limit=limit,
        after=after,
        everything=everything,
        empty="None: every certificate under our signature that was presented is on record.",
    )


@remote
def acknowledge(
    session: Session,
    sha256: Annotated[str, typer.Argument(metavar="SHA256", help="See `vedette authority reports`.")],
    *,
    reason: _RequiredReason,
    dry_run: DryRunOption = False,
    yes: YesOption = False,
) -> None:
    """End the alarm about a reported certificate; it stays refused."""
    change = Change(
        summary=f"end the alarm about the certificate {sha256}",
        method="POST",
        path=path_of("/v1/reported-certificates/{}/acknowledge", sha256),
        body={"reason": reason},
        after={"reason": reason},
        warning="Whoever signed an unknown one has the key of your operational authority, unless a restore lost it.",
    )
    answer = perform(session, change, dry_run=dry_run, yes=yes)
    if answer is None:
        return
    if session.output.is_json:
        session.output.json(answer.body)
    else:
        session.output.line(f"Acknowledged {show_time(answer.body['acknowledged_at'])}.")
