"""One line of a log as a record with bounds: fields are asked for by type, and what is of another type is not there."""

from __future__ import annotations

import ipaddress
import math
import re
from datetime import datetime
from typing import Final

import msgspec

from vedette.sensor.model import Value, Values

LINE_BYTES_MAX: Final = 256 * 1024
_MAX_TEXT_CHARS: Final = 1_024
_MAX_ITEMS: Final = 64
_MAX_S: Final = 2**62 // 1_000_000_000
_MAX_NUMBER: Final = 2**63 - 1
_MAC: Final = re.compile(r"(?:[0-9a-f]{2}:){5}[0-9a-f]{2}")

_decoder: Final = msgspec.json.Decoder(dict[str, object])


class Row:
    """A record of a log.

    Args:
        fields: By name; values are whatever JSON can hold.
    """

    __slots__ = ("fields",)

    def __init__(self, fields: dict[str, object]) -> None:
        self.fields: Final = fields

    def text(self, name: str) -> str:
        """Return a text, cut and without what can't be printed; empty if there is none."""
        return plain(self.fields.get(name))

    def number(self, name: str) -> int | None:
        """Return a whole number, also one that is written as text, decimal or as ``0x…``."""
        return whole(self.fields.get(name))

    def flag(self, name: str) -> bool | None:
        """Return whether something is so; None if nothing is said."""
        value = self.fields.get(name)
        return value if isinstance(value, bool) else None

    def texts(self, name: str) -> tuple[str, ...]:
        """Return a list of texts; one text counts as a list of one."""
        value = self.fields.get(name)
        items = value if isinstance(value, list) else [value]
        return tuple(text for item in items[:_MAX_ITEMS] if (text := plain(item)))

    def inner(self, name: str) -> Row:
        """Return a record within this one; an empty one if there is none."""
        value = self.fields.get(name)
        return Row(value) if isinstance(value, dict) else Row({})

    def address(self, name: str) -> str:
        """Return an IP or MAC address as the sensor writes it; empty if it is none."""
        return address_of(self.text(name))

    def mac(self, name: str) -> bytes:
        """Return a MAC address; empty if it is none."""
        text = self.text(name).lower()
        return bytes.fromhex(text.replace(":", "")) if _MAC.fullmatch(text) else b""

    def port(self, name: str) -> int:
        """Return a port; 0 if it is none."""
        number = self.number(name)
        return number if number is not None and 0 <= number <= 0x1FFFF else 0

    def count(self, name: str) -> int:
        """Return a count; 0 if there is none."""
        number = self.number(name)
        return number if number is not None and number >= 0 else 0

    def time_ns(self, name: str) -> int | None:
        """Return a time, seconds since 1970 or ISO 8601, to the microsecond; None if it is none."""
        value = self.fields.get(name)
        if isinstance(value, str):
            try:
                value = datetime.fromisoformat(value).timestamp()
            except (ValueError, OverflowError, OSError):
                return None
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < _MAX_S:
            return None
        return round(value * 1e6) * 1_000

    def duration_ns(self, name: str) -> int:
        """Return a duration in seconds as nanoseconds; 0 if there is none."""
        value = self.fields.get(name)
        if isinstance(value, bool) or not isinstance(value, int | float) or not value > 0:  # nor what is no number
            return 0
        return round(min(value, _MAX_S) * 1e6) * 1_000


def read_row(line: bytes) -> Row | None:
    """Read a line; None if it is no JSON object, or too long to be one record."""
    if len(line) > LINE_BYTES_MAX:
        return None
    try:
        return Row(_decoder.decode(line))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def plain(value: object) -> str:
    """Return a text as the sensor keeps it; of numbers their digits, of anything else nothing."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return str(value)[:_MAX_TEXT_CHARS]
    if not isinstance(value, str):
        return ""
    text = value[:_MAX_TEXT_CHARS].encode("utf-8", "replace").decode()
    return text if text.isprintable() else "".join(c if c.isprintable() else " " for c in text)


def whole(value: object) -> int | None:
    """Return a whole number within 64 bits; None if it is none."""
    if isinstance(value, str) and len(value) <= 24:
        text = value.strip().lower()
        try:
            value = int(text, 16) if text.startswith("0x") else int(text)
        except ValueError:
            return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return int(value) if abs(value) <= _MAX_NUMBER else None


def address_of(text: str) -> str:
    """Return an IP or MAC address in the form that the sensor uses; empty if it is none."""
    text = text.strip().lower()
    if _MAC.fullmatch(text):
        return text
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return ""
    if isinstance(address, ipaddress.IPv6Address) and address.scope_id:
        return ""
    return str(address)


def value_of(value: object) -> Values:
    """Return a value as operations carry it: a plain one, or several; anything else is nothing."""
    if isinstance(value, list):
        return tuple(_single(item) for item in value[:_MAX_ITEMS])
    return _single(value)


def _single(value: object) -> Value:
    if isinstance(value, str):
        return plain(value)
    if isinstance(value, bool) or value is None:
        return value
    if isinstance(value, int):
        return value if abs(value) <= _MAX_NUMBER else None
    return value if isinstance(value, float) and math.isfinite(value) else None
