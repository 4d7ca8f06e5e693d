"""OPC UA's operations as rows of ICSNPP's logs.

Source:
    cisagov/icsnpp-opcua-binary, description of its logs.
"""

from __future__ import annotations

from typing import Final

from vedette.sensor.dissect import opcua_types as types
from vedette.sensor.dissect.interface import ZeekRow
from vedette.sensor.model import Direction, OtOp

_MESSAGES: Final = {"hello": "HEL", "acknowledge": "ACK", "error": "ERR", "reverse_hello": "RHE",
                    "open_secure_channel": "OPN", "close_secure_channel": "CLO"}  # fmt: skip
_ATTRIBUTES: Final = {number: name.title().replace("_", "") for number, name in types.ATTRIBUTES.items()}
_FAULT: Final = 397
_LOGS: Final = {types.READ: "opcua_binary_read_nodes_to_read", types.WRITE: "opcua_binary_write"}


def zeek(op: OtOp) -> list[ZeekRow]:
    """Return a row for each question with its answer, and one for each node that is read or written."""
    detail = op.detail or {}
    is_request = op.direction is Direction.REQUEST
    if op.transaction is None or not op.code:
        columns: dict[str, object] = {"msg_type": _MESSAGES.get(op.service, "MSG"), "is_final": "F", **detail}
        if op.result not in {"", "ok"}:
            columns["reason"] = op.result
        return [("opcua_binary", columns)]
    if is_request:
        log = _LOGS.get(op.code)
        return [(log, _node(op))] if log and op.name else []
    rows: list[ZeekRow] = []
    if "item" not in detail and op.direction is Direction.RESPONSE:
        rows.append(("opcua_binary", _both(op)))
    if op.code == types.READ + 3 and op.name:
        rows.append(("opcua_binary_read_results", {**_node(op), "value": _plain(op.value), "status": op.result}))
    return rows


def _both(op: OtOp) -> dict[str, object]:
    """Return the columns that stand for a question and its answer."""
    columns: dict[str, object] = {
        "msg_type": _MESSAGES.get(op.service, "MSG"),
        "is_final": "F",
        "request_id": op.transaction,
        "res_identifier": op.code,
        "res_identifier_str": "ServiceFault" if op.code == _FAULT else f"{_camel(op.service)}Response",
        "status": op.result,
    }
    if op.latency_ns is not None:
        columns["ts"] = (op.at_ns - op.latency_ns) / 1e9
        columns["req_identifier_str"] = f"{_camel(op.service)}Request"
        if op.code != _FAULT:
            columns["req_identifier"] = op.code - 3
    return columns


def _node(op: OtOp) -> dict[str, object]:
    """Return the columns that name a node and its attribute."""
    columns: dict[str, object] = {"node_id": op.name}
    space, separator, identifier = op.name.rpartition(";")
    if separator and space.startswith("ns=") and space[3:].isdigit():
        columns["node_id_namespace_idx"] = int(space[3:])
    kind, _, value = (identifier if separator else op.name).partition("=")
    field = {"i": "numeric", "s": "string", "g": "guid", "b": "opaque"}.get(kind)
    if field:
        columns[f"node_id_{field}"] = int(value) if kind == "i" and value.isdigit() else value
    if op.first is not None:
        columns["attribute_id"] = op.first
        columns["attribute_id_str"] = _ATTRIBUTES.get(op.first, "Unknown")
    if op.direction is Direction.REQUEST and op.value is not None:
        columns["value"] = _plain(op.value)
    return columns


def _plain(value: object) -> object:
    return value.hex() if isinstance(value, bytes) else value


def _camel(service: str) -> str:
    return service.title().replace("_", "")
