"""EtherNet/IP's and CIP's operations as rows of ICSNPP's logs.

Source:
    cisagov/icsnpp-enip, description of its logs.
"""

from __future__ import annotations

from typing import Final

from vedette.sensor.dissect import cip_codes as codes
from vedette.sensor.dissect.cip_vendors import VENDORS
from vedette.sensor.dissect.interface import ZeekRow
from vedette.sensor.model import Direction, OtOp, Values

_NUMBERED: Final = 1 << 64
_SUCCESS: Final = "Success"
_WORDS: Final = {
    "Rr": "RR",
    "Nop": "NOP",
    "Io": "I/O",
    "Ac": "AC",
    "Dc": "DC",
    "Pccc": "PCCC",
    "Tcp": "TCP",
    "Ip": "IP",
}
_PATH: Final = ("class_id", "instance_id", "attribute_id")
_STATUS: Final = {name: number for number, name in codes.STATUS.items()}
_COMMANDS: Final = {number: name for number, (name, _) in codes.COMMANDS.items()}
_IDENTITY: Final = (
    "encapsulation_version", "socket_address", "socket_port", "vendor_id", "device_type_id", "product_code", "revision",
    "product_name",
)  # fmt: skip


def zeek(op: OtOp) -> list[ZeekRow]:
    """Return the rows of ICSNPP's logs: of the envelope, of what is in it, of who answers."""
    detail = op.detail or {}
    if op.protocol == "enip_io":
        io_data = op.value.hex() if isinstance(op.value, bytes) else ""
        return [
            (
                "cip_io",
                {
                    "connection_id": _hex(op.first, 8), "sequence_number": op.transaction, "data_length": op.count,
                    "io_data": io_data,
                },
            )
        ]  # fmt: skip
    rows: list[ZeekRow] = []
    if "command" in detail:
        rows.append(("enip", _envelope(op, detail)))
    if op.protocol != "enip":
        rows.append(("cip", _message(op, detail)))
    elif "vendor_id" in detail:
        rows.append(("cip_identity", _identity(detail)))
    return rows


def _envelope(op: OtOp, detail: dict[str, Values]) -> dict[str, object]:
    command = detail["command"]
    result = op.result if op.protocol == "enip" else ""
    return {
        "enip_command_code": _hex(command, 2),
        "enip_command": _title(_COMMANDS.get(command, "")) if isinstance(command, int) else "",
        "length": detail["length"],
        "session_handle": _hex(detail["session_handle"], 8),
        "enip_status": _SUCCESS if result in {"", "ok"} else _title(result),
        "sender_context": _hex(detail["sender_context"], 16),
        "options": _hex(detail["options"], 8),
    }


def _message(op: OtOp, detail: dict[str, Values]) -> dict[str, object]:
    is_request = op.direction is Direction.REQUEST
    columns: dict[str, object] = {
        "direction": "request" if is_request else "response",
        "cip_service_code": _hex(op.code, 2),
        "cip_service": _title(op.service),
    }
    if op.transaction is not None and op.transaction >= _NUMBERED:
        columns["cip_sequence_count"] = op.transaction & 0xFFFF
    if is_request:
        columns |= {name: _hex(detail[name], 2) for name in _PATH if name in detail}
        if (number := detail.get("class_id")) is not None and isinstance(number, int):
            columns["class_name"] = _title(codes.CLASSES[number]) if number in codes.CLASSES else "unknown"
    elif op.result:
        status = _STATUS.get(op.result)
        columns["cip_status"] = _SUCCESS if op.result == "ok" else _title(op.result)
        if status is not None:
            columns["cip_status_code"] = _hex(status, 2)
        if "extended_status" in detail:
            columns["cip_extended_status_code"] = _hex(detail["extended_status"], 4)
    if op.name:
        columns["data_id"] = op.name
    return columns


def _identity(detail: dict[str, Values]) -> dict[str, object]:
    columns: dict[str, object] = {name: detail[name] for name in _IDENTITY}
    vendor, kind = detail["vendor_id"], detail["device_type_id"]
    columns |= {
        "vendor_name": VENDORS.get(vendor, "") if isinstance(vendor, int) else "",
        "device_type_name": _title(codes.DEVICE_TYPES[kind][0])
        if isinstance(kind, int) and kind in codes.DEVICE_TYPES
        else "",
        "device_status": _hex(detail["device_status"], 4),
        "serial_number": _hex(detail["serial_number"], 8),
        "device_state": _hex(detail["device_state"], 4),
    }
    return columns


def _hex(number: Values, digits: int) -> str:
    return f"0x{number:0{digits}x}" if isinstance(number, int) else ""


def _title(name: str) -> str:
    """Write a name as ICSNPP does: ``Send RR Data``."""
    words = name.replace("_", " ").split(" ")
    titles = [word if word.isupper() else word[:1].upper() + word[1:] for word in words]
    return " ".join(_WORDS.get(word, word) for word in titles)
