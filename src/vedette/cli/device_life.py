"""``vedette device``: the steps of a device's life, its end, and its name given free."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

from vedette.cli.change import NO_REASON, Change, DryRunOption, ReasonOption, YesOption, perform
from vedette.cli.client import path_of
from vedette.cli.device import DeviceArgument, change_device, device_and_etag
from vedette.cli.session import Session, remote

_State = Literal["made", "shipped", "onboarded", "active", "quarantined"]


@remote
def move(
    session: Session,
    device_id: DeviceArgument,
    lifecycle: Annotated[_State, typer.Argument(help="Where to.", show_default=False)],
    *,
    reason: ReasonOption = "",
    dry_run: DryRunOption = False,
) -> None:
    """Move a device one step along its lifecycle, such as into quarantine or out of it."""
    before = device_and_etag(session, device_id)[0] if dry_run else {}
    change = Change(
        summary=f"move the device {device_id} to {lifecycle}",
        method="POST",
        path=path_of("/v1/devices/{}/lifecycle", device_id),
        body={"target": lifecycle, "reason": reason or (NO_REASON if lifecycle == "quarantined" else "")},
        before=before,
        after={"lifecycle": lifecycle},
    )
    change_device(session, change, done=f"{device_id} is {lifecycle}.", dry_run=dry_run)


@remote
def retire(
    session: Session,
    device_id: DeviceArgument,
    *,
    reason: ReasonOption = NO_REASON,
    dry_run: DryRunOption = False,
    yes: YesOption = False,
) -> None:
    """End the life of a device for good; its name stays taken until it is deleted."""
    before, etag = device_and_etag(session, device_id)
    change = Change(
        summary=f"retire the device {device_id}",
        method="POST",
        path=path_of("/v1/devices/{}/retire", device_id),
        body={"reason": reason},
        before=before,
        after={"lifecycle": "retired"},
        etag=etag,
        warning="A retired device never comes back: to use the hardware again, delete it and enroll it anew.",
    )
    change_device(session, change, done=f"{device_id} is retired.", dry_run=dry_run, yes=yes)


@remote
def delete(
    session: Session,
    device_id: DeviceArgument,
    *,
    reason: ReasonOption = NO_REASON,
    dry_run: DryRunOption = False,
    yes: YesOption = False,
) -> None:
    """Cut a device off and free its name; a new device of that name inherits nothing."""
    before, etag = device_and_etag(session, device_id)
    change = Change(
        summary=f"delete the device {device_id}",
        method="DELETE",
        path=path_of("/v1/devices/{}", device_id),
        params={"reason": reason},
        before=before,
        etag=etag,
        warning=f"It was created {before['created_at'][:10]} and is {before['lifecycle']}; what it sent and did stays "
        "on record.",
    )
    if perform(session, change, dry_run=dry_run, yes=yes) is not None and not session.output.is_json:
        session.output.line(f"{device_id} is deleted.")
