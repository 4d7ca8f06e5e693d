"""Pages in which devices describe themselves: UPnP's description of a device, and the title of a web page.

Source:
    UPnP Device Architecture 2.0 §2.3 (device description); HTML (title).
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from typing import Final

from vedette.sensor.dissect.wording import text_of
from vedette.sensor.model import CERTAIN, PROBABLE, Attribute

PAGE_BYTES_MAX: Final = 16_384
_ENDS: Final = {
    b"text/html": b"</title>",
    b"text/xml": b"</serviceList>",
    b"application/xml": b"</serviceList>",
}
_UPNP: Final = b"urn:schemas-upnp-org:device-1-0"
_TITLE: Final = re.compile(rb"<title[^<>]{0,64}>([^<]{1,256})", re.IGNORECASE)
_TAG: Final = re.compile(rb"<([a-zA-Z]{5,24})>([^<]{1,256}+)</")
_TAGS: Final = {
    b"friendlyName": Attribute.NAME,
    b"manufacturer": Attribute.VENDOR,
    b"modelName": Attribute.MODEL,
    b"modelNumber": Attribute.PRODUCT_CODE,
    b"serialNumber": Attribute.SERIAL,
    b"firmwareVersion": Attribute.FIRMWARE,
    b"deviceType": Attribute.FINGERPRINT,
}
_SAY_NOTHING: Final = frozenset({"index", "home", "login", "welcome", "document", "untitled", "loading", "redirect"})

Told = tuple[Attribute, str, int, str]
"""Attribute, value, confidence, source."""


class Page:
    """Keeps the beginning of a body until what a device says of itself is there.

    Args:
        end: What comes behind it.
    """

    __slots__ = ("_end", "_held")

    def __init__(self, end: bytes) -> None:
        self._end: Final = end
        self._held: Final = bytearray()

    def feed(self, data: bytes) -> bytes | None:
        """Take a piece; return what is told once it is whole, empty if it never will be."""
        looked_at = max(len(self._held) - len(self._end), 0)
        self._held.extend(data[: PAGE_BYTES_MAX - len(self._held)])
        found = self._held.find(self._end, looked_at)
        if found >= 0:
            return bytes(self._held[:found])
        return b"" if len(self._held) >= PAGE_BYTES_MAX else None


def page_of(headers: dict[bytes, bytes]) -> Page | None:
    """Return where a body goes, if by its headers it may tell of a device."""
    if b"content-encoding" in headers:
        return None
    end = _ENDS.get(headers.get(b"content-type", b"").partition(b";")[0].strip().lower())
    return Page(end) if end is not None else None


def told_by(page: bytes) -> Iterator[Told]:
    """Yield what a page says of the device that served it; the first mention counts, parts come later."""
    if _UPNP not in page:
        if (found := _TITLE.search(page)) is not None:
            title = _plain(found[1])
            if len(title) > 2 and title.lower() not in _SAY_NOTHING:
                yield Attribute.DESCRIPTION, title, PROBABLE, "http title"
        return
    seen: set[bytes] = set()
    for tag, content in _TAG.findall(page):
        attribute = _TAGS.get(tag)
        if attribute is None or tag in seen:
            continue
        seen.add(tag)
        text = _plain(content)
        if not text:
            continue
        if attribute is Attribute.FINGERPRINT:
            yield attribute, f"ssdp:{text}", CERTAIN, "upnp description"
        else:
            yield attribute, text, PROBABLE if attribute is Attribute.NAME else CERTAIN, "upnp description"


def _plain(content: bytes) -> str:
    return " ".join(html.unescape(text_of(content.strip())).split())
