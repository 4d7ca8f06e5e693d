"""FINS, by which OMRON controllers are read, written, programmed and stopped, over UDP and TCP.

Source:
    OMRON manual W342, Communications Commands Reference; W420 §7 (FINS/TCP header).
"""

from __future__ import annotations

from struct import Struct
from typing import ClassVar, Final, NamedTuple

from vedette.sensor.dissect import fins_codes as codes
from vedette.sensor.dissect.interface import NO, NOT_A_MESSAGE, SURE, WEAK, Malformed, StreamDissector
from vedette.sensor.dissect.transactions import Transactions
from vedette.sensor.flows import Flow
from vedette.sensor.model import PROBABLE, AnomalyKind, Attribute, Direction, OpKind, OtOp, Role, Sink, Values

MAGIC: Final = b"FINS"
_TCP_HEADER_BYTES: Final = 16
_HEADER_BYTES: Final = 10
_IS_RESPONSE: Final = 0x40
_MUST_BE_ZERO: Final = 0x3E
_MAX_GATEWAYS: Final = 7
_MAX_LENGTH: Final = 4_096
_FRAME: Final = 2
_TCP_COMMANDS: Final = {
    0: "node_address_request", 1: "node_address_response", 3: "error_notification", 6: "connection_confirmation",
}  # fmt: skip

_TCP_HEADER: Final = Struct(">4sIII").unpack_from
_HEADER: Final = Struct(">10BH").unpack_from
_PLACE: Final = Struct(">BHBH").unpack_from
_WORD: Final = Struct(">H").unpack_from


class Asked(NamedTuple):
    """What an answer needs to know of its question."""

    command: int
    at_ns: int
    area: str = ""
    first: int | None = None
    quantity: int | None = None
    is_of_bits: bool = False


class Fins(StreamDissector):
    """Reads FINS."""

    __slots__ = ("_asked", "_is_engineered")

    name: ClassVar[str] = "fins"
    max_message_bytes: ClassVar[int] = 8 + _MAX_LENGTH

    def __init__(self, flow: Flow, sink: Sink) -> None:
        super().__init__(flow, sink)
        self._asked: Final[Transactions[int, Asked]] = Transactions()
        self._is_engineered = False

    def measure(self, data: bytes, start: int, is_from_client: bool) -> int:  # noqa: ARG002 - same both ways
        """Return the length that the header of FINS/TCP tells."""
        magic, length, _, _ = _TCP_HEADER(data, start)
        if magic != MAGIC or not 8 <= length <= _MAX_LENGTH:
            return NOT_A_MESSAGE
        return 8 + int(length)

    def find(self, data: bytes, start: int, is_from_client: bool) -> int:  # noqa: ARG002 - same both ways
        """Look for the magic word."""
        return data.find(MAGIC, start)

    def message(self, data: bytes, is_from_client: bool, at_ns: int) -> None:
        """Read one message over TCP."""
        _, _, command, error = _TCP_HEADER(data, 0)
        if command == _FRAME:
            self.datagram(data[_TCP_HEADER_BYTES:], is_from_client, at_ns)
            return
        service = _TCP_COMMANDS.get(command)
        if service is None:
            self.complain(at_ns, is_from_client, AnomalyKind.ILLEGAL_FUNCTION, f"TCP command {command}", command)
            return
        result = "" if command in {0, 6} else "ok" if not error else f"error_{error}"
        direction = Direction.RESPONSE if command in {1, 3} else Direction.REQUEST
        self.emit(
            OtOp(at_ns, self.flow, is_from_client, "fins", service, command, OpKind.SESSION, direction, result=result)
        )

    def datagram(self, payload: bytes, is_from_client: bool, at_ns: int) -> None:
        """Read one frame."""
        icf, reserved, _, dna, da1, da2, sna, sa1, sa2, sid, command = _HEADER(payload, 0)
        if icf & _MUST_BE_ZERO or reserved:
            raise Malformed(f"control bits {icf:02x}, reserved {reserved:02x}")
        content = payload[_HEADER_BYTES + 2 :]
        if icf & _IS_RESPONSE:
            self._response(content, command, f"{sna}.{sa1}.{sa2}", sid, is_from_client, at_ns)
        else:
            self._request(content, command, f"{dna}.{da1}.{da2}", sid, is_from_client, at_ns)

    def _request(self, content: bytes, command: int, unit: str, sid: int, is_from_client: bool, at_ns: int) -> None:
        service, kind, area = codes.COMMANDS.get(command, (f"command_{command:04x}", OpKind.OTHER, ""))
        if command not in codes.COMMANDS:
            self.complain(at_ns, is_from_client, AnomalyKind.ILLEGAL_FUNCTION, f"command {command:04x}", command)
        first: int | None = None
        quantity: int | None = None
        name, value, is_of_bits = "", None, False
        if codes.MEMORY_READ <= command <= codes.MEMORY_FILL:
            area, first, quantity, name, is_of_bits = _place(content)
            if command != codes.MEMORY_READ:
                quantity_there = quantity if command == codes.MEMORY_WRITE else 1
                value = _values(content[6:], quantity_there, is_of_bits=is_of_bits)
        elif command == codes.MEMORY_MULTIPLE_READ:
            area, first, _, name, is_of_bits = _place(content[:4] + b"\0\1")
            quantity = len(content) // 4
        elif command == codes.RUN and len(content) >= 3:
            name = codes.MODES.get(content[2], f"mode_{content[2]:02x}")
        if kind in {OpKind.PROGRAM, OpKind.CONTROL} and not self._is_engineered:
            self._is_engineered = True
            self.tell(at_ns, Attribute.ROLE, Role.ENGINEERING_STATION, is_of_client=is_from_client, confidence=PROBABLE)
        self._asked.ask(sid, Asked(command, at_ns, area, first, quantity, is_of_bits))
        self.emit(
            OtOp(
                at_ns, self.flow, is_from_client, "fins", service, command, kind, Direction.REQUEST,
                unit, area, first, quantity, name, value, "", sid,
            )
        )  # fmt: skip

    def _response(self, content: bytes, command: int, unit: str, sid: int, is_from_client: bool, at_ns: int) -> None:
        asked = self._asked.answer(sid)
        if asked is not None and asked.command != command:
            self.complain(at_ns, is_from_client, AnomalyKind.UNEXPECTED_RESPONSE, f"asked {asked.command:04x}", command)
            asked = None
        service, kind, area = codes.COMMANDS.get(command, (f"command_{command:04x}", OpKind.OTHER, ""))
        # The highest bits of both bytes tell of relays and of errors in the controller, beside the outcome.
        code = _WORD(content, 0)[0] & 0x7F3F
        result = codes.END_CODES.get(code, f"end_code_{code:04x}")
        data, value = content[2:], None
        if result == "ok":
            if command == codes.MEMORY_READ and asked is not None:
                value = _values(data, asked.quantity, is_of_bits=asked.is_of_bits)
            elif command == codes.CONTROLLER_DATA:
                self._identity(data, is_from_client, at_ns)
            elif command == codes.CONTROLLER_STATUS and len(data) >= 2:
                mode = "stop" if not data[0] & 1 else codes.MODES.get(data[1], f"mode_{data[1]:02x}")
                self.tell(at_ns, Attribute.MODE, mode, is_of_client=is_from_client, source=f"fins {service}")
        self.tell(at_ns, Attribute.ROLE, Role.CONTROLLER, is_of_client=is_from_client, confidence=PROBABLE)
        self.emit(
            OtOp(
                at_ns, self.flow, is_from_client, "fins", service, command, kind, Direction.RESPONSE,
                unit, asked.area if asked else area, asked.first if asked else None,
                asked.quantity if asked else None, "", value, result, sid, at_ns - asked.at_ns if asked else None,
            )
        )  # fmt: skip

    def _identity(self, data: bytes, is_from_client: bool, at_ns: int) -> None:
        for attribute, text in (
            (Attribute.VENDOR, b"OMRON"),
            (Attribute.MODEL, data[:20]),
            (Attribute.FIRMWARE, data[20:40].split(b"\0", 1)[0]),
        ):
            self.tell(at_ns, attribute, text, is_of_client=is_from_client, source="fins controller_data_read")


def check(payload: bytes, is_from_client: bool) -> int:  # noqa: ARG001 - the interface
    """Tell whether a payload over TCP begins with the header of FINS; see ``interface.Check``."""
    magic, length, command, _ = _TCP_HEADER(payload, 0)
    return SURE if magic == MAGIC and 8 <= length <= _MAX_LENGTH and command <= 6 else NO


def check_frame(payload: bytes, is_from_client: bool) -> int:  # noqa: ARG001 - the interface
    """Tell whether a datagram is a frame of FINS; see ``interface.Check``."""
    icf, reserved, gateways, *_, command = _HEADER(payload, 0)
    if icf & _MUST_BE_ZERO or not icf & 0x80 or reserved or gateways > _MAX_GATEWAYS:
        return NO
    return WEAK if command in codes.COMMANDS else NO


def _place(content: bytes) -> tuple[str, int, int, str, bool]:
    """Return area, first element, number of elements, the bit's place where it is of bits, and whether it is."""
    number, first, bit, quantity = _PLACE(content, 0)
    area, is_of_bits = codes.AREAS.get(number, (f"area_{number:02x}", number < 0x80))
    return area, first, quantity, f"{first}.{bit:02d}" if is_of_bits else "", is_of_bits


def _values(data: bytes, quantity: int | None, *, is_of_bits: bool) -> Values:
    if quantity is None:
        return None
    size = quantity if is_of_bits else 2 * quantity
    if len(data) < size:
        raise Malformed(f"{quantity} elements announced, {len(data)} bytes there")
    return tuple(data[:size]) if is_of_bits else Struct(f">{quantity}H").unpack_from(data)
