"""ARP: who has which address, as the devices themselves say.

Source:
    RFC 826; RFC 5227 (probes and announcements).
"""

from __future__ import annotations

import socket
from struct import Struct
from typing import ClassVar, Final

from vedette.sensor.dissect.interface import NO, SURE, Dissector, Malformed
from vedette.sensor.flows import Flow
from vedette.sensor.model import CERTAIN, AnomalyKind, Attribute, Direction, OpKind, OtOp, Sink

_HEAD: Final = Struct(">HHBBH").unpack_from
_ETHERNET: Final = 1
_IPV4: Final = 0x0800
_NOBODY: Final = b"\0\0\0\0"
_CODES: Final = {1: ("request", Direction.REQUEST), 2: ("reply", Direction.RESPONSE)}
_MAX_HELD: Final = 256


class Arp(Dissector):
    """Reads ARP; a sender's own words are evidence, and stay one sender's word."""

    __slots__ = ("_claimed",)

    name: ClassVar[str] = "arp"

    def __init__(self, flow: Flow, sink: Sink) -> None:
        super().__init__(flow, sink)
        self._claimed: Final[dict[bytes, bytes]] = {}

    def datagram(self, payload: bytes, is_from_client: bool, at_ns: int) -> None:
        """Read one frame's content."""
        hardware, kind, hardware_size, size, code = _HEAD(payload, 0)
        if (hardware, kind, hardware_size, size) != (_ETHERNET, _IPV4, 6, 4):
            return
        if len(payload) < 28:
            raise Malformed(f"ARP of {len(payload)} bytes; 28 needed")
        mac, address, target = payload[8:14], payload[14:18], payload[24:28]
        known = _CODES.get(code)
        if known is None:
            self.complain(at_ns, is_from_client, AnomalyKind.ILLEGAL_VALUE, f"operation {code}", code)
            return
        service, direction = known
        if address == target:
            service, direction = "announcement", Direction.REPORT
        elif address == _NOBODY:
            service = "probe"
        said_by = self.flow.client if is_from_client else self.flow.server
        if mac.hex(":") != said_by:
            self.complain(at_ns, is_from_client, AnomalyKind.ILLEGAL_VALUE, "speaks for another MAC address", code)
        if address != _NOBODY and self._claimed.get(address) != mac:
            if len(self._claimed) >= _MAX_HELD:
                self._claimed.clear()
            self._claimed[address] = mac
            self.tell(at_ns, Attribute.MAC, mac.hex(":"), address=socket.inet_ntoa(address), confidence=CERTAIN)
        self.emit(
            OtOp(
                at_ns, self.flow, is_from_client, "arp", service, code, OpKind.IDENTIFY, direction,
                name=socket.inet_ntoa(target), value=socket.inet_ntoa(address),
            )
        )  # fmt: skip


def check(payload: bytes, is_from_client: bool) -> int:  # noqa: ARG001 - the interface
    """Tell ARP by its fixed fields; see ``interface.Check``."""
    return SURE if payload[4:6] == b"\x06\x04" and payload[2:4] == b"\x08\x00" else NO
