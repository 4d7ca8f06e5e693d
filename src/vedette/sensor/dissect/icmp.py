"""ICMP for IPv4 and IPv6, with neighbour discovery: who lives where, who routes, and who looks around.

Source:
    RFC 792; RFC 4443; RFC 4861 (neighbour discovery).
"""

from __future__ import annotations

import socket
from struct import Struct
from typing import ClassVar, Final

from vedette.sensor.dissect.interface import Dissector, Malformed
from vedette.sensor.flows import Flow
from vedette.sensor.model import PROBABLE, AnomalyKind, Attribute, Direction, OpKind, OtOp, Role, Sink

_PAIR: Final = Struct(">HH").unpack_from
_ASKS: Final = Direction.REQUEST
_ANSWERS: Final = Direction.RESPONSE
_REPORTS: Final = Direction.REPORT
_IPV4: Final = {
    0: ("echo_reply", OpKind.DIAGNOSE, _ANSWERS), 3: ("destination_unreachable", OpKind.REPORT, _REPORTS),
    4: ("source_quench", OpKind.REPORT, _REPORTS), 5: ("redirect", OpKind.CONTROL, _REPORTS),
    8: ("echo_request", OpKind.DIAGNOSE, _ASKS), 9: ("router_advertisement", OpKind.REPORT, _REPORTS),
    10: ("router_solicitation", OpKind.IDENTIFY, _ASKS), 11: ("time_exceeded", OpKind.REPORT, _REPORTS),
    12: ("parameter_problem", OpKind.REPORT, _REPORTS), 13: ("timestamp_request", OpKind.DIAGNOSE, _ASKS),
    14: ("timestamp_reply", OpKind.DIAGNOSE, _ANSWERS), 17: ("address_mask_request", OpKind.IDENTIFY, _ASKS),
    18: ("address_mask_reply", OpKind.IDENTIFY, _ANSWERS),
}  # fmt: skip
_IPV6: Final = {
    1: ("destination_unreachable", OpKind.REPORT, _REPORTS), 2: ("packet_too_big", OpKind.REPORT, _REPORTS),
    3: ("time_exceeded", OpKind.REPORT, _REPORTS), 4: ("parameter_problem", OpKind.REPORT, _REPORTS),
    128: ("echo_request", OpKind.DIAGNOSE, _ASKS), 129: ("echo_reply", OpKind.DIAGNOSE, _ANSWERS),
    130: ("multicast_listener_query", OpKind.REPORT, _ASKS),
    131: ("multicast_listener_report", OpKind.REPORT, _REPORTS),
    132: ("multicast_listener_done", OpKind.REPORT, _REPORTS), 133: ("router_solicitation", OpKind.IDENTIFY, _ASKS),
    134: ("router_advertisement", OpKind.REPORT, _REPORTS), 135: ("neighbor_solicitation", OpKind.IDENTIFY, _ASKS),
    136: ("neighbor_advertisement", OpKind.IDENTIFY, _ANSWERS), 137: ("redirect", OpKind.CONTROL, _REPORTS),
    143: ("multicast_listener_report_v2", OpKind.REPORT, _REPORTS),
}  # fmt: skip
_ECHO_4: Final = frozenset({0, 8})
_ECHO_6: Final = frozenset({128, 129})
_REDIRECT: Final = 5
_ROUTER: Final = 134
_SOLICITATION: Final = 135
_ADVERTISEMENT: Final = 136
_SOURCE_LINK: Final = 1
_TARGET_LINK: Final = 2
_MAX_OPTIONS: Final = 16


class Icmp(Dissector):
    """Reads ICMP for IPv4."""

    __slots__ = ("_asked_ns", "_sequence")

    name: ClassVar[str] = "icmp"

    def __init__(self, flow: Flow, sink: Sink) -> None:
        super().__init__(flow, sink)
        self._asked_ns = -1
        self._sequence = -1

    def datagram(self, payload: bytes, is_from_client: bool, at_ns: int) -> None:
        """Read one message."""
        code = payload[0]
        known = _IPV4.get(code)
        if known is None:
            self.complain(at_ns, is_from_client, AnomalyKind.ILLEGAL_FUNCTION, f"type {code}", code)
            return
        service, kind, direction = known
        number, latency_ns = None, None
        if code in _ECHO_4:
            number, latency_ns = self.echo(payload, direction, at_ns)
        name = ""
        if code == _REDIRECT:
            if len(payload) < 8:
                raise Malformed(f"a redirect of {len(payload)} bytes; 8 needed")
            name = socket.inet_ntoa(payload[4:8])
        self.emit(
            OtOp(
                at_ns, self.flow, is_from_client, "icmp", service, code, kind, direction, None, "", payload[1],
                len(payload) - 8, name, None, "ok" if direction is _ANSWERS else "", number, latency_ns,
            )
        )  # fmt: skip

    def echo(self, payload: bytes, direction: Direction, at_ns: int) -> tuple[int, int | None]:
        """Return an echo's sequence number and, of a reply, what time it took."""
        _, sequence = _PAIR(payload, 4)
        if direction is _ASKS:
            self._sequence, self._asked_ns = sequence, at_ns
            return sequence, None
        return sequence, at_ns - self._asked_ns if sequence == self._sequence else None


class Icmp6(Icmp):
    """Reads ICMP for IPv6."""

    __slots__ = ()

    name: ClassVar[str] = "icmpv6"

    def datagram(self, payload: bytes, is_from_client: bool, at_ns: int) -> None:
        """Read one message."""
        code = payload[0]
        known = _IPV6.get(code)
        if known is None:
            if code < 100 or 127 < code < 200:
                self.complain(at_ns, is_from_client, AnomalyKind.ILLEGAL_FUNCTION, f"type {code}", code)
            return
        service, kind, direction = known
        number, latency_ns, name = None, None, ""
        if code in _ECHO_6:
            number, latency_ns = self.echo(payload, direction, at_ns)
        elif code in {_SOLICITATION, _ADVERTISEMENT}:
            name = self._neighbour(payload, code, is_from_client, at_ns)
        elif code == _ROUTER:
            self._router(payload, is_from_client, at_ns)
        self.emit(
            OtOp(
                at_ns, self.flow, is_from_client, "icmpv6", service, code, kind, direction, None, "", payload[1],
                len(payload) - 8, name, None, "ok" if direction is _ANSWERS else "", number, latency_ns,
            )
        )  # fmt: skip

    def _neighbour(self, payload: bytes, code: int, is_from_client: bool, at_ns: int) -> str:
        if len(payload) < 24:
            raise Malformed(f"neighbour discovery of {len(payload)} bytes; 24 needed")
        target = socket.inet_ntop(socket.AF_INET6, payload[8:24])
        wanted = _TARGET_LINK if code == _ADVERTISEMENT else _SOURCE_LINK
        mac = _link_address(payload, 24, wanted)
        sender = self.flow.client if is_from_client else self.flow.server
        if mac:
            owner = target if code == _ADVERTISEMENT else sender
            self.tell(at_ns, Attribute.MAC, mac, address=owner)
        if code == _ADVERTISEMENT and payload[4] & 0x80:
            self.tell(at_ns, Attribute.ROLE, Role.ROUTER, address=target, confidence=PROBABLE)
        return target

    def _router(self, payload: bytes, is_from_client: bool, at_ns: int) -> None:
        if len(payload) < 16:
            raise Malformed(f"a router advertisement of {len(payload)} bytes; 16 needed")
        if mac := _link_address(payload, 16, _SOURCE_LINK):
            self.tell(at_ns, Attribute.MAC, mac, is_of_client=is_from_client)
        if payload[6] | payload[7]:  # with a lifetime: it offers to be the way out
            self.tell(at_ns, Attribute.ROLE, Role.ROUTER, is_of_client=is_from_client, confidence=PROBABLE)


def _link_address(payload: bytes, position: int, wanted: int) -> str:
    for _ in range(_MAX_OPTIONS):
        if position + 2 > len(payload):
            break
        kind, size = payload[position], payload[position + 1] * 8
        if not size or position + size > len(payload):
            raise Malformed(f"option {kind} announces {size} bytes, {len(payload) - position} there")
        if kind == wanted and size == 8:
            return payload[position + 2 : position + 8].hex(":")
        position += size
    return ""
