"""What each device did, window by window, as bags of words: what a model of types learns from and judges.

A window is some minutes, counted from when an address was first seen. The maker's part of a MAC address is left out on
purpose: what a model learns must be what devices do, so that it also recognises them behind a router, and behind an
adapter of another maker.
"""

from __future__ import annotations

import socket
from collections.abc import Iterable, Iterator
from typing import Final

import msgspec

from vedette.sensor.assets import Asset, Assets
from vedette.sensor.capture import Packet
from vedette.sensor.dissect import BAD_BYTES
from vedette.sensor.link import lower
from vedette.sensor.listener import Listener
from vedette.sensor.model import AssetEvidence, Attribute, Direction, OtOp
from vedette.sensor.recognize.packets import look
from vedette.sensor.recognize.words import fingerprint_words, general, host_words, port_word

WINDOW_S: Final = 600
MAX_WINDOWS: Final = 12
_MAX_WORDS: Final = 4_096
_MAX_BAGS: Final = 65_536

_TOLD: Final = {
    Attribute.NAME: "name",
    Attribute.SOFTWARE: "software",
    Attribute.OPERATING_SYSTEM: "system",
    Attribute.MODEL: "model",
    Attribute.DEVICE_TYPE: "device_type",
    Attribute.DOMAIN: "domain",
}
_ASKED: Final = frozenset({"dns", "llmnr", "mdns"})


class Window(msgspec.Struct):
    """What one device did in one window."""

    number: int
    sent: int = 0
    """Packets."""
    received: int = 0
    words: dict[str, int] = msgspec.field(default_factory=dict)
    """Word → how often."""

    def add_all(self, found: Iterable[str]) -> None:
        """Count words; new ones, while there is room."""
        words = self.words
        for word in found:
            if word in words:
                words[word] += 1
            elif len(words) < _MAX_WORDS:
                words[word] = 1

    def join(self, other: Window) -> None:
        """Add what was seen under another address of the same device."""
        self.sent += other.sent
        self.received += other.received
        for word, times in other.words.items():
            if word in self.words or len(self.words) < _MAX_WORDS:
                self.words[word] = self.words.get(word, 0) + times


class Observer(Listener):
    """Counts what addresses do; a sensor's listener that also looks at the packets' headers.

    Args:
        window_s: Length of a window.
        max_windows: Of each address; what comes later is not looked at.
    """

    __slots__ = ("_bags", "_first_ns", "_max_windows", "_texts", "_window_ns", "not_counted")

    def __init__(self, *, window_s: int = WINDOW_S, max_windows: int = MAX_WINDOWS) -> None:
        self._window_ns: Final = window_s * 1_000_000_000
        self._max_windows: Final = max_windows
        self._first_ns: Final[dict[str, int]] = {}
        self._texts: Final[dict[bytes, str]] = {}
        self._bags: Final[dict[tuple[str, int], Window]] = {}
        self.not_counted = 0
        """What came when there were too many addresses."""

    def watch(self, packets: Iterable[Packet]) -> Iterator[Packet]:
        """Yield packets as they come, after a look at their headers."""
        for packet in packets:
            at_ns, link, data, _ = packet
            try:
                seen = look(data, lower(link, data))
            except BAD_BYTES:
                seen = None
            if seen is not None:
                self._count(seen.source, seen.sent, at_ns, is_sender=True)
                if seen.target:
                    self._count(seen.target, seen.received, at_ns, is_sender=False)
            yield packet

    def evidence(self, evidence: list[AssetEvidence]) -> None:
        """Count what messages tell of their senders."""
        for piece in evidence:
            if piece.attribute is Attribute.FINGERPRINT:
                words = fingerprint_words(piece.value)
            elif kind := _TOLD.get(piece.attribute):
                words = [f"{kind}={general(piece.value)}"]
            else:
                continue
            bag = self._bag(piece.address, piece.at_ns)
            if bag is not None:
                bag.add_all(words)

    def operations(self, operations: list[OtOp]) -> None:
        """Count whom and what clients ask for."""
        for op in operations:
            if op.direction is Direction.RESPONSE:
                continue
            flow = op.flow
            bag = self._bag(flow.client if op.is_from_client else flow.server, op.at_ns)
            if bag is None:
                continue
            bag.add_all([f"op={op.protocol}.{op.service}", *_asked(op)])

    def windows(self, assets: Assets) -> list[tuple[Asset, list[Window]]]:
        """Return what each device of an inventory did, in the inventory's order; without those that did nothing."""
        found: dict[int, tuple[Asset, dict[int, Window]]] = {}
        for (address, number), bag in self._bags.items():
            asset = assets.find(address)
            if asset is not None:
                _, by_number = found.setdefault(asset.number, (asset, {}))
                by_number.setdefault(number, Window(number)).join(bag)
        return [
            (asset, [by_number[number] for number in sorted(by_number)])
            for _, (asset, by_number) in sorted(found.items())
        ]

    def of(self, asset: Asset) -> list[Window]:
        """Return what one device did, as far as its windows are kept."""
        by_number: dict[int, Window] = {}
        for address in (*asset.ips, *asset.macs):
            for number in range(self._max_windows):
                bag = self._bags.get((address, number))
                if bag is not None:
                    by_number.setdefault(number, Window(number)).join(bag)
        return [by_number[number] for number in sorted(by_number)]

    def _count(self, address: bytes, words: tuple[str, ...], at_ns: int, *, is_sender: bool) -> None:
        text = self._texts.get(address)
        if text is None:
            text = _text(address)
            if len(self._texts) < _MAX_BAGS:
                self._texts[address] = text
        bag = self._bag(text, at_ns)
        if bag is None:
            return
        if is_sender:
            bag.sent += 1
        else:
            bag.received += 1
        bag.add_all(words)

    def _bag(self, address: str, at_ns: int) -> Window | None:
        first_ns = self._first_ns.get(address)
        if first_ns is None:
            if len(self._first_ns) >= _MAX_BAGS:
                self.not_counted += 1
                return None
            first_ns = self._first_ns[address] = at_ns
        number = max((at_ns - first_ns) // self._window_ns, 0)
        if number >= self._max_windows:
            return None
        bag = self._bags.get((address, number))
        if bag is None:
            if len(self._bags) >= _MAX_BAGS:
                self.not_counted += 1
                return None
            bag = self._bags[address, number] = Window(number)
        return bag


def _asked(op: OtOp) -> list[str]:
    if op.protocol in _ASKED:
        return [f"{op.protocol}.{op.area}", *host_words(op.protocol, op.name)]
    if op.protocol == "tls" and op.service == "client_hello":
        return host_words("sni", op.name)
    if op.protocol == "http":
        detail = op.detail or {}
        host = str(detail.get("host") or "").partition(":")[0]
        return [*host_words("host", host), f"uri={general(op.name.partition('?')[0])}"]
    if op.protocol == "ssdp":
        return [f"ssdp.{op.service}={general(op.name)}"]
    return [f"port={port_word(op.flow.server_port)}"]


def _text(address: bytes) -> str:
    if len(address) == 4:
        return socket.inet_ntop(socket.AF_INET, address)
    return socket.inet_ntop(socket.AF_INET6, address) if len(address) == 16 else address.hex(":")
