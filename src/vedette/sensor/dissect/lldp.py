"""LLDP: switches, controllers and phones say what they are and on which port.

Source:
    IEEE 802.1AB-2016; organizationally specific fields of PROFINET (IEC 61158-6-10) and ANSI/TIA-1057 (LLDP-MED).
"""

from __future__ import annotations

import socket
from typing import ClassVar, Final

from vedette.sensor.dissect.interface import NO, SURE, Dissector, Malformed
from vedette.sensor.dissect.wording import text_of
from vedette.sensor.model import CERTAIN, PROBABLE, Attribute, Direction, OpKind, OtOp, Role, Values

_CHASSIS: Final = 1
_PORT: Final = 2
_TTL: Final = 3
_PORT_DESCRIPTION: Final = 4
_SYSTEM_NAME: Final = 5
_SYSTEM: Final = 6
_CAPABILITIES: Final = 7
_MANAGEMENT: Final = 8
_OWN: Final = 127
_MAX_FIELDS: Final = 96
_MED: Final = b"\x00\x12\xbb"
_PROFINET: Final = b"\x00\x0e\xcf"
_INVENTORY: Final = {
    5: Attribute.HARDWARE, 6: Attribute.FIRMWARE, 7: Attribute.SOFTWARE, 8: Attribute.SERIAL, 9: Attribute.VENDOR,
    10: Attribute.MODEL,
}  # fmt: skip
_BRIDGE: Final = 0x04
_ROUTER: Final = 0x10


class Lldp(Dissector):
    """Reads LLDP."""

    __slots__ = ()

    name: ClassVar[str] = "lldp"

    def datagram(self, payload: bytes, is_from_client: bool, at_ns: int) -> None:
        """Read one frame's content."""
        detail: dict[str, Values] = {}
        position = 0
        for _ in range(_MAX_FIELDS):
            if position + 2 > len(payload):
                break
            head = payload[position] << 8 | payload[position + 1]
            kind, size = head >> 9, head & 0x1FF
            position += 2
            if not kind:
                break
            if position + size > len(payload):
                raise Malformed(f"field {kind} announces {size} bytes, {len(payload) - position} there")
            self._field(kind, payload[position : position + size], detail, is_from_client, at_ns)
            position += size
        self.emit(
            OtOp(
                at_ns, self.flow, is_from_client, "lldp", "announcement", 0, OpKind.IDENTIFY, Direction.REPORT,
                None, "port", None, None, str(detail.get("port", "")), str(detail.get("system", "")) or None, "", None,
                None, detail,
            )
        )  # fmt: skip

    def _field(self, kind: int, content: bytes, detail: dict[str, Values], is_from_client: bool, at_ns: int) -> None:
        if kind == _CHASSIS:
            chassis = _identifier(content, mac_kind=4)
            detail["chassis"] = chassis
            if content[0] == 4 and len(content) == 7:
                self.tell(at_ns, Attribute.MAC, chassis, is_of_client=is_from_client)
        elif kind == _PORT:
            detail["port"] = _identifier(content, mac_kind=3)
        elif kind == _TTL:
            detail["ttl_s"] = int.from_bytes(content[:2], "big")
        elif kind == _PORT_DESCRIPTION:
            detail["port_description"] = text_of(content)
        elif kind == _SYSTEM_NAME:
            detail["system"] = text_of(content)
            self.tell(at_ns, Attribute.NAME, text_of(content), is_of_client=is_from_client)
        elif kind == _SYSTEM:
            self.tell(at_ns, Attribute.DESCRIPTION, text_of(content), is_of_client=is_from_client)
        elif kind == _CAPABILITIES:
            enabled = content[3]
            role = Role.ROUTER if enabled & _ROUTER else Role.SWITCH if enabled & _BRIDGE else None
            if role is not None:
                self.tell(at_ns, Attribute.ROLE, role, is_of_client=is_from_client, confidence=PROBABLE)
        elif kind == _MANAGEMENT:
            if address := _management(content):
                self.tell(at_ns, Attribute.IP, address, is_of_client=is_from_client)
                mac = self.flow.client if is_from_client else self.flow.server
                self.tell(at_ns, Attribute.MAC, mac, address=address, confidence=PROBABLE)
        elif kind == _OWN and len(content) > 4:
            self._own(content[:3], content[3], content[4:], detail, is_from_client, at_ns)

    def _own(
        self, maker: bytes, kind: int, content: bytes, detail: dict[str, Values], is_from_client: bool, at_ns: int
    ) -> None:
        if maker == _MED and kind in _INVENTORY:
            self.tell(at_ns, _INVENTORY[kind], text_of(content), is_of_client=is_from_client, confidence=CERTAIN)
        elif maker == _PROFINET and kind == 5 and len(content) >= 6:
            detail["profinet_mac"] = content[:6].hex(":")
            self.tell(at_ns, Attribute.FINGERPRINT, "lldp:profinet", is_of_client=is_from_client, confidence=PROBABLE)


def check(payload: bytes, is_from_client: bool) -> int:  # noqa: ARG001 - the interface
    """Tell LLDP by its first field, the chassis; see ``interface.Check``."""
    return SURE if payload[0] == 0x02 and payload[1] >= 2 and 1 <= payload[2] <= 7 else NO


def _identifier(content: bytes, *, mac_kind: int) -> str:
    if content[0] == mac_kind and len(content) == 7:
        return content[1:].hex(":")
    if content[0] == mac_kind + 1 and len(content) == 6 and content[1] == 1:
        return socket.inet_ntoa(content[2:])
    return text_of(content[1:])


def _management(content: bytes) -> str:
    size, family = content[0], content[1]
    if family == 1 and size == 5 and len(content) >= 6:
        return socket.inet_ntoa(content[2:6])
    if family == 2 and size == 17 and len(content) >= 18:
        return socket.inet_ntop(socket.AF_INET6, content[2:18])
    return ""
