"""ADS over AMS, the language of Beckhoff's TwinCAT controllers.

Source:
    Beckhoff Information System, TwinCAT ADS: AMS/TCP header, AMS header, ADS commands.
"""

from __future__ import annotations

from struct import Struct
from typing import ClassVar, Final, NamedTuple

from vedette.sensor.dissect import ads_codes as codes
from vedette.sensor.dissect.interface import NO, NOT_A_MESSAGE, SURE, Malformed, StreamDissector
from vedette.sensor.dissect.transactions import Transactions
from vedette.sensor.dissect.wording import text_of
from vedette.sensor.flows import Flow
from vedette.sensor.model import CERTAIN, PROBABLE, AnomalyKind, Attribute, Direction, OpKind, OtOp, Role, Sink, Value

_PREFIX_BYTES: Final = 6
_HEADER_BYTES: Final = 32
_MAX_LENGTH: Final = 16 * 1024 * 1024
_MAX_VALUE_BYTES: Final = 256
_MAX_HANDLES: Final = 1_024
_RESPONSE: Final = 0x0001
_ADS: Final = 0x0004

_PREFIX: Final = Struct("<HI").unpack_from
_HEADER: Final = Struct("<6sH6sHHHIII").unpack_from
_PLACE: Final = Struct("<III").unpack_from
_PAIR: Final = Struct("<HH").unpack_from
_LONG: Final = Struct("<I").unpack_from


class Asked(NamedTuple):
    """What an answer needs to know of its question."""

    command: int
    at_ns: int
    kind: OpKind
    area: str = ""
    first: int | None = None
    quantity: int | None = None
    name: str = ""


class Ads(StreamDissector):
    """Reads ADS over TCP."""

    __slots__ = ("_asked", "_handles", "_is_engineered")

    name: ClassVar[str] = "ads"
    max_message_bytes: ClassVar[int] = 262_144

    def __init__(self, flow: Flow, sink: Sink) -> None:
        super().__init__(flow, sink)
        self._asked: Final[Transactions[int, Asked]] = Transactions()
        self._handles: Final[dict[int, str]] = {}
        self._is_engineered = False

    def measure(self, data: bytes, start: int, is_from_client: bool) -> int:  # noqa: ARG002 - same both ways
        """Return the length that the AMS/TCP header tells."""
        kind, length = _PREFIX(data, start)
        if kind or not _HEADER_BYTES <= length <= _MAX_LENGTH:
            return NOT_A_MESSAGE
        return _PREFIX_BYTES + int(length)

    def message(self, data: bytes, is_from_client: bool, at_ns: int) -> None:
        """Read one packet."""
        target, port, source, source_port, command, flags, length, error, number = _HEADER(data, _PREFIX_BYTES)
        content = data[_PREFIX_BYTES + _HEADER_BYTES :]
        if length > len(content):
            raise Malformed(f"{length} bytes announced, {len(content)} there")
        if not flags & _ADS:
            raise Malformed(f"state flags {flags:04x}")
        if flags & _RESPONSE:
            unit = f"{'.'.join(map(str, source))}:{source_port}"
            self._response(content, command, error, number, unit, is_from_client, at_ns)
        else:
            unit = f"{'.'.join(map(str, target))}:{port}"
            self._request(content, command, number, unit, port, is_from_client, at_ns)

    def _request(
        self, content: bytes, command: int, number: int, unit: str, port: int, is_from_client: bool, at_ns: int
    ) -> None:
        if command not in codes.COMMANDS:
            self.complain(at_ns, is_from_client, AnomalyKind.ILLEGAL_FUNCTION, f"command {command}", command)
        service, kind = codes.COMMANDS.get(command, (f"command_{command}", OpKind.OTHER))
        asked, value = Asked(command, at_ns, kind), None
        if command in {codes.READ, codes.WRITE, codes.READ_WRITE, codes.ADD_NOTIFICATION}:
            asked, value = self._place(content, command, kind, port, at_ns)
        elif command == codes.WRITE_CONTROL:
            state, _ = _PAIR(content, 0)
            area = codes.STATES.get(state, f"state_{state}")
            asked = asked._replace(area=area, name=codes.PORTS.get(port, ""))
        direction = Direction.REQUEST
        if command == codes.NOTIFICATION:
            direction = Direction.REPORT
        else:
            self._asked.ask(number, asked)
        if asked.kind in {OpKind.CONTROL, OpKind.PROGRAM} and not self._is_engineered:
            self._is_engineered = True
            self.tell(at_ns, Attribute.ROLE, Role.ENGINEERING_STATION, is_of_client=is_from_client, confidence=PROBABLE)
        self.emit(
            OtOp(
                at_ns, self.flow, is_from_client, "ads", service, command, asked.kind, direction, unit, asked.area,
                asked.first, asked.quantity, asked.name, value, "", number,
            )
        )  # fmt: skip

    def _place(self, content: bytes, command: int, kind: OpKind, port: int, at_ns: int) -> tuple[Asked, Value]:
        """Read index group, offset and length of a question, and what it writes."""
        group, offset, size = _PLACE(content, 0)
        area, special = codes.GROUPS.get(group, (f"group_{group:x}", None))
        if special in {OpKind.FILE, OpKind.CONTROL} and port != codes.SYSTEM_SERVICE:
            area, special = f"group_{group:x}", None
        name, value = "", None
        data = b""
        if command == codes.WRITE:
            data = content[12 : 12 + size]
            if len(data) < size:
                raise Malformed(f"{size} bytes announced, {len(data)} there")
        elif command == codes.READ_WRITE:
            written = _LONG(content, 12)[0]
            data = content[16 : 16 + written]
            if len(data) < written:
                raise Malformed(f"{written} bytes announced, {len(data)} there")
        if group in {codes.HANDLE_BY_NAME, 0xF004, 0xF007, 0xF009, 0x0078, 0x0083}:
            name = text_of(data.split(b"\0", 1)[0])
        elif group == codes.VALUE_BY_HANDLE:
            name = self._handles.get(offset, "")
        if command == codes.WRITE:
            value = data[:_MAX_VALUE_BYTES]
        return Asked(command, at_ns, special or kind, area, offset, size, name), value

    def _response(
        self, content: bytes, command: int, error: int, number: int, unit: str, is_from_client: bool, at_ns: int
    ) -> None:
        asked = self._asked.answer(number)
        if asked is not None and asked.command != command:
            self.complain(at_ns, is_from_client, AnomalyKind.UNEXPECTED_RESPONSE, f"asked {asked.command}", command)
            asked = None
        service, kind = codes.COMMANDS.get(command, (f"command_{command}", OpKind.OTHER))
        latency_ns = None
        if asked is None:
            asked = Asked(command, at_ns, kind)
        else:
            latency_ns = at_ns - asked.at_ns
        code = error or (_LONG(content, 0)[0] if len(content) >= 4 else 0)
        result = codes.ERRORS.get(code, f"error_{code:x}")
        value: Value = None
        if not code and command in {codes.READ, codes.READ_WRITE}:
            size = _LONG(content, 4)[0]
            data = content[8 : 8 + size]
            if len(data) < size:
                raise Malformed(f"{size} bytes announced, {len(data)} there")
            value = data[:_MAX_VALUE_BYTES]
            if asked.area == "symbol_handle_by_name" and len(data) == 4 and len(self._handles) < _MAX_HANDLES:
                self._handles[_LONG(data, 0)[0]] = asked.name
        elif not code and command == codes.READ_DEVICE_INFO:
            self._device(content, is_from_client, at_ns)
        elif not code and command == codes.READ_STATE:
            state = codes.STATES.get(_PAIR(content, 4)[0], "")
            self.tell(at_ns, Attribute.MODE, state, is_of_client=is_from_client, source="ads read_state")
        self.tell(at_ns, Attribute.ROLE, Role.CONTROLLER, is_of_client=is_from_client, confidence=PROBABLE)
        self.emit(
            OtOp(
                at_ns, self.flow, is_from_client, "ads", service, command, asked.kind, Direction.RESPONSE, unit,
                asked.area, asked.first, asked.quantity, asked.name, value, result, number, latency_ns,
            )
        )  # fmt: skip

    def _device(self, content: bytes, is_from_client: bool, at_ns: int) -> None:
        major, minor = content[4], content[5]
        build = int.from_bytes(content[6:8], "little")
        for attribute, text in (
            (Attribute.VENDOR, "Beckhoff"),
            (Attribute.SOFTWARE, text_of(content[8:24].split(b"\0", 1)[0])),
            (Attribute.FIRMWARE, f"{major}.{minor}.{build}"),
        ):
            self.tell(
                at_ns, attribute, text, is_of_client=is_from_client, confidence=CERTAIN, source="ads read_device_info"
            )


def check(payload: bytes, is_from_client: bool) -> int:  # noqa: ARG001 - the interface
    """Tell whether a payload begins with AMS/TCP and AMS headers that agree; see ``interface.Check``."""
    kind, length = _PREFIX(payload, 0)
    _, _, _, _, command, flags, size, _, _ = _HEADER(payload, _PREFIX_BYTES)
    if kind or length != _HEADER_BYTES + size or command not in codes.COMMANDS:
        return NO
    return SURE if flags & ~0x1FF == 0 and flags & _ADS else NO
