"""CDP, Cisco's own discovery: name, platform, software and port of switches, phones and cameras.

Source:
    Cisco, "Cisco Discovery Protocol" (frame format as published for LAN switches).
"""

from __future__ import annotations

import socket
from struct import Struct
from typing import ClassVar, Final

from vedette.sensor.dissect.interface import NO, SURE, WEAK, Dissector, Malformed
from vedette.sensor.dissect.wording import text_of
from vedette.sensor.model import PROBABLE, Attribute, Direction, OpKind, OtOp, Role, Values

_FIELD: Final = Struct(">HH").unpack_from
_LONG: Final = Struct(">I").unpack_from
_MAX_FIELDS: Final = 96
_DEVICE: Final = 1
_ADDRESSES: Final = 2
_PORT: Final = 3
_CAPABILITIES: Final = 4
_SOFTWARE: Final = 5
_PLATFORM: Final = 6
_VTP_DOMAIN: Final = 9
_NATIVE_VLAN: Final = 10
_MANAGEMENT: Final = 22
_ROUTER: Final = 0x01
_SWITCHES: Final = 0x0A
_PHONE: Final = 0x80


class Cdp(Dissector):
    """Reads CDP."""

    __slots__ = ()

    name: ClassVar[str] = "cdp"

    def datagram(self, payload: bytes, is_from_client: bool, at_ns: int) -> None:
        """Read one frame's content."""
        detail: dict[str, Values] = {"version": payload[0], "ttl_s": payload[1]}
        position = 4
        for _ in range(_MAX_FIELDS):
            if position + 4 > len(payload):
                break
            kind, size = _FIELD(payload, position)
            if not kind and not size:
                break  # what Ethernet fills up with
            if size < 4 or position + size > len(payload):
                raise Malformed(f"field {kind} announces {size} bytes, {len(payload) - position} there")
            self._field(kind, payload[position + 4 : position + size], detail, is_from_client, at_ns)
            position += size
        self.emit(
            OtOp(
                at_ns, self.flow, is_from_client, "cdp", "announcement", 0, OpKind.IDENTIFY, Direction.REPORT, None,
                "port", None, None, str(detail.get("port", "")), str(detail.get("device", "")) or None, "", None, None,
                detail,
            )
        )  # fmt: skip

    def _field(self, kind: int, content: bytes, detail: dict[str, Values], is_from_client: bool, at_ns: int) -> None:
        if kind == _DEVICE:
            detail["device"] = text_of(content)
            self.tell(at_ns, Attribute.NAME, text_of(content), is_of_client=is_from_client)
        elif kind == _PORT:
            detail["port"] = text_of(content)
        elif kind == _SOFTWARE:
            text = text_of(content.partition(b"\n")[0])
            self.tell(at_ns, Attribute.SOFTWARE, text, is_of_client=is_from_client)
            if version := _version(text):
                self.tell(at_ns, Attribute.FIRMWARE, version, is_of_client=is_from_client)
        elif kind == _PLATFORM:
            text = text_of(content)
            self.tell(at_ns, Attribute.MODEL, text, is_of_client=is_from_client)
            if text.lower().startswith("cisco"):
                self.tell(at_ns, Attribute.VENDOR, "Cisco", is_of_client=is_from_client)
        elif kind == _CAPABILITIES:
            bits = _LONG(content, 0)[0]
            role = Role.ROUTER if bits & _ROUTER else Role.SWITCH if bits & _SWITCHES else None
            role = Role.IOT_DEVICE if bits & _PHONE else role
            if role is not None:
                self.tell(at_ns, Attribute.ROLE, role, is_of_client=is_from_client, confidence=PROBABLE)
        elif kind in {_ADDRESSES, _MANAGEMENT}:
            for address in _addresses(content):
                self.tell(at_ns, Attribute.IP, address, is_of_client=is_from_client)
        elif kind == _NATIVE_VLAN:
            detail["native_vlan"] = int.from_bytes(content[:2], "big")
        elif kind == _VTP_DOMAIN:
            self.tell(at_ns, Attribute.DOMAIN, text_of(content), is_of_client=is_from_client, confidence=PROBABLE)


def check(payload: bytes, is_from_client: bool) -> int:  # noqa: ARG001 - the interface
    """Tell CDP by version and first field; see ``interface.Check``."""
    kind, size = _FIELD(payload, 4)
    if payload[0] not in {1, 2} or size < 4:
        return NO
    return SURE if kind == _DEVICE and size < 256 else WEAK


def _version(text: str) -> str:
    _, found, rest = text.partition("Version ")
    return rest.split(",")[0].split()[0] if found and rest.strip() else ""


def _addresses(content: bytes) -> list[str]:
    found: list[str] = []
    position = 4
    for _ in range(min(_LONG(content, 0)[0], 16)):
        size = content[position + 1]
        protocol = content[position + 2 : position + 2 + size]
        position += 2 + size
        length = content[position] << 8 | content[position + 1]
        address = content[position + 2 : position + 2 + length]
        position += 2 + length
        if protocol == b"\xcc" and len(address) == 4:
            found.append(socket.inet_ntoa(address))
    return found
