"""Reads lists of known-bad addresses, names and URLs: plain text, MISP events and attributes, STIX 2 bundles."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import msgspec

from vedette.sensor.rules.model import RulesProblem

_MAX_FILE_BYTES: Final = 64 * 1024 * 1024
_MAX_INDICATORS: Final = 1_000_000
_MAX_CHARS: Final = 2_048
_STIX: Final = re.compile(r"(ipv4-addr|ipv6-addr|domain-name|url):value\s*=\s*'((?:[^'\\]|\\.)*)'")
_NAME: Final = re.compile(r"(?:[a-z0-9_](?:[a-z0-9_-]{0,62})\.)+[a-z0-9-]{2,63}")
_MISP_TYPES: Final = frozenset(
    {"ip-dst", "ip-src", "domain", "hostname", "url", "uri", "domain|ip", "ip-dst|port", "ip-src|port", "hostname|port"}
)
_MAX_DEPTH: Final = 12


class Indicators:
    """Known-bad addresses, names and URLs, each with where it comes from."""

    __slots__ = ("addresses", "names", "networks", "refused", "urls")

    def __init__(self) -> None:
        self.addresses: Final[dict[str, str]] = {}
        self.networks: Final[list[tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, str]]] = []
        self.names: Final[dict[str, str]] = {}
        self.urls: Final[dict[str, str]] = {}
        self.refused = 0
        """Entries that are none of these, or beyond the limit."""

    def __len__(self) -> int:
        return len(self.addresses) + len(self.networks) + len(self.names) + len(self.urls)

    def add(self, text: str, source: str) -> None:
        """Add one, whatever it is."""
        text = text.strip().replace("[.]", ".").replace("hxxp", "http", 1)
        if not text or len(text) > _MAX_CHARS or len(self) >= _MAX_INDICATORS:
            self.refused += 1
            return
        if "://" in text:
            if (url := url_of(text)) is not None:
                self.urls[url] = source
            else:
                self.refused += 1
            return
        try:
            network = ipaddress.ip_network(text, strict=False)
        except ValueError:
            name = text.lower().lstrip("*.").rstrip(".")
            if _NAME.fullmatch(name):
                self.names[name] = source
            else:
                self.refused += 1
            return
        if network.num_addresses == 1:
            self.addresses[str(network.network_address)] = source
        elif network.prefixlen >= 8:
            self.networks.append((network, source))
        else:
            self.refused += 1  # half the Internet is no indicator

    def of_address(self, address: str) -> str:
        """Return where an address is listed, or nothing."""
        found = self.addresses.get(address)
        if found is not None or not self.networks:
            return found or ""
        try:
            parsed = ipaddress.ip_address(address)
        except ValueError:
            return ""
        return next((source for network, source in self.networks if parsed in network), "")

    def of_name(self, name: str) -> str:
        """Return where a name, or one that it lies under, is listed."""
        name = name.lower().rstrip(".")
        while name:
            found = self.names.get(name)
            if found is not None:
                return found
            _, _, name = name.partition(".")
        return ""

    def of_url(self, host: str, path: str) -> str:
        """Return where a URL is listed."""
        return self.urls.get(f"{host.lower()}{path}", "") if self.urls else ""


def read_indicators(paths: Iterable[Path]) -> Indicators:
    """Read files of indicators.

    Raises:
        RulesProblem: One can't be read, or is JSON that is neither of MISP nor of STIX.
    """
    found = Indicators()
    for path in paths:
        try:
            if path.stat().st_size > _MAX_FILE_BYTES:
                raise RulesProblem(f"{path}: more than {_MAX_FILE_BYTES} bytes", hint="split the list")
            content = path.read_bytes()
        except OSError as error:
            raise RulesProblem(f"{path}: {error.strerror}", hint="give the path of a list of indicators") from None
        for text in texts_of(content, str(path)):
            found.add(text, path.name)
    return found


def texts_of(content: bytes, where: str) -> Iterator[str]:
    """Yield the indicators of a file, as they are written.

    Raises:
        RulesProblem: JSON that is neither of MISP nor of STIX.
    """
    if content.lstrip()[:1] not in {b"{", b"["}:
        for line in content.decode("utf-8", "replace").splitlines():
            text = line.partition("#")[0].partition(",")[0].strip()
            if text:
                yield text
        return
    try:
        document = msgspec.json.decode(content)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise RulesProblem(f"{where}: {error}", hint="JSON of MISP or STIX, or one indicator a line") from None
    found = list(_of_document(document, 0))
    if not found:
        raise RulesProblem(f"{where}: no indicators found", hint="JSON of MISP or STIX, or one indicator a line")
    yield from found


def url_of(text: str) -> str | None:
    """Return a URL's host and path, to compare with what is asked for; None if it is none."""
    try:
        parts = urlsplit(text)
        host = parts.hostname
    except ValueError:
        return None
    return f"{host}{parts.path or '/'}{'?' + parts.query if parts.query else ''}" if host else None


def _of_document(document: Any, depth: int) -> Iterator[str]:  # Any: JSON of others, looked at piece by piece
    if depth > _MAX_DEPTH:
        return
    if isinstance(document, list):
        for each in document:
            yield from _of_document(each, depth + 1)
        return
    if not isinstance(document, dict):
        return
    if document.get("type") == "indicator" and isinstance(pattern := document.get("pattern"), str):
        for _, value in _STIX.findall(pattern[:65_536]):
            yield re.sub(r"\\(.)", r"\1", value)
    elif document.get("type") in _MISP_TYPES and isinstance(value := document.get("value"), str):
        yield value.partition("|")[0]
    for key in ("objects", "response", "Event", "Attribute", "Object"):
        if key in document:
            yield from _of_document(document[key], depth + 1)
