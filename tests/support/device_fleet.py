"""A made-up fleet of connected devices: captures of their first minutes, by type, to learn from and to judge.

A type is what its firmware does: DHCP options, names that it looks up, stacks, sizes of messages. Types of one maker
share much of that, and with ``are_alike`` all but the sizes; specimens differ in addresses, names, order and chance.
"""

from __future__ import annotations

import random
import struct
from dataclasses import dataclass
from pathlib import Path

import packets as build

ROUTER_MAC = "02:aa:aa:aa:aa:01"
ROUTER = "192.168.1.1"
NOWHERE = ".".join("0000")


@dataclass(frozen=True)
class Kind:
    """One type of device."""

    name: str
    options: bytes
    vendor_class: str
    host: str
    names: tuple[str, ...]
    window: int
    tcp_options: bytes
    sizes: tuple[int, ...]
    port: int
    service: str


def kinds(count: int, *, seed: int = 7, are_alike: bool = False) -> list[Kind]:
    """Return types; three of each maker, who share the stack and the cloud."""
    found = []
    for number in range(count):
        maker = random.Random(seed * 1000 + number // 3)
        own = random.Random(seed * 7919 + number)
        domain = f"cloud-{'abcdefghij'[number // 3 % 10]}.example.com"
        habits = maker if are_alike else own
        names = tuple(
            f"{habits.choice(('api', 'fw', 'mq', 'time', 'log'))}{habits.randrange(3)}.{domain}" for _ in range(2)
        )
        found.append(
            Kind(
                f"type-{number:02d}",
                bytes([1, 3, 6, *maker.sample(range(12, 60), 4), *habits.sample(range(60, 120), habits.randrange(2))]),
                maker.choice(("udhcp 1.19.4", "dhcpcd-5.5.6", "")),
                f"maker{number // 3}" if are_alike else own.choice((f"dev{number}", f"maker{number // 3}")),
                (*names, f"ntp{maker.randrange(3)}.example.org"),
                maker.choice((5840, 14600, 29200)),
                maker.choice((b"\2\4\5\xb4", b"\2\4\5\xb4\4\2\1\1", b"\2\4\5\xb4\1\3\3\4")),
                tuple(own.randrange(30, 900) for _ in range(4)),
                habits.choice((443, 8883, 5222, 32100)),
                habits.choice(("_hap._tcp", "_http._tcp", "")),
            )
        )
    return found


def frames(kind: Kind, specimen: int, *, rounds: int = 3) -> list[bytes]:
    """Return the first minutes of one specimen."""
    chance = random.Random(f"{kind.name}/{specimen}")
    mac = "02:" + ":".join(f"{chance.randrange(256):02x}" for _ in range(5))
    ip = f"192.168.1.{chance.randrange(20, 250)}"
    found = [_dhcp(kind, mac, chance), _arp(mac, ip)]
    for _ in range(rounds + chance.randrange(2)):
        asked = [_query(name, chance.randrange(65536)) for name in kind.names if chance.random() < 0.8]
        found += [_udp(query, (mac, ip), (ROUTER, 53), chance.randrange(33000, 60000)) for query in asked]
        found += _talk(kind, mac, ip, chance)
        if chance.random() < 0.5:
            found.append(_udp(b"\x1b" + bytes(47), (mac, ip), (f"45.{chance.randrange(99)}.1.2", 123), 123))
        if kind.service and chance.random() < 0.8:
            question = _query(f"{kind.service}.local", 0, kind=12)
            found.append(_udp(question, (mac, ip), ("224.0.0.251", 5353), 5353))
    return found


def write_fleet(folder: Path, types: list[Kind], specimens: int) -> Path:
    """Write a capture for each specimen and the table of labels; return the table."""
    lines = ["capture,type"]
    for kind in types:
        for specimen in range(specimens):
            name = f"{kind.name}-{specimen}.pcap"
            (folder / name).write_bytes(build.pcap(frames(kind, specimen), step_ns=200_000_000))
            lines.append(f"{name},{kind.name}")
    labels = folder / "labels.csv"
    labels.write_text("\n".join(lines) + "\n")
    return labels


def _arp(mac: str, ip: str) -> bytes:
    address = bytes(map(int, ip.split(".")))
    content = struct.pack(">HHBBH", 1, 0x0800, 6, 4, 1) + build.mac(mac) + address + bytes(6) + address
    return build.ethernet(content, 0x0806, source=mac, target=build.BROADCAST)


def _udp(payload: bytes, sender: tuple[str, str], target: tuple[str, int], source_port: int) -> bytes:
    mac, ip = sender
    packet = build.ipv4(build.udp(payload, source_port, target[1]), 17, ip, target[0])
    return build.ethernet(packet, 0x0800, source=mac, target=ROUTER_MAC)


def _query(name: str, number: int, *, kind: int = 1) -> bytes:
    labels = b"".join(bytes((len(label),)) + label.encode() for label in name.split("."))
    return (
        struct.pack(">HHHHHH", number, 0x0100 if number else 0, 1, 0, 0, 0) + labels + struct.pack(">BHH", 0, kind, 1)
    )


def _dhcp(kind: Kind, mac: str, chance: random.Random) -> bytes:
    head = struct.pack(">BBBBIHH", 1, 1, 6, 0, chance.randrange(2**32), 0, 0) + bytes(16) + build.mac(mac)
    options = b"\x35\1\1" + bytes((55, len(kind.options))) + kind.options
    host = f"{kind.host}-{chance.randrange(10**6):06d}".encode()
    options += bytes((12, len(host))) + host
    if kind.vendor_class:
        options += bytes((60, len(kind.vendor_class))) + kind.vendor_class.encode()
    payload = head.ljust(236, b"\0") + b"\x63\x82\x53\x63" + options + b"\xff"
    packet = build.ipv4(build.udp(payload, 68, 67), 17, NOWHERE, "255.255.255.255")
    return build.ethernet(packet, 0x0800, source=mac, target=build.BROADCAST)


def _talk(kind: Kind, mac: str, ip: str, chance: random.Random) -> list[bytes]:
    server, port = f"34.{chance.randrange(90)}.{chance.randrange(250)}.9", chance.randrange(33000, 60000)
    seq = chance.randrange(2**31)
    words = 5 + len(kind.tcp_options) // 4
    syn = struct.pack(">HHIIBBHHH", port, kind.port, seq, 0, words << 4, 2, kind.window, 0, 0) + kind.tcp_options
    packets = [build.ipv4(syn, 6, ip, server)]
    for size in kind.sizes:
        if chance.random() < 0.85:
            payload = bytes(chance.randrange(256) for _ in range(size + chance.randrange(12)))
            packets.append(build.ipv4(build.tcp(payload, port, kind.port, seq=seq + 1, flags=24), 6, ip, server))
            seq += len(payload)
    return [build.ethernet(packet, 0x0800, source=mac, target=ROUTER_MAC) for packet in packets]
