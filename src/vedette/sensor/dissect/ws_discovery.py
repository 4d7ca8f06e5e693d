"""WS-Discovery: cameras (ONVIF), printers and Windows computers say what they are to whoever looks for them.

Source:
    WS-Discovery 1.1 §4 and §5; ONVIF Core Specification §7.3 (scopes); Devices Profile for Web Services.
"""

from __future__ import annotations

import re
from typing import ClassVar, Final
from urllib.parse import unquote

from vedette.sensor.dissect.interface import Dissector
from vedette.sensor.dissect.wording import text_of
from vedette.sensor.model import CERTAIN, PROBABLE, Attribute

_SAYS: Final = (b"ProbeMatch", b"ResolveMatch", b"Hello>", b":Hello ")
_TYPES: Final = re.compile(rb"<(?:\w{1,16}:)?Types[^<>]{0,256}>([^<]{1,512}+)</")
_SCOPES: Final = re.compile(rb"<(?:\w{1,16}:)?Scopes[^<>]{0,256}>([^<]{1,4096}+)</")
_ONVIF: Final = "onvif://www.onvif.org/"
_MAX_PARTS: Final = 32
_KEYS: Final = {
    "hardware": (Attribute.MODEL, CERTAIN),
    "name": (Attribute.NAME, PROBABLE),
    "location": (Attribute.LOCATION, PROBABLE),
    "mac": (Attribute.MAC, PROBABLE),
    "manufacturer": (Attribute.VENDOR, CERTAIN),
}
_SAY_NOTHING: Final = frozenset({"", "country", "city", "unknown"})
_MAC: Final = re.compile(r"(?:[0-9a-f]{2}:){5}[0-9a-f]{2}")


class WsDiscovery(Dissector):
    """Reads WS-Discovery; what is asked for is passed over, what is said of oneself counts."""

    __slots__ = ()

    name: ClassVar[str] = "ws_discovery"

    def datagram(self, payload: bytes, is_from_client: bool, at_ns: int) -> None:
        """Read one message."""
        if not any(mark in payload for mark in _SAYS):
            return
        if (types := _TYPES.search(payload)) is not None:
            for each in text_of(types[1], 512).split()[:_MAX_PARTS]:
                kind = each.rpartition(":")[2]
                self.tell(at_ns, Attribute.FINGERPRINT, f"wsd:{kind}", is_of_client=is_from_client)
        if (scopes := _SCOPES.search(payload)) is not None:
            for each in text_of(scopes[1], 4096).split()[:_MAX_PARTS]:
                self._scope(each, is_from_client, at_ns)

    def _scope(self, scope: str, is_from_client: bool, at_ns: int) -> None:
        if not scope.lower().startswith(_ONVIF):
            return
        key, _, content = scope[len(_ONVIF) :].partition("/")
        known = _KEYS.get(key.lower())
        value = unquote(content).strip("/ ")
        if known is None or value.lower() in _SAY_NOTHING:
            return
        attribute, confidence = known
        if attribute is Attribute.MAC:
            value = value.lower().replace("-", ":")
            if _MAC.fullmatch(value) is None:
                return
        self.tell(at_ns, attribute, value, is_of_client=is_from_client, confidence=confidence)
