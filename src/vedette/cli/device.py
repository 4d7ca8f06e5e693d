"""``vedette device``: the registry, and what can be done with a device."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Annotated, Any, Final

import typer

from vedette.cli.change import NO_REASON, Change, DryRunOption, ReasonOption, perform
from vedette.cli.client import path_of
from vedette.cli.lists import AfterOption, AllOption, LimitOption, show_list
from vedette.cli.output import show_time
from vedette.cli.problems import NOT_FOUND, Refused
from vedette.cli.query import point_at
from vedette.cli.session import Session, remote

DeviceArgument = Annotated[str, typer.Argument(metavar="DEVICE_ID", help="The device's id.", show_default=False)]
_DevicesArgument = Annotated[
    list[str], typer.Argument(metavar="DEVICE_ID...", help="One device or many, at most 1,000.", show_default=False)
]

Device = Mapping[str, Any]


def state_of(device: Device) -> str:
    """Return in a word or two whether a device or a module may take part."""
    words = ["enabled" if device["is_enabled"] else "disabled", *(["blocked"] if device.get("is_blocked") else [])]
    return ", ".join(words)


def authentication_of(device: Device) -> str:
    """Return how a device or a module proves who it is, weak ways marked."""
    return str(device["authentication"]["type"]) + (" (weak)" if device["is_flagged"] else "")


def show_presence(presence: Mapping[str, Any] | None) -> str:
    """Return in words whether a device or a module is connected."""
    if presence is None:
        return "never seen"
    since = show_time(presence["since"])
    return f"connected since {since}" if presence["is_connected"] else f"gone since {since}"


_NOBODY: Final = (
    "No devices. Let them register: vedette enrollment create-group --help, or vedette device create --help"
)
_LIST_COLUMNS: Final[Mapping[str, Callable[[Device], object]]] = {
    "device": lambda item: item["device_id"],
    "state": state_of,
    "connection": lambda item: show_presence(item["presence"]),
    "lifecycle": lambda item: item["lifecycle"],
    "site": lambda item: item["site"],
    "zone": lambda item: item["zone"],
    "authentication": authentication_of,
}


@remote
def list_devices(
    session: Session,
    *,
    site: Annotated[str | None, typer.Option(help="Only those of this site.")] = None,
    zone: Annotated[str | None, typer.Option(help="Only those of this zone.")] = None,
    lifecycle: Annotated[str | None, typer.Option(help="Only those in this state, such as `active`.")] = None,
    tag: Annotated[list[str] | None, typer.Option(help="Only those with this tag: `line=A`; repeat for more.")] = None,
    is_enabled: Annotated[
        bool | None, typer.Option("--enabled/--disabled", help="Only enabled, or only disabled ones.")
    ] = None,
    where: Annotated[
        str | None,
        typer.Option(
            "--where",
            "-w",
            metavar="CONDITION",
            help="""Only those that match, as in a query: "tags.site = 'north' AND connectionState = 'Connected'".""",
        ),
    ] = None,
    limit: LimitOption = 100,
    after: AfterOption = "",
    everything: AllOption = False,
) -> None:
    """List devices by name."""
    try:
        show_list(
            session,
            "/v1/devices",
            {
                "site": site,
                "zone": zone,
                "lifecycle": lifecycle,
                "tag": list(tag) if tag else None,
                "is_enabled": None if is_enabled is None else str(is_enabled).lower(),
                "where": where,
            },
            columns=_LIST_COLUMNS,
            limit=limit,
            after=after,
            everything=everything,
            empty=_NOBODY if where is None else "No device matches.",
        )
    except Refused as problem:
        if where is not None and not session.output.is_json:
            point_at(problem, where)
        raise


@remote
def show(session: Session, device_id: DeviceArgument) -> None:
    """Show a device."""
    found = session.client.get(path_of("/v1/devices/{}", device_id)).body
    if session.output.is_json:
        session.output.json(found)
    else:
        show_device(session, found)


@remote
def disable(
    session: Session,
    device_ids: _DevicesArgument,
    *,
    reason: ReasonOption = NO_REASON,
    dry_run: DryRunOption = False,
) -> None:
    """Keep devices out until they are enabled; their live connections are cut at once."""
    _switch(session, device_ids, is_enabled=False, reason=reason, dry_run=dry_run)


@remote
def enable(
    session: Session,
    device_ids: _DevicesArgument,
    *,
    reason: ReasonOption = NO_REASON,
    dry_run: DryRunOption = False,
) -> None:
    """Let devices take part again; they reconnect by themselves."""
    _switch(session, device_ids, is_enabled=True, reason=reason, dry_run=dry_run)


def presence_facts(presence: Mapping[str, Any] | None) -> dict[str, object]:
    """Return what is known of a connection, for the details of a device or a module."""
    facts: dict[str, object] = {"connection": show_presence(presence)}
    if presence is None:
        return facts
    if presence["is_connected"]:
        return facts | {
            "at gateway": presence["gateway"],
            "from": presence["remote_address"],
            "by": presence["protocol"],
            "client": presence["client"],
        }
    return facts | {"because": presence["reason"]}


def show_device(session: Session, device: Device) -> None:
    """Write a device for people."""
    authentication, origin = device["authentication"], device["origin"]
    facts: dict[str, object] = {
        "state": state_of(device),
        "reason": device["status_reason"],
        "since": show_time(device["status_changed_at"]),
        "lifecycle": f"{device['lifecycle']} since {show_time(device['lifecycle_changed_at'])}",
        **presence_facts(device["presence"]),
        "authentication": authentication_of(device),
        "thumbprint": authentication["primary_thumbprint"],
        "second thumbprint": authentication["secondary_thumbprint"],
        "site": device["site"],
        "zone": device["zone"],
        "Purdue level": device["purdue_level"],
        "tags": device["tags"],
        "class": f"{device['device_class']}, {device['identity_class']}",
        "failure mode": device["failure_mode"]
        + (f", {device['hold_s']} s" if device["failure_mode"] == "hold-last" else ""),
        "enrolled through": origin["enrollment_id"],
        "vouched for by": origin["authority_id"],
        "created": show_time(device["created_at"]),
        "generation id": device["generation_id"],
        "revision": device["revision"],
    }
    optional = {"reason", "thumbprint", "second thumbprint", "enrolled through", "vouched for by"}
    session.output.details(
        {name: value for name, value in facts.items() if value or name not in optional}, title=str(device["device_id"])
    )


def show_enforcement(session: Session, enforcement: Mapping[str, Any] | None) -> None:
    """Tell how far a change has come."""
    if enforcement is None:
        return
    cut = enforcement["sessions_cut"]
    sessions = f"; {cut} live connection{'' if cut == 1 else 's'} cut" if cut else ""
    if enforcement["enforced_at"] is not None:
        session.output.line(f"Applied by every gateway at {enforcement['enforced_at']}{sessions}.")
    elif enforcement["pending"]:
        waiting = ", ".join(enforcement["pending"])
        session.output.line(f"Recorded{sessions}; not confirmed yet by {waiting}, which applies it all the same.")


def device_and_etag(session: Session, device_id: str) -> tuple[Device, str]:
    """Return a device and the revision it has."""
    answer = session.client.get(path_of("/v1/devices/{}", device_id))
    return answer.body, answer.etag


def change_device(session: Session, change: Change, *, done: str, dry_run: bool, yes: bool | None = None) -> None:
    """Carry out a change whose answer is a device and how far it has come, and show it."""
    answer = perform(session, change, dry_run=dry_run, yes=yes)
    if answer is None:
        return
    if session.output.is_json:
        session.output.json(answer.body)
        return
    session.output.line(done)
    show_enforcement(session, answer.body["enforcement"])


def _switch(session: Session, device_ids: list[str], *, is_enabled: bool, reason: str, dry_run: bool) -> None:
    verb = "enable" if is_enabled else "disable"
    if len(device_ids) > 1:
        _switch_many(session, device_ids, is_enabled=is_enabled, reason=reason, dry_run=dry_run)
        return
    (device_id,) = device_ids
    before = device_and_etag(session, device_id)[0] if dry_run else {}
    change = Change(
        summary=f"{verb} the device {device_id}",
        method="POST",
        path=path_of(f"/v1/devices/{{}}/{verb}", device_id),
        body={"reason": reason},
        before=before,
        after={"is_enabled": is_enabled, "status_reason": reason},
    )
    change_device(session, change, done=f"{device_id} is {verb}d.", dry_run=dry_run)


def _switch_many(session: Session, device_ids: list[str], *, is_enabled: bool, reason: str, dry_run: bool) -> None:
    body = {"device_ids": device_ids, "is_enabled": is_enabled, "reason": reason, "dry_run": dry_run}
    found = session.client.send("POST", "/v1/bulk/devices", body).body
    if session.output.is_json:
        session.output.json(found)
    else:
        _show_many(session, found, is_enabled=is_enabled, dry_run=dry_run)
    if found["unknown"]:
        raise typer.Exit(NOT_FOUND)


def _show_many(session: Session, found: Mapping[str, Any], *, is_enabled: bool, dry_run: bool) -> None:
    word = f"{'would be ' if dry_run else ''}{'enabled' if is_enabled else 'disabled'}"
    rows = [(device_id, word) for device_id in found["changed"]]
    rows += [(device_id, "was so already") for device_id in found["unchanged"]]
    rows += [(device_id, "unknown") for device_id in found["unknown"]]
    session.output.table(("device", "result"), rows)
    show_enforcement(session, found["enforcement"])
