"""MQTT, versions 3.1 to 5: who connects under which name, and what topics are published and read.

Source:
    OASIS MQTT 3.1.1 and 5.0.
"""

from __future__ import annotations

from typing import ClassVar, Final, NamedTuple

from vedette.sensor.dissect.interface import INCOMPLETE, NO, NOT_A_MESSAGE, SURE, WEAK, Malformed, StreamDissector
from vedette.sensor.dissect.transactions import Transactions
from vedette.sensor.dissect.wording import MASK, text_of
from vedette.sensor.flows import Flow
from vedette.sensor.model import PROBABLE, AnomalyKind, Attribute, Direction, OpKind, OtOp, Role, Sink, Values

_ASKS: Final = Direction.REQUEST
_ANSWERS: Final = Direction.RESPONSE
_TYPES: Final = {
    1: ("connect", OpKind.SESSION, _ASKS), 2: ("connack", OpKind.SESSION, _ANSWERS),
    3: ("publish", OpKind.REPORT, Direction.REPORT),
    4: ("puback", OpKind.REPORT, _ANSWERS), 5: ("pubrec", OpKind.REPORT, _ANSWERS),
    6: ("pubrel", OpKind.REPORT, _ASKS), 7: ("pubcomp", OpKind.REPORT, _ANSWERS),
    8: ("subscribe", OpKind.READ, _ASKS), 9: ("suback", OpKind.READ, _ANSWERS),
    10: ("unsubscribe", OpKind.SESSION, _ASKS), 11: ("unsuback", OpKind.SESSION, _ANSWERS),
    12: ("pingreq", OpKind.SESSION, _ASKS), 13: ("pingresp", OpKind.SESSION, _ANSWERS),
    14: ("disconnect", OpKind.SESSION, _ASKS), 15: ("auth", OpKind.SESSION, _ASKS),
}  # fmt: skip
_CONNECT: Final = 1
_CONNACK: Final = 2
_PUBLISH: Final = 3
_SUBSCRIBE: Final = 8
_UNSUBSCRIBE: Final = 10
_FLAGS: Final = {6: 2, 8: 2, 10: 2}
_FROM_CLIENT: Final = frozenset({1, 8, 10, 12})
_FROM_SERVER: Final = frozenset({2, 9, 11, 13})
_REFUSALS: Final = {
    1: "unacceptable_protocol_version", 2: "identifier_rejected", 3: "server_unavailable",
    4: "bad_user_name_or_password", 5: "not_authorized", 0x84: "unsupported_protocol_version",
    0x85: "client_identifier_not_valid", 0x86: "bad_user_name_or_password", 0x87: "not_authorized",
    0x88: "server_unavailable", 0x89: "server_busy", 0x8A: "banned", 0x8C: "bad_authentication_method",
    0x97: "quota_exceeded", 0x9F: "connection_rate_exceeded",
}  # fmt: skip
_BAD_LOGINS: Final = frozenset({4, 5, 0x86, 0x87})
_READ_BYTES: Final = 8_192
_MAX_TOPICS: Final = 64
_MAX_TEXT: Final = 1_024


class Asked(NamedTuple):
    """What an acknowledgement repeats."""

    name: str
    at_ns: int


class Mqtt(StreamDissector):
    """Reads MQTT; of long publications the topic only."""

    __slots__ = ("_asked", "_left", "_version")

    name: ClassVar[str] = "mqtt"

    def __init__(self, flow: Flow, sink: Sink) -> None:
        super().__init__(flow, sink)
        self._asked: Final[Transactions[int, Asked]] = Transactions()
        self._left: Final = [0, 0]
        self._version = 4

    def measure(self, data: bytes, start: int, is_from_client: bool) -> int:
        """Return a packet's length, of a long one only what is read of it."""
        if left := self._left[is_from_client]:
            return min(left, len(data) - start, _READ_BYTES)
        kind, flags = data[start] >> 4, data[start] & 15
        if not kind or (kind != _PUBLISH and flags != _FLAGS.get(kind, 0)) or flags & 6 == 6:
            return NOT_A_MESSAGE
        size, header = _length(data, start + 1)
        if size < 0:
            return NOT_A_MESSAGE
        return min(header + size, _READ_BYTES) if header else INCOMPLETE

    def message(self, data: bytes, is_from_client: bool, at_ns: int) -> None:
        """Read one packet, or pass over the rest of one."""
        if self._left[is_from_client]:
            self._left[is_from_client] -= len(data)
            return
        size, header = _length(data, 1)
        self._left[is_from_client] = header + size - len(data)
        kind = data[0] >> 4
        if kind in (_FROM_SERVER if is_from_client else _FROM_CLIENT):
            self.complain(at_ns, is_from_client, AnomalyKind.WRONG_DIRECTION, f"packet type {kind}", kind)
        service, purpose, direction = _TYPES[kind]
        name, value, result, number = "", None, "", None
        detail: dict[str, Values] | None = None
        if kind == _CONNECT:
            name, detail = self._connect(data, header, at_ns)
        elif kind == _CONNACK:
            result = self._accepted(data, header, at_ns)
        elif kind == _PUBLISH:
            name, number, value = self._publish(data, header, size)
        elif kind in {_SUBSCRIBE, _UNSUBSCRIBE}:
            self._subscribe(data, header, kind, is_from_client, at_ns)
            return
        elif size >= 2 and direction is _ANSWERS:
            number = data[header] << 8 | data[header + 1]
            result = "ok"
        asked = self._asked.answer(number) if direction is _ANSWERS and number is not None else None
        if kind == _PUBLISH and number is not None:
            self._asked.ask(number, Asked(name, at_ns))
        self.emit(
            OtOp(
                at_ns, self.flow, is_from_client, "mqtt", service, kind, purpose, direction, None,
                "topic" if kind == _PUBLISH else "", None, None, name or (asked.name if asked else ""), value, result,
                number, at_ns - asked.at_ns if asked else None, detail,
            )
        )  # fmt: skip

    def _connect(self, data: bytes, header: int, at_ns: int) -> tuple[str, dict[str, Values]]:
        protocol, position = _text(data, header)
        version, flags = data[position], data[position + 1]
        self._version = version
        position += 4
        if version == 5:
            position = _past_properties(data, position)
        client, position = _text(data, position)
        if flags & 4:
            if version == 5:
                position = _past_properties(data, position)
            _, position = _text(data, position)
            _, position = _text(data, position)
        self.tell(at_ns, Attribute.NAME, client, is_of_client=True, confidence=PROBABLE, source="mqtt client id")
        detail: dict[str, Values] = {"proto_name": protocol, "proto_version": str(version), "client_id": client}
        if flags & 0x80:
            user, position = _text(data, position)
            self.tell(at_ns, Attribute.USER, user, is_of_client=True, confidence=PROBABLE)
            detail["username"] = user
        if flags & 0x40:
            detail["password"] = MASK
            self.complain(at_ns, True, AnomalyKind.CLEAR_TEXT_CREDENTIAL, "a password of MQTT")
        if version not in {3, 4, 5}:
            self.complain(at_ns, True, AnomalyKind.ILLEGAL_VALUE, f"protocol version {version}", version)
        return client, detail

    def _accepted(self, data: bytes, header: int, at_ns: int) -> str:
        code = data[header + 1]
        self.tell(at_ns, Attribute.ROLE, Role.BROKER, confidence=PROBABLE)
        if code in _BAD_LOGINS:
            self.complain(at_ns, False, AnomalyKind.LOGIN_FAILED, f"MQTT reason {code}", code)
        return "ok" if not code else _REFUSALS.get(code, f"reason_{code}")

    def _publish(self, data: bytes, header: int, size: int) -> tuple[str, int | None, int]:
        topic, position = _text(data, header)
        number = None
        if data[0] & 6:
            number = data[position] << 8 | data[position + 1]
            position += 2
        if self._version == 5:
            position = _past_properties(data, position)
        return topic, number, header + size - position

    def _subscribe(self, data: bytes, header: int, kind: int, is_from_client: bool, at_ns: int) -> None:
        number = data[header] << 8 | data[header + 1]
        position = header + 2
        if self._version == 5:
            position = _past_properties(data, position)
        service, purpose, direction = _TYPES[kind]
        for turn in range(_MAX_TOPICS):
            if position >= len(data):
                break
            topic, position = _text(data, position)
            position += 1 if kind == _SUBSCRIBE else 0
            if not turn:
                self._asked.ask(number, Asked(topic, at_ns))
            self.emit(
                OtOp(
                    at_ns, self.flow, is_from_client, "mqtt", service, kind, purpose, direction, None, "topic", None,
                    None, topic, None, "", number,
                )
            )  # fmt: skip


def check(payload: bytes, is_from_client: bool) -> int:
    """Tell MQTT by the protocol's name in its first packet; see ``interface.Check``."""
    if is_from_client and payload[0] == 0x10:
        _, header = _length(payload, 1)
        return SURE if header and payload[header : header + 6] in {b"\0\4MQTT", b"\0\6MQIs"} else NO
    kind, flags = payload[0] >> 4, payload[0] & 15
    if kind == _PUBLISH:
        return WEAK if flags & 6 != 6 and _length(payload, 1)[0] > 2 else NO
    if kind not in _TYPES or flags != _FLAGS.get(kind, 0) or kind in (_FROM_SERVER if is_from_client else _FROM_CLIENT):
        return NO
    size, header = _length(payload, 1)
    return WEAK if header + size <= len(payload) else NO


def _length(data: bytes, position: int) -> tuple[int, int]:
    """Return the remaining length and where the rest begins, counted from the packet's first byte."""
    size = 0
    for count in range(4):
        byte = data[position + count]
        size |= (byte & 0x7F) << 7 * count
        if not byte & 0x80:
            return size, 2 + count
    return -1, 0


def _past_properties(data: bytes, position: int) -> int:
    size, header = _length(data, position)
    if size < 0:
        raise Malformed("properties of a length that can't be")
    return position + header - 1 + size


def _text(data: bytes, position: int) -> tuple[str, int]:
    size = data[position] << 8 | data[position + 1]
    position += 2
    if position + size > len(data):
        raise Malformed(f"a text of {size} bytes, {len(data) - position} there")
    return text_of(data[position : position + size], _MAX_TEXT), position + size
