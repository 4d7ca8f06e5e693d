"""BSAP's serial frames, as gateways carry them over UDP.

Source:
    Emerson, BSAP protocol manual D301401X012 (frames, local and global messages); layout as in ICSNPP's parser.
"""

from __future__ import annotations

import binascii
from struct import Struct
from typing import ClassVar, Final, NamedTuple

from vedette.sensor.dissect.bsap import Asked, Told, read_request
from vedette.sensor.dissect.interface import NO, SURE, Dissector, Malformed
from vedette.sensor.dissect.transactions import Transactions
from vedette.sensor.flows import Flow
from vedette.sensor.model import PROBABLE, AnomalyKind, Attribute, Direction, OpKind, OtOp, Role, Sink, Values

_START: Final = b"\x10\x02"
_END: Final = b"\x10\x03"
_ETX: Final = b"\x03"
_IS_GLOBAL: Final = 0x80
_TAIL_BYTES: Final = 4
_APPLICATIONS: Final = frozenset({0xA0, 0xA1})
_CONTROL: Final[dict[int, str]] = {
    0x81: "discard", 0x83: "up_acknowledge", 0x85: "poll", 0x86: "down_acknowledge", 0x87: "no_data", 0x88: "time",
    0x8B: "alarm_acknowledge", 0x95: "nak",
}  # fmt: skip
_WORD: Final = Struct("<H").unpack_from
_WORDS: Final = Struct("<HHB").unpack_from
_REVERSED: Final = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))


class Frame(NamedTuple):
    """One message without its frame."""

    node: int
    serial: int
    is_global: bool
    target: int
    """The function it is for: a database, or the one that asked."""
    sequence: int
    source: int
    status: int
    content: bytes


class BsapSerial(Dissector):
    """Reads BSAP's serial frames in datagrams."""

    __slots__ = ("_asked",)

    name: ClassVar[str] = "bsap"

    def __init__(self, flow: Flow, sink: Sink) -> None:
        super().__init__(flow, sink)
        self._asked: Final[Transactions[int, Asked]] = Transactions()

    def datagram(self, payload: bytes, is_from_client: bool, at_ns: int) -> None:
        """Read one frame."""
        if not _is_checked(payload):
            self.complain(at_ns, is_from_client, AnomalyKind.BAD_CHECKSUM, f"a frame of {len(payload)} bytes")
            return
        body = payload[2:-_TAIL_BYTES].replace(b"\x10\x10", b"\x10")
        if len(body) >= 3 and body[2] in _CONTROL:
            self.emit(
                OtOp(
                    at_ns, self.flow, is_from_client, "bsap", _CONTROL[body[2]], body[2], OpKind.SESSION,
                    Direction.REQUEST, body[0] & 0x7F,
                )
            )  # fmt: skip
            return
        frame = _read(body)
        if frame.target in _APPLICATIONS:
            self._request(frame, is_from_client, at_ns)
        else:
            self._response(frame, is_from_client, at_ns)

    def _request(self, frame: Frame, is_from_client: bool, at_ns: int) -> None:
        told = read_request(bytes((frame.target, 0)) + frame.content)
        if not told.is_known:
            self.complain(at_ns, is_from_client, AnomalyKind.ILLEGAL_FUNCTION, f"function {told.code:02x}", told.code)
        self.tell(at_ns, Attribute.ROLE, Role.MASTER, is_of_client=is_from_client, confidence=PROBABLE)
        self._asked.ask(frame.sequence, Asked(told.service, told.code, told.kind, told.area, told.name, at_ns))
        self._tell(frame, told, is_from_client, at_ns)

    def _tell(self, frame: Frame, told: Told, is_from_client: bool, at_ns: int) -> None:
        self.emit(
            OtOp(
                at_ns, self.flow, is_from_client, "bsap", told.service, told.code, told.kind, Direction.REQUEST,
                frame.node, told.area, None, None, told.name, told.value, "", frame.sequence, None,
                _header(frame),
            )
        )  # fmt: skip

    def _response(self, frame: Frame, is_from_client: bool, at_ns: int) -> None:
        asked = self._asked.answer(frame.sequence)
        self.tell(at_ns, Attribute.ROLE, Role.CONTROLLER, is_of_client=is_from_client, confidence=PROBABLE)
        if asked is None:
            self.complain(at_ns, is_from_client, AnomalyKind.UNEXPECTED_RESPONSE, "nothing was asked")
            return
        error = frame.content[0] if frame.content else 0
        self.emit(
            OtOp(
                at_ns, self.flow, is_from_client, "bsap", asked.service, asked.code, asked.kind, Direction.RESPONSE,
                frame.node, asked.area, None, None, asked.name,
                frame.content[2:66] if asked.kind is OpKind.READ else None,
                "ok" if not error else f"status_{error:02x}", frame.sequence, at_ns - asked.at_ns,
                _header(frame),
            )
        )  # fmt: skip


def _header(frame: Frame) -> dict[str, Values]:
    """Return the fields of a header by ICSNPP's names."""
    return {
        "is_global": frame.is_global, "ser": frame.serial, "dfun": frame.target, "seq": frame.sequence,
        "sfun": frame.source, "nsb": frame.status,
    }  # fmt: skip


def check(payload: bytes, is_from_client: bool) -> int:  # noqa: ARG001 - the interface
    """Tell whether a payload is one frame whose checksum fits; see ``interface.Check``."""
    return SURE if payload.startswith(_START) and len(payload) >= 9 and _is_checked(payload) else NO


def checksum_of(body: bytes) -> int:
    """Return the checksum of what stands between the marks, with its escapes, and the mark at the end."""
    value = binascii.crc_hqx((body + _ETX).translate(_REVERSED), 0xFFFF)
    return _REVERSED[value & 0xFF] << 8 | _REVERSED[value >> 8]


def _is_checked(payload: bytes) -> bool:
    end = payload.rfind(_END, 2, -2)
    if end < 0 or end + _TAIL_BYTES != len(payload):
        return False
    told = int.from_bytes(payload[-2:], "little")
    return told in {checksum_of(payload[2:end]), checksum_of(payload[2:end].replace(b"\x10\x10", b"\x10"))}


def _read(body: bytes) -> Frame:
    """Read a message: local, or global with the addresses of both ends.

    Raises:
        Malformed: It ends too early.
    """
    address, serial = body[0], body[1]
    is_global = bool(address & _IS_GLOBAL)
    node, start = address & 0x7F, 2
    if is_global:
        node, _, _ = _WORDS(body, 2)
        start = 7
    if len(body) < start + 5:
        raise Malformed(f"a message of {len(body)} bytes")
    target, (sequence,), source, status = body[start], _WORD(body, start + 1), body[start + 3], body[start + 4]
    return Frame(node, serial, is_global, target, sequence, source, status, body[start + 5 :])
