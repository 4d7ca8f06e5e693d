"""``vedette clone-alert``: identities that two clients used at once, which a copied key does."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import typer

from vedette.cli.change import Change, DryRunOption, ReasonOption, perform
from vedette.cli.client import path_of
from vedette.cli.decision import full_name
from vedette.cli.lists import AfterOption, AllOption, LimitOption, show_list
from vedette.cli.output import show_time
from vedette.cli.session import Session, remote

_AlertArgument = Annotated[
    str, typer.Argument(metavar="ALERT_ID", help="See `vedette clone-alert list`.", show_default=False)
]


@remote
def list_alerts(
    session: Session,
    *,
    is_open: Annotated[bool, typer.Option("--open", help="Only those that nobody has acknowledged.")] = False,
    limit: LimitOption = 100,
    after: AfterOption = "",
    everything: AllOption = False,
) -> None:
    """List identities whose clients displaced each other, youngest first."""
    show_list(
        session,
        "/v1/clone-alerts",
        {"is_open": "true" if is_open else None},
        columns={
            "alert": lambda item: item["alert_id"],
            "device": full_name,
            "first": lambda item: show_time(item["first_seen_at"]),
            "last": lambda item: show_time(item["last_seen_at"]),
            "take-overs": lambda item: item["takeovers"],
            "from": lambda item: item["remote_addresses"],
            "what": _reading,
            "state": lambda item: "open" if item["is_open"] else f"acknowledged: {item['acknowledged_reason']}",
        },
        limit=limit,
        after=after,
        everything=everything,
        empty="No alert is open." if is_open else "No two clients have used one identity.",
    )


@remote
def acknowledge(
    session: Session, alert_id: _AlertArgument, *, reason: ReasonOption, dry_run: DryRunOption = False
) -> None:
    """Say that an alert was looked into, and what was found; take-overs after that raise it anew."""
    change = Change(
        summary=f"acknowledge the clone alert {alert_id}",
        method="POST",
        path=path_of("/v1/clone-alerts/{}/acknowledge", alert_id),
        body={"reason": reason},
        before=session.client.get(path_of("/v1/clone-alerts/{}", alert_id)).body if dry_run else {},
        after={"is_open": False, "acknowledged_reason": reason},
    )
    answer = perform(session, change, dry_run=dry_run)
    if answer is None:
        return
    if session.output.is_json:
        session.output.json(answer.body)
    else:
        session.output.line(f"The alert on {full_name(answer.body)} is acknowledged.")


def _reading(alert: Mapping[str, Any]) -> str:
    """Say what the certificates that were presented tell."""
    if alert["is_same_certificate"]:
        return "one certificate at two places: its key was copied"
    count = len(alert["certificate_sha256"])
    return f"{count} certificate{'' if count == 1 else 's'}" if count else "the same symmetric key"
