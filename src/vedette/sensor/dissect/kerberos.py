"""Kerberos: who asks for a ticket, for which service, in which cipher, and who is refused.

Source:
    RFC 4120 §5.2.2 (names), §5.4 (requests and replies), §5.9 (errors), §7.2.2 (over TCP), §7.5 (numbers).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar, Final, NamedTuple

from vedette.sensor.dissect.ber import children, element, integer
from vedette.sensor.dissect.interface import NOT_A_MESSAGE, Malformed, StreamDissector
from vedette.sensor.flows import Flow
from vedette.sensor.model import AnomalyKind, Direction, OpKind, OtOp, Sink, Values

_REQUESTS: Final = {0x6A: "authentication", 0x6C: "ticket"}
_REPLIES: Final = {0x6B: "authentication", 0x6D: "ticket"}
_ERROR: Final = 0x7E
_CODES: Final = {"authentication": 10, "ticket": 12}
_SEQUENCE: Final = 0x30
_MAX_PARTS: Final = 64
_MAX_NAMES: Final = 8
_MAX_CHARS: Final = 256
_PROOFS: Final = frozenset({2, 14, 15, 16, 17, 136})
"""Encrypted time, signatures of a public key, and what is armored (RFC 4120 §7.5.2, RFC 4556, RFC 6113)."""
_TIMESTAMP: Final = 2
RESULTS: Final = {
    6: "unknown_user", 7: "unknown_service", 12: "policy", 13: "bad_option", 14: "no_cipher", 18: "revoked",
    23: "password_expired", 24: "wrong_password", 25: "proof_required", 31: "integrity", 32: "ticket_expired",
    37: "clock_skew", 41: "modified", 52: "too_big", 60: "generic", 68: "wrong_realm",
}  # fmt: skip
_FAILURES: Final = frozenset({"unknown_user", "revoked", "wrong_password"})


class _Asked(NamedTuple):
    service: str
    name: str
    area: str
    proof: int | None
    at_ns: int


class Kerberos(StreamDissector):
    """Reads Kerberos over UDP and TCP.

    Of a request ``area`` is ``proved`` or ``unproved``, ``value`` the ciphers that are offered and ``first`` the one of
    the proof; of a reply ``first`` is the cipher of the ticket, and ``value`` that of the proof before it.
    """

    __slots__ = ("_asked",)

    name: ClassVar[str] = "kerberos"

    def __init__(self, flow: Flow, sink: Sink) -> None:
        super().__init__(flow, sink)
        self._asked: _Asked | None = None

    def measure(self, data: bytes, start: int, is_from_client: bool) -> int:  # noqa: ARG002 - same both ways
        """Return the length that stands before a message over TCP."""
        size = int.from_bytes(data[start : start + 4], "big")
        if len(data) < start + 4:
            return 0
        return 4 + size if 8 <= size < self.max_message_bytes else NOT_A_MESSAGE

    def message(self, data: bytes, is_from_client: bool, at_ns: int) -> None:
        """Read one message with its length before it."""
        self.datagram(data[4:], is_from_client, at_ns)

    def datagram(self, payload: bytes, is_from_client: bool, at_ns: int) -> None:  # noqa: ARG002 - the tag tells
        """Read one message."""
        tag = payload[0]
        if tag not in _REQUESTS and tag not in _REPLIES and tag != _ERROR:
            return
        _, start, end = element(payload, 0, len(payload))
        parts = dict(_parts(payload, start, end))
        if tag in _REQUESTS:
            self._request(payload, parts, _REQUESTS[tag], at_ns)
        elif tag in _REPLIES:
            self._reply(payload, parts, _REPLIES[tag], at_ns)
        else:
            self._refusal(payload, parts, at_ns)

    def _request(self, data: bytes, parts: dict[int, tuple[int, int]], service: str, at_ns: int) -> None:
        body = dict(_parts(data, *parts[4]))
        name = _principal(data, body.get(1 if service == "authentication" else 3))
        ciphers = tuple(_integers(data, body[8])) if 8 in body else ()
        proof, is_proved = _proof(data, parts.get(3))
        area = "proved" if is_proved else "unproved"
        self._asked = _Asked(service, name, area, proof, at_ns)
        self._tell(service, Direction.REQUEST, area, name, ciphers, "", proof, at_ns, None)

    def _reply(self, data: bytes, parts: dict[int, tuple[int, int]], service: str, at_ns: int) -> None:
        asked, self._asked = self._asked, None
        cipher, name = None, ""
        if 5 in parts:
            _, start, end = element(data, *parts[5])
            ticket = dict(_parts(data, start, end))
            name = _principal(data, ticket.get(2))
            if 3 in ticket:
                cipher = _cipher(data, *ticket[3])
        if service == "authentication":
            name = _principal(data, parts.get(4))
        if asked is None or asked.service != service:
            asked = _Asked(service, name, "", None, at_ns)
        self._tell(service, Direction.RESPONSE, asked.area, name, asked.proof, "ok", cipher, at_ns, at_ns - asked.at_ns)

    def _refusal(self, data: bytes, parts: dict[int, tuple[int, int]], at_ns: int) -> None:
        code = integer(data, *parts[6])[0]
        result = RESULTS.get(code, f"error_{code}")
        asked, self._asked = self._asked, None
        asked = asked or _Asked("authentication", _principal(data, parts.get(8)), "", None, at_ns)
        name, latency_ns = asked.name, at_ns - asked.at_ns
        self._tell(asked.service, Direction.RESPONSE, asked.area, name, None, result, None, at_ns, latency_ns)
        if result in _FAILURES:
            self.complain(at_ns, False, AnomalyKind.LOGIN_FAILED, f"Kerberos error {code}", code)

    def _tell(
        self, service: str, direction: Direction, area: str, name: str, value: Values, result: str, cipher: int | None,
        at_ns: int, latency_ns: int | None,
    ) -> None:  # fmt: skip
        self.emit(
            OtOp(
                at_ns, self.flow, direction is Direction.REQUEST, "kerberos", service, _CODES[service], OpKind.SESSION,
                direction, None, area, cipher, None, name, value, result, None, latency_ns,
            )
        )  # fmt: skip


def _parts(data: bytes, start: int, end: int) -> Iterator[tuple[int, tuple[int, int]]]:
    """Go through the numbered parts of a sequence: number → where its content begins and ends."""
    tag, start, end = element(data, start, end)
    if tag != _SEQUENCE:
        raise Malformed(f"element {tag} where a sequence is due")
    for tag, begin, stop in children(data, start, end, _MAX_PARTS):
        yield tag & 0x1F, (begin, stop)


def _principal(data: bytes, place: tuple[int, int] | None) -> str:
    """Write a name: its parts, with slashes between them."""
    if place is None:
        return ""
    parts = dict(_parts(data, *place))
    _, start, end = element(data, *parts[1])
    names = [data[begin:stop] for _, begin, stop in children(data, start, end, _MAX_NAMES)]
    return b"/".join(names).decode("utf-8", "replace")[:_MAX_CHARS]


def _integers(data: bytes, place: tuple[int, int]) -> list[int]:
    _, start, end = element(data, *place)
    return [
        int.from_bytes(data[begin:stop], "big", signed=True)
        for _, begin, stop in children(data, start, end, _MAX_PARTS)
    ]


def _cipher(data: bytes, start: int, end: int) -> int:
    """Return the cipher of something encrypted."""
    return integer(data, *dict(_parts(data, start, end))[0])[0]


def _proof(data: bytes, place: tuple[int, int] | None) -> tuple[int | None, bool]:
    """Return the cipher of the encrypted time, and whether there is any proof of who asks."""
    if place is None:
        return None, False
    cipher, is_proved = None, False
    _, start, end = element(data, *place)
    for _, begin, stop in children(data, start, end, _MAX_PARTS):
        pieces = {tag & 0x1F: (first, last) for tag, first, last in children(data, begin, stop, _MAX_PARTS)}
        kind = integer(data, *pieces[1])[0]
        is_proved |= kind in _PROOFS or kind == 1
        if kind == _TIMESTAMP:
            _, first, last = element(data, *pieces[2])
            cipher = _cipher(data, first, last)
    return cipher, is_proved
