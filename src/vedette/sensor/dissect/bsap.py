"""BSAP over IP, of Emerson's ControlWave and older Bristol controllers.

Source:
    Emerson, BSAP protocol manuals D301401X012 and D301574X012; layout over IP as in ICSNPP's parser.
"""

from __future__ import annotations

from struct import Struct
from typing import ClassVar, Final, NamedTuple

from vedette.sensor.dissect.interface import NO, SURE, WEAK, Dissector, Malformed
from vedette.sensor.dissect.transactions import Transactions
from vedette.sensor.dissect.wording import text_of
from vedette.sensor.flows import Flow
from vedette.sensor.model import PROBABLE, AnomalyKind, Attribute, Direction, OpKind, OtOp, Role, Sink, Values

_HEADER_SIZES: Final = frozenset({0x0E, 0x16})
_POLL: Final = 0x0000
_COUNT: Final = 0x0001
_RESPONSE: Final = 0x0005
_REQUESTS: Final = frozenset({0x0006, 0x0084, 0x0086})
_MESSAGES: Final = {
    _POLL: "poll",
    _COUNT: "response_count",
    _RESPONSE: "response",
    **dict.fromkeys(_REQUESTS, "request"),
}
_RDB: Final = 0xA0
_EXTENSION: Final = 0xA1
_BY_NAME: Final = frozenset({0x04, 0x06, 0x84})
_MAX_NAME: Final = 256
_MAX_NAMES_BYTES: Final = 1_024

FUNCTIONS: Final[dict[int, tuple[str, OpKind]]] = {
    0x00: ("read_signal_by_address", OpKind.READ),
    0x02: ("read_logical_by_address", OpKind.READ),
    0x04: ("read_signal_by_name", OpKind.READ),
    0x06: ("read_logical_by_name", OpKind.READ),
    0x0C: ("read_signal_by_list_start", OpKind.READ),
    0x0D: ("read_signal_by_list_continue", OpKind.READ),
    0x0E: ("read_logical_by_list_start", OpKind.READ),
    0x0F: ("read_logical_by_list_continue", OpKind.READ),
    0x80: ("write_signal_by_address", OpKind.WRITE),
    0x84: ("write_signal_by_name", OpKind.WRITE),
    0x8C: ("write_signal_by_list_start", OpKind.WRITE),
    0x8D: ("write_signal_by_list_continue", OpKind.WRITE),
}
_EXTENSIONS: Final[dict[int, tuple[str, OpKind, str]]] = {
    0x0101: ("reset_system", OpKind.CONTROL, "reset"),
    0x0102: ("diagnostics_reset", OpKind.WRITE, "diagnostics"),
    0x0201: ("read_date_and_time", OpKind.READ, "clock"),
    0x0202: ("read_date", OpKind.READ, "clock"),
    0x0203: ("read_time", OpKind.READ, "clock"),
    0x0281: ("write_date_and_time", OpKind.WRITE, "clock"),
    0x0400: ("change_local_node_address", OpKind.WRITE, "configuration"),
}

_HEADER: Final = Struct("<HHH").unpack_from
_LONG: Final = Struct("<I").unpack_from
_WORD: Final = Struct("<H").unpack_from


class Asked(NamedTuple):
    """What an answer needs to know of its question."""

    service: str
    code: int
    kind: OpKind
    area: str
    name: str
    at_ns: int


class Told(NamedTuple):
    """What a request is about."""

    service: str
    code: int
    kind: OpKind
    area: str
    name: str
    value: Values
    is_known: bool


class Bsap(Dissector):
    """Reads BSAP over UDP."""

    __slots__ = ("_asked",)

    name: ClassVar[str] = "bsap"

    def __init__(self, flow: Flow, sink: Sink) -> None:
        super().__init__(flow, sink)
        self._asked: Final[Transactions[int, Asked]] = Transactions()

    def datagram(self, payload: bytes, is_from_client: bool, at_ns: int) -> None:
        """Read one datagram: the header of its size, then one message, or none."""
        size, count, function = _HEADER(payload, 0)
        if size not in _HEADER_SIZES:
            raise Malformed(f"a header of {size} bytes")
        if not count or function not in _REQUESTS | {_RESPONSE}:
            service = _MESSAGES.get(function, f"message_{function:04x}")
            self.emit(
                OtOp(at_ns, self.flow, is_from_client, "bsap", service, function, OpKind.SESSION, Direction.REQUEST)
            )
            return
        length, sequence = _LONG(payload, size)[0], _LONG(payload, size + 5)[0]
        body = payload[size + 9 :]
        if length > len(payload) - size + 4:
            raise Malformed(f"{length} bytes announced, {len(payload) - size} there")
        if function == _RESPONSE:
            self._response(body, sequence, is_from_client, at_ns)
        else:
            self._request(body, sequence, is_from_client, at_ns)

    def _request(self, body: bytes, sequence: int, is_from_client: bool, at_ns: int) -> None:
        told = read_request(body)
        if not told.is_known:
            self.complain(at_ns, is_from_client, AnomalyKind.ILLEGAL_FUNCTION, f"function {told.code:02x}", told.code)
        service, code, kind, area, name, value, _ = told
        self.tell(at_ns, Attribute.ROLE, Role.MASTER, is_of_client=is_from_client, confidence=PROBABLE)
        self._asked.ask(sequence, Asked(service, code, kind, area, name, at_ns))
        self.emit(
            OtOp(
                at_ns, self.flow, is_from_client, "bsap", service, code, kind, Direction.REQUEST, None, area, None,
                None, name, value, "", sequence,
            )
        )  # fmt: skip

    def _response(self, body: bytes, sequence: int, is_from_client: bool, at_ns: int) -> None:
        asked = self._asked.answer(sequence)
        status = body[0]
        result = "ok" if not status else f"status_{status:02x}"
        self.tell(at_ns, Attribute.ROLE, Role.CONTROLLER, is_of_client=is_from_client, confidence=PROBABLE)
        if asked is None:
            self.complain(at_ns, is_from_client, AnomalyKind.UNEXPECTED_RESPONSE, "nothing was asked")
            return
        self.emit(
            OtOp(
                at_ns, self.flow, is_from_client, "bsap", asked.service, asked.code, asked.kind, Direction.RESPONSE,
                None, asked.area, None, None, asked.name, body[2:66] if asked.kind is OpKind.READ else None, result,
                sequence, at_ns - asked.at_ns,
            )
        )  # fmt: skip


def read_request(body: bytes) -> Told:
    """Read a request from the application it is for: its function stands in the third byte."""
    application, code = body[0], body[2]
    area, name, is_known = "signal", "", True
    value: Values = None
    if application == _RDB:
        is_known = code in FUNCTIONS
        service, kind = FUNCTIONS.get(code, (f"function_{code:02x}", OpKind.OTHER))
        if code in _BY_NAME:
            name = ",".join(_signals(body[3:]))[:_MAX_NAME]
        if kind is OpKind.WRITE:
            value = body[3:67]
    elif application == _EXTENSION:
        code = _WORD(body, 2)[0]
        service, kind, area = _EXTENSIONS.get(code, (f"extension_{code:04x}", OpKind.OTHER, ""))
    else:
        service, kind, area = f"application_{application:02x}", OpKind.OTHER, ""
    return Told(service, code, kind, area, name, value, is_known)


def check(payload: bytes, is_from_client: bool) -> int:  # noqa: ARG001 - the interface
    """Tell whether a header and the message behind it agree; see ``interface.Check``."""
    size, count, function = _HEADER(payload, 0)
    if size not in _HEADER_SIZES or function not in _MESSAGES or count > 16 or len(payload) < size:
        return NO
    if not count or function in {_POLL, _COUNT}:
        return WEAK if len(payload) == size else NO
    return SURE if 0 < _LONG(payload, size)[0] <= len(payload) - size + 4 and len(payload) >= size + 11 else NO


def _signals(content: bytes) -> list[str]:
    """Return the names among the selectors of a question: text that ends with a zero."""
    found: list[str] = []
    for piece in content[:_MAX_NAMES_BYTES].split(b"\0"):
        text = text_of(bytes(byte for byte in piece if 0x20 <= byte < 0x7F))
        at = text.rfind("@")
        if at > 0:
            text = text[at:]
        if len(text) >= 3:
            found.append(text)
    return found
