"""OPC UA over TCP in its binary encoding.

Source:
    OPC 10000-4 (services), OPC 10000-6 clauses 6.7 (secure conversation) and 7.1 (connection protocol).
"""

from __future__ import annotations

from struct import Struct
from typing import ClassVar, Final, NamedTuple

from vedette.sensor.dissect import opcua_types as types
from vedette.sensor.dissect.interface import BAD_BYTES, NO, NOT_A_MESSAGE, SURE, StreamDissector
from vedette.sensor.dissect.opcua_subscriptions import Monitored, monitored_items, published_values
from vedette.sensor.dissect.opcua_types import Cursor
from vedette.sensor.dissect.transactions import Transactions
from vedette.sensor.flows import Flow
from vedette.sensor.model import PROBABLE, AnomalyKind, Attribute, Direction, OpKind, OtOp, Role, Sink, Values

_HEL: Final = b"HEL"
_MESSAGES: Final = frozenset({_HEL, b"ACK", b"ERR", b"RHE", b"OPN", b"CLO", b"MSG"})
_CARRIES_SERVICES: Final = frozenset({b"MSG", b"CLO"})
_CHUNKS: Final = frozenset(b"FCA")
_MAX_BODY_BYTES: Final = 1_048_576
_MAX_VALUE_BYTES: Final = 65_536
"""Values beyond are not read: no message may take longer than its share."""
_NO_SECURITY: Final = "http://opcfoundation.org/UA/SecurityPolicy#None"
_USER_NAME: Final = "i=324"

_HEADER: Final = Struct("<3sBI").unpack_from
_LONG: Final = Struct("<I").unpack_from
_PAIR: Final = Struct("<II").unpack_from
_REQUEST: Final = Direction.REQUEST
_RESPONSE: Final = Direction.RESPONSE


class Node(NamedTuple):
    """One node that a service names, and which of its attributes."""

    name: str
    attribute: int | None
    value: Values


class Asked(NamedTuple):
    """What an answer needs to know of its question."""

    number: int
    nodes: tuple[Node, ...]
    at_ns: int


_MAX_MONITORED: Final = 4_096
_WITH_RESULTS: Final = frozenset({types.READ + 3, types.WRITE + 3, types.GET_ENDPOINTS + 3, types.PUBLISH + 3})
_UNKNOWN: Final = Node("", None, None)
_NOWHERE: Final = (Node("", None, None),)


class OpcUa(StreamDissector):
    """Reads OPC UA binary; of encrypted messages it tells only that they were there."""

    __slots__ = ("_asked", "_is_encrypted", "_monitored", "_parts")

    name: ClassVar[str] = "opcua"
    max_message_bytes: ClassVar[int] = 1_048_576

    def __init__(self, flow: Flow, sink: Sink) -> None:
        super().__init__(flow, sink)
        self._asked: Final[Transactions[int, Asked]] = Transactions()
        self._parts: Final = {True: b"", False: b""}
        self._is_encrypted = False
        self._monitored: Final[dict[int, Node]] = {}
        """By the client's own number: whose values are published."""

    def measure(self, data: bytes, start: int, is_from_client: bool) -> int:  # noqa: ARG002 - same both ways
        """Return the length that the header tells."""
        size: int
        kind, chunk, size = _HEADER(data, start)
        return size if kind in _MESSAGES and chunk in _CHUNKS and size >= 8 else NOT_A_MESSAGE

    def message(self, data: bytes, is_from_client: bool, at_ns: int) -> None:
        """Read one chunk."""
        kind = data[:3]
        if kind in _CARRIES_SERVICES:
            self._chunk(data, 24, _LONG(data, 20)[0], is_from_client, at_ns)
        elif kind == b"OPN":
            cursor = Cursor(data, 12)
            policy = cursor.text()
            cursor.raw()
            cursor.raw()
            self._is_encrypted = policy != _NO_SECURITY
            if self._is_encrypted:
                self._emit("open_secure_channel", 446, OpKind.SESSION, is_from_client, at_ns, {"policy": policy[:128]})
            else:
                self._chunk(data, cursor.at + 8, _LONG(data, cursor.at + 4)[0], is_from_client, at_ns)
        elif kind == _HEL:
            cursor = Cursor(data, 28)
            endpoint = cursor.text()[:256]
            self._emit("hello", 0, OpKind.SESSION, is_from_client, at_ns, {"endpoint": endpoint})
        elif kind == b"ERR":
            code = _LONG(data, 8)[0]
            self._emit("error", code >> 16, OpKind.SESSION, is_from_client, at_ns, None, _status(code))
        else:
            name = "acknowledge" if kind == b"ACK" else "reverse_hello"
            self._emit(name, 0, OpKind.SESSION, is_from_client, at_ns, None, "ok" if kind == b"ACK" else "")

    def _emit(
        self,
        service: str,
        code: int,
        kind: OpKind,
        is_from_client: bool,
        at_ns: int,
        detail: dict[str, Values] | None,
        result: str = "",
    ) -> None:
        self.emit(
            OtOp(
                at_ns, self.flow, is_from_client, "opcua", service, code, kind,
                _REQUEST if is_from_client else _RESPONSE, result=result, detail=detail,
            )
        )  # fmt: skip

    def _chunk(self, data: bytes, start: int, request: int, is_from_client: bool, at_ns: int) -> None:
        """Put chunks together, and read what they carry when the last has come."""
        parts = self._parts
        body = data[start:]
        if parts[is_from_client]:
            body = parts[is_from_client] + body
            parts[is_from_client] = b""
        if data[3] == 0x41:  # aborted
            return
        if data[3] == 0x43 and len(body) <= _MAX_BODY_BYTES and not self._is_encrypted:
            parts[is_from_client] = body
            return
        known = types.REQUESTS if is_from_client else types.RESPONSES
        number = body[2] | body[3] << 8 if body[:2] == b"\1\0" else -1
        if number not in known:
            if self._is_encrypted:
                self._emit("encrypted", 0, OpKind.OTHER, is_from_client, at_ns, None)
            else:
                self._emit(f"type_{number}", max(number, 0), OpKind.OTHER, is_from_client, at_ns, None)
            return
        if is_from_client:
            self._request(body, number, request, at_ns)
        else:
            self._response(body, number, request, at_ns)

    def _request(self, body: bytes, number: int, request: int, at_ns: int) -> None:
        service, kind = types.REQUESTS[number]
        cursor = Cursor(body, 4)
        cursor.node()
        cursor.at += 16  # time, handle, diagnostics wanted
        cursor.raw()
        cursor.at += 4
        cursor.extension()
        nodes: tuple[Node, ...] = ()
        if number in {types.READ, types.WRITE, types.CALL, types.BROWSE}:
            nodes = _nodes_of(cursor, number)
        elif number == types.CREATE_MONITORED_ITEMS:
            nodes = self._monitor(monitored_items(cursor))
        elif number == types.CREATE_SESSION:
            self._application(cursor, at_ns, is_of_client=True)
        elif number == types.ACTIVATE_SESSION:
            self._login(cursor, at_ns)
        self._asked.ask(request, Asked(number, nodes, at_ns))
        self._tell_all(nodes, service, number, kind, _REQUEST, "", request, at_ns, None)

    def _response(self, body: bytes, number: int, request: int, at_ns: int) -> None:
        service, kind = types.RESPONSES[number]
        asked = self._asked.answer(request)
        (status,) = _LONG(body, 16)
        result = _status(status)
        if asked is not None:
            if number != 397 and asked.number + 3 != number:
                self.complain(at_ns, False, AnomalyKind.UNEXPECTED_RESPONSE, f"asked {asked.number}", number)
                asked = None
            elif number == 397:
                service, kind = types.REQUESTS[asked.number]
                if asked.number == types.ACTIVATE_SESSION:
                    self.complain(at_ns, False, AnomalyKind.LOGIN_FAILED, result)
        nodes = asked.nodes if asked else ()
        results: list[tuple[Values, int]] = []
        if not status & 0x8000_0000 and number in _WITH_RESULTS:
            cursor = Cursor(body, 20)
            cursor.at += 1
            for _ in range(min(cursor.count(), types.MAX_ITEMS)):
                cursor.raw()
            cursor.extension()
            if number == types.GET_ENDPOINTS + 3:
                if cursor.count():
                    cursor.raw()
                    self._application(cursor, at_ns, is_of_client=False)
            elif number == types.PUBLISH + 3:
                told = published_values(cursor)
                nodes = tuple(self._monitored.get(each.handle, _UNKNOWN) for each in told)
                results = [(each.value, each.status) for each in told]
            else:
                results = _results(cursor, is_read=number == types.READ + 3)
        latency_ns = at_ns - asked.at_ns if asked else None
        self._tell_all(nodes, service, number, kind, _RESPONSE, result, request, at_ns, latency_ns, results)

    def _monitor(self, items: tuple[Monitored, ...]) -> tuple[Node, ...]:
        """Remember whose values will be published."""
        if len(self._monitored) + len(items) > _MAX_MONITORED:
            self._monitored.clear()
        nodes = tuple(Node(each.name, each.attribute, None) for each in items)
        for each, node in zip(items, nodes, strict=True):
            self._monitored[each.handle] = node
        return nodes

    def _tell_all(
        self,
        nodes: tuple[Node, ...],
        service: str,
        number: int,
        kind: OpKind,
        direction: Direction,
        result: str,
        request: int,
        at_ns: int,
        latency_ns: int | None,
        results: list[tuple[Values, int]] | None = None,
    ) -> None:
        """Emit an operation for each node."""
        is_from_client = direction is _REQUEST
        for place, node in enumerate(nodes or _NOWHERE):
            value, outcome = node.value if is_from_client else None, result
            if results and place < len(results):
                value, status = results[place]
                outcome = _status(status)
            area = ""
            if node.name:
                area = "node" if node.attribute is None else types.ATTRIBUTES.get(node.attribute, "attribute")
            self.emit(
                OtOp(
                    at_ns, self.flow, is_from_client, "opcua", service, number, kind, direction, None, area,
                    node.attribute, None, node.name, value, outcome, request, latency_ns,
                    {"item": place} if place else None,
                )
            )  # fmt: skip

    def _application(self, cursor: Cursor, at_ns: int, *, is_of_client: bool) -> None:
        """Read the description of a client or a server."""
        cursor.raw()
        product, name = cursor.text(), cursor.localized()
        self.tell(at_ns, Attribute.SOFTWARE, name, is_of_client=is_of_client, confidence=PROBABLE)
        self.tell(at_ns, Attribute.DESCRIPTION, product, is_of_client=is_of_client, confidence=PROBABLE)
        self.tell(at_ns, Attribute.ROLE, Role.SERVER, confidence=PROBABLE)

    def _login(self, cursor: Cursor, at_ns: int) -> None:
        cursor.raw()
        cursor.raw()
        for _ in range(min(cursor.count(), types.MAX_ITEMS)):
            cursor.raw()
            cursor.raw()
        for _ in range(min(cursor.count(), types.MAX_ITEMS)):
            cursor.raw()
        if cursor.node() != _USER_NAME:
            return
        cursor.at += 5
        cursor.raw()
        user = cursor.text()
        cursor.raw()
        self.tell(at_ns, Attribute.USER, user, is_of_client=True, confidence=PROBABLE)
        if not cursor.raw():
            self.complain(at_ns, True, AnomalyKind.CLEAR_TEXT_CREDENTIAL, "a user's password without encryption")


def check(payload: bytes, is_from_client: bool) -> int:  # noqa: ARG001 - the interface
    """Tell whether a payload begins with a chunk; see ``interface.Check``."""
    kind, chunk, size = _HEADER(payload, 0)
    return SURE if kind in _MESSAGES and chunk in _CHUNKS and 8 < size <= OpcUa.max_message_bytes else NO


def _status(code: int) -> str:
    return types.STATUS.get(code >> 16) or (f"status_{code:08x}" if code & 0x8000_0000 else "ok")


def _nodes_of(cursor: Cursor, number: int) -> tuple[Node, ...]:
    """Return the nodes that a request names; as many as can be read."""
    if number == types.READ:
        cursor.at += 12
    elif number == types.BROWSE:
        cursor.node()
        cursor.at += 16
    found: list[Node] = []
    for _ in range(min(cursor.count(), types.MAX_ITEMS)):
        name, attribute, value = cursor.node(), None, None
        if number in {types.READ, types.WRITE}:
            attribute = cursor.number()
            cursor.raw()
        if number == types.READ:
            cursor.at += 2
            cursor.raw()
            found.append(Node(name, attribute, None))
            continue
        if number == types.BROWSE:
            cursor.at += 4
            cursor.node()
            cursor.at += 9
            found.append(Node(name, None, None))
            continue
        values: list[Values] = []
        is_understood = True
        try:
            if number == types.WRITE:
                values.append(cursor.data_value()[0])
            else:
                name = f"{name} {cursor.node()}"
                values += [cursor.variant() for _ in range(min(cursor.count(), types.MAX_ITEMS))]
        except BAD_BYTES:
            is_understood = False
        value = values[0] if len(values) == 1 else None
        found.append(Node(name, attribute, value))
        if not is_understood or cursor.at > _MAX_VALUE_BYTES:
            break
    return tuple(found)


def _results(cursor: Cursor, *, is_read: bool) -> list[tuple[Values, int]]:
    """Return values and statuses; those before one of a type that is not known here."""
    found: list[tuple[Values, int]] = []
    for _ in range(min(cursor.count(), types.MAX_ITEMS)):
        if cursor.at > _MAX_VALUE_BYTES:
            break
        try:
            found.append(cursor.data_value() if is_read else (None, cursor.number()))
        except BAD_BYTES:
            break
    return found
