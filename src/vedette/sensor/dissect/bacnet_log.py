"""BACnet's operations as rows of ICSNPP's logs.

Source:
    cisagov/icsnpp-bacnet, description of its logs.
"""

from __future__ import annotations

from typing import Final

from vedette.sensor.dissect.bacnet import ORIGINAL_UNICAST
from vedette.sensor.dissect.bacnet_codes import BVLC, OBJECTS
from vedette.sensor.dissect.bacnet_names import VALUES
from vedette.sensor.dissect.bacnet_vendors import VENDORS
from vedette.sensor.dissect.interface import ZeekRow
from vedette.sensor.model import Direction, OpKind, OtOp, Value

_PDU_TYPES: Final = {"error": "ERROR_PDU", "reject": "REJECT_PDU", "abort": "ABORT_PDU", "network_message": "NPDU"}
"""As ICSNPP writes them, where that is not just in capitals."""
_REASONS: Final = ("reject_", "abort_")
_ALL: Final = "All"
_OWN_PROPERTIES: Final = 512
_SEARCHES: Final = frozenset({"who_is", "i_am", "who_has", "i_have"})
_WRITES: Final = frozenset({"write_property", "write_property_multiple"})


def zeek(op: OtOp) -> list[ZeekRow]:
    """Return the rows of ICSNPP's BACnet logs: one of the message, one for each value of each property."""
    detail = op.detail or {}
    told = str(detail.get("pdu_type", ""))
    rows: list[ZeekRow] = []
    if "item" not in detail:
        rows.append(("bacnet", _message(op, told)))
    if op.name and told != "simple_ack":
        rows += _properties(op)
    elif op.service in _SEARCHES:
        rows.append(("bacnet_discovery", _search(op)))
    elif op.kind is OpKind.CONTROL:
        rows.append(("bacnet_device_control", _control(op)))
    return rows or [("bacnet", _message(op, told))]


def _message(op: OtOp, told: str) -> dict[str, object]:
    columns: dict[str, object] = {"pdu_type": _PDU_TYPES.get(told, told.upper())}
    if op.flow.transport == "udp":
        function = (op.detail or {}).get("bvlc", ORIGINAL_UNICAST)
        columns["bvlc_function"] = _capitals(BVLC.get(function, "") if isinstance(function, int) else "")
    if told != "segment_ack":
        columns["pdu_service"] = op.service
    if op.transaction is not None:
        columns["invoke_id"] = op.transaction
    if op.result not in {"", "ok"}:
        columns["result_code"] = _reason(op.result)
    return columns


def _properties(op: OtOp) -> list[ZeekRow]:
    half = {Direction.REQUEST: "-request", Direction.RESPONSE: "-ack"}.get(op.direction, "")
    index = (op.detail or {}).get("array_index")
    columns: dict[str, object] = {
        "invoke_id": op.transaction,
        "pdu_service": _dashed(op.service) + ("" if op.service in _WRITES else half),
        "object_type": _dashed(op.area),
        "instance_number": op.first,
        "property": _property(op.name),
    }
    if index is not None:
        columns["array_index"] = index
    if op.result not in {"", "ok"}:
        columns["value"] = "PropertyError"
    values = op.value if isinstance(op.value, tuple) else (op.value,)
    rows: list[ZeekRow] = []
    for value in values:
        written = _written(op.name, value)
        rows.append(("bacnet_property", {**columns, "value": written} if written else dict(columns)))
    return rows


def _search(op: OtOp) -> dict[str, object]:
    columns: dict[str, object] = {"pdu_service": _dashed(op.service)}
    if op.area:
        columns |= {"object_type": _dashed(op.area), "instance_number": op.first}
    if op.service == "who_is":
        columns["range"] = "-".join(map(str, op.value)) if isinstance(op.value, tuple) else _ALL
    elif op.service == "i_am" and isinstance(op.value, int):
        columns["vendor"] = VENDORS.get(op.value, f"Unknown Vendor-0x{op.value:02x}")
    elif op.service == "who_has":
        columns["range"] = _ALL
        columns["object_name"] = op.value
    elif op.service == "i_have" and isinstance(op.value, tuple):
        columns |= {"device_id_type": "device", "device_id_number": op.value[0], "object_name": op.value[1]}
    return columns


def _control(op: OtOp) -> dict[str, object]:
    columns: dict[str, object] = {"pdu_service": op.service, "invoke_id": op.transaction}
    if op.direction is Direction.RESPONSE:
        columns["result"] = "SUCCESS" if op.result == "ok" else "ERROR"
        if op.result != "ok":
            columns["result_code"] = _reason(op.result)
        return columns
    columns["device_state"] = _dashed(op.area)
    if isinstance(op.value, tuple):
        columns |= {
            name: value
            for name, value in zip(("time_duration", "password"), op.value, strict=True)
            if value is not None
        }
    return columns


def _written(name: str, value: Value) -> str:
    """Write a value as ICSNPP does: names for numbers of lists, objects with a colon."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int):
        if name == "object_type":
            return _dashed(OBJECTS.get(value, f"object_{value}"))
        return VALUES[name].get(value, str(value)) if name in VALUES else str(value)
    if isinstance(value, float):
        return f"{value:.6f}"
    if isinstance(value, bytes):
        return value.hex()
    kind, _, instance = value.rpartition(",")
    return f"{_dashed(kind)}: {instance}" if instance.isdigit() and kind in _KINDS else value


_KINDS: Final = frozenset(OBJECTS.values())


def _property(name: str) -> str:
    number = name.removeprefix("property_")
    if number != name and number.isdigit() and int(number) >= _OWN_PROPERTIES:
        return f"Vendor Specific ({number})"
    return _dashed(name)


def _reason(result: str) -> str:
    for prefix in _REASONS:
        result = result.removeprefix(prefix)
    return _dashed(result)


def _capitals(name: str) -> str:
    """Write the name of a function as ICSNPP does: ``Original_Unicast_NPDU``."""
    words = [word.upper() if word in {"npdu", "bvll"} else word.capitalize() for word in name.split("_")]
    return "_".join("to" if word == "To" else word for word in words)


def _dashed(word: str) -> str:
    """Write a word of the standard as it writes it."""
    return word.replace("_", "-")
