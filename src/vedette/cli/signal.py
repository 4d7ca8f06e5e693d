"""``vedette signal``: what bears on trust in a device or module, and what it comes to."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Annotated, Any, Literal

import typer

from vedette.cli.change import Change, DryRunOption, ReasonOption, perform
from vedette.cli.client import path_of
from vedette.cli.device import DeviceArgument
from vedette.cli.lists import AfterOption, AllOption, LimitOption, show_list
from vedette.cli.output import show_time
from vedette.cli.problems import Usage
from vedette.cli.session import Session, remote

_Level = Literal["low", "medium", "high"]
_Risk = Literal["unknown", "low", "medium", "high"]
_Provenance = Literal["observed", "self-reported", "spoofable"]
_ModuleOption = Annotated[str | None, typer.Option("--module", metavar="MODULE", help="Of this module of the device.")]


def _base(device_id: str, module: str | None) -> str:
    if module is None:
        return path_of("/v1/devices/{}", device_id)
    return path_of("/v1/devices/{}/modules/{}", device_id, module)


@remote
def show(session: Session, device_id: DeviceArgument, *, module: _ModuleOption = None) -> None:
    """Show the health of a device: risk level, findings, place, and the signals that count now."""
    found = session.client.get(_base(device_id, module) + "/health").body
    if session.output.is_json:
        session.output.json(found)
        return
    session.output.details(
        {
            "risk level": found["risk_level"],
            "risk score": found["risk_score"],
            "since": show_time(found["changed_at"]),
            "place": _place(found["location"]),
        },
        title=device_id if module is None else f"{device_id}/{module}",
    )
    if not found["signals"]:
        session.output.note("No signal counts now: nothing is known, which is neither good nor bad.")
        return
    session.output.table(tuple(_COLUMNS), [[column(item) for column in _COLUMNS.values()] for item in found["signals"]])


@remote
def list_signals(
    session: Session,
    device_id: DeviceArgument,
    *,
    module: _ModuleOption = None,
    limit: LimitOption = 50,
    after: AfterOption = "",
    everything: AllOption = False,
) -> None:
    """List the latest signals of a device, youngest first, those included that count no more."""
    show_list(
        session,
        _base(device_id, module) + "/signals",
        {},
        columns=_COLUMNS,
        limit=limit,
        after=after,
        everything=everything,
        empty="No signal was heard of it.",
    )


@remote
def risky(
    session: Session,
    *,
    level: Annotated[_Risk | None, typer.Option(help="Only those of this risk level.")] = None,
    limit: LimitOption = 100,
    after: AfterOption = "",
    everything: AllOption = False,
) -> None:
    """List the health of all devices and modules that any signal was heard of."""
    show_list(
        session,
        "/v1/health",
        {"risk_level": level},
        columns={
            "device": lambda item: item["device_id"],
            "module": lambda item: item["module_id"] or "",
            "risk": lambda item: item["risk_level"],
            "score": lambda item: item["risk_score"],
            "findings": lambda item: [each["finding_class"] for each in item["findings"]],
            "since": lambda item: show_time(item["changed_at"]),
        },
        limit=limit,
        after=after,
        everything=everything,
        empty="No signal was heard of anybody.",
    )


@remote
def send(
    session: Session,
    device_id: DeviceArgument,
    signal_class: Annotated[str, typer.Argument(metavar="CLASS", help="Such as tamper or malware.")],
    *,
    source: Annotated[str, typer.Option(help="Who tells; one source has one word on each class.")] = "operator",
    level: Annotated[_Level | None, typer.Option(help="How bad; else as bad as its class is.")] = None,
    provenance: Annotated[_Provenance, typer.Option(help="How far it can be trusted.")] = "observed",
    lasts_s: Annotated[
        int | None, typer.Option("--lasts", metavar="SECONDS", help="How long it counts; else until it is withdrawn.")
    ] = None,
    position: Annotated[
        str | None,
        typer.Option(metavar="LATITUDE,LONGITUDE[,METERS]", help="Of the class `position`: degrees, and accuracy."),
    ] = None,
    module: _ModuleOption = None,
    dry_run: DryRunOption = False,
) -> None:
    """Tell a signal about a device; what follows from it reaches the gateways at once."""
    body: dict[str, Any] = {"signal_class": signal_class, "source": source, "provenance": provenance}
    body |= {
        name: value
        for name, value in (("level", level), ("lasts_s", lasts_s), ("position", _read_position(position)))
        if value is not None
    }
    change = Change(
        summary=f"tell of {signal_class} at {device_id}",
        method="POST",
        path=_base(device_id, module) + "/signals",
        body=body,
        after=body,
    )
    answer = perform(session, change, dry_run=dry_run)
    if answer is None:
        return
    if session.output.is_json:
        session.output.json(answer.body)
        return
    found = answer.body
    if not found["is_applied"]:
        session.output.line(f"It is on record; the risk level of {device_id} stays {found['risk_level']}.")
    elif found["risk_level"] == found["previous_risk_level"]:
        session.output.line(f"The risk level of {device_id} is {found['risk_level']}, as before.")
    else:
        session.output.line(f"The risk level of {device_id} is {found['risk_level']} now.")


@remote
def withdraw(
    session: Session,
    device_id: DeviceArgument,
    signal_id: Annotated[str, typer.Argument(metavar="SIGNAL_ID", help="See `vedette signal show`.")],
    *,
    reason: ReasonOption,
    module: _ModuleOption = None,
    dry_run: DryRunOption = False,
) -> None:
    """Say that a signal counts no more; it stays in the history."""
    change = Change(
        summary=f"withdraw the signal {signal_id} about {device_id}",
        method="POST",
        path=_base(device_id, module) + path_of("/signals/{}/withdraw", signal_id),
        body={"reason": reason},
    )
    answer = perform(session, change, dry_run=dry_run)
    if answer is None:
        return
    if session.output.is_json:
        session.output.json(answer.body)
    else:
        session.output.line(f"It is withdrawn; the risk level of {device_id} is {answer.body['risk_level']}.")


def _read_position(text: str | None) -> dict[str, float] | None:
    if text is None:
        return None
    names = ("latitude", "longitude", "accuracy_m")
    try:
        numbers = [float(part) for part in text.split(",")]
    except ValueError:
        numbers = []
    if len(numbers) not in {len(names) - 1, len(names)}:
        raise Usage(f"{text[:80]!r} is no position", hint="degrees north and east: --position 47.377,8.542,10")
    return dict(zip(names, numbers, strict=False))


def _place(location: Mapping[str, Any] | None) -> str:
    if location is None:
        return "unknown"
    where = f"{location['latitude']:.5f}, {location['longitude']:.5f} ± {location['accuracy_m']:.0f} m"
    return f"{where} ({location['provenance']}, until {show_time(location['until'])})"


_COLUMNS: dict[str, Callable[[Mapping[str, Any]], object]] = {
    "signal": lambda item: item["signal_id"],
    "class": lambda item: item["signal_class"],
    "level": lambda item: item["level"] or "",
    "provenance": lambda item: item["provenance"],
    "source": lambda item: item["source"],
    "observed": lambda item: show_time(item["observed_at"]),
    "until": lambda item: show_time(item["expires_at"]) if item["expires_at"] else "it is withdrawn",
}
