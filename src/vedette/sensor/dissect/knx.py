"""KNXnet/IP: lights, blinds and heating of buildings, and the tools that program them.

Source:
    ISO 22510:2019 (KNXnet/IP); KNX Standard 03_06_03 (cEMI), 03_03_07 (application layer).
"""

from __future__ import annotations

from struct import Struct
from typing import ClassVar, Final, NamedTuple

from vedette.sensor.dissect.interface import NO, NOT_A_MESSAGE, SURE, Malformed, StreamDissector
from vedette.sensor.dissect.transactions import Transactions
from vedette.sensor.dissect.wording import text_of
from vedette.sensor.flows import Flow
from vedette.sensor.model import (
    CERTAIN,
    POSSIBLE,
    PROBABLE,
    AnomalyKind,
    Attribute,
    Direction,
    OpKind,
    OtOp,
    Role,
    Sink,
    Value,
)

_HEADER_BYTES: Final = 6
_MAX_LENGTH: Final = 1_500
_TUNNELLING: Final = 0x0420
_ROUTING: Final = 0x0530
_CONFIGURATION: Final = 0x0310
_DESCRIPTIONS: Final = frozenset({0x0202, 0x0204, 0x020C})
_DEVICE_INFORMATION: Final = 1
_DATA_MESSAGES: Final = {0x11: Direction.REQUEST, 0x29: Direction.REPORT, 0x2E: Direction.RESPONSE}
_PROPERTY_MESSAGES: Final = {
    0xFC: ("property_read", OpKind.READ, Direction.REQUEST), 0xFB: ("property_read", OpKind.READ, Direction.RESPONSE),
    0xF6: ("property_write", OpKind.WRITE, Direction.REQUEST),
    0xF5: ("property_write", OpKind.WRITE, Direction.RESPONSE),
    0xF1: ("reset", OpKind.CONTROL, Direction.REQUEST), 0xF0: ("reset", OpKind.CONTROL, Direction.REPORT),
}  # fmt: skip
_IS_GROUP: Final = 0x80
# How many bits of a service's number are its own, beside a small value: the first ten services have four.
_SHORT_SERVICES: Final = {
    0x000: ("group_value_read", OpKind.READ), 0x040: ("group_value_response", OpKind.REPORT),
    0x080: ("group_value_write", OpKind.WRITE), 0x0C0: ("individual_address_write", OpKind.PROGRAM),
    0x100: ("individual_address_read", OpKind.IDENTIFY), 0x140: ("individual_address_response", OpKind.IDENTIFY),
    0x180: ("adc_read", OpKind.READ), 0x1C0: ("adc_response", OpKind.READ), 0x200: ("memory_read", OpKind.PROGRAM),
    0x240: ("memory_response", OpKind.PROGRAM), 0x280: ("memory_write", OpKind.PROGRAM),
    0x300: ("device_descriptor_read", OpKind.IDENTIFY), 0x340: ("device_descriptor_response", OpKind.IDENTIFY),
    0x380: ("restart", OpKind.CONTROL),
}  # fmt: skip
_LONG_SERVICES: Final = {
    0x2C0: ("user_memory_read", OpKind.PROGRAM), 0x2C1: ("user_memory_response", OpKind.PROGRAM),
    0x2C2: ("user_memory_write", OpKind.PROGRAM), 0x3D1: ("authorize_request", OpKind.SESSION),
    0x3D2: ("authorize_response", OpKind.SESSION), 0x3D3: ("key_write", OpKind.PROGRAM),
    0x3D4: ("key_response", OpKind.PROGRAM), 0x3D5: ("property_value_read", OpKind.READ),
    0x3D6: ("property_value_response", OpKind.READ), 0x3D7: ("property_value_write", OpKind.WRITE),
    0x3D8: ("property_description_read", OpKind.IDENTIFY),
    0x3D9: ("property_description_response", OpKind.IDENTIFY),
    0x3DC: ("individual_address_serial_number_read", OpKind.IDENTIFY),
    0x3DE: ("individual_address_serial_number_write", OpKind.PROGRAM), 0x3F1: ("secure_service", OpKind.OTHER),
}  # fmt: skip
_AREAS: Final = {
    "memory_read": "upload", "memory_response": "upload", "memory_write": "download", "user_memory_read": "upload",
    "user_memory_response": "upload", "user_memory_write": "download", "individual_address_write": "download",
    "individual_address_serial_number_write": "download", "key_write": "download", "restart": "restart",
}  # fmt: skip

SERVICES: Final[dict[int, tuple[str, OpKind, Direction]]] = {
    0x0201: ("search_request", OpKind.IDENTIFY, Direction.REQUEST),
    0x0202: ("search_response", OpKind.IDENTIFY, Direction.RESPONSE),
    0x0203: ("description_request", OpKind.IDENTIFY, Direction.REQUEST),
    0x0204: ("description_response", OpKind.IDENTIFY, Direction.RESPONSE),
    0x0205: ("connect_request", OpKind.SESSION, Direction.REQUEST),
    0x0206: ("connect_response", OpKind.SESSION, Direction.RESPONSE),
    0x0207: ("connectionstate_request", OpKind.SESSION, Direction.REQUEST),
    0x0208: ("connectionstate_response", OpKind.SESSION, Direction.RESPONSE),
    0x0209: ("disconnect_request", OpKind.SESSION, Direction.REQUEST),
    0x020A: ("disconnect_response", OpKind.SESSION, Direction.RESPONSE),
    0x020B: ("search_request_extended", OpKind.IDENTIFY, Direction.REQUEST),
    0x020C: ("search_response_extended", OpKind.IDENTIFY, Direction.RESPONSE),
    _CONFIGURATION: ("device_configuration_request", OpKind.OTHER, Direction.REQUEST),
    0x0311: ("device_configuration_ack", OpKind.OTHER, Direction.RESPONSE),
    _TUNNELLING: ("tunnelling_request", OpKind.OTHER, Direction.REQUEST),
    0x0421: ("tunnelling_ack", OpKind.SESSION, Direction.RESPONSE),
    0x0422: ("tunnelling_feature_get", OpKind.SESSION, Direction.REQUEST),
    0x0423: ("tunnelling_feature_response", OpKind.SESSION, Direction.RESPONSE),
    0x0424: ("tunnelling_feature_set", OpKind.SESSION, Direction.REQUEST),
    0x0425: ("tunnelling_feature_info", OpKind.SESSION, Direction.REPORT),
    _ROUTING: ("routing_indication", OpKind.REPORT, Direction.REPORT),
    0x0531: ("routing_lost_message", OpKind.REPORT, Direction.REPORT),
    0x0532: ("routing_busy", OpKind.REPORT, Direction.REPORT),
    0x0740: ("remote_diagnostic_request", OpKind.DIAGNOSE, Direction.REQUEST),
    0x0741: ("remote_diagnostic_response", OpKind.DIAGNOSE, Direction.RESPONSE),
    0x0742: ("remote_basic_configuration_request", OpKind.PROGRAM, Direction.REQUEST),
    0x0743: ("remote_reset_request", OpKind.CONTROL, Direction.REQUEST),
    0x0950: ("secure_wrapper", OpKind.OTHER, Direction.REPORT),
    0x0951: ("session_request", OpKind.SESSION, Direction.REQUEST),
    0x0952: ("session_response", OpKind.SESSION, Direction.RESPONSE),
    0x0953: ("session_authenticate", OpKind.SESSION, Direction.REQUEST),
    0x0954: ("session_status", OpKind.SESSION, Direction.RESPONSE),
    0x0955: ("timer_notify", OpKind.OTHER, Direction.REPORT),
}
_STATUS: Final = {
    0x00: "ok", 0x21: "connection_id", 0x22: "connection_type", 0x23: "connection_option", 0x24: "no_more_connections",
    0x25: "no_more_unique_connections", 0x26: "data_connection", 0x27: "knx_connection", 0x29: "tunnelling_layer",
}  # fmt: skip

_HEADER: Final = Struct(">BBHH").unpack_from
_FRAME: Final = Struct(">BBHHBB").unpack_from


class Asked(NamedTuple):
    """What an answer needs to know of its question."""

    at_ns: int
    name: str


class Knx(StreamDissector):
    """Reads KNXnet/IP over UDP and TCP."""

    __slots__ = ("_asked",)

    name: ClassVar[str] = "knx"
    max_message_bytes: ClassVar[int] = _MAX_LENGTH

    def __init__(self, flow: Flow, sink: Sink) -> None:
        super().__init__(flow, sink)
        self._asked: Final[Transactions[int, Asked]] = Transactions(16)

    def measure(self, data: bytes, start: int, is_from_client: bool) -> int:  # noqa: ARG002 - same both ways
        """Return the length that the header tells."""
        length: int
        size, version, _, length = _HEADER(data, start)
        if size != _HEADER_BYTES or version != 0x10 or not _HEADER_BYTES <= length <= _MAX_LENGTH:
            return NOT_A_MESSAGE
        return length

    def find(self, data: bytes, start: int, is_from_client: bool) -> int:  # noqa: ARG002 - same both ways
        """Look for the header's first bytes."""
        return data.find(b"\x06\x10", start)

    def datagram(self, payload: bytes, is_from_client: bool, at_ns: int) -> None:
        """Read one message over UDP."""
        if len(payload) != self.measure(payload, 0, is_from_client):
            raise Malformed(f"a datagram of {len(payload)} bytes whose header tells another length")
        self.message(payload, is_from_client, at_ns)

    def message(self, data: bytes, is_from_client: bool, at_ns: int) -> None:
        """Read one message."""
        _, _, code, _ = _HEADER(data, 0)
        known = SERVICES.get(code)
        if known is None:
            self.complain(at_ns, is_from_client, AnomalyKind.ILLEGAL_FUNCTION, f"service {code:04x}", code)
            known = (f"service_{code:04x}", OpKind.OTHER, Direction.REQUEST)
        if code in {_TUNNELLING, _CONFIGURATION}:
            start = _HEADER_BYTES + data[_HEADER_BYTES]
            self._common(data[start:], code, data[_HEADER_BYTES + 2], is_from_client, at_ns)
            return
        if code == _ROUTING:
            self._common(data[_HEADER_BYTES:], code, None, is_from_client, at_ns)
            return
        service, kind, direction = known
        if code in _DESCRIPTIONS:
            self._description(data, _HEADER_BYTES + (0 if code == 0x0204 else 8), is_from_client, at_ns)
        result = ""
        if direction is Direction.RESPONSE and code not in _DESCRIPTIONS:
            at = _HEADER_BYTES + (3 if code in {0x0421, 0x0311} else 1)
            result = _STATUS.get(data[at], f"status_{data[at]:02x}") if at < len(data) else ""
        if direction is Direction.RESPONSE:
            result = result or "ok"
        self.emit(OtOp(at_ns, self.flow, is_from_client, "knx", service, code, kind, direction, result=result))

    def _common(self, frame: bytes, code: int, sequence: int | None, is_from_client: bool, at_ns: int) -> None:
        """Read what both tunnels and routers carry: a message of the bus, or one to the interface itself."""
        kind_of = frame[0]
        if kind_of in _PROPERTY_MESSAGES:
            service, kind, direction = _PROPERTY_MESSAGES[kind_of]
            name = (
                f"object {int.from_bytes(frame[1:3], 'big')}.{frame[3]} property {frame[4]}" if len(frame) > 4 else ""
            )
            self.emit(
                OtOp(
                    at_ns, self.flow, is_from_client, "knx", service, kind_of, kind, direction, None, "interface",
                    None, None, name, None, "ok" if direction is Direction.RESPONSE else "", sequence,
                )
            )  # fmt: skip
            return
        direction = _DATA_MESSAGES.get(kind_of, Direction.REPORT)
        if kind_of not in _DATA_MESSAGES:
            self.emit(
                OtOp(at_ns, self.flow, is_from_client, "knx", f"message_{kind_of:02x}", code, OpKind.OTHER, direction)
            )
            return
        bare = frame[2 + frame[1] :]  # without what was added in between
        _, more, source, target, size, control = _FRAME(bare, 0)
        application = control << 8 | (bare[8] if size else 0)
        if len(bare) < 8 + size:
            raise Malformed(f"{size} bytes of data announced, {len(bare) - 8} there")
        name = _group(target) if more & _IS_GROUP else _individual(target)
        service, kind, value = _application(application, bare[9 : 8 + size], size)
        latency_ns = None
        if direction is Direction.REQUEST:
            self._asked.ask(target, Asked(at_ns, name))
        elif direction is Direction.RESPONSE and (asked := self._asked.answer(target)) is not None:
            latency_ns = at_ns - asked.at_ns
        if kind in {OpKind.PROGRAM, OpKind.CONTROL} and direction is Direction.REQUEST:
            self.tell(at_ns, Attribute.ROLE, Role.ENGINEERING_STATION, is_of_client=is_from_client, confidence=PROBABLE)
        self.emit(
            OtOp(
                at_ns, self.flow, is_from_client, "knx", service, application & 0x3FF, kind, direction,
                _individual(source), _AREAS.get(service, "group" if more & _IS_GROUP else "device"), target, None, name,
                value, "ok" if direction is Direction.RESPONSE else "", sequence, latency_ns,
            )
        )  # fmt: skip

    def _description(self, data: bytes, position: int, is_from_client: bool, at_ns: int) -> None:
        """Read the blocks that describe a device."""
        for _ in range(16):
            if position + 2 > len(data) or data[position] < 2:
                return
            size, kind = data[position], data[position + 1]
            block = data[position : position + size]
            if len(block) < size:
                raise Malformed(f"a block of {size} bytes, {len(block)} there")
            if kind == _DEVICE_INFORMATION and size >= 54:
                source = "knx description"
                address = int.from_bytes(block[4:6], "big")
                for attribute, value, confidence in (
                    (Attribute.UNIT, _individual(address), CERTAIN),
                    (Attribute.SERIAL, block[8:14].hex(), CERTAIN),
                    (Attribute.MAC, ":".join(f"{byte:02x}" for byte in block[18:24]), CERTAIN),
                    (Attribute.MODEL, text_of(block[24:54].split(b"\0", 1)[0]), PROBABLE),
                    (Attribute.ROLE, Role.GATEWAY, POSSIBLE),
                ):
                    self.tell(
                        at_ns, attribute, value, is_of_client=is_from_client, confidence=confidence, source=source
                    )
            position += size


def check(payload: bytes, is_from_client: bool) -> int:  # noqa: ARG001 - the interface
    """Tell whether a header, its service and length agree; see ``interface.Check``."""
    size, version, code, length = _HEADER(payload, 0)
    return SURE if size == 6 and version == 0x10 and code in SERVICES and length == len(payload) else NO


def _application(application: int, rest: bytes, size: int) -> tuple[str, OpKind, Value]:
    """Return service, kind and value; a value of up to six bits stands beside the service's number."""
    code = application & 0x3FF
    long = _LONG_SERVICES.get(code)
    if long is not None:
        return (*long, rest[:16] if long[1] in {OpKind.WRITE, OpKind.PROGRAM} else None)
    service, kind = _SHORT_SERVICES.get(code & 0x3C0, (f"service_{code:03x}", OpKind.OTHER))
    if not size:
        return "transport_control", OpKind.SESSION, None
    if kind in {OpKind.WRITE, OpKind.REPORT}:
        return service, kind, rest[:16] if size > 1 else code & 0x3F
    return service, kind, None


def _group(address: int) -> str:
    return f"{address >> 11}/{address >> 8 & 7}/{address & 255}"


def _individual(address: int) -> str:
    return f"{address >> 12}.{address >> 8 & 15}.{address & 255}"
