"""What is compared with tshark: for each protocol, fields of tshark's beside what the sensor's operations say."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NamedTuple

from vedette.sensor import Direction, OtOp

REQUEST: Final = Direction.REQUEST
RESPONSE: Final = Direction.RESPONSE
_S7_USER_DATA: Final = "7"
_LISTED: Final = 12
_SESSIONS: Final = frozenset({"initiate", "conclude"})
_SERVICE_NODES: Final = 256

Told = str | int | float | None | tuple[str | int | float | None, ...]
Pick = Callable[[OtOp], Told]
"""What an operation says of a field; nothing: None."""


class Field(NamedTuple):
    """One thing that both engines tell of a message."""

    protocol: str
    what: str
    shark: str
    """Tshark's name for it."""
    pick: Pick
    is_text: bool = False
    unless: str = ""
    """A field of tshark's; where it is present, tshark means something else."""


def _code(op: OtOp) -> Told:
    return op.code if op.code >= 0 else None


def _detail(name: str) -> Pick:
    def pick(op: OtOp) -> Told:
        value = (op.detail or {}).get(name)
        return None if isinstance(value, bytes | bool) else value  # type: ignore[return-value]  # a detail's tuple is flat

    return pick


def _asked(op: OtOp) -> Told:
    return op.name or None if op.direction is REQUEST else None


def _of(*services: str) -> Pick:
    return lambda op: op.name or None if op.service in services else None


def _bacnet(*kinds: str) -> Pick:
    return lambda op: op.code if (op.detail or {}).get("pdu_type") in kinds else None


def _of_asdu(pick: Pick) -> Pick:
    return lambda op: pick(op) if op.detail is not None and "cot" in op.detail else None


def _objects(op: OtOp) -> Told:
    listed = (op.detail or {}).get("ioas")
    if isinstance(listed, tuple):
        return listed  # type: ignore[return-value]  # numbers, all of them
    return op.first if op.first is None or not op.count else tuple(range(op.first, op.first + min(op.count, 127)))


def _floats(op: OtOp) -> Told:
    values = op.value if isinstance(op.value, tuple) else (op.value,)
    return tuple(float(f"{value:.6g}") for value in values if isinstance(value, float))


def _registers(op: OtOp) -> Told:
    values = op.value if isinstance(op.value, tuple) else (op.value,)
    return tuple(value for value in values if isinstance(value, int)) if "register" in op.area else None


def _numbers(*areas: str, kind: type[int | float] = int) -> Pick:
    """Pick the numbers that objects of some kinds hold."""

    def pick(op: OtOp) -> Told:
        values = op.value if isinstance(op.value, tuple) else (op.value,)
        if op.area not in areas:
            return None
        return tuple(float(f"{each:.6g}") if kind is float else each for each in values if type(each) is kind)

    return pick


def _types(*types: int) -> Pick:
    """Pick the whole numbers of application data of some types."""

    def pick(op: OtOp) -> Told:
        values = op.value if isinstance(op.value, tuple) else (op.value,)
        return tuple(each for each in values if type(each) is int) if op.code in types else None

    return pick


def _parts(place: int) -> Pick:
    """Pick one half of names such as ``domain/item``."""

    def pick(op: OtOp) -> Told:
        told = op.value if op.code == _LISTED and isinstance(op.value, tuple) else (op.name,)
        names = [each for several in told if isinstance(several, str) for each in several.split(",")]
        if op.direction is RESPONSE and op.code != _LISTED:
            return None
        return tuple(each.partition("/")[place] for each in names if "/" in each)

    return pick


def _cip(pick: Pick) -> Pick:
    return lambda op: pick(op) if op.protocol == "cip" else None


def _request(pick: Pick) -> Pick:
    return lambda op: pick(op) if op.direction is REQUEST else None


_ANALOGS: Final = (
    "analog_input", "analog_input_event", "analog_output_status", "frozen_analog_input", "frozen_analog_input_event",
    "analog_output_event",
)  # fmt: skip
FIELDS: Final[tuple[Field, ...]] = (
    Field("modbus", "function", "modbus.func_code", _code),
    Field("modbus", "unit", "mbtcp.unit_id", lambda op: op.unit if isinstance(op.unit, int) else None),
    Field("modbus", "first object", "modbus.reference_num", _request(lambda op: op.first),
          unless="modbus.response_time"),
    Field("modbus", "registers", "modbus.regval_uint16", _registers),
    Field("s7comm", "function", "s7comm.param.func", lambda op: op.code if op.code < _SERVICE_NODES else None),
    Field("s7comm", "data block", "s7comm.param.item.db", _request(_detail("db"))),
    Field("dnp3", "function", "dnp3.al.func", lambda op: op.code if op.transaction is not None else None),
    Field("dnp3", "analog integers", "dnp3.al.ana.int", _numbers(*_ANALOGS)),
    Field("dnp3", "analog floats", "dnp3.al.ana.float", _numbers(*_ANALOGS, kind=float)),
    Field("dnp3", "counters", "dnp3.al.cnt", _numbers("counter", "counter_event", "frozen_counter")),
    Field("iec104", "scaled", "iec60870_asdu.scalval", _of_asdu(_types(11, 12, 35, 49, 62))),
    Field("iec104", "single points", "iec60870_asdu.siq.spi", _of_asdu(_types(1, 2, 30))),
    Field("iec104", "double points", "iec60870_asdu.diq.dpi", _of_asdu(_types(3, 4, 31))),
    Field("iec104", "type", "iec60870_asdu.typeid", _of_asdu(_code)),
    Field("iec104", "station", "iec60870_asdu.addr", _of_asdu(lambda op: op.unit)),
    Field("iec104", "cause", "iec60870_asdu.causetx", _detail("cot")),
    Field("iec104", "objects", "iec60870_asdu.ioa", _of_asdu(_objects)),
    Field("iec104", "measured", "iec60870_asdu.float", _of_asdu(_floats)),
    Field("enip", "CIP service", "cip.sc", _cip(lambda op: op.code & 0x7F)),
    Field("enip", "CIP class", "cip.class", _cip(_detail("class_id"))),
    Field("enip", "CIP instance", "cip.instance", _cip(_detail("instance_id"))),
    Field("bacnet", "confirmed service", "bacapp.confirmed_service",
          _bacnet("confirmed_request", "complex_ack", "simple_ack", "error")),
    Field("bacnet", "unconfirmed service", "bacapp.unconfirmed_service", _bacnet("unconfirmed_request")),
    Field("bacnet", "instance", "bacapp.instance_number", lambda op: op.first),
    Field("opcua", "service", "opcua.servicenodeid.numeric", lambda op: op.code if op.code > _SERVICE_NODES else None),
    Field("mms", "service asked", "mms.confirmedServiceRequest",
          lambda op: op.code if op.direction is REQUEST and op.service not in _SESSIONS else None),
    Field("mms", "service answered", "mms.confirmedServiceResponse",
          lambda op: op.code if op.direction is RESPONSE and op.code >= 0 and op.service not in _SESSIONS else None),
    Field("mms", "domain", "mms.domainId", _parts(0), is_text=True),
    Field("mms", "item", "mms.itemId", _parts(2), is_text=True),
    Field("goose", "control block", "goose.gocbRef", lambda op: op.name, is_text=True),
    Field("goose", "state number", "goose.stNum", _detail("st_num")),
    Field("fins", "command", "omron.command", lambda op: op.code if op.transaction is not None else None),
    Field("ads", "command", "ams.cmdid", _code),
    Field("hart_ip", "command", "hart_ip.pt.command", lambda op: op.code if op.unit is not None else None),
    Field("ethercat", "command", "ecat.cmd", _code),
    Field("mqtt", "packet", "mqtt.msgtype", _code),
    Field("mqtt", "topic", "mqtt.topic", _of("publish"), is_text=True),
    Field("coap", "code", "coap.code", _code),
    Field("dns", "name", "dns.qry.name", lambda op: op.name or None, is_text=True),
    Field("tls", "server name", "tls.handshake.extensions_server_name", _of("client_hello"), is_text=True),
    Field("http", "request", "http.request.uri", _asked, is_text=True, unless="udp.srcport"),
    Field("http", "status", "http.response.code", _detail("status_code")),
    Field("http", "agent", "http.user_agent", _request(_detail("user_agent")), is_text=True, unless="udp.srcport"),
    Field("dhcp", "message", "dhcp.option.dhcp", lambda op: op.code or None),
    Field("snmp", "object", "snmp.name",
          lambda op: _detail("objects")(op) or op.name or None, is_text=True),
    Field("ntp", "mode", "ntp.flags.mode", _detail("mode")),
    Field("ssh", "software", "ssh.protocol", _of("identification"), is_text=True),
    Field("arp", "operation", "arp.opcode", _code),
    Field("icmp", "type", "icmp.type", _code),
    Field("ftp", "command", "ftp.request.command", _request(lambda op: op.service.upper()), is_text=True),
    Field("tftp", "operation", "tftp.opcode", _code),
    Field("lldp", "name", "lldp.tlv.system.name", lambda op: op.value if isinstance(op.value, str) else None,
          is_text=True),
    Field("cdp", "device", "cdp.deviceid", lambda op: op.value if isinstance(op.value, str) else None, is_text=True),
)  # fmt: skip
