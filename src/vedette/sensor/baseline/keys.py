"""What an operation is in the words of allow-lists: who asks whom, for what, of which objects."""

from __future__ import annotations

from typing import Final

from vedette.sensor.model import Direction, OpKind, OtOp

PAIR: Final = " > "
_RANGED: Final = frozenset(
    {"modbus", "umas", "s7comm", "dnp3", "iec104", "fins", "melsec", "srtp", "ads", "pccc", "bacnet", "roc_plus"}
)
"""Protocols whose ``first`` is an address; elsewhere it may be a state or an attribute."""
_PROCESS_COMMANDS: Final = frozenset({"select", "operate", "direct_operate", "direct_operate_nr"})
_PROCESS_TYPES: Final = ("c_sc", "c_dc", "c_rc")
_MAX_COUNT: Final = 1 << 32
_MAX_CHARS: Final = 96


def ends_of(op: OtOp) -> tuple[str, str]:
    """Return who asks and who is asked.

    Where both use one port, or where nothing has ports, whoever spoke first says nothing: the sender of this message
    asks.
    """
    flow = op.flow
    is_even = flow.client_port == flow.server_port or flow.transport == "ethernet"
    if is_even and not op.is_from_client and op.direction is not Direction.RESPONSE:
        return flow.server, flow.client
    return flow.client, flow.server


def pair_of(client: str, server: str) -> str:
    """Name a pair."""
    return f"{client}{PAIR}{server}"


def is_writing(op: OtOp) -> bool:
    """Tell whether an operation changes values of the process: also commands to outstations."""
    return op.kind is OpKind.WRITE or (op.kind is OpKind.CONTROL and is_process_command(op))


def is_process_command(op: OtOp) -> bool:
    """Tell the commands that work a process every day from those that work the device."""
    if op.protocol == "dnp3":
        return op.service in _PROCESS_COMMANDS
    if op.protocol == "iec104":
        return op.service.startswith(_PROCESS_TYPES)
    return False


def is_never_learned(op: OtOp) -> bool:
    """Tell whether an operation works the device itself; rules judge it each time, and it never becomes usual."""
    kind = op.kind
    if kind is OpKind.PROGRAM or kind is OpKind.FIRMWARE:
        return True
    return kind is OpKind.CONTROL and not is_process_command(op)


def object_of(op: OtOp) -> str:
    """Name the kind of object: an area, a block, a tag; empty if an operation has none."""
    name = op.name
    if op.protocol == "s7comm":
        name = name.partition(".")[0].partition(" ")[0] if op.area in {"db", "di"} else ""
    elif name:
        name = name.partition("[")[0]
    return f"{op.area} {name}".strip()[:_MAX_CHARS]


def range_of(op: OtOp) -> tuple[int, int] | None:
    """Return first and last address, for protocols that have them."""
    first = op.first
    if first is None or op.protocol not in _RANGED:
        return None
    count = op.count
    return first, first + count - 1 if count is not None and 1 <= count < _MAX_COUNT else first


def words_of(op: OtOp) -> str:
    """Say in a few words what an operation is."""
    parts = [op.protocol, op.service]
    if op.unit is not None:
        parts.append(f"unit {op.unit}")
    if op.area and op.area != op.service:
        parts.append(op.area)
    if op.name:
        parts.append(op.name)
    elif op.first is not None:
        parts.append(f"{op.first}" if not op.count or op.count == 1 else f"{op.first} to {op.first + op.count - 1}")
    return " ".join(parts)[:_MAX_CHARS]


def facts_of(op: OtOp) -> dict[str, str | int | None]:
    """Return an operation's facts for an alert; values of the process are left out."""
    found: dict[str, str | int | None] = {"service": op.service, "code": op.code, "kind": str(op.kind)}
    if op.unit is not None:
        found["unit"] = op.unit
    if op.area:
        found["area"] = op.area
    if op.name:
        found["name"] = op.name[:256]
    if op.first is not None:
        found["first"] = op.first
    if op.count is not None:
        found["count"] = op.count
    return found
