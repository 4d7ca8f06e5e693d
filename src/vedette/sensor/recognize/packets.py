"""Words for one packet's headers: sizes, ports, options, habits. Payloads are not looked at. Pure.

Source:
    M. Miettinen et al., "IoT Sentinel" (ICDCS 2017): headers of the first packets tell types of devices apart.
"""

from __future__ import annotations

from struct import Struct
from typing import Final, NamedTuple

from vedette.sensor.link import E_ARP, E_IPV4, E_IPV6, LLC, Layer
from vedette.sensor.recognize.words import port_word, ttl_word

_TCP: Final = 6
_UDP: Final = 17
_SYN: Final = 0x02
_ACK: Final = 0x10
_SIZE_STEP: Final = 8
"""Lengths of TCP payloads differ by a name or a number; those of datagrams are told exactly."""

_WORD: Final = Struct(">H").unpack_from
_PORTS: Final = Struct(">HH").unpack_from


class Seen(NamedTuple):
    """What one packet tells."""

    source: bytes
    """IP address, or MAC address beneath IP."""
    target: bytes
    """Empty unless it is one device's."""
    sent: tuple[str, ...]
    """Words of the sender."""
    received: tuple[str, ...]
    """Words of the receiver."""


def look(data: bytes, layer: Layer) -> Seen | None:
    """Return what the headers of a packet tell of its ends; None if there is nothing to tell.

    Raises:
        struct.error: It ends too early.
        IndexError: The same.
    """
    kind, start, end, _, macs = layer
    if kind == E_IPV4:
        return _ipv4(data, start, macs)
    if kind == E_IPV6:
        return _ipv6(data, start, macs)
    if len(macs) < 12 or macs[6] & 1:
        return None
    name = f"llc={kind & 0xFFFF:04x}" if kind & LLC else f"ether={kind:04x}"
    words = [name]
    if kind == E_ARP:
        is_gratuitous = data[start + 14 : start + 18] == data[start + 24 : start + 28]
        words.append(f"arp={data[start + 7]}{'g' if is_gratuitous else ''}")
    elif not kind & LLC:
        words.append(f"{name}/{end - start}")
    return Seen(macs[6:12], b"", tuple(words), ())


def _ipv4(data: bytes, start: int, macs: bytes) -> Seen | None:
    header = (data[start] & 15) * 4
    (total,) = _WORD(data, start + 2)
    source, target = data[start + 12 : start + 16], data[start + 16 : start + 20]
    if source == b"\0\0\0\0":
        source = macs[6:12]
    words = [f"ttl={ttl_word(data[start + 8])}"]
    if header > 20:
        words.append(f"option={data[start + 20]}")
    is_group = target[0] >= 224 or target[3] == 255
    if is_group:
        words.append(f"group={'.'.join(map(str, target)) if target[0] < 240 and target[3] != 255 else 'all'}")
    if _WORD(data, start + 6)[0] & 0x1FFF:
        return Seen(source, b"", (*words, "fragment"), ())
    return _transport(data, start + header, start + total, data[start + 9], source, target, is_group, words)


def _ipv6(data: bytes, start: int, macs: bytes) -> Seen | None:
    (size,) = _WORD(data, start + 4)
    source, target = data[start + 8 : start + 24], data[start + 24 : start + 40]
    if not any(source):
        source = macs[6:12]
    following, position = data[start + 6], start + 40
    words = ["ipv6", f"hops={data[start + 7]}"]
    if following == 0:
        following, position = data[position], position + 8 + data[position + 1] * 8
        words.append("hop-by-hop")
    is_group = target[0] == 0xFF
    if is_group and target[13] != 0xFF:  # not one of the groups that are made from addresses
        words.append(f"group={target.hex().lstrip('f0') or '0'}")
    return _transport(data, position, start + 40 + size, following, source, target, is_group, words)


def _transport(
    data: bytes,
    start: int,
    end: int,
    protocol: int,
    source: bytes,
    target: bytes,
    is_group: bool,
    words: list[str],
) -> Seen | None:
    if protocol == _UDP:
        from_, to = _PORTS(data, start)
        path = f"udp/{port_word(from_)}>{port_word(to)}"
        sent = (*words, path, f"{path}/{end - start - 8}")
        return Seen(source, b"" if is_group else target, sent, (f"got:{path}", f"got:{path}/{end - start - 8}"))
    if protocol == _TCP:
        from_, to = _PORTS(data, start)
        header, flags = data[start + 12] >> 2 & 0x3C, data[start + 13]
        path = f"tcp/{port_word(from_)}>{port_word(to)}"
        size = end - start - header
        if flags & _SYN:
            who = "synack" if flags & _ACK else "syn"
            words += [path, f"{who}:window={_WORD(data, start + 14)[0]}"]
            words.append(f"{who}:options={_options(data[start + 20 : start + header])}")
            return Seen(source, target, tuple(words), (f"got:{path}",))
        if size <= 0:
            return Seen(source, target, tuple(words), ())
        piece = f"{path}/{-(-size // _SIZE_STEP) * _SIZE_STEP}"
        return Seen(source, target, (*words, path, piece), (f"got:{path}", f"got:{piece}"))
    detail = f"icmp={data[start]}/{end - start}" if protocol in {1, 58} else f"proto={protocol}"
    return Seen(source, b"" if is_group else target, (*words, detail), ())


def _options(options: bytes) -> str:
    """Return the layout of TCP options: kinds in their order, with the window's scale."""
    found: list[str] = []
    position = 0
    while position < len(options) and options[position] and len(found) < 20:
        kind = options[position]
        if kind == 1:
            found.append("n")
            position += 1
            continue
        size = options[position + 1] if position + 1 < len(options) else 0
        if size < 2:
            break
        scale = f"w{options[position + 2]}" if kind == 3 and position + 2 < len(options) else str(kind)
        found.append(scale)
        position += size
    return ".".join(found)
