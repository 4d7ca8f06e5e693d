"""GENISYS: signals and switches of railways.

Source:
    Alstom Signaling P2346, GENISYS protocol description; layout as in ICSNPP's parser.
"""

from __future__ import annotations

from typing import ClassVar, Final, NamedTuple

from vedette.sensor.dissect.interface import (
    INCOMPLETE,
    NO,
    NOT_A_MESSAGE,
    SURE,
    WEAK,
    Malformed,
    StreamDissector,
    ZeekRow,
)
from vedette.sensor.dissect.modbus_rtu import crc16
from vedette.sensor.flows import Flow
from vedette.sensor.model import PROBABLE, AnomalyKind, Attribute, Direction, OpKind, OtOp, Role, Sink, Values

_ESCAPE: Final = 0xF0
_END: Final = 0xF6
_MAX_LENGTH: Final = 1_024
_MAX_VALUES: Final = 64

# The server of railways speaks the first ones; from 0xF9 on the office asks.
HEADERS: Final[dict[int, tuple[str, OpKind, Direction]]] = {
    0xF1: ("acknowledge_client", OpKind.SESSION, Direction.RESPONSE),
    0xF2: ("indication_data", OpKind.REPORT, Direction.RESPONSE),
    0xF3: ("control_data_checkback", OpKind.READ, Direction.RESPONSE),
    0xF9: ("common_control_data", OpKind.WRITE, Direction.REQUEST),
    0xFA: ("acknowledge_and_poll", OpKind.READ, Direction.REQUEST),
    0xFB: ("poll", OpKind.READ, Direction.REQUEST),
    0xFC: ("control_data", OpKind.WRITE, Direction.REQUEST),
    0xFD: ("indication_recall", OpKind.READ, Direction.REQUEST),
    0xFE: ("execute_controls", OpKind.CONTROL, Direction.REQUEST),
}
_CRC_BYTES: Final = 2
_CRC_STARTS: Final = (0, 0xFFFF)
"""With what a checksum begins: nought by the manual, all ones as Modbus has it in some devices."""
# These carry no checksum when they are sent in the clear.
_WITHOUT_DATA: Final = frozenset({0xF1, 0xFA, 0xFB, 0xFD, 0xFE})


_TITLES: Final = {"indication_recall": "Recall Header", "acknowledge_and_poll": "Acknowledge Client and Poll"}


class Message(NamedTuple):
    """A message without its escapes."""

    header: int
    station: int
    pairs: bytes
    is_checked: bool


class Genisys(StreamDissector):
    """Reads GENISYS over TCP."""

    __slots__ = ("_asked_at_ns",)

    name: ClassVar[str] = "genisys"
    max_message_bytes: ClassVar[int] = _MAX_LENGTH

    def __init__(self, flow: Flow, sink: Sink) -> None:
        super().__init__(flow, sink)
        self._asked_at_ns: int | None = None

    def measure(self, data: bytes, start: int, is_from_client: bool) -> int:  # noqa: ARG002 - same both ways
        """Return where the mark at the end stands."""
        if data[start] not in HEADERS:
            return NOT_A_MESSAGE
        end = data.find(_END, start + 1, start + _MAX_LENGTH)
        if end < 0:
            return NOT_A_MESSAGE if len(data) - start >= _MAX_LENGTH else INCOMPLETE
        return end + 1 - start

    def message(self, data: bytes, is_from_client: bool, at_ns: int) -> None:
        """Read one message."""
        found = _message(data)
        service, kind, direction = HEADERS[found.header]
        if not found.is_checked and found.header not in _WITHOUT_DATA:
            self.complain(at_ns, is_from_client, AnomalyKind.BAD_CHECKSUM, f"a message of {len(data)} bytes")
            return
        values: Values = None
        first: int | None = None
        if found.pairs:
            first = found.pairs[0]
            values = tuple(found.pairs[1 : 2 * _MAX_VALUES : 2])
        latency_ns, result = None, ""
        if direction is Direction.REQUEST:
            self._asked_at_ns = at_ns
            self.tell(at_ns, Attribute.ROLE, Role.MASTER, is_of_client=is_from_client, confidence=PROBABLE)
        else:
            result = "ok"
            if self._asked_at_ns is not None:
                latency_ns, self._asked_at_ns = at_ns - self._asked_at_ns, None
        detail: dict[str, Values] | None = None
        if len(found.pairs) > 2:
            detail = {"addresses": tuple(found.pairs[: 2 * _MAX_VALUES : 2])}
        self.emit(
            OtOp(
                at_ns, self.flow, is_from_client, "genisys", service, found.header, kind, direction, found.station,
                "byte" if found.pairs else "", first, len(found.pairs) // 2 or None, "", values, result, None,
                latency_ns, detail,
            )
        )  # fmt: skip


def check(payload: bytes, is_from_client: bool) -> int:  # noqa: ARG001 - the interface
    """Tell whether a payload is one message whose checksum fits; see ``interface.Check``."""
    if payload[0] not in HEADERS or payload.find(_END) != len(payload) - 1:
        return NO
    found = _message(payload)
    if found.is_checked:
        return SURE
    return WEAK if found.header in _WITHOUT_DATA and len(payload) == 3 else NO


def _message(data: bytes) -> Message:
    """Read a message from its header to its end.

    Raises:
        Malformed: It is too short, or an escape or a pair of bytes is cut off.
    """
    content = bytearray()
    position, end = 1, len(data) - 1
    checksum = end - _CRC_BYTES if end > _CRC_BYTES + 1 else end  # of which some devices escape nothing
    while position < end:
        byte = data[position]
        if byte == _ESCAPE and (position < end - 1 or position < checksum):
            position += 1
            if position >= end:
                raise Malformed("an escape at the end")
            byte |= data[position]
        elif byte > _ESCAPE and position < checksum:
            raise Malformed(f"byte {byte:02x} without an escape")
        content.append(byte)
        position += 1
    if not content:
        raise Malformed("a message without a station")
    whole = bytes((data[0],)) + bytes(content)
    if len(content) >= 1 + _CRC_BYTES and any(not crc16(whole, start) for start in _CRC_STARTS):
        pairs = bytes(content[1:-2])
        if len(pairs) & 1:
            raise Malformed(f"{len(pairs)} bytes of data where pairs are due")
        return Message(data[0], content[0], pairs, True)
    return Message(data[0], content[0], b"", False)


def zeek(op: OtOp) -> list[ZeekRow]:
    """Return the row of ICSNPP's ``genisys.log``."""
    addresses = (op.detail or {}).get("addresses")
    if not isinstance(addresses, tuple):
        addresses = (op.first,)
    columns: dict[str, object] = {
        "proto": op.flow.transport,
        "header": _TITLES.get(op.service) or op.service.replace("_", " ").title(),
        "server": op.unit,
        "direction": "request" if op.direction is Direction.REQUEST else "response",
    }
    if isinstance(op.value, tuple):
        columns["payload"] = ",".join(f"{at!r}={value!r}" for at, value in zip(addresses, op.value, strict=False))
    return [("genisys", columns)]
