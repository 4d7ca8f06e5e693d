"""CoAP: what small devices are asked and told, by method and path.

Source:
    RFC 7252; RFC 7641 (observe); option numbers of IANA's registry.
"""

from __future__ import annotations

from typing import ClassVar, Final, NamedTuple

from vedette.sensor.dissect.interface import NO, SURE, WEAK, Dissector, Malformed
from vedette.sensor.dissect.transactions import Transactions
from vedette.sensor.dissect.wording import text_of
from vedette.sensor.flows import Flow
from vedette.sensor.model import AnomalyKind, Direction, OpKind, OtOp, Sink

_METHODS: Final = {
    1: ("get", OpKind.READ), 2: ("post", OpKind.WRITE), 3: ("put", OpKind.WRITE), 4: ("delete", OpKind.WRITE),
    5: ("fetch", OpKind.READ), 6: ("patch", OpKind.WRITE), 7: ("ipatch", OpKind.WRITE),
}  # fmt: skip
_KINDS: Final = ("confirmable", "non_confirmable", "acknowledgement", "reset")
_HOST: Final = 3
_OBSERVE: Final = 6
_PATH: Final = 11
_QUERY: Final = 15
_MAX_OPTIONS: Final = 64
_END: Final = 0xFF


class Asked(NamedTuple):
    """What an answer repeats of its request."""

    service: str
    kind: OpKind
    path: str
    at_ns: int


class Coap(Dissector):
    """Reads CoAP."""

    __slots__ = ("_asked",)

    name: ClassVar[str] = "coap"

    def __init__(self, flow: Flow, sink: Sink) -> None:
        super().__init__(flow, sink)
        self._asked: Final[Transactions[bytes, Asked]] = Transactions()

    def datagram(self, payload: bytes, is_from_client: bool, at_ns: int) -> None:
        """Read one message."""
        head, code = payload[0], payload[1]
        number = payload[2] << 8 | payload[3]
        size = head & 15
        if head >> 6 != 1 or size > 8:
            raise Malformed(f"version {head >> 6}, a token of {size} bytes")
        token = payload[4 : 4 + size]
        options = options_of(payload, 4 + size)
        if not code:
            service = "ping" if not head & 0x30 else _KINDS[head >> 4 & 3]
            direction = Direction.REQUEST if service == "ping" else Direction.RESPONSE
            self.emit(
                OtOp(
                    at_ns, self.flow, is_from_client, "coap", service, 0, OpKind.SESSION, direction,
                    transaction=number,
                )
            )  # fmt: skip
            return
        if code < 32:
            self._request(code, token, options, number, is_from_client, at_ns)
            return
        if code < 64 or code >> 5 in {3, 6}:
            self.complain(at_ns, is_from_client, AnomalyKind.ILLEGAL_FUNCTION, f"code {code >> 5}.{code & 31:02}", code)
        asked = self._asked.answer(token)
        if asked is not None and _OBSERVE in options:
            self._asked.ask(token, asked)
        self.emit(
            OtOp(
                at_ns, self.flow, is_from_client, "coap", asked.service if asked else "response", code,
                asked.kind if asked else OpKind.REPORT if _OBSERVE in options else OpKind.OTHER, Direction.RESPONSE,
                None, "path", None, None, asked.path if asked else "", None,
                "ok" if code >> 5 == 2 else f"{code >> 5}.{code & 31:02}", number,
                at_ns - asked.at_ns if asked else None,
            )
        )  # fmt: skip

    def _request(
        self, code: int, token: bytes, options: dict[int, list[bytes]], number: int, is_from_client: bool, at_ns: int
    ) -> None:
        known = _METHODS.get(code)
        if known is None:
            self.complain(at_ns, is_from_client, AnomalyKind.ILLEGAL_FUNCTION, f"code 0.{code:02}", code)
            known = f"code_{code}", OpKind.OTHER
        service, kind = known
        path = "/" + "/".join(text_of(each) for each in options.get(_PATH, ()))
        if path == "/.well-known/core":
            kind = OpKind.IDENTIFY
        if query := options.get(_QUERY):
            path += "?" + "&".join(_without_secret(each) for each in query)
        host = options.get(_HOST)
        self._asked.ask(token, Asked(service, kind, path, at_ns))
        self.emit(
            OtOp(
                at_ns, self.flow, is_from_client, "coap", service, code, kind, Direction.REQUEST,
                text_of(host[0]) if host else None, "path", None, None, path, None, "", number,
            )
        )  # fmt: skip


def options_of(payload: bytes, position: int) -> dict[int, list[bytes]]:
    """Read options by number, up to the payload's mark.

    Raises:
        Malformed: One is longer than what is left, or there are too many.
    """
    found: dict[int, list[bytes]] = {}
    number = 0
    for _ in range(_MAX_OPTIONS):
        if position >= len(payload) or payload[position] == _END:
            return found
        delta, size = payload[position] >> 4, payload[position] & 15
        position += 1
        delta, position = _extended(payload, position, delta)
        size, position = _extended(payload, position, size)
        number += delta
        if position + size > len(payload):
            raise Malformed(f"option {number} announces {size} bytes, {len(payload) - position} there")
        found.setdefault(number, []).append(payload[position : position + size])
        position += size
    raise Malformed(f"more than {_MAX_OPTIONS} options")


def check(payload: bytes, is_from_client: bool) -> int:
    """Tell CoAP by its header and options; see ``interface.Check``."""
    head, code = payload[0], payload[1]
    if head >> 6 != 1 or head & 15 > 8 or len(payload) < 4 + (head & 15):
        return NO
    try:
        options = options_of(payload, 4 + (head & 15))
    except Malformed:
        return NO
    if code in _METHODS and is_from_client:
        return SURE if _PATH in options and max(options) < 300 else WEAK
    return WEAK if code in _METHODS or code >> 5 in {2, 4, 5} or (not code and len(payload) == 4) else NO


def _extended(payload: bytes, position: int, value: int) -> tuple[int, int]:
    if value < 13:
        return value, position
    if value == 13:
        return 13 + payload[position], position + 1
    if value == 14:
        return 269 + (payload[position] << 8 | payload[position + 1]), position + 2
    raise Malformed("an option whose length is reserved")


def _without_secret(pair: bytes) -> str:
    name, equals, _ = pair.partition(b"=")
    is_secret = equals and any(word in name.lower() for word in (b"pass", b"pwd", b"secret", b"token", b"key"))
    return text_of(name) + "=***" if is_secret else text_of(pair)
