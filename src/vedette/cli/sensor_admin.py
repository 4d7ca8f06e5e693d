"""``vedette sensor register`` and its like: which devices the platform hears as sensors."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Annotated, Any, Literal

import typer

from vedette.cli.change import NO_REASON, Change, DryRunOption, ReasonOption, perform, perform_and_say
from vedette.cli.client import path_of
from vedette.cli.device import DeviceArgument
from vedette.cli.lists import AfterOption, AllOption, LimitOption, show_list
from vedette.cli.output import show_time
from vedette.cli.session import Session, remote

Sensor = Mapping[str, Any]


@remote
def register(
    session: Session,
    device_id: DeviceArgument,
    *,
    site: Annotated[str | None, typer.Option(help="Where it listens; where the registry says, by default.")] = None,
    note: Annotated[str, typer.Option(help="Such as which mirror port it listens to.")] = "",
    dry_run: DryRunOption = False,
) -> None:
    """Hear a device as a sensor: what it sends fills the inventory of its site."""
    body = {"device_id": device_id, "site": site, "note": note}
    change = Change(summary=f"hear {device_id} as a sensor", method="POST", path="/v1/sensors", body=body, after=body)
    answer = perform(session, change, dry_run=dry_run)
    if answer is None:
        return
    if session.output.is_json:
        session.output.json(answer.body)
    else:
        session.output.line(f"{device_id} is heard as a sensor of {answer.body['site']}.")


@remote
def list_sensors(
    session: Session,
    *,
    state: Annotated[Literal["active", "retired"] | None, typer.Option(help="Only in this state.")] = None,
    limit: LimitOption = 100,
    after: AfterOption = "",
    everything: AllOption = False,
) -> None:
    """List the sensors that the platform hears, and how they fare."""
    show_list(
        session,
        "/v1/sensors",
        {"state": state},
        columns=_COLUMNS,
        limit=limit,
        after=after,
        everything=everything,
        empty="No device is heard as a sensor: vedette sensor register DEVICE --site NAME",
    )


@remote
def show(session: Session, device_id: DeviceArgument) -> None:
    """Show a sensor: what it says of itself, and what was taken from it."""
    found = session.client.get(path_of("/v1/sensors/{}", device_id)).body
    if session.output.is_json:
        session.output.json(found)
        return
    report = found["report"] or {}
    session.output.details(
        {
            "state": found["state"],
            "site": found["site"],
            "note": found["note"],
            "registered": show_time(found["registered_at"]),
            "last heard": show_time(found["heard_at"]) if found["heard_at"] else "never",
            "batches taken": found["batches"],
            "batches that came again": found["repeated"],
            "batches that never came": found["lost"],
            "refused": f"{found['refused']}: {found['refused_because']}" if found["refused"] else "0",
            "interface": report.get("interface", ""),
            "version": report.get("version", ""),
            "packets": report.get("packets", ""),
            "packets lost": report.get("dropped", ""),
            "records waiting": report.get("records_waiting", ""),
            "alerts held back": report.get("alerts_held_back", ""),
            "records lost": report.get("records_lost", ""),
        },
        title=device_id,
    )


@remote
def retire(
    session: Session, device_id: DeviceArgument, *, reason: ReasonOption = NO_REASON, dry_run: DryRunOption = False
) -> None:
    """Hear a device no more as a sensor; what it told stays."""
    change = Change(
        summary=f"hear {device_id} no more as a sensor",
        method="POST",
        path=path_of("/v1/sensors/{}/retire", device_id),
        body={"reason": reason},
        after={"state": "retired"},
    )
    perform_and_say(session, change, f"{device_id} is heard no more.", dry_run=dry_run)


_COLUMNS: dict[str, Callable[[Sensor], object]] = {
    "device": lambda item: item["device_id"],
    "site": lambda item: item["site"],
    "state": lambda item: item["state"],
    "last heard": lambda item: show_time(item["heard_at"]) if item["heard_at"] else "never",
    "batches": lambda item: item["batches"],
    "refused": lambda item: item["refused"],
    "lost": lambda item: item["lost"],
    "packets": lambda item: item["report"]["packets"] if item["report"] else "",
    "note": lambda item: item["note"],
}
