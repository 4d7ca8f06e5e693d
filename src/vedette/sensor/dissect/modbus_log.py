"""Modbus operations as rows of Zeek's and ICSNPP's logs.

Source:
    docs.zeek.org, ``modbus.log``; cisagov/icsnpp-modbus, description of its logs.
"""

from __future__ import annotations

from typing import Final

from vedette.sensor.dissect.interface import ZeekRow
from vedette.sensor.dissect.modbus_codes import (
    DIAGNOSTICS,
    ENCAPSULATED,
    FUNCTIONS,
    MASK_WRITE_REGISTER,
    READ_WRITE_REGISTERS,
)
from vedette.sensor.model import Direction, OtOp, Values

_NAMES: Final = {17: "REPORT_SLAVE_ID", 43: "ENCAP_INTERFACE_TRANSPORT"}
_UNPAIRED: Final = frozenset({7, 11, 12, 17})
"""Of these ICSNPP pairs nothing."""
_SINGLE: Final = frozenset({5, 6})
_APART: Final = frozenset({MASK_WRITE_REGISTER, READ_WRITE_REGISTERS})
_MEI: Final = "Read Device Identification"
_OBJECTS: Final = (
    "VendorName", "ProductCode", "MajorMinorVersion", "VendorURL", "ProductName", "ModelName", "UserApplicationName",
)  # fmt: skip
_READS: Final = {
    1: "Basic Device Identification", 2: "Regular Device Identification", 3: "Extended Device Identification",
    4: "Specific Device Identification",
}  # fmt: skip
_LEVELS: Final = {
    0x01: "Basic Identification (Stream)", 0x02: "Regular Identification (Stream)",
    0x03: "Extended Identification (Stream)", 0x81: "Basic Identification (Stream, Individual)",
    0x82: "Regular Identification (Stream, Individual)", 0x83: "Extended Identification (Stream, Individual)",
}  # fmt: skip


def zeek(op: OtOp) -> list[ZeekRow]:
    """Return the row of ``modbus.log``, and those of ICSNPP's logs, which have question and answer in one row."""
    is_request = op.direction is Direction.REQUEST
    function = function_of(op)
    has_failed = op.result not in {"", "ok"}
    told: dict[str, object] = {"tid": op.transaction, "unit": op.unit}
    columns: dict[str, object] = {
        **told,
        "func": f"{function}_EXCEPTION" if has_failed else function,
        "pdu_type": "REQ" if is_request else "RESP",
    }
    if has_failed:
        columns["exception"] = op.result.upper()
    rows: list[ZeekRow] = [("modbus", columns)]
    if op.protocol != "modbus":
        return rows
    told["func"] = function
    if not is_request or op.code in _UNPAIRED:
        rows.append(("modbus_detailed", told if op.code in _UNPAIRED else {**told, **_both(op, has_failed=has_failed)}))
    rows += _apart(op, {**told, "request_response": "REQUEST" if is_request else "RESPONSE"}, is_request=is_request)
    return rows


def function_of(op: OtOp) -> str:
    """Return Zeek's name for the function of an operation."""
    if op.protocol != "modbus" or op.code not in FUNCTIONS:
        return op.service.upper()
    return _NAMES.get(op.code) or FUNCTIONS[op.code][0].upper()


def _both(op: OtOp, *, has_failed: bool) -> dict[str, object]:
    """Return the columns that stand for a question and its answer; for an answer alone if that is all there is."""
    is_matched = op.latency_ns is not None
    columns: dict[str, object] = {"matched": is_matched}
    if op.latency_ns is not None:
        columns["ts"] = (op.at_ns - op.latency_ns) / 1e9
    if has_failed:
        columns["exception_code"] = op.result.upper()
    if op.first is not None and op.code != READ_WRITE_REGISTERS:
        columns["address"] = op.first
    if op.count is not None and op.code not in _APART:
        columns["quantity"] = op.count
    if op.code in _APART or (op.code == ENCAPSULATED and op.service == "read_device_identification"):
        columns["modbus_detailed_link_id"] = _link(op)
        if op.code == ENCAPSULATED:
            columns["mei_type"] = _MEI
    elif op.code == DIAGNOSTICS:
        name = op.service.replace("_", " ").title()
        columns |= {"request_subfunction_code": name, "response_subfunction_code": name}
    elif op.value is not None:
        columns["response_values"] = _values(op.value)
    asked = (op.detail or {}).get("request_values")
    if asked is not None:
        columns["request_values"] = _values(asked)
    elif op.code in _SINGLE and is_matched and op.value is not None:
        columns["request_values"] = _values(op.value)
    return columns


def _apart(op: OtOp, told: dict[str, object], *, is_request: bool) -> list[ZeekRow]:
    """Return the rows of the logs that one function each has."""
    detail = op.detail or {}
    told["modbus_detailed_link_id"] = _link(op)
    if op.code == MASK_WRITE_REGISTER and isinstance(op.value, tuple):
        masks = {"address": op.first, "and_mask": op.value[0], "or_mask": op.value[1]}
        return [("modbus_mask_write_register", {**told, **masks})]
    if op.code == READ_WRITE_REGISTERS and op.value is not None:
        columns: dict[str, object] = {"read_registers": _values(op.value)}
        if is_request:
            columns = {
                "write_start_address": detail.get("write_start_address"), "write_registers": _values(op.value),
                "read_start_address": op.first, "read_quantity": op.count,
            }  # fmt: skip
        return [("modbus_read_write_multiple_registers", {**told, **columns})]
    log = "modbus_read_device_identification"
    told["mei_type"] = "READ-DEVICE-IDENTIFICATION"
    if "device_id_code" in detail:
        code, number = detail["device_id_code"], detail["object_id"]
        name = _READS.get(code, "Unknown") if isinstance(code, int) else ""
        return [(log, {**told, "device_id_code": code, "object_id_code": _hex(number), "object_id": name})]
    numbers = detail.get("object_ids")
    if not isinstance(numbers, tuple) or not isinstance(op.value, tuple):
        return []
    level = detail.get("conformity_level")
    told["conformity_level_code"] = _hex(level)
    told["conformity_level"] = _LEVELS.get(level, "Unknown") if isinstance(level, int) else ""
    return [
        (log, {**told, "object_id_code": _hex(number), "object_id": _object(number), "object_value": value})
        for number, value in zip(numbers, op.value, strict=False)
    ]


def _object(number: object) -> str:
    return _OBJECTS[number] if isinstance(number, int) and number < len(_OBJECTS) else "Unknown"


def _values(value: Values) -> list[object]:
    return list(value) if isinstance(value, tuple) else [value]


def _hex(number: Values) -> str:
    return f"0x{number:02x}" if isinstance(number, int) else ""


def _link(op: OtOp) -> str:
    """Name a question and its answer, the same whenever the same capture is read."""
    asked_ns = op.at_ns - (op.latency_ns or 0)
    return f"{asked_ns:012x}"[-12:] + f"{op.transaction or 0:04x}"
