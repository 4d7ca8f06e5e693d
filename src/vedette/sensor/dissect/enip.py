"""EtherNet/IP: the encapsulation of CIP over TCP and UDP.

Source:
    The CIP Networks Library, volume 2, chapter 2.
"""

from __future__ import annotations

from ipaddress import IPv4Address
from struct import Struct
from typing import ClassVar, Final

from vedette.sensor.dissect import cip
from vedette.sensor.dissect.cip_codes import COMMANDS, ENCAPSULATION_STATUS
from vedette.sensor.dissect.interface import (
    NO,
    NOT_A_MESSAGE,
    SURE,
    WEAK,
    Dissector,
    Malformed,
    StreamDissector,
)
from vedette.sensor.dissect.transactions import Transactions
from vedette.sensor.flows import Flow
from vedette.sensor.model import CERTAIN, AnomalyKind, Attribute, Direction, OpKind, OtOp, Sink, Values

HEADER_BYTES: Final = 24
_MAX_IO_BYTES: Final = 512
_MAX_ITEMS: Final = 16
_IDENTITY: Final = 0x0C
_CONNECTED: Final = 0xB1
_UNCONNECTED: Final = 0xB2
_SEQUENCED: Final = 0x8002
_CARRIES_CIP: Final = frozenset({0x6F, 0x70})
_NUMBERED: Final = 1 << 64
_ANY: Final = "0.0.0.0"  # noqa: S104 - never bound, only compared

_HEADER: Final = Struct("<HHIIQI").unpack_from
_PAIR: Final = Struct("<HH").unpack_from
_WORD: Final = Struct("<H").unpack_from
_LONG: Final = Struct("<I").unpack_from


class Enip(StreamDissector):
    """Reads EtherNet/IP over TCP, and over UDP the commands that look for devices."""

    __slots__ = ("_asked", "_cip")

    name: ClassVar[str] = "enip"
    max_message_bytes: ClassVar[int] = HEADER_BYTES + 65_535

    def __init__(self, flow: Flow, sink: Sink) -> None:
        super().__init__(flow, sink)
        self._asked: Final[Transactions[int, int]] = Transactions()
        self._cip: Final = cip.Reader(self)

    def measure(self, data: bytes, start: int, is_from_client: bool) -> int:  # noqa: ARG002 - same both ways
        """Return the length that the header tells."""
        length: int
        command, length = _PAIR(data, start)
        return HEADER_BYTES + length if command in COMMANDS else NOT_A_MESSAGE

    def datagram(self, payload: bytes, is_from_client: bool, at_ns: int) -> None:
        """Read one message over UDP."""
        if len(payload) < HEADER_BYTES or len(payload) != HEADER_BYTES + _WORD(payload, 2)[0]:
            raise Malformed(f"a datagram of {len(payload)} bytes whose header tells another length")
        self.message(payload, is_from_client, at_ns)

    def message(self, data: bytes, is_from_client: bool, at_ns: int) -> None:
        """Read one message with its header."""
        command, _, _, status, context, options = _HEADER(data, 0)
        if command in _CARRIES_CIP and not status:
            told = self.sink.operations
            before = len(told)
            self._packets(data, context, is_from_client, at_ns)
            if len(told) > before:  # the envelope goes with the first of what it carries
                told[before].detail = {**(told[before].detail or {}), **_envelope(data)}
            return
        known = COMMANDS.get(command)
        if known is None:
            self.complain(at_ns, is_from_client, AnomalyKind.ILLEGAL_FUNCTION, f"command {command}", command)
            return
        if options:
            self.complain(at_ns, is_from_client, AnomalyKind.ILLEGAL_VALUE, f"options {options}; 0 expected", command)
        asked_ns = None
        if is_from_client:
            self._asked.ask(context << 16 | command, at_ns)
        else:
            asked_ns = self._asked.answer(context << 16 | command)
        result = ""
        detail = _envelope(data)
        if not is_from_client:
            result = ENCAPSULATION_STATUS.get(status, f"status_{status:02x}")
            if command == 0x63 and not status:
                self._identities(data, at_ns, detail)
        self.emit(
            OtOp(
                at_ns, self.flow, is_from_client, "enip", known[0], command, known[1],
                Direction.REQUEST if is_from_client else Direction.RESPONSE, result=result,
                latency_ns=at_ns - asked_ns if asked_ns is not None else None, detail=detail,
            )
        )  # fmt: skip

    def _packets(self, data: bytes, context: int, is_from_client: bool, at_ns: int) -> None:
        """Read the items that carry CIP."""
        (count,) = _WORD(data, HEADER_BYTES + 6)
        if count > _MAX_ITEMS:
            raise Malformed(f"{count} items")
        position = HEADER_BYTES + 8
        for _ in range(count):
            kind, size = _PAIR(data, position)
            position += 4
            if position + size > len(data):
                raise Malformed(f"an item of {size} bytes, {len(data) - position} there")
            if kind == _UNCONNECTED and size:
                self._cip.read(data[position : position + size], context, is_from_client, at_ns)
            elif kind == _CONNECTED and size > 2:
                (sequence,) = _WORD(data, position)
                self._cip.read(data[position + 2 : position + size], _NUMBERED | sequence, is_from_client, at_ns)
            position += size

    def _identities(self, data: bytes, at_ns: int, detail: dict[str, Values]) -> None:
        (count,) = _WORD(data, HEADER_BYTES)
        position = HEADER_BYTES + 2
        for _ in range(min(count, _MAX_ITEMS)):
            kind, size = _PAIR(data, position)
            position += 4
            if kind == _IDENTITY:
                item = data[position : position + size]
                address = str(IPv4Address(item[6:10]))
                if "vendor_id" not in detail:
                    detail |= {
                        "encapsulation_version": _WORD(item, 0)[0], "socket_address": address,
                        "socket_port": int.from_bytes(item[4:6], "big"), **cip.numbers_of(item[18:]),
                    }  # fmt: skip
                if address not in {_ANY, self.flow.server}:
                    self.tell(at_ns, Attribute.IP, address, source="enip list_identity")
                for attribute, text in cip.identity(item[18:]):
                    self.tell(at_ns, attribute, text, confidence=CERTAIN, source="enip list_identity")
            position += size


def _envelope(data: bytes) -> dict[str, Values]:
    """Return the header that stands before what a message carries."""
    command, length, session, _, _, options = _HEADER(data, 0)
    return {
        "command": command, "length": length, "session_handle": session,
        "sender_context": int.from_bytes(data[12:20], "big"), "options": options,
    }  # fmt: skip


class EnipIo(Dissector):
    """Reads cyclic data, of which only the connection and the sequence are known here."""

    __slots__ = ()

    name: ClassVar[str] = "enip_io"

    def datagram(self, payload: bytes, is_from_client: bool, at_ns: int) -> None:
        """Read one packet of cyclic data."""
        count, kind = _PAIR(payload, 0)
        if not 2 <= count <= _MAX_ITEMS or kind != _SEQUENCED:
            raise Malformed(f"{count} items, the first of type {kind}")
        (connection,), (sequence,) = _LONG(payload, 6), _LONG(payload, 10)
        _, size = _PAIR(payload, 14)
        if 18 + size > len(payload):
            raise Malformed(f"{size} bytes of data, {len(payload) - 18} there")
        self.emit(
            OtOp(
                at_ns, self.flow, is_from_client, "enip_io", "io_data", 0, OpKind.REPORT, Direction.REPORT,
                None, "connection", connection, size, "",
                payload[18 : 18 + min(size, _MAX_IO_BYTES)], "", sequence,
            )
        )  # fmt: skip


def check(payload: bytes, is_from_client: bool) -> int:  # noqa: ARG001 - the interface
    """Tell whether a payload begins with an encapsulation header; see ``interface.Check``."""
    command, length, session, status, _, options = _HEADER(payload, 0)
    if command not in COMMANDS or options or status > 0x69:
        return NO
    if len(payload) != HEADER_BYTES + length:
        return WEAK if len(payload) > HEADER_BYTES + length else NO
    if command in _CARRIES_CIP:
        return SURE if session and length >= 16 and not _LONG(payload, HEADER_BYTES)[0] else WEAK
    return SURE if command == 0x65 and length == 4 and payload[24:28] == b"\1\0\0\0" else WEAK


def check_io(payload: bytes, is_from_client: bool) -> int:  # noqa: ARG001 - the interface
    """Tell whether a payload is cyclic data; see ``interface.Check``."""
    count, kind = _PAIR(payload, 0)
    connected = _PAIR(payload, 14)
    if count != 2 or kind != _SEQUENCED or _WORD(payload, 4)[0] != 8 or connected[0] != _CONNECTED:
        return NO
    return SURE if len(payload) == 18 + connected[1] else NO
