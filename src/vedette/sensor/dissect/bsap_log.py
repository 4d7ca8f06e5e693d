"""BSAP's operations as rows of ICSNPP's logs.

Source:
    cisagov/icsnpp-bsap, description of its logs.
"""

from __future__ import annotations

from typing import Final

from vedette.sensor.dissect.interface import ZeekRow
from vedette.sensor.model import Direction, OtOp, Values

_FUNCTIONS: Final = {0xA0: "RDB", 0xA1: "RDB_EXT", 0x03: "PEI_PC"}
_TYPES: Final = {"response_count": "RESPONSECNT"}


def zeek(op: OtOp) -> list[ZeekRow]:
    """Return the row of the header, and of what a database is asked or answers."""
    detail = op.detail or {}
    is_serial = "ser" in detail
    is_request = op.direction is Direction.REQUEST
    if op.kind == "session":
        if is_serial or op.unit is not None:
            return []
        name = _TYPES.get(op.service) or op.service.upper()
        return [("bsap_ip_header", {"num_msg": 0 if op.service == "poll" else 1, "type_name": name})]
    header: dict[str, object] = {"num_msg": 1, "type_name": "REQUEST" if is_request else "RESPONSE"}
    if is_serial:
        header = {name: detail[name] for name in ("ser", "seq", "nsb")}
        header |= {name: _function(detail[name]) for name in ("dfun", "sfun")}
        header["type_name"] = "Global Message" if detail["is_global"] else "Local Message"
    prefix = "bsap_serial" if is_serial else "bsap_ip"
    variables = op.name.split(",") if op.name and is_request else []
    columns: dict[str, object] = {
        "func_code": op.service.upper() if is_request else f"RSP_{op.service.upper()}",
        "variables": variables,
    }
    if variables:
        columns["variable_count"] = len(variables)
    if isinstance(op.value, bytes):
        columns["variable_value"] = op.value.hex()
    if not is_serial:
        columns["mes_seq"] = op.transaction
        columns["app_func_code"] = "RDB"
    return [(f"{prefix}_header", header), (f"{prefix}_rdb", columns)]


def _function(number: Values) -> str:
    return _FUNCTIONS.get(number, f"{number:#04x}") if isinstance(number, int) else ""
