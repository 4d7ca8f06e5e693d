"""``vedette refusal`` and ``vedette decision``: who was refused or let in, which check said so, what to do next."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Annotated, Any, Final

import typer

from vedette.cli.lists import AfterOption, AllOption, LimitOption, show_list
from vedette.cli.output import show_time
from vedette.cli.session import Session, remote

DeviceOption = Annotated[
    str | None,
    typer.Option("--device", metavar="DEVICE_ID", help="Only about this device; `unknown` for those about nobody."),
]
_ReasonOption = Annotated[
    str | None, typer.Option("--reason", metavar="TEXT", help="Only with this reason, such as `disabled`.")
]
_AddressOption = Annotated[str | None, typer.Option("--address", metavar="IP", help="Only from this address.")]

Columns = Mapping[str, Callable[[Mapping[str, Any]], object]]


def full_name(item: Mapping[str, Any]) -> str:
    """Return ``device`` or ``device/module``."""
    return str(item["device_id"]) + (f"/{item['module_id']}" if item["module_id"] else "")


ACCESS_COLUMNS: Final[Columns] = {
    "at": lambda item: show_time(item["decided_at"]),
    "what": lambda item: f"{item['kind']}, {item['effect']}",
    "device": full_name,
    "reason": lambda item: item["reason"],
    "detail": lambda item: item["detail"],
    "from": lambda item: item["remote_address"],
    "times": lambda item: item["repeated"],
}
_REFUSAL_COLUMNS: Final[Columns] = {
    **ACCESS_COLUMNS,
    "what": lambda item: item["kind"],
    "certificate": lambda item: item["certificate_subject"],
    "what to do": lambda item: item["hint"],
}


class Kind(StrEnum):
    """What a decision was about."""

    CONNECT = "connect"
    REFUSE = "refuse"
    CUT = "cut"
    DISCONNECT = "disconnect"
    REGISTER = "register"


@remote
def list_refusals(
    session: Session,
    *,
    device: DeviceOption = None,
    reason: _ReasonOption = None,
    address: _AddressOption = None,
    limit: LimitOption = 20,
    after: AfterOption = "",
    everything: AllOption = False,
) -> None:
    """List refused connections and registrations and cut sessions, newest first: why, and what to do."""
    show_list(
        session,
        "/v1/refusals",
        {"device_id": device, "reason": reason, "remote_address": address},
        columns=_REFUSAL_COLUMNS,
        limit=limit,
        after=after,
        everything=everything,
        empty="Nobody was refused.",
    )


@remote
def list_decisions(
    session: Session,
    *,
    device: DeviceOption = None,
    kind: Annotated[
        list[Kind] | None,
        typer.Option(help="Only of this kind; repeat for more."),
    ] = None,
    reason: _ReasonOption = None,
    address: _AddressOption = None,
    limit: LimitOption = 20,
    after: AfterOption = "",
    everything: AllOption = False,
) -> None:
    """List every access decision, newest first: connects, registrations, refusals, cuts and disconnects."""
    show_list(
        session,
        "/v1/decisions",
        {
            "device_id": device,
            "kind": [each.value for each in kind] if kind else None,
            "reason": reason,
            "remote_address": address,
        },
        columns=ACCESS_COLUMNS,
        limit=limit,
        after=after,
        everything=everything,
        empty="Nobody has tried to connect.",
    )
