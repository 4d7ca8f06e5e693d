"""Builders of packets and capture files, from the standards: what the sensor's tests look at."""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterable
from dataclasses import dataclass, field

CLIENT_MAC = "02:00:00:00:00:01"
SERVER_MAC = "02:00:00:00:00:02"
BROADCAST = "ff:ff:ff:ff:ff:ff"
START_NS = 1_700_000_000_000_000_000

FIN, SYN, RST, PSH, ACK = 1, 2, 4, 8, 16


def mac(text: str) -> bytes:
    return bytes.fromhex(text.replace(":", ""))


def ip_checksum(data: bytes) -> int:
    if len(data) % 2:
        data += b"\0"
    total: int = sum(struct.unpack(f">{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def ethernet(
    payload: bytes, kind: int, *, source: str = CLIENT_MAC, target: str = SERVER_MAC, vlans: tuple[int, ...] = ()
) -> bytes:
    tags = b"".join(struct.pack(">HH", 0x8100, vlan) for vlan in vlans)
    return (mac(target) + mac(source) + tags + struct.pack(">H", kind) + payload).ljust(60, b"\0")


def ipv4(
    payload: bytes,
    protocol: int,
    source: str,
    target: str,
    *,
    ttl: int = 64,
    identification: int = 1,
    fragment: int = 0,
    options: bytes = b"",
) -> bytes:
    words = 5 + len(options) // 4
    head = struct.pack(
        ">BBHHHBBH4s4s", 0x40 | words, 0, words * 4 + len(payload), identification, fragment, ttl, protocol, 0,
        socket.inet_aton(source), socket.inet_aton(target),
    ) + options  # fmt: skip
    return head[:10] + struct.pack(">H", ip_checksum(head)) + head[12:] + payload


def ipv6(payload: bytes, protocol: int, source: str, target: str) -> bytes:
    ends = socket.inet_pton(socket.AF_INET6, source) + socket.inet_pton(socket.AF_INET6, target)
    return struct.pack(">IHBB", 6 << 28, len(payload), protocol, 64) + ends + payload


def udp(payload: bytes, source_port: int, target_port: int) -> bytes:
    return struct.pack(">HHHH", source_port, target_port, 8 + len(payload), 0) + payload


def tcp(payload: bytes, source_port: int, target_port: int, *, seq: int = 0, ack: int = 0, flags: int = ACK) -> bytes:
    return struct.pack(">HHIIBBHHH", source_port, target_port, seq, ack, 5 << 4, flags, 8192, 0, 0) + payload


def with_tcp_checksum(packet: bytes) -> bytes:
    """Fill in the checksum of an IPv4 packet with TCP, for oracles that look at it."""
    segment = packet[20:]
    pseudo = packet[12:20] + struct.pack(">BBH", 0, 6, len(segment))
    checksum = ip_checksum(pseudo + segment[:16] + b"\0\0" + segment[18:])
    return packet[:36] + struct.pack(">H", checksum) + packet[38:]


def datagram(
    payload: bytes, port: int, *, source: str = "10.0.0.1", target: str = "10.0.0.2", source_port: int = 40_000
) -> bytes:
    """Return a whole Ethernet frame with one UDP datagram."""
    return ethernet(ipv4(udp(payload, source_port, port), 17, source, target), 0x0800)


@dataclass
class Talk:
    """A TCP connection, one Ethernet frame for each step; ``frames`` collects them."""

    port: int
    client: str = "10.0.0.1"
    server: str = "10.0.0.2"
    client_port: int = 40_000
    client_mac: str = CLIENT_MAC
    server_mac: str = SERVER_MAC
    client_seq: int = 1_000
    server_seq: int = 9_000
    vlans: tuple[int, ...] = ()
    frames: list[bytes] = field(default_factory=list)

    def open(self) -> Talk:
        self._add(b"", SYN, is_from_client=True)
        self.client_seq = self.client_seq + 1 & 0xFFFFFFFF
        self._add(b"", SYN | ACK, is_from_client=False)
        self.server_seq = self.server_seq + 1 & 0xFFFFFFFF
        self._add(b"", ACK, is_from_client=True)
        return self

    def say(self, payload: bytes) -> Talk:
        self._add(payload, PSH | ACK, is_from_client=True)
        self.client_seq = self.client_seq + len(payload) & 0xFFFFFFFF
        return self

    def answer(self, payload: bytes) -> Talk:
        self._add(payload, PSH | ACK, is_from_client=False)
        self.server_seq = self.server_seq + len(payload) & 0xFFFFFFFF
        return self

    def close(self) -> Talk:
        self._add(b"", FIN | ACK, is_from_client=True)
        self._add(b"", FIN | ACK, is_from_client=False)
        return self

    def _add(self, payload: bytes, flags: int, *, is_from_client: bool) -> None:
        if is_from_client:
            segment = tcp(payload, self.client_port, self.port, seq=self.client_seq, ack=self.server_seq, flags=flags)
            packet = ipv4(segment, 6, self.client, self.server)
            macs = {"source": self.client_mac, "target": self.server_mac}
        else:
            segment = tcp(payload, self.port, self.client_port, seq=self.server_seq, ack=self.client_seq, flags=flags)
            packet = ipv4(segment, 6, self.server, self.client)
            macs = {"source": self.server_mac, "target": self.client_mac}
        self.frames.append(ethernet(with_tcp_checksum(packet), 0x0800, vlans=self.vlans, **macs))


def packets(frames: Iterable[bytes], *, link: int = 1, step_ns: int = 1_000_000) -> list[tuple[int, int, bytes, int]]:
    """Return frames as the sensor's captures give them."""
    return [(START_NS + number * step_ns, link, frame, len(frame)) for number, frame in enumerate(frames)]


def pcap(
    frames: Iterable[bytes], *, link: int = 1, order: str = "<", is_ns: bool = False, step_ns: int = 1_000_000
) -> bytes:
    """Write a pcap file."""
    content = struct.pack(order + "IHHiIII", 0xA1B23C4D if is_ns else 0xA1B2C3D4, 2, 4, 0, 0, 262_144, link)
    for at_ns, _, frame, size in packets(frames, step_ns=step_ns):
        seconds, ns = divmod(at_ns, 1_000_000_000)
        content += struct.pack(order + "IIII", seconds, ns if is_ns else ns // 1_000, len(frame), size) + frame
    return content


def block(kind: int, body: bytes, order: str = "<") -> bytes:
    """Write one pcapng block."""
    body += b"\0" * (-len(body) % 4)
    length = struct.pack(order + "I", 12 + len(body))
    return struct.pack(order + "I", kind) + length + body + length


def option(code: int, value: bytes, order: str = "<") -> bytes:
    return struct.pack(order + "HH", code, len(value)) + value + b"\0" * (-len(value) % 4)


def pcapng(
    frames: Iterable[bytes],
    *,
    link: int = 1,
    order: str = "<",
    resolution: int = 6,
    name: str = "eth0",
    dropped: int = 0,
) -> bytes:
    """Write a pcapng file with one section and one interface."""
    content = block(0x0A0D0D0A, struct.pack(order + "IHHq", 0x1A2B3C4D, 1, 0, -1), order)
    options = option(2, name.encode(), order) + option(9, bytes((resolution,)), order) + option(0, b"", order)
    content += block(1, struct.pack(order + "HHI", link, 0, 0) + options, order)
    for at_ns, _, frame, size in packets(frames):
        unit = 2 ** (resolution & 0x7F) if resolution & 0x80 else 10**resolution
        stamp = at_ns * unit // 1_000_000_000
        head = struct.pack(order + "IIIII", 0, stamp >> 32, stamp & 0xFFFFFFFF, len(frame), size)
        content += block(6, head + frame, order)
    if dropped:
        counted = option(5, struct.pack(order + "Q", dropped), order)
        content += block(5, struct.pack(order + "III", 0, 0, 0) + counted, order)
    return content
