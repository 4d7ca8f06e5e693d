"""TP-Link's smart-home protocol: plugs, bulbs and switches that say model, name, firmware and address when asked.

Source:
    The protocol has no specification; its form is known from the maker's devices: JSON under a running XOR.
"""

from __future__ import annotations

import json
from struct import Struct
from typing import ClassVar, Final

from vedette.sensor.dissect.interface import INCOMPLETE, NOT_A_MESSAGE, Malformed, StreamDissector
from vedette.sensor.model import CERTAIN, PROBABLE, Attribute

_LONG: Final = Struct(">I").unpack_from
_KEY: Final = 171
_MAX_BYTES: Final = 16_384
_FIELDS: Final = {
    "model": Attribute.MODEL,
    "alias": Attribute.NAME,
    "sw_ver": Attribute.FIRMWARE,
    "hw_ver": Attribute.HARDWARE,
    "type": Attribute.DEVICE_TYPE,
    "mic_type": Attribute.DEVICE_TYPE,
    "dev_name": Attribute.DESCRIPTION,
    "description": Attribute.DESCRIPTION,
    "deviceId": Attribute.SERIAL,
}


class Kasa(StreamDissector):
    """Reads what a device says of itself; commands and measurements are passed over."""

    __slots__ = ()

    name: ClassVar[str] = "kasa"
    max_message_bytes: ClassVar[int] = _MAX_BYTES + 4

    def measure(self, data: bytes, start: int, is_from_client: bool) -> int:  # noqa: ARG002 - the interface
        """Return a message's length, which stands before it."""
        if len(data) - start < 4:
            return INCOMPLETE
        size = int(_LONG(data, start)[0])
        return 4 + size if 2 <= size <= _MAX_BYTES else NOT_A_MESSAGE

    def message(self, data: bytes, is_from_client: bool, at_ns: int) -> None:
        """Read one message over TCP."""
        self.datagram(data[4:], is_from_client, at_ns)

    def datagram(self, payload: bytes, is_from_client: bool, at_ns: int) -> None:
        """Read one message over UDP."""
        if is_from_client:
            return
        try:
            said = json.loads(clear(payload[:_MAX_BYTES]))
        except (UnicodeDecodeError, ValueError, RecursionError):
            raise Malformed("a message that is no JSON") from None
        told = said.get("system", {}) if isinstance(said, dict) else {}
        told = told.get("get_sysinfo", {}) if isinstance(told, dict) else {}
        if not isinstance(told, dict) or not told:
            return
        self.tell(at_ns, Attribute.VENDOR, "TP-Link", confidence=PROBABLE)
        for field, attribute in _FIELDS.items():
            value = told.get(field)
            if isinstance(value, str):
                self.tell(at_ns, attribute, value, confidence=PROBABLE if field == "alias" else CERTAIN)
        mac = told.get("mac") or told.get("mic_mac")
        if isinstance(mac, str):
            digits = mac.replace(":", "").replace("-", "").lower()
            if len(digits) == 12 and not set(digits) - set("0123456789abcdef"):
                self.tell(at_ns, Attribute.MAC, bytes.fromhex(digits).hex(":"), confidence=PROBABLE)


def clear(hidden: bytes) -> bytes:
    """Undo the running XOR: each byte hides the next."""
    return bytes(one ^ before for one, before in zip(hidden, bytes((_KEY,)) + hidden, strict=False))
