"""What operations are for, by the names and numbers that logs call them: the dissectors' tables, read backwards."""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from vedette.sensor.dissect import (
    bacnet_codes,
    cip_codes,
    dnp3_codes,
    iec104_codes,
    mms_codes,
    modbus_codes,
    opcua_types,
    s7comm_codes,
    s7comm_plus,
    umas,
)
from vedette.sensor.model import OpKind

_WORDS: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|[\s\-./]+")


class Known(NamedTuple):
    """An operation of a protocol."""

    code: int
    service: str
    kind: OpKind
    area: str


# How Suricata calls what Zeek and the standards call otherwise.
_SURICATA: Final = {
    "RdCoils": "read_coils", "RdDiscreteInputs": "read_discrete_inputs",
    "RdHoldRegs": "read_holding_registers", "RdInputRegs": "read_input_registers",
    "WrSingleCoil": "write_single_coil", "WrSingleReg": "write_single_register",
    "WrMultCoils": "write_multiple_coils", "WrMultRegs": "write_multiple_registers",
    "MaskWrReg": "mask_write_register", "RdWrMultRegs": "read_write_multiple_registers",
    "Diagnostic": "diagnostics", "RepServerID": "report_server_id",
    "MEI": "encapsulated_interface_transport",
}  # fmt: skip
# Services of ours that stand for what other tools call otherwise.
_PROTOCOLS: Final = {
    "ssl": "tls", "ethernetip": "enip", "dnp3_tcp": "dnp3", "dnp3_udp": "dnp3", "krb_tcp": "kerberos",
    "spicy_s7comm": "s7comm", "s7comm_tcp": "s7comm", "opcua_binary": "opcua", "opcua-binary": "opcua",
    "ftp-data": "ftp_data", "failed": "", "iec61850_mms": "mms", "modbus_tcp": "modbus", "profinet_io_cm": "profinet",
    "iso_cotp": "cotp", "cip_io": "enip_io", "ikev2": "ike", "dcerpc": "dce_rpc", "mqtt_tcp": "mqtt",
    "krb": "kerberos",
}  # fmt: skip


def protocol_of(service: str) -> str:
    """Return the sensor's name of a protocol; of several, of the first."""
    first = service.lower().split(",")[0].strip()
    return _PROTOCOLS.get(first, first)[:64]


def known_by_name(protocol: str, name: str) -> Known:
    """Return an operation by what a log calls it, in whatever case; what nobody knows is of kind ``other``."""
    word = _SURICATA.get(name) or plain_name(name)
    return _BY_NAME.get((protocol, word)) or Known(0, word, OpKind.OTHER, "")


def known_by_code(protocol: str, code: int | None, name: str = "") -> Known:
    """Return an operation by its number, or by its name if the number says nothing."""
    if code is not None and (found := _BY_CODE.get((protocol, code))) is not None:
        return found
    named = known_by_name(protocol, name) if name else Known(0, f"function_{code}", OpKind.OTHER, "")
    return named._replace(code=code) if code is not None and not named.code else named


def plain_name(name: str) -> str:
    """Return a name as the sensor writes it: ``Read Variable`` and ``ReadVariable`` become ``read_variable``."""
    return _WORDS.sub("_", name.strip()).strip("_").lower()[:96]


def _tables() -> dict[tuple[str, int], Known]:
    tables: dict[str, dict[int, tuple[str, OpKind] | tuple[str, OpKind, str]]] = {
        "modbus": {**modbus_codes.FUNCTIONS},
        "umas": {**umas.FUNCTIONS},
        "s7comm": {**s7comm_codes.FUNCTIONS},
        "s7comm_plus": {**s7comm_plus.FUNCTIONS},
        "dnp3": {**dnp3_codes.FUNCTIONS},
        "enip": {**cip_codes.COMMANDS},
        "cip": {**cip_codes.SERVICES},
        "opcua": {**opcua_types.REQUESTS, **opcua_types.RESPONSES},
        "mms": {**mms_codes.CONFIRMED},
        "bacnet": {**bacnet_codes.CONFIRMED},
        "iec104": {code: each[:3] for code, each in iec104_codes.TYPES.items()},
    }
    return {
        (protocol, code): Known(code, each[0], each[1], each[2] if len(each) > 2 else "")
        for protocol, table in tables.items()
        for code, each in table.items()
    }


def _names(by_code: dict[tuple[str, int], Known]) -> dict[tuple[str, str], Known]:
    found = {(protocol, known.service): known for (protocol, _), known in by_code.items()}
    more: list[tuple[str, str, OpKind, str]] = [
        ("bacnet", name, kind, area) for name, kind, area in bacnet_codes.UNCONFIRMED.values()
    ]
    more += [("bacnet", name, kind, "") for name, kind in bacnet_codes.NETWORK.values()]
    more += [("s7comm", name, kind, "") for name, kind in s7comm_codes.SUBFUNCTIONS.values()]
    more += [("cip", name, kind, "") for each in cip_codes.OF_CLASS.values() for name, kind in each.values()]
    for protocol, name, kind, area in more:
        found.setdefault((protocol, name), Known(0, name, kind, area))
    return found


_BY_CODE: Final = _tables()
_BY_NAME: Final = _names(_BY_CODE)
