"""SRTP, by which GE (now Emerson) controllers are read, written, programmed and stopped.

Source:
    No public standard. Layout as in G. Denton et al., "Leveraging the SRTP protocol for over-the-network memory
    acquisition of a GE Fanuc Series 90-30", Digital Investigation 22 (2017), and ICSNPP's parser.
"""

from __future__ import annotations

from struct import Struct
from typing import ClassVar, Final, NamedTuple

from vedette.sensor.dissect.interface import NO, NOT_A_MESSAGE, SURE, WEAK, StreamDissector
from vedette.sensor.dissect.transactions import Transactions
from vedette.sensor.dissect.wording import text_of
from vedette.sensor.flows import Flow
from vedette.sensor.model import PROBABLE, AnomalyKind, Attribute, Direction, OpKind, OtOp, Role, Sink, Values

_HEADER_BYTES: Final = 56
_MAX_TEXT: Final = 8_192
_SHORT_REQUEST: Final = 0xC0
_LONG_REQUEST: Final = 0x80
_ACK: Final = 0xD4
_ACK_LONG: Final = 0x94
_NACK: Final = 0xD1
_MESSAGES: Final = frozenset({_SHORT_REQUEST, _LONG_REQUEST, _ACK, _ACK_LONG, _NACK})
_CONNECTS: Final = {0: ("connect", Direction.REQUEST), 1: ("connect", Direction.RESPONSE)}
_REQUEST: Final = 2
_RESPONSE: Final = 3

SERVICES: Final[dict[int, tuple[str, OpKind, str]]] = {
    0x00: ("plc_short_status", OpKind.DIAGNOSE, ""),
    0x03: ("return_control_program_names", OpKind.IDENTIFY, ""),
    0x04: ("read_system_memory", OpKind.READ, ""),
    0x05: ("read_task_memory", OpKind.READ, "task_memory"),
    0x06: ("read_program_memory", OpKind.PROGRAM, "upload"),
    0x07: ("write_system_memory", OpKind.WRITE, ""),
    0x08: ("write_task_memory", OpKind.WRITE, "task_memory"),
    0x09: ("write_program_block_memory", OpKind.PROGRAM, "download"),
    0x20: ("programmer_logon", OpKind.SESSION, "programmer"),
    0x21: ("change_plc_cpu_privilege_level", OpKind.SESSION, "privilege"),
    0x22: ("set_control_id", OpKind.WRITE, "name"),
    0x23: ("set_plc_state", OpKind.CONTROL, ""),
    0x24: ("set_plc_time_date", OpKind.WRITE, "clock"),
    0x25: ("return_plc_time_date", OpKind.READ, "clock"),
    0x38: ("return_fault_table", OpKind.DIAGNOSE, ""),
    0x39: ("clear_fault_table", OpKind.WRITE, "faults"),
    0x3F: ("program_store", OpKind.PROGRAM, "upload"),
    0x40: ("program_load", OpKind.PROGRAM, "download"),
    0x43: ("return_controller_type_and_id", OpKind.IDENTIFY, ""),
    0x44: ("toggle_force_system_memory", OpKind.WRITE, "forces"),
}
_READS: Final = frozenset({0x04, 0x05, 0x06})
_PLACED: Final = frozenset({0x04, 0x05, 0x06, 0x07, 0x08, 0x09, 0x44})
_SET_STATE: Final = 0x23
_IDENTITY: Final = 0x43
# A kind of memory, and whether its elements are bits.
_SEGMENTS: Final = {
    0x08: "R", 0x0A: "AI", 0x0C: "AQ", 0x10: "I", 0x12: "Q", 0x14: "T", 0x16: "M", 0x18: "SA", 0x1A: "SB", 0x1C: "SC",
    0x1E: "S", 0x38: "G", 0x46: "I", 0x48: "Q", 0x4A: "T", 0x4C: "M", 0x4E: "SA", 0x50: "SB", 0x52: "SC", 0x54: "S",
    0x56: "G",
}  # fmt: skip
_STATES: Final = {0: "run", 1: "run_io_disabled", 2: "stop", 3: "stop_io_scan", 5: "stop_fault"}

_HEADER: Final = Struct("<HHH").unpack_from
_PLACE: Final = Struct("<BHH").unpack_from


class Asked(NamedTuple):
    """What an answer needs to know of its question."""

    service: int
    at_ns: int
    area: str = ""
    first: int | None = None
    quantity: int | None = None


class Srtp(StreamDissector):
    """Reads SRTP."""

    __slots__ = ("_asked", "_is_engineered")

    name: ClassVar[str] = "srtp"
    max_message_bytes: ClassVar[int] = _HEADER_BYTES + _MAX_TEXT

    def __init__(self, flow: Flow, sink: Sink) -> None:
        super().__init__(flow, sink)
        self._asked: Final[Transactions[int, Asked]] = Transactions()
        self._is_engineered = False

    def measure(self, data: bytes, start: int, is_from_client: bool) -> int:  # noqa: ARG002 - same both ways
        """Return the length that the header tells."""
        kind, _, text = _HEADER(data, start)
        if kind > _RESPONSE or text > _MAX_TEXT:
            return NOT_A_MESSAGE
        return _HEADER_BYTES + int(text)

    def message(self, data: bytes, is_from_client: bool, at_ns: int) -> None:
        """Read one message."""
        kind, _, _ = _HEADER(data, 0)
        if kind in _CONNECTS:
            service, direction = _CONNECTS[kind]
            result = "ok" if direction is Direction.RESPONSE else ""
            self.emit(
                OtOp(
                    at_ns, self.flow, is_from_client, "srtp", service, kind, OpKind.SESSION, direction, result=result
                )
            )  # fmt: skip
            return
        number, message = data[30], data[31]
        if message not in _MESSAGES:
            self.complain(at_ns, is_from_client, AnomalyKind.ILLEGAL_FUNCTION, f"message type {message:02x}", message)
            return
        if kind == _REQUEST:
            self._request(data, number, message, is_from_client, at_ns)
        else:
            self._response(data, number, message, is_from_client, at_ns)

    def _request(self, data: bytes, number: int, message: int, is_from_client: bool, at_ns: int) -> None:
        # A long request has its service eight bytes further on, and what it writes behind the header.
        start = 42 if message == _SHORT_REQUEST else 50
        code = data[start]
        known = SERVICES.get(code)
        if known is None:
            self.complain(at_ns, is_from_client, AnomalyKind.ILLEGAL_FUNCTION, f"service {code:02x}", code)
            known = (f"service_{code:02x}", OpKind.OTHER, "")
        service, kind, area = known
        first: int | None = None
        quantity: int | None = None
        name, value = "", None
        if code in _PLACED:
            segment, first, quantity = _PLACE(data, start + 1)
            if not area or kind in {OpKind.READ, OpKind.WRITE}:
                area = area or _SEGMENTS.get(segment, f"segment_{segment:02x}")
            # Numbers begin at 1 in every tool of these controllers.
            name = f"{area}{first + 1}" if segment in _SEGMENTS and kind is not OpKind.PROGRAM else ""
            if kind is OpKind.WRITE:
                value = data[48:54] if message == _SHORT_REQUEST else data[_HEADER_BYTES : _HEADER_BYTES + 64]
        elif code == _SET_STATE:
            area = _STATES.get(data[start + 1], f"state_{data[start + 1]}")
        if kind in {OpKind.PROGRAM, OpKind.CONTROL} and not self._is_engineered:
            self._is_engineered = True
            self.tell(at_ns, Attribute.ROLE, Role.ENGINEERING_STATION, is_of_client=is_from_client, confidence=PROBABLE)
        self._asked.ask(number, Asked(code, at_ns, area, first, quantity))
        self.emit(
            OtOp(
                at_ns, self.flow, is_from_client, "srtp", service, code, kind, Direction.REQUEST, None, area, first,
                quantity, name, value, "", number,
            )
        )  # fmt: skip

    def _response(self, data: bytes, number: int, message: int, is_from_client: bool, at_ns: int) -> None:
        asked = self._asked.answer(number)
        if asked is None:
            self.complain(at_ns, is_from_client, AnomalyKind.UNEXPECTED_RESPONSE, "nothing was asked")
            return
        service, kind, area = SERVICES.get(asked.service, (f"service_{asked.service:02x}", OpKind.OTHER, ""))
        result, value = "ok", None
        if message == _NACK:
            result = f"error_{data[42]:02x}_{data[43]:02x}"
        elif asked.service in _READS:
            value = self._read(data, asked, message)
        elif asked.service == _IDENTITY:
            name = text_of(data[44:50] if message == _ACK else data[_HEADER_BYTES : _HEADER_BYTES + 8])
            self.tell(at_ns, Attribute.NAME, name, confidence=PROBABLE, source="srtp return_controller_type_and_id")
        self.tell(at_ns, Attribute.VENDOR, "GE", is_of_client=is_from_client, confidence=PROBABLE)
        self.tell(at_ns, Attribute.ROLE, Role.CONTROLLER, is_of_client=is_from_client, confidence=PROBABLE)
        self.emit(
            OtOp(
                at_ns, self.flow, is_from_client, "srtp", service, asked.service, kind, Direction.RESPONSE, None,
                asked.area or area, asked.first, asked.quantity, "", value, result, number, at_ns - asked.at_ns,
            )
        )  # fmt: skip

    def _read(self, data: bytes, asked: Asked, message: int) -> Values:
        """Return what was read: words of registers, bytes of anything else."""
        raw = data[44:50] if message == _ACK else data[_HEADER_BYTES:]
        if asked.area in {"R", "AI", "AQ"} and asked.quantity is not None:
            count = min(asked.quantity, len(raw) >> 1)
            return Struct(f"<{count}H").unpack_from(raw)
        return raw[:64]


def check(payload: bytes, is_from_client: bool) -> int:  # noqa: ARG001 - the interface
    """Tell whether a payload is one message of SRTP; see ``interface.Check``."""
    kind, _, text = _HEADER(payload, 0)
    if kind > _RESPONSE or len(payload) != _HEADER_BYTES + text:
        return NO
    if kind in _CONNECTS:
        # Nothing but zeros says that a client wants to talk; the answer repeats its fifteenth byte.
        return WEAK if not any(payload[16:]) else NO
    return SURE if payload[31] in _MESSAGES and not any(payload[18:26]) else NO
