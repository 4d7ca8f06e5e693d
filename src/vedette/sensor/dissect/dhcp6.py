"""DHCP for IPv6.

Source:
    RFC 8415; option 39 of RFC 4704 (FQDN).
"""

from __future__ import annotations

import socket
from struct import Struct
from typing import ClassVar, Final

from vedette.sensor.dissect.interface import NO, SURE, WEAK, Dissector, Malformed
from vedette.sensor.dissect.transactions import Transactions
from vedette.sensor.dissect.wording import text_of
from vedette.sensor.flows import Flow
from vedette.sensor.model import (
    POSSIBLE,
    PROBABLE,
    AnomalyKind,
    Attribute,
    Direction,
    OpKind,
    OtOp,
    Role,
    Sink,
)

_OPTION: Final = Struct(">HH").unpack_from
_WORD: Final = Struct(">H").unpack_from
_TYPES: Final = {
    1: "solicit", 2: "advertise", 3: "request", 4: "confirm", 5: "renew", 6: "rebind", 7: "reply", 8: "release",
    9: "decline", 10: "reconfigure", 11: "information_request", 12: "relay_forward", 13: "relay_reply",
}  # fmt: skip
_RELAYS: Final = frozenset({12, 13})
_FROM_SERVER: Final = frozenset({2, 7, 10, 13})
_RELAY_BYTES: Final = 34
_MAX_OPTIONS: Final = 64
_MAX_RELAYS: Final = 8

_CLIENT_ID: Final = 1
_NON_TEMPORARY: Final = 3
_ADDRESS: Final = 5
_WANTED: Final = 6
_RELAYED: Final = 9
_STATUS: Final = 13
_VENDOR_CLASS: Final = 16
_FQDN: Final = 39
_RESULTS: Final = {
    0: "ok", 1: "unspec_fail", 2: "no_addrs_avail", 3: "no_binding", 4: "not_on_link", 5: "use_multicast",
}  # fmt: skip


class Dhcp6(Dissector):
    """Reads DHCPv6."""

    __slots__ = ("_asked",)

    name: ClassVar[str] = "dhcpv6"

    def __init__(self, flow: Flow, sink: Sink) -> None:
        super().__init__(flow, sink)
        self._asked: Final[Transactions[int, int]] = Transactions()

    def datagram(self, payload: bytes, is_from_client: bool, at_ns: int) -> None:
        """Read one message, a relayed one within its envelopes."""
        client = self.flow.client if is_from_client else self.flow.server
        for _ in range(_MAX_RELAYS):
            if payload[0] not in _RELAYS:
                break
            client = socket.inet_ntop(socket.AF_INET6, payload[18:_RELAY_BYTES])
            payload = options_of(payload, _RELAY_BYTES).get(_RELAYED, b"")
        code = payload[0]
        number = int.from_bytes(payload[1:4], "big")
        options = options_of(payload, 4)
        is_reply = code in _FROM_SERVER
        if code not in _TYPES:
            self.complain(at_ns, is_from_client, AnomalyKind.ILLEGAL_FUNCTION, f"message type {code}", code)
        given, status = _lease(options)
        if is_reply:
            asked_ns = self._asked.answer(number)
            self.tell(
                at_ns, Attribute.ROLE, Role.SERVER, is_of_client=is_from_client, confidence=POSSIBLE,
                source="dhcp server",
            )  # fmt: skip
        else:
            self._asked.ask(number, at_ns)
            asked_ns = None
            self._tell(options, client, at_ns)
        self.emit(
            OtOp(
                at_ns, self.flow, is_from_client, "dhcpv6", _TYPES.get(code, f"type_{code}"), code, OpKind.SESSION,
                Direction.RESPONSE if is_reply else Direction.REQUEST, mac_of(options.get(_CLIENT_ID, b"")) or None,
                "lease", None, None, _name(options), given or None,
                _RESULTS.get(status, f"status_{status}") if is_reply else "", number,
                at_ns - asked_ns if asked_ns is not None else None,
            )
        )  # fmt: skip

    def _tell(self, options: dict[int, bytes], client: str, at_ns: int) -> None:
        if name := _name(options):
            self.tell(at_ns, Attribute.NAME, name, address=client)
        if wanted := options.get(_WANTED):
            codes = [str(_WORD(wanted, start)[0]) for start in range(0, min(len(wanted), 128) - 1, 2)]
            self.tell(at_ns, Attribute.FINGERPRINT, "dhcpv6:" + ",".join(codes), address=client)
        maker = options.get(_VENDOR_CLASS, b"")
        if len(maker) > 6 and (text := text_of(maker[6 : 6 + _WORD(maker, 4)[0]])):
            self.tell(at_ns, Attribute.FINGERPRINT, f"dhcp_vendor:{text}", address=client)
            if text.startswith("MSFT 5.0"):
                self.tell(at_ns, Attribute.OPERATING_SYSTEM, "Windows", address=client, confidence=PROBABLE)


def options_of(payload: bytes, start: int) -> dict[int, bytes]:
    """Read options; of several with one number the first counts.

    Raises:
        Malformed: One is longer than what is left.
        struct.error: It ends too early.
    """
    found: dict[int, bytes] = {}
    for _ in range(_MAX_OPTIONS):
        if start >= len(payload):
            break
        code, length = _OPTION(payload, start)
        start += 4
        if start + length > len(payload):
            raise Malformed(f"option {code} announces {length} bytes, {len(payload) - start} there")
        found.setdefault(code, payload[start : start + length])
        start += length
    return found


def mac_of(duid: bytes) -> str:
    """Return the MAC address that a DHCP unique identifier was made of, or nothing."""
    kind = duid[:4]
    if kind == b"\0\1\0\1" and len(duid) == 14:
        return duid[8:].hex(":")
    return duid[4:].hex(":") if kind == b"\0\3\0\1" and len(duid) == 10 else ""


def check(payload: bytes, is_from_client: bool) -> int:  # noqa: ARG001 - the interface
    """Tell DHCPv6 by its options, which fill the message to the end; see ``interface.Check``."""
    code = payload[0]
    if code not in _TYPES:
        return NO
    try:
        found = options_of(payload, _RELAY_BYTES if code in _RELAYS else 4)
    except Malformed:
        return NO
    return SURE if len(found) >= 2 and found.keys() <= frozenset(range(1, 150)) else WEAK


def _lease(options: dict[int, bytes]) -> tuple[str, int]:
    status = options.get(_STATUS, b"\0\0")
    content = options.get(_NON_TEMPORARY)
    if content is None or len(content) < 12:
        return "", int(_WORD(status, 0)[0])
    within = options_of(content, 12)
    status = within.get(_STATUS, status)
    address = within.get(_ADDRESS, b"")
    text = socket.inet_ntop(socket.AF_INET6, address[:16]) if len(address) >= 24 else ""
    return text, int(_WORD(status, 0)[0])


def _name(options: dict[int, bytes]) -> str:
    content = options.get(_FQDN, b"")
    labels = []
    position = 1
    while position < len(content) and content[position]:
        labels.append(text_of(content[position + 1 : position + 1 + content[position]]))
        position += 1 + content[position]
    return ".".join(labels)
