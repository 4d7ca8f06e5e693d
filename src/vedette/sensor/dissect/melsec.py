"""The MELSEC communication protocol (3E and 4E frames) and SLMP, binary and ASCII, of Mitsubishi controllers.

Source:
    Mitsubishi Electric, MELSEC Communication Protocol Reference Manual SH-080008; SLMP Reference Manual SH-080956ENG.
"""

from __future__ import annotations

from struct import Struct
from typing import ClassVar, Final, NamedTuple

from vedette.sensor.dissect import melsec_codes as codes
from vedette.sensor.dissect.interface import INCOMPLETE, NO, NOT_A_MESSAGE, SURE, WEAK, Malformed, StreamDissector
from vedette.sensor.dissect.transactions import Transactions
from vedette.sensor.flows import Flow
from vedette.sensor.model import CERTAIN, PROBABLE, AnomalyKind, Attribute, Direction, OpKind, OtOp, Role, Sink, Values

# Subheaders; as bytes in binary frames, as text in ASCII ones. 4E frames have a serial number behind it.
_SUBHEADERS: Final = {
    b"\x50\x00": (False, False), b"\xd0\x00": (False, True), b"\x54\x00": (True, False), b"\xd4\x00": (True, True),
}  # fmt: skip
_TEXT_SUBHEADERS: Final = {
    b"5000": (False, False), b"D000": (False, True), b"5400": (True, False), b"D400": (True, True),
}  # fmt: skip
_MAX_LENGTH: Final = 8_200
_MODEL_CHARS: Final = 16

_ROUTE: Final = Struct("<BBHBH").unpack_from
_TEXT_ROUTE: Final = Struct(">BBHBH").unpack_from
_WORD: Final = Struct("<H").unpack_from
_COMMAND: Final = Struct("<HHH").unpack_from


class Header(NamedTuple):
    """What stands before the content of a frame."""

    is_text: bool
    is_answer: bool
    serial: int | None
    unit: str
    start: int
    """Where the content begins, in bytes of the wire."""
    length: int
    """Of the content, in bytes of the wire."""


class Asked(NamedTuple):
    """What an answer needs to know of its question."""

    command: int
    at_ns: int
    area: str = ""
    first: int | None = None
    quantity: int | None = None
    name: str = ""
    is_of_bits: bool = False


class Melsec(StreamDissector):
    """Reads 3E and 4E frames; answers without a serial number come in the order of their questions."""

    __slots__ = ("_asked", "_is_engineered", "_next_answer", "_next_question")

    name: ClassVar[str] = "melsec"
    max_message_bytes: ClassVar[int] = 2 * _MAX_LENGTH

    def __init__(self, flow: Flow, sink: Sink) -> None:
        super().__init__(flow, sink)
        self._asked: Final[Transactions[int, Asked]] = Transactions()
        self._next_question = 0x1_0000
        self._next_answer = 0x1_0000
        self._is_engineered = False

    def measure(self, data: bytes, start: int, is_from_client: bool) -> int:  # noqa: ARG002 - same both ways
        """Return the length that the frame's header tells."""
        if len(data) - start < 4:
            return INCOMPLETE
        header = _header(data, start)
        if header is None or header.length > 2 * _MAX_LENGTH:
            return NOT_A_MESSAGE
        return header.start - start + header.length

    def datagram(self, payload: bytes, is_from_client: bool, at_ns: int) -> None:
        """Read one frame over UDP."""
        if len(payload) != self.measure(payload, 0, is_from_client):
            raise Malformed(f"a datagram of {len(payload)} bytes whose header tells another length")
        self.message(payload, is_from_client, at_ns)

    def message(self, data: bytes, is_from_client: bool, at_ns: int) -> None:
        """Read one frame."""
        header = _header(data, 0)
        if header is None:
            raise Malformed("no subheader of a 3E or 4E frame")
        content = data[header.start : header.start + header.length]
        if header.is_answer:
            self._response(header, content, is_from_client, at_ns)
        elif header.is_text:
            self._request(header, *_text_request(content), is_from_client, at_ns)
        else:
            self._request(header, *_request(content), is_from_client, at_ns)

    def _request(
        self, header: Header, asked: Asked, sub: int, content: Values, is_from_client: bool, at_ns: int
    ) -> None:
        command = asked.command
        service, kind, area = codes.COMMANDS.get(command, (f"command_{command:04x}", OpKind.OTHER, ""))
        if command not in codes.COMMANDS:
            self.complain(at_ns, is_from_client, AnomalyKind.ILLEGAL_FUNCTION, f"command {command:04x}", command)
        asked = asked._replace(at_ns=at_ns, area=asked.area or area)
        if kind is OpKind.CONTROL and not self._is_engineered:
            self._is_engineered = True
            self.tell(at_ns, Attribute.ROLE, Role.ENGINEERING_STATION, is_of_client=is_from_client, confidence=PROBABLE)
        key = header.serial
        if key is None:
            key = self._next_question
            self._next_question += 1
        self._asked.ask(key, asked)
        self.emit(
            OtOp(
                at_ns, self.flow, is_from_client, "melsec", service, command, kind, Direction.REQUEST, header.unit,
                asked.area, asked.first, asked.quantity, asked.name, content, "", header.serial, None,
                {"subcommand": sub},
            )
        )  # fmt: skip

    def _response(self, header: Header, content: bytes, is_from_client: bool, at_ns: int) -> None:
        key = header.serial
        if key is None:
            # What was forgotten is not waited for.
            self._next_answer = max(self._next_answer, self._next_question - len(self._asked))
            key = self._next_answer
        asked = self._asked.answer(key)
        if asked is not None and header.serial is None:
            self._next_answer += 1
        code = int(content[:4], 16) if header.is_text else _WORD(content, 0)[0]
        data = content[4:] if header.is_text else content[2:]
        result = codes.END_CODES.get(code, f"end_code_{code:04x}")
        if asked is None:
            self.complain(at_ns, is_from_client, AnomalyKind.UNEXPECTED_RESPONSE, "nothing was asked")
            asked = Asked(0, at_ns)
        service, kind, _ = codes.COMMANDS.get(asked.command, (f"command_{asked.command:04x}", OpKind.OTHER, ""))
        value: Values = None
        if not code and asked.command == codes.READ and asked.quantity is not None:
            value = _read_values(data, asked.quantity, is_text=header.is_text, is_of_bits=asked.is_of_bits)
        elif not code and asked.command == codes.READ_MODEL:
            self.tell(at_ns, Attribute.VENDOR, "Mitsubishi Electric", is_of_client=is_from_client)
            self.tell(
                at_ns, Attribute.MODEL, data[:_MODEL_CHARS], is_of_client=is_from_client, confidence=CERTAIN,
                source="melsec read_cpu_model",
            )  # fmt: skip
        self.tell(at_ns, Attribute.ROLE, Role.CONTROLLER, is_of_client=is_from_client, confidence=PROBABLE)
        self.emit(
            OtOp(
                at_ns, self.flow, is_from_client, "melsec", service, asked.command, kind, Direction.RESPONSE,
                header.unit, asked.area, asked.first, asked.quantity, asked.name, value, result, header.serial,
                at_ns - asked.at_ns if asked.command else None,
            )
        )  # fmt: skip


def check(payload: bytes, is_from_client: bool) -> int:  # noqa: ARG001 - the interface
    """Tell whether a payload is one frame whose lengths and route fit; see ``interface.Check``."""
    header = _header(payload, 0)
    if header is None or header.start + header.length != len(payload):
        return NO
    return SURE if header.unit.endswith(".03ff.0") else WEAK


def _header(data: bytes, start: int) -> Header | None:
    """Read the header of a frame; None if it is none.

    Raises:
        IndexError, struct.error: It ends too early.
    """
    known = _SUBHEADERS.get(data[start : start + 2])
    if known is not None:
        has_serial, is_answer = known
        position, serial = start + 2, None
        if has_serial:
            (serial,) = _WORD(data, position)
            if _WORD(data, position + 2)[0]:
                return None
            position += 4
        network, station, module, multidrop, length = _ROUTE(data, position)
        return Header(
            False, is_answer, serial, f"{network}.{station}.{module:04x}.{multidrop}", position + 7, int(length)
        )
    known = _TEXT_SUBHEADERS.get(data[start : start + 4])
    if known is None:
        return None
    has_serial, is_answer = known
    size = 26 if has_serial else 18
    raw = data[start : start + size]
    if not raw.isalnum():
        return None
    if len(raw) < size:
        raise IndexError
    try:
        serial = int(raw[4:8], 16) if has_serial else None
        route = bytes.fromhex(raw[-14:].decode("ascii"))
    except ValueError:
        return None
    network, station, module, multidrop, length = _TEXT_ROUTE(route, 0)
    unit = f"{network}.{station}.{module:04x}.{multidrop}"
    return Header(True, is_answer, serial, unit, start + size, int(length))


def _request(content: bytes) -> tuple[Asked, int, Values]:
    """Read a question in binary, from the timer on."""
    command: int
    _, command, sub = _COMMAND(content, 0)
    if command not in {codes.READ, codes.WRITE}:
        return Asked(command, 0, name=_hint(command, content[6:])), sub, None
    is_of_bits, is_wide = bool(sub & 1), bool(sub & 2)
    size = 4 if is_wide else 3
    first = int.from_bytes(content[6 : 6 + size], "little")
    position = 6 + size
    number = content[position]
    position += 2 if is_wide else 1
    quantity: int = _WORD(content, position)[0]
    device = codes.DEVICES.get(number, f"device_{number:02x}")
    value: Values = None
    if command == codes.WRITE:
        value = _read_values(content[position + 2 :], quantity, is_text=False, is_of_bits=is_of_bits)
    return Asked(command, 0, device, first, quantity, _named(device, first), is_of_bits), sub, value


def _text_request(content: bytes) -> tuple[Asked, int, Values]:
    """Read a question in ASCII, from the timer on."""
    command, sub = _hex(content, 4, 4), _hex(content, 8, 4)
    if command not in {codes.READ, codes.WRITE}:
        return Asked(command, 0), sub, None
    is_of_bits, is_wide = bool(sub & 1), bool(sub & 2)
    width, digits = (4, 8) if is_wide else (2, 6)
    device = content[12 : 12 + width].decode("ascii").rstrip("* ")
    first = int(content[12 + width : 12 + width + digits], 16 if device in codes.HEXADECIMAL else 10)
    position = 12 + width + digits
    quantity = _hex(content, position, 4)
    value: Values = None
    if command == codes.WRITE:
        value = _read_values(content[position + 4 :], quantity, is_text=True, is_of_bits=is_of_bits)
    return Asked(command, 0, device, first, quantity, _named(device, first), is_of_bits), sub, value


def _read_values(data: bytes, quantity: int, *, is_text: bool, is_of_bits: bool) -> Values:
    """Return the values of so many points; a bit takes a half byte in binary, a character in ASCII."""
    size = quantity if is_of_bits else 4 * quantity
    if not is_text:
        size = (size + 1) >> 1
    if len(data) < size:
        raise Malformed(f"{quantity} points announced, {len(data)} bytes there")
    if is_text:
        if is_of_bits:
            return tuple(each - 0x30 for each in data[:size])
        return tuple(_hex(data, start, 4) for start in range(0, size, 4))
    if is_of_bits:
        return tuple(byte >> shift & 1 for byte in data[:size] for shift in (4, 0))[:quantity]
    return Struct(f"<{quantity}H").unpack_from(data)


def _hint(command: int, content: bytes) -> str:
    """Return whether a remote run or pause is forced."""
    if command in {0x1001, 0x1003} and len(content) >= 2:
        return "forced" if content[0] == 3 else "not_forced"
    return ""


def _named(device: str, first: int) -> str:
    return f"{device}{first:X}" if device in codes.HEXADECIMAL else f"{device}{first}"


def _hex(data: bytes, start: int, size: int) -> int:
    piece = data[start : start + size]
    if len(piece) < size:
        raise IndexError
    if not piece.isalnum():
        raise Malformed("no hexadecimal digits where a number is due")
    return int(piece, 16)
