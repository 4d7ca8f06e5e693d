"""The packets behind an alert: a bounded ring of what was heard last, and slices of it as capture files.

Payload is left out unless asked for: a frame is cut behind its last header that can be told, and says how long it was.
So what people typed and what controllers hold leaves no sensor, and a slice holds more frames.

Source:
    IETF draft-ietf-opsawg-pcapng.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from ipaddress import ip_address
from struct import Struct, error
from typing import Final

from vedette.sensor import link as links
from vedette.sensor.alerts import Alert
from vedette.sensor.capture import Packet
from vedette.sensor.flows import Flow

SLICE_BYTES_MAX: Final = 96 * 1024
_HEADERS_MAX: Final = 192
_OVERHEAD: Final = 200
"""What an entry of the ring takes beside its frame."""
_FRAMES_MAX: Final = 2_000
_MAX_CUTS: Final = 20
_CUTS_WITHIN_NS: Final = 10_000_000_000

_TCP: Final = 6
_UDP: Final = 17
_ICMP: Final = frozenset({1, 58})
_EXTENSIONS: Final = frozenset({0, 43, 60})
_FRAGMENT: Final = 44
_EXTENSIONS_MAX: Final = 4
_ETHERNET_HEADER: Final = 14
_ARP_BYTES: Final = 28
_NOT_READ: Final = (links.NotUnderstood, IndexError, error)

_SECTION: Final = 0x0A0D0D0A
_BLOCK: Final = Struct("<II").pack
_WORD: Final = Struct("<I").pack
_SHORTS: Final = Struct("<HH").pack
_SECTION_BODY: Final = Struct("<IHHq").pack(0x1A2B3C4D, 1, 0, -1)
_INTERFACE_BODY: Final = Struct("<HHI").pack
_PACKET_BODY: Final = Struct("<IIIII").pack
_COMMENT, _APPLICATION, _RESOLUTION = 1, 4, 9
_COMMENT_MAX: Final = 512


class PacketRing:
    """Keeps the frames heard last, and cuts those behind an alert out of them.

    Args:
        max_bytes: Memory that it may take; the oldest frames leave.
        has_payload: Keep whole frames instead of their headers.
        max_slice_bytes: Of one slice; the latest frames stand in it.
    """

    __slots__ = ("_cuts", "_frames", "_held", "has_payload", "max_bytes", "max_slice_bytes")

    def __init__(
        self,
        max_bytes: int = 8 * 1024 * 1024,
        *,
        has_payload: bool = False,
        max_slice_bytes: int = SLICE_BYTES_MAX,
    ) -> None:
        self.max_bytes: Final = max_bytes
        self.has_payload: Final = has_payload
        self.max_slice_bytes: Final = max_slice_bytes
        self._frames: Final[deque[Packet]] = deque()
        self._held = 0
        self._cuts: Final[deque[int]] = deque()

    def watch(self, packets: Iterable[Packet]) -> Iterator[Packet]:
        """Yield packets as they are, and keep them."""
        frames, most = self._frames, self.max_bytes
        longest = most if self.has_payload else _HEADERS_MAX
        for packet in packets:
            data = packet[2]
            if len(data) > longest:
                kept = (packet[0], packet[1], data[:longest], packet[3])
                self._held += longest + _OVERHEAD
            else:
                kept = packet
                self._held += len(data) + _OVERHEAD
            frames.append(kept)
            while self._held > most:
                self._held -= len(frames.popleft()[2]) + _OVERHEAD
            yield packet

    def slice_of(self, alert: Alert) -> bytes:
        """Return the frames behind an alert as a capture file; empty if there are none, or too many were cut lately."""
        cuts = self._cuts
        while cuts and not 0 <= alert.at_ns - cuts[0] < _CUTS_WITHIN_NS:
            cuts.popleft()
        if len(cuts) >= _MAX_CUTS:
            return b""
        cuts.append(alert.at_ns)
        for needles in _needles(alert):
            found = self._find(needles)
            if found:
                return write_slice(found, comment=self._comment(alert))
        return b""

    def _find(self, needles: tuple[bytes, ...]) -> list[Packet]:
        """Return the latest frames that hold one of some texts, in the order of their time."""
        found: list[Packet] = []
        room = self.max_slice_bytes - 2 * _COMMENT_MAX
        for at_ns, link, data, original in reversed(self._frames):
            if not any(needle in data for needle in needles):
                continue
            kept = data if self.has_payload else data[: header_bytes(link, data)]
            room -= len(kept) + 40
            if room < 0 or len(found) >= _FRAMES_MAX:
                break
            found.append((at_ns, link, kept, original))
        found.reverse()
        return found

    def _comment(self, alert: Alert) -> str:
        what = "whole frames" if self.has_payload else "payload left out"
        return f"{alert.rule}: {alert.title[:300]} ({what})"


def header_bytes(link: int, data: bytes) -> int:
    """Return how many bytes at the front of a frame are headers; what comes behind them may be anybody's secret."""
    try:
        kind, start, _, _, _ = links.lower(link, data)
        if kind == links.E_ARP:
            return min(start + _ARP_BYTES, len(data))
        if kind == links.E_IPV4:
            return min(_ipv4_headers(data, start), len(data))
        if kind == links.E_IPV6:
            return min(_ipv6_headers(data, start), len(data))
    except _NOT_READ:
        return min(_ETHERNET_HEADER, len(data)) if link == links.ETHERNET else 0
    return min(start, len(data))


def write_slice(packets: Iterable[Packet], *, comment: str) -> bytes:
    """Return packets as a capture file (pcapng, nanoseconds)."""
    said = comment.encode("utf-8", "replace")[:_COMMENT_MAX]
    blocks = [_block(_SECTION, _SECTION_BODY + _options((_COMMENT, said), (_APPLICATION, b"Vedette sensor")))]
    interfaces: dict[int, int] = {}
    for at_ns, link, data, original in packets:
        if link not in interfaces:
            interfaces[link] = len(interfaces)
            blocks.append(_block(1, _INTERFACE_BODY(link, 0, 0) + _options((_RESOLUTION, b"\x09"))))
        body = _PACKET_BODY(interfaces[link], at_ns >> 32 & 0xFFFF_FFFF, at_ns & 0xFFFF_FFFF, len(data), original)
        blocks.append(_block(6, body + _padded(data)))
    return b"".join(blocks)


def _needles(alert: Alert) -> Iterator[tuple[bytes, ...]]:
    """Yield what frames behind an alert hold, the most exact first."""
    flow = alert.flow
    if flow is not None:
        client, server = _address(flow.client), _address(flow.server)
        if flow.transport in {"tcp", "udp"} and client and server:
            there, back = _ports(flow)
            yield client + server + there, server + client + back
        if client and server:
            yield client + server, server + client
    source, target = _address(alert.source), _address(alert.target)
    if source and target:
        yield source + target, target + source
    for each in (source, target):
        if each:
            yield (each,)


def _ports(flow: Flow) -> tuple[bytes, bytes]:
    client, server = flow.client_port.to_bytes(2, "big"), flow.server_port.to_bytes(2, "big")
    return client + server, server + client


def _address(text: str) -> bytes:
    """Return an address as frames carry it; empty if it is none."""
    if not text:
        return b""
    try:
        return ip_address(text).packed
    except ValueError:
        pass
    try:
        found = bytes.fromhex(text.replace(":", "").replace("-", ""))
    except ValueError:
        return b""
    return found if len(found) == 6 else b""


def _ipv4_headers(data: bytes, start: int) -> int:
    content = start + (data[start] & 15) * 4
    if (data[start + 6] << 8 | data[start + 7]) & 0x1FFF:
        return content
    return _transport_headers(data, data[start + 9], content)


def _ipv6_headers(data: bytes, start: int) -> int:
    protocol, position = data[start + 6], start + 40
    for _ in range(_EXTENSIONS_MAX):
        if protocol in _EXTENSIONS:
            protocol, position = data[position], position + 8 + data[position + 1] * 8
        elif protocol == _FRAGMENT:
            return position + 8
        else:
            break
    return _transport_headers(data, protocol, position)


def _transport_headers(data: bytes, protocol: int, position: int) -> int:
    if protocol == _TCP:
        return position + max(20, data[position + 12] >> 2 & 0x3C)
    return position + (8 if protocol == _UDP or protocol in _ICMP else 0)


def _block(kind: int, body: bytes) -> bytes:
    size = len(body) + 12
    return _BLOCK(kind, size) + body + _WORD(size)


def _options(*options: tuple[int, bytes]) -> bytes:
    written = b"".join(_SHORTS(code, len(value)) + _padded(value) for code, value in options)
    return written + _SHORTS(0, 0)


def _padded(data: bytes) -> bytes:
    return data + bytes(-len(data) % 4)
