"""DNP3's operations as rows of Zeek's and ICSNPP's logs.

Source:
    docs.zeek.org, ``dnp3.log``; cisagov/icsnpp-dnp3, description of its logs; IEEE 1815-2012, annex A (objects).
"""

from __future__ import annotations

from typing import Final

from vedette.sensor.dissect.interface import ZeekRow
from vedette.sensor.model import Direction, OtOp, Values

_NAMES: Final = {
    1: "Binary Input", 2: "Binary Input Change", 3: "Double-bit Input", 4: "Double-bit Input Change",
    10: "Binary Output", 11: "Binary Output Change", 13: "Binary Output Command Event",
    20: "Counter", 21: "Frozen Counter", 22: "Counter Change Event", 23: "Frozen Counter Change Event",
    30: "Analog Input", 31: "Frozen Analog Input", 32: "Analog Change Event", 33: "Frozen Analog Event",
    34: "Analog Input Deadband", 40: "Analog Output Status", 41: "Analog Output Block", 42: "Analog Output Event",
    43: "Analog Output Command Event", 50: "Time and Date", 51: "Time and Date CTO", 52: "Time Delay",
}  # fmt: skip
_DEFAULTS: Final = {20: "Binary Counter", 21: "Frozen Binary Counter", 23: "Frozen Binary Counter Change Event",
                    32: "Analog Input Change", 40: "Analog Output"}  # fmt: skip
_EXACT: Final = {
    0x0101: "Single-bit Binary Input", 0x0102: "Binary Input With Status", 0x0301: "Double-bit Input No Flags",
    0x0302: "Double-bit Input With Status", 0x0A01: "Binary Output", 0x0A02: "Binary Output Status",
    0x0C01: "Control Relay Output Block", 0x0C02: "Pattern Control Block", 0x0C03: "Pattern Mask",
    0x3401: "Time Delay Coarse", 0x3402: "Time Delay Fine", 0x5001: "Internal Indications",
}  # fmt: skip
_CHANGES: Final = frozenset({2, 4, 11, 13})
_TIMES: Final = {1: " Without Time", 2: " With Time", 3: " With Relative Time"}
_INTEGERS: Final = {1: "32-Bit", 2: "16-Bit"}
_CLASS_DATA: Final = 60
_TRIPS: Final = {"close": "Close", "trip": "Trip", "reserved": "Reserved"}
_STATUS: Final = {
    "ok": "Success", "too_many_ops": "Too Many Objs", "out_of_range": "Out of Range",
}  # fmt: skip


def zeek(op: OtOp) -> list[ZeekRow]:
    """Return the rows of ``dnp3.log``, one for each answer, and of ICSNPP's logs of objects and commands."""
    detail = op.detail or {}
    rows: list[ZeekRow] = []
    if op.direction is not Direction.REQUEST and "item" not in detail:
        columns: dict[str, object] = {"fc_reply": op.service.upper(), "iin": detail.get("iin")}
        if "fc_request" in detail:
            columns["fc_request"] = str(detail["fc_request"]).upper()
        rows.append(("dnp3", columns))
    if "execute_count" in detail:
        rows.append(("dnp3_control", _control(op, detail)))
    elif "group" in detail:
        rows.append(("dnp3_objects", _objects(op, detail)))
    return rows


def object_type(group: int, variation: int) -> str:
    """Return the name of a kind of object as ICSNPP writes it."""
    exact = _EXACT.get(group << 8 | variation)
    if exact is not None:
        return exact
    if group == _CLASS_DATA:
        return f"Class {variation - 1} Data" if variation else "Class Data"
    name = _NAMES.get(group)
    if name is None:
        return f"Group {group} Variation {variation}"
    if not variation:
        return f"{_DEFAULTS.get(group, name)} Default Variation"
    if group in _CHANGES:
        return name + _TIMES.get(variation, "")
    width, ending = _width(group, variation)
    return f"{width} {name}{ending}" if width else name


def _width(group: int, variation: int) -> tuple[str, str]:
    """Return how a number is packed, and what goes with it."""
    if group in {20, 21, 22, 23}:
        return _INTEGERS[2 - variation % 2], _with(group, variation)
    if group == 30:
        return ("32-Bit", "16-Bit", "32-Bit", "16-Bit", "32-Bit", "64-Bit")[min(variation, 6) - 1], (
            " Without Flag" if variation in {3, 4} else ""
        )
    if group == 31:
        width = ("32-Bit", "16-Bit", "32-Bit", "16-Bit", "32-Bit", "16-Bit", "32-Bit", "64-Bit")[min(variation, 8) - 1]
        return width, " w/ Time of Freeze" if variation in {3, 4} else " Without Flag" if variation in {5, 6} else ""
    if group in {32, 33, 42, 43}:
        width = ("32-Bit", "16-Bit", "32-Bit", "16-Bit", "32-Bit", "64-Bit", "32-Bit", "64-Bit")[min(variation, 8) - 1]
        return width, " w/ Time" if variation in {3, 4, 7, 8} else " w/o Time"
    if group in {34, 40, 41}:
        return ("32-Bit", "16-Bit", "32-Bit", "64-Bit")[min(variation, 4) - 1], ""
    return "", ""


def _with(group: int, variation: int) -> str:
    if group == 20:
        return " Without Flag" if variation > 4 else ""
    if group == 21:
        return " Without Flag" if variation > 8 else " w/ Time of Freeze" if variation > 4 else ""
    if group == 22:
        return " with Time" if variation > 4 else " w/o Time"
    return " w/ Time of Freeze" if variation > 4 else ""


def _objects(op: OtOp, detail: dict[str, Values]) -> dict[str, object]:
    group, variation = detail["group"], detail["variation"]
    columns: dict[str, object] = {"function_code": op.service.upper()}
    if isinstance(group, int) and isinstance(variation, int):
        columns["object_type"] = object_type(group, variation)
    if op.count is not None:
        columns["object_count"] = op.count
    if op.first is not None:
        columns["range_low"] = op.first
        columns["range_high"] = op.first + op.count - 1 if op.count else op.first
    return columns


def _control(op: OtOp, detail: dict[str, Values]) -> dict[str, object]:
    words = str(op.value).split("_")
    trip = _TRIPS.get(words[0])
    columns: dict[str, object] = {
        "block_type": "Control Relay Output Block",
        "function_code": op.service.upper(),
        "index_number": op.first,
        "trip_control_code": trip or "Nul",
        "operation_type": " ".join(words[1:] if trip else words).title(),
        "clear_bit": detail.get("clear", False),
        **{name: detail[name] for name in ("execute_count", "on_time", "off_time")},
    }
    if op.direction is not Direction.REQUEST:
        status = str(detail["status_code"])
        columns["status_code"] = _STATUS.get(status, status.replace("_", " ").title())
    return columns
