"""LDAP: who signs in to a directory, and what it is searched for.

Source:
    RFC 4511 §4 (messages), §4.2 (bind), §4.5.1 (search); RFC 4513 §5 (simple and SASL); RFC 4752 §3.3 (wrapped).
"""

from __future__ import annotations

from typing import ClassVar, Final

from vedette.sensor.dissect.ber import children, element, integer, octets
from vedette.sensor.dissect.interface import INCOMPLETE, NOT_A_MESSAGE, StreamDissector
from vedette.sensor.dissect.transactions import Transactions
from vedette.sensor.flows import Flow
from vedette.sensor.model import AnomalyKind, Direction, OpKind, OtOp, Sink

_MESSAGE: Final = 0x30
_BIND: Final = 0x60
_BIND_ANSWER: Final = 0x61
_SEARCH: Final = 0x63
_SIMPLE: Final = 0x80
_SASL: Final = 0xA3
_PRESENT: Final = 0x87
_OPERATIONS: Final = {
    0x60: ("bind", OpKind.SESSION, Direction.REQUEST), 0x61: ("bind", OpKind.SESSION, Direction.RESPONSE),
    0x42: ("unbind", OpKind.SESSION, Direction.REQUEST), 0x63: ("search", OpKind.READ, Direction.REQUEST),
    0x65: ("search", OpKind.READ, Direction.RESPONSE), 0x66: ("modify", OpKind.WRITE, Direction.REQUEST),
    0x67: ("modify", OpKind.WRITE, Direction.RESPONSE), 0x68: ("add", OpKind.WRITE, Direction.REQUEST),
    0x69: ("add", OpKind.WRITE, Direction.RESPONSE), 0x4A: ("delete", OpKind.WRITE, Direction.REQUEST),
    0x6B: ("delete", OpKind.WRITE, Direction.RESPONSE), 0x6C: ("rename", OpKind.WRITE, Direction.REQUEST),
    0x6D: ("rename", OpKind.WRITE, Direction.RESPONSE), 0x77: ("extended", OpKind.OTHER, Direction.REQUEST),
    0x78: ("extended", OpKind.OTHER, Direction.RESPONSE),
}  # fmt: skip
RESULTS: Final = {
    0: "ok", 1: "operations_error", 2: "protocol_error", 7: "method_not_supported", 8: "stronger_required",
    14: "in_progress", 32: "no_such_object", 48: "inappropriate", 49: "invalid_credentials", 50: "insufficient_rights",
    53: "unwilling", 68: "exists",
}  # fmt: skip
_WRONG: Final = 49
_MAX_WRAPPED: Final = 0x0100_0000
_MAX_DEPTH: Final = 16
_MAX_FILTERS: Final = 64
_MAX_CHARS: Final = 256
_READ_BYTES: Final = 16_384


class Ldap(StreamDissector):
    """Reads LDAP; what was signed or sealed once somebody is signed in is passed over."""

    __slots__ = ("_asked", "_left")

    name: ClassVar[str] = "ldap"

    def __init__(self, flow: Flow, sink: Sink) -> None:
        super().__init__(flow, sink)
        self._asked: Final[Transactions[int, tuple[str, int]]] = Transactions()
        self._left: Final = [0, 0]

    def measure(self, data: bytes, start: int, is_from_client: bool) -> int:
        """Return a message's length, of a long one only what is read of it."""
        if left := self._left[is_from_client]:
            return min(left, len(data) - start, self.max_message_bytes)
        if data[start] != _MESSAGE:
            size = int.from_bytes(data[start : start + 4], "big")
            if start + 4 > len(data):
                return INCOMPLETE
            return min(4 + size, _READ_BYTES) if 16 <= size < _MAX_WRAPPED else NOT_A_MESSAGE
        return min(_whole(data, start), _READ_BYTES)

    def message(self, data: bytes, is_from_client: bool, at_ns: int) -> None:
        """Read one message, or pass over the rest of a long one."""
        if self._left[is_from_client]:
            self._left[is_from_client] -= len(data)
            return
        is_plain = data[0] == _MESSAGE
        size = _whole(data, 0) if is_plain else 4 + int.from_bytes(data[:4], "big")
        self._left[is_from_client] = size - len(data)
        if is_plain:
            self.datagram(data, is_from_client, at_ns)

    def datagram(self, payload: bytes, is_from_client: bool, at_ns: int) -> None:
        """Read one message."""
        position = 2 + (payload[1] & 0x7F if payload[1] & 0x80 else 0)
        number, position = integer(payload, position, len(payload))
        tag = payload[position]
        if tag not in _OPERATIONS:
            return
        service, kind, direction = _OPERATIONS[tag]
        # Of a long message only the beginning is there: it ends where the bytes do.
        start = position + 2 + (payload[position + 1] & 0x7F if payload[position + 1] & 0x80 else 0)
        end = len(payload)
        name, area, result, latency_ns = "", "", "", None
        if tag == _BIND:
            name, area = self._bind(payload, start, end, at_ns)
        elif tag == _SEARCH:
            name, area = _search(payload, start, end)
        elif direction is Direction.RESPONSE:
            _, begin, stop = element(payload, start, end)
            code = int.from_bytes(payload[begin:stop], "big")
            result = RESULTS.get(code, f"error_{code}")
        if direction is Direction.REQUEST:
            self._asked.ask(number, (name, at_ns))
        elif (asked := self._asked.answer(number)) is not None:
            name, latency_ns = asked[0], at_ns - asked[1]
        self.emit(
            OtOp(
                at_ns, self.flow, is_from_client, "ldap", service, tag & 0x1F, kind, direction, None, area, None, None,
                name, None, result, number, latency_ns,
            )
        )  # fmt: skip
        if tag == _BIND_ANSWER and result == RESULTS[_WRONG]:
            self.complain(at_ns, is_from_client, AnomalyKind.LOGIN_FAILED, "LDAP result 49", _WRONG)

    def _bind(self, data: bytes, start: int, end: int, at_ns: int) -> tuple[str, str]:
        _, position = integer(data, start, end)
        who, position = octets(data, position, end)
        tag, begin, stop = element(data, position, end)
        if tag == _SIMPLE and stop > begin:
            self.complain(at_ns, True, AnomalyKind.CLEAR_TEXT_CREDENTIAL, "a password of LDAP")
        area = "simple" if tag == _SIMPLE else "sasl" if tag == _SASL else "other"
        return who.decode("utf-8", "replace")[:_MAX_CHARS], area


def _whole(data: bytes, start: int) -> int:
    """Return the length that a message says it has, its head included."""
    first = data[start + 1]
    if not first & 0x80:
        return 2 + first
    count = first & 0x7F
    if not 0 < count <= 4:
        return NOT_A_MESSAGE
    if start + 2 + count > len(data):
        return INCOMPLETE
    return 2 + count + int.from_bytes(data[start + 2 : start + 2 + count], "big")


def _search(data: bytes, start: int, end: int) -> tuple[str, str]:
    """Return where a search begins, and the attributes that what is found must simply have."""
    base, position = octets(data, start, end)
    for _ in range(5):  # scope, aliases, limits, whether without values
        _, _, position = element(data, position, end)
    tag, begin, stop = element(data, position, end)
    found: list[str] = []
    waiting = [(tag, begin, stop)]
    for _ in range(_MAX_FILTERS):
        if not waiting:
            break
        tag, begin, stop = waiting.pop()
        if tag == _PRESENT:
            found.append(data[begin:stop].decode("ascii", "replace")[:64].lower())
        elif tag in {0xA0, 0xA1, 0xA2} and len(waiting) < _MAX_DEPTH:  # and, or, not
            waiting += list(children(data, begin, stop, _MAX_FILTERS))
    return base.decode("utf-8", "replace")[:_MAX_CHARS], " ".join(sorted(found)[:4])
