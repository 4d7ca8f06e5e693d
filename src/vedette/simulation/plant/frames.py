"""Frames as they stand on the wire: Ethernet, ARP, IPv4, UDP and whole TCP connections, with their checksums.

Source:
    IEEE 802.3; RFC 826 (ARP), RFC 791 (IPv4), RFC 768 (UDP), RFC 9293 (TCP).
"""

from __future__ import annotations

from dataclasses import dataclass
from struct import Struct, unpack
from typing import Final

from vedette.simulation.plant.stations import BROADCAST, Station

MS: Final = 1_000_000
S: Final = 1_000 * MS
Frame = tuple[int, bytes]
"""Nanoseconds since 1970, and the bytes."""

FIN, SYN, RST, PSH, ACK = 1, 2, 4, 8, 16
_UDP: Final = 17
_TCP: Final = 6
_MIN_BYTES: Final = 60
_MASK: Final = 0xFFFF_FFFF
_IPV4: Final = Struct(">BBHHHBBH").pack
_TCP_HEAD: Final = Struct(">HHIIBBHHH").pack
_UDP_HEAD: Final = Struct(">HHHH").pack
_PSEUDO: Final = Struct(">BBH").pack
_ARP: Final = Struct(">HHBBH").pack
_ANSWERS_AFTER: Final = 2 * MS
_WINDOW: Final = 8_192
_MSS: Final = bytes.fromhex("020405b4")


def ethernet(source: Station, target_mac: bytes, kind: int, payload: bytes) -> bytes:
    """Return a frame, padded to the least length."""
    return (target_mac + source.mac + kind.to_bytes(2, "big") + payload).ljust(_MIN_BYTES, b"\0")


def ipv4(source: Station, target: bytes, protocol: int, payload: bytes, *, target_mac: bytes, number: int) -> bytes:
    """Return a frame with an IPv4 packet."""
    head = _IPV4(0x45, 0, 20 + len(payload), number & 0xFFFF, 0x4000, 64, protocol, 0) + source.ip + target
    head = head[:10] + checksum(head).to_bytes(2, "big") + head[12:]
    return ethernet(source, target_mac, 0x0800, head + payload)


def udp(source: Station, source_port: int, target: Station, port: int, payload: bytes, *, number: int = 1) -> bytes:
    """Return a frame with a datagram."""
    size = 8 + len(payload)
    segment = _UDP_HEAD(source_port, port, size, 0) + payload
    found = checksum(source.ip + target.ip + _PSEUDO(0, _UDP, size) + segment) or 0xFFFF
    segment = segment[:6] + found.to_bytes(2, "big") + segment[8:]
    return ipv4(source, target.ip, _UDP, segment, target_mac=target.mac, number=number)


def arp(asks: Station, about: bytes, answers: Station | None = None) -> bytes:
    """Return the question who has an address, or the answer to it."""
    if answers is None:
        body = _ARP(1, 0x0800, 6, 4, 1) + asks.mac + asks.ip + bytes(6) + about
        return ethernet(asks, BROADCAST, 0x0806, body)
    body = _ARP(1, 0x0800, 6, 4, 2) + answers.mac + about + asks.mac + asks.ip
    return ethernet(answers, asks.mac, 0x0806, body)


def checksum(content: bytes) -> int:
    """Return the ones' complement sum of RFC 1071."""
    if len(content) & 1:
        content += b"\0"
    total: int = sum(unpack(f">{len(content) // 2}H", content))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


@dataclass(slots=True)
class Connection:
    """A TCP connection between two stations; each method returns the frames of one step.

    Attributes:
        port: The server's.
        client_port: Another one for each connection of a pair.
    """

    client: Station
    server: Station
    port: int
    client_port: int
    client_seq: int = 0
    server_seq: int = 0
    number: int = 0

    def __post_init__(self) -> None:
        # As good as random: what matters is that no two connections look like one.
        self.client_seq = (self.client_port * 2_654_435_761 + self.port) & _MASK
        self.server_seq = (self.client_seq * 40_503 + 12_345) & _MASK

    def open(self, at_ns: int) -> list[Frame]:
        """Shake hands."""
        first = self._client(SYN, options=_MSS)
        self.client_seq = self.client_seq + 1 & _MASK
        second = self._server(SYN | ACK, options=_MSS)
        self.server_seq = self.server_seq + 1 & _MASK
        return [(at_ns, first), (at_ns + MS, second), (at_ns + MS + MS // 5, self._client(ACK))]

    def refuse(self, at_ns: int) -> list[Frame]:
        """Ask for a connection where nobody listens."""
        first = self._client(SYN, options=_MSS)
        self.client_seq = self.client_seq + 1 & _MASK
        self.server_seq = 0
        return [(at_ns, first), (at_ns + MS, self._server(RST | ACK))]

    def ask(self, at_ns: int, request: bytes, answer: bytes) -> list[Frame]:
        """Send a request, get its answer, acknowledge that."""
        return [*self.say(at_ns, request), *self.hear(at_ns + _ANSWERS_AFTER, answer)]

    def say(self, at_ns: int, payload: bytes) -> list[Frame]:
        """Send something to the server."""
        frame = self._client(PSH | ACK, payload)
        self.client_seq = self.client_seq + len(payload) & _MASK
        return [(at_ns, frame)]

    def hear(self, at_ns: int, payload: bytes) -> list[Frame]:
        """Get something from the server, and acknowledge it."""
        frame = self._server(PSH | ACK, payload)
        self.server_seq = self.server_seq + len(payload) & _MASK
        return [(at_ns, frame), (at_ns + MS, self._client(ACK))]

    def close(self, at_ns: int) -> list[Frame]:
        """Say goodbye."""
        first = self._client(FIN | ACK)
        self.client_seq = self.client_seq + 1 & _MASK
        second = self._server(FIN | ACK)
        self.server_seq = self.server_seq + 1 & _MASK
        return [(at_ns, first), (at_ns + MS, second), (at_ns + 2 * MS, self._client(ACK))]

    def _client(self, flags: int, payload: bytes = b"", options: bytes = b"") -> bytes:
        ends = (self.client_port, self.port, self.client_seq, self.server_seq if flags & ACK else 0)
        return self._segment((self.client, self.server), ends, flags, options, payload)

    def _server(self, flags: int, payload: bytes = b"", options: bytes = b"") -> bytes:
        ends = (self.port, self.client_port, self.server_seq, self.client_seq)
        return self._segment((self.server, self.client), ends, flags, options, payload)

    def _segment(
        self, way: tuple[Station, Station], ends: tuple[int, int, int, int], flags: int, options: bytes, payload: bytes
    ) -> bytes:
        self.number += 1
        source, target = way
        words = 5 + len(options) // 4
        segment = _TCP_HEAD(*ends, words << 4, flags, _WINDOW, 0, 0) + options + payload
        found = checksum(source.ip + target.ip + _PSEUDO(0, _TCP, len(segment)) + segment)
        segment = segment[:16] + found.to_bytes(2, "big") + segment[18:]
        return ipv4(source, target.ip, _TCP, segment, target_mac=target.mac, number=self.number)
