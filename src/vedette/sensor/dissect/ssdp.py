"""SSDP, the discovery of UPnP: what a device says it is, and where it describes itself.

Source:
    UPnP Device Architecture 2.0 §1.
"""

from __future__ import annotations

from typing import ClassVar, Final

from vedette.sensor.dissect.interface import NO, SURE, Dissector, Malformed
from vedette.sensor.dissect.wording import text_of
from vedette.sensor.model import POSSIBLE, PROBABLE, Attribute, Direction, OpKind, OtOp, Role

_STARTS: Final = {
    b"M-SEARCH * HTTP/1.1": ("m_search", Direction.REQUEST),
    b"NOTIFY * HTTP/1.1": ("notify", Direction.REPORT),
    b"HTTP/1.1 200 OK": ("response", Direction.RESPONSE),
}
_ROLES: Final = (
    ("InternetGatewayDevice", Role.ROUTER),
    ("WLANAccessPoint", Role.ROUTER),
    ("Printer", Role.PRINTER),
    ("DigitalSecurityCamera", Role.CAMERA),
    ("Basic", Role.IOT_DEVICE),
    ("MediaRenderer", Role.IOT_DEVICE),
    ("dial-multiscreen", Role.IOT_DEVICE),
)
_MAX_HEADERS: Final = 64


class Ssdp(Dissector):
    """Reads SSDP."""

    __slots__ = ()

    name: ClassVar[str] = "ssdp"

    def datagram(self, payload: bytes, is_from_client: bool, at_ns: int) -> None:
        """Read one message."""
        lines = payload.split(b"\n", _MAX_HEADERS)
        known = _STARTS.get(lines[0].strip())
        if known is None:
            raise Malformed("a first line that SSDP does not have")
        service, direction = known
        headers = {}
        for line in lines[1:]:
            name, _, value = line.partition(b":")
            headers[name.strip().lower()] = value.strip()
        what = text_of(headers.get(b"nt") or headers.get(b"st") or b"")
        if direction is not Direction.REQUEST:
            if headers.get(b"nts", b"").lower() == b"ssdp:byebye":
                service = "byebye"
            else:
                self._describe(headers, what, is_from_client, at_ns)
        elif agent := headers.get(b"user-agent"):
            self.tell(at_ns, Attribute.SOFTWARE, text_of(agent), is_of_client=is_from_client, confidence=PROBABLE)
        self.emit(
            OtOp(
                at_ns, self.flow, is_from_client, "ssdp", service, 0, OpKind.IDENTIFY, direction, None, "target", None,
                None, what, text_of(headers.get(b"location", b"")) or None,
                "ok" if direction is Direction.RESPONSE else "",
            )
        )  # fmt: skip

    def _describe(self, headers: dict[bytes, bytes], what: str, is_from_client: bool, at_ns: int) -> None:
        if server := headers.get(b"server"):
            text = text_of(server)
            self.tell(at_ns, Attribute.SOFTWARE, text, is_of_client=is_from_client, source="ssdp server")
            self.tell(at_ns, Attribute.FINGERPRINT, f"ssdp_server:{text}", is_of_client=is_from_client)
            system = text.partition(" UPnP/")[0].partition(",")[0]
            if system and system != text:
                self.tell(
                    at_ns, Attribute.OPERATING_SYSTEM, system.replace("/", " "), is_of_client=is_from_client,
                    confidence=POSSIBLE,
                )  # fmt: skip
        if what.startswith("urn:"):
            self.tell(at_ns, Attribute.FINGERPRINT, f"ssdp:{what}", is_of_client=is_from_client)
            parts = what.split(":")
            if len(parts) >= 4 and parts[2] == "device":
                self.tell(at_ns, Attribute.DEVICE_TYPE, parts[3], is_of_client=is_from_client, confidence=PROBABLE)
            for word, role in _ROLES:
                if word in what:
                    self.tell(at_ns, Attribute.ROLE, role, is_of_client=is_from_client, confidence=POSSIBLE)
                    break


def check(payload: bytes, is_from_client: bool) -> int:  # noqa: ARG001 - the interface
    """Tell SSDP by its first line; see ``interface.Check``."""
    if payload.startswith((b"M-SEARCH * HTTP/1.1\r\n", b"NOTIFY * HTTP/1.1\r\n")):
        return SURE
    return SURE if payload.startswith(b"HTTP/1.1 200 OK\r\n") and b"\r\nUSN:" in payload.upper() else NO
