"""DNS over UDP and TCP, and LLMNR, which is DNS among neighbours.

Source:
    RFC 1035; RFC 2136 (update); RFC 4795 (LLMNR).
"""

from __future__ import annotations

from typing import ClassVar, Final, NamedTuple

from vedette.sensor.dissect.dns_records import (
    AAAA,
    HEADER_BYTES,
    RESULTS,
    TYPES,
    A,
    Message,
    header,
    name_at,
    read_message,
    type_name,
)
from vedette.sensor.dissect.interface import NO, NOT_A_MESSAGE, SURE, WEAK, Malformed, StreamDissector
from vedette.sensor.dissect.transactions import Transactions
from vedette.sensor.flows import Flow
from vedette.sensor.model import (
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
    Values,
)

_IS_ANSWER: Final = 0x8000
_RESERVED: Final = 0x0040
_SERVICES: Final = {
    0: ("query", OpKind.OTHER),
    1: ("inverse_query", OpKind.OTHER),
    2: ("status", OpKind.DIAGNOSE),
    4: ("notify", OpKind.REPORT),
    5: ("update", OpKind.WRITE),
}
_TRANSFERS: Final = frozenset({251, 252})
_ADDRESSES: Final = frozenset({A, AAAA})
_INSIDE: Final = ("10.", "192.168.", "172.", "fd", "fe80:", "169.254.")
_MAX_VALUES: Final = 32


class Asked(NamedTuple):
    """What an answer is compared with."""

    name: str
    type: int
    at_ns: int


class Dns(StreamDissector):
    """Reads DNS."""

    __slots__ = ("_asked",)

    name: ClassVar[str] = "dns"

    def __init__(self, flow: Flow, sink: Sink) -> None:
        super().__init__(flow, sink)
        self._asked: Final[Transactions[int, Asked]] = Transactions()

    def measure(self, data: bytes, start: int, is_from_client: bool) -> int:  # noqa: ARG002 - same both ways
        """Return the length that stands before a message over TCP."""
        length = data[start] << 8 | data[start + 1]
        return 2 + length if length >= HEADER_BYTES else NOT_A_MESSAGE

    def message(self, data: bytes, is_from_client: bool, at_ns: int) -> None:
        """Read one message with its length before it."""
        self.datagram(data[2:], is_from_client, at_ns)

    def datagram(self, payload: bytes, is_from_client: bool, at_ns: int) -> None:
        """Read one message."""
        message = read_message(payload)
        service, kind = _SERVICES.get(message.flags >> 11 & 15, ("", OpKind.OTHER))
        if not service or message.flags & _RESERVED:
            what = f"operation {message.flags >> 11 & 15}" if not service else "the reserved bit is set"
            self.complain(at_ns, is_from_client, AnomalyKind.ILLEGAL_VALUE, what)
            service = service or f"operation_{message.flags >> 11 & 15}"
        name, asked = (message.questions[0].name.lower(), message.questions[0].type) if message.questions else ("", 0)
        if asked in _TRANSFERS:
            service, kind = "zone_transfer", OpKind.FILE
        area = type_name(asked) if asked else ""
        if message.flags & _IS_ANSWER:
            self._answer(message, service, kind, area, name, is_from_client, at_ns)
            return
        if is_from_client:
            self._asked.ask(message.number, Asked(name, asked, at_ns))
        self.emit(
            OtOp(
                at_ns, self.flow, is_from_client, self.name, service, message.flags >> 11 & 15, kind,
                Direction.REQUEST, None, area, None, None, name, None, "", message.number,
            )
        )  # fmt: skip

    def _answer(
        self, message: Message, service: str, kind: OpKind, area: str, name: str, is_from_client: bool, at_ns: int
    ) -> None:
        question = self._asked.answer(message.number) if not is_from_client else None
        if question is not None and message.questions and question.name != name:
            self.complain(at_ns, is_from_client, AnomalyKind.UNEXPECTED_RESPONSE, "answers another name than asked")
            question = None
        result = RESULTS.get(message.flags & 15, f"error_{message.flags & 15}")
        if not message.questions and question is not None:
            name, area = question.name, type_name(question.type)
        values = tuple(_text(record.value) for record in message.answers[:_MAX_VALUES])
        if not is_from_client and result == "ok":
            self._tell(message, at_ns)
        self.emit(
            OtOp(
                at_ns, self.flow, is_from_client, self.name, service, message.flags >> 11 & 15, kind,
                Direction.RESPONSE, None, area, None, len(message.answers), name, values, result, message.number,
                at_ns - question.at_ns if question else None, self._columns(message, name, area, values, question,
                                                                            at_ns),
            )
        )  # fmt: skip

    def _tell(self, message: Message, at_ns: int) -> None:
        if self.name == "dns":
            self.tell(at_ns, Attribute.ROLE, Role.SERVER, confidence=POSSIBLE, source="dns answers")
        asked = message.questions[0].name if message.questions else ""
        for record in message.answers[:_MAX_VALUES]:
            if record.type in _ADDRESSES and str(record.value).startswith(_INSIDE):
                confidence = PROBABLE if self.name == "llmnr" else POSSIBLE
                self.tell(at_ns, Attribute.NAME, asked or record.name, address=str(record.value), confidence=confidence)

    def _columns(
        self, message: Message, name: str, area: str, values: tuple[Value, ...], asked: Asked | None, at_ns: int
    ) -> dict[str, Values]:
        flags = message.flags
        columns: dict[str, Values] = {
            "proto": self.flow.transport, "trans_id": message.number, "query": name, "qtype_name": area.upper(),
            "rcode": flags & 15, "rcode_name": "NOERROR" if not flags & 15 else RESULTS.get(flags & 15, "").upper(),
            "AA": bool(flags & 0x400), "TC": bool(flags & 0x200), "RD": bool(flags & 0x100), "RA": bool(flags & 0x80),
            "Z": flags >> 4 & 7, "rejected": flags & 15 == 5,
        }  # fmt: skip
        if message.questions:
            columns["qclass"], columns["qtype"] = message.questions[0].klass, message.questions[0].type
        if values:
            columns["answers"] = values
            columns["TTLs"] = tuple(float(record.ttl_s) for record in message.answers[:_MAX_VALUES])
        if asked is not None:
            columns["rtt"] = (at_ns - asked.at_ns) / 1e9
        return columns


class Llmnr(Dns):
    """Reads LLMNR: whoever answers to a name says that it is its own."""

    __slots__ = ()

    name: ClassVar[str] = "llmnr"

    def _tell(self, message: Message, at_ns: int) -> None:
        super()._tell(message, at_ns)
        if message.questions and "." not in message.questions[0].name:
            self.tell(at_ns, Attribute.NAME, message.questions[0].name, confidence=PROBABLE)


def check(payload: bytes, is_from_client: bool) -> int:
    """Tell DNS by its header and its question; see ``interface.Check``."""
    _, flags, questions, answers, authorities, additional = header(payload, 0)
    operation = flags >> 11 & 15
    if operation not in _SERVICES or flags & 15 > 10 or questions > 1 or bool(flags & _IS_ANSWER) == is_from_client:
        return NO
    if max(answers, authorities, additional) > 512:
        return NO
    if not questions:
        return WEAK if len(payload) == HEADER_BYTES or answers else NO
    try:
        _, position = name_at(payload, HEADER_BYTES)
    except Malformed:
        return NO
    kind = payload[position] << 8 | payload[position + 1]
    klass = payload[position + 2] << 8 | payload[position + 3]
    return SURE if kind in TYPES and klass in {1, 255} else WEAK


def check_tcp(payload: bytes, is_from_client: bool) -> int:
    """Tell DNS over TCP, with its length before it; see ``interface.Check``."""
    length = payload[0] << 8 | payload[1]
    return check(payload[2:], is_from_client) if length >= HEADER_BYTES and length + 2 >= len(payload) else NO


def _text(value: Values) -> Value:
    if isinstance(value, tuple):
        return " ".join(map(str, value))
    return value
