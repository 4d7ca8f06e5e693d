"""What lies below IP: where the network layer begins, in which VLAN, and between which MAC addresses.

Source:
    IEEE 802.1Q and 802.1ad (tags), IEEE 802.3 (LLC), IEC 62439-3 (PRP, HSR), tcpdump.org's list of link types.
"""

from __future__ import annotations

from struct import Struct
from typing import Final

NULL: Final = 0
ETHERNET: Final = 1
RAW_OLD: Final = 12
RAW: Final = 101
LOOP: Final = 108
SLL: Final = 113
IPV4: Final = 228
IPV6: Final = 229
SLL2: Final = 276

LINKS: Final = frozenset({NULL, ETHERNET, RAW_OLD, 14, RAW, LOOP, SLL, IPV4, IPV6, SLL2})
"""Link types that are understood; packets of others are counted."""

E_IPV4: Final = 0x0800
E_ARP: Final = 0x0806
E_IPV6: Final = 0x86DD
E_HSR: Final = 0x892F
E_PRP: Final = 0x88FB

TAGS: Final = frozenset({0x8100, 0x88A8, 0x9100, 0x9200})
_MAX_TAGS: Final = 4
_LLC_MAX: Final = 0x05DC
_SNAP: Final = 0xAAAA
_UNNUMBERED: Final = 3

_WORD: Final = Struct(">H").unpack_from
_WORDS: Final = Struct(">HH").unpack_from
_NATIVE_LOOPS: Final = frozenset({b"\x18\0\0\0", b"\x1c\0\0\0", b"\x1e\0\0\0", b"\x0a\0\0\0"})

LLC: Final = 0x10000

Layer = tuple[int, int, int, int | None, bytes]
"""EtherType (``LLC | dsap << 8 | ssap`` for LLC, the protocol id for SNAP), where its content begins and ends, the
outermost VLAN, and destination and source MAC address, or nothing."""


class NotUnderstood(ValueError):  # noqa: N818 - what the packet is
    """A link layer that can't be read; the text says which."""


def ethernet(data: bytes, start: int = 0) -> Layer:
    """Read an Ethernet header with its tags, LLC and HSR.

    Raises:
        NotUnderstood: Too many tags.
        struct.error: It ends too early.
    """
    macs = data[start : start + 12]
    (kind,) = _WORD(data, start + 12)
    position = start + 14
    vlan = None
    for _ in range(_MAX_TAGS):
        if kind in TAGS:
            tag, kind = _WORDS(data, position)
            position += 4
            if vlan is None:
                vlan = tag & 0x0FFF
        elif kind == E_HSR:
            (kind,) = _WORD(data, position + 4)
            position += 6
        else:
            break
    else:
        if kind in TAGS:
            raise NotUnderstood("more than four tags")
    if kind > _LLC_MAX:
        return kind, position, len(data), vlan, macs
    end = min(len(data), position + kind)
    (saps,) = _WORD(data, position)
    if saps == _SNAP and data[position + 2] == _UNNUMBERED:
        return _WORD(data, position + 6)[0], position + 8, end, vlan, macs
    return LLC | saps, position + 3, end, vlan, macs


def without_prp_trailer(data: bytes, start: int, length: int) -> bytes:
    """Return the content of a layer-2 frame without PRP's trailer, where there is one.

    Args:
        data: The frame.
        start: Where its content begins.
        length: Of the frame.
    """
    if length - start > 6 and data[length - 2 : length] == b"\x88\xfb":
        size = _WORD(data, length - 4)[0] & 0x0FFF
        if size == length - start or size == length - start + 2:
            return data[start : length - 6]
    return data[start:length]


def sll(data: bytes) -> Layer:
    """Read the header of a Linux "any" capture."""
    (kind,) = _WORD(data, 14)
    source = data[6:12] if _WORD(data, 4)[0] == 6 else b""
    macs = b"\0" * 6 + source if source else b""
    return _tags(data, kind, 16, macs)


def sll2(data: bytes) -> Layer:
    """Read the header of a Linux "any" capture, version 2."""
    (kind,) = _WORD(data, 0)
    source = data[12:18] if data[11] == 6 else b""
    return _tags(data, kind, 20, b"\0" * 6 + source if source else b"")


def lower(link: int, data: bytes) -> Layer:
    """Read whatever header a link type has.

    Raises:
        NotUnderstood: An unknown link type, or a packet that is no IP where it must be.
        struct.error: It ends too early.
        IndexError: The same.
    """
    if link == ETHERNET:
        return ethernet(data)
    if link == SLL:
        return sll(data)
    if link == SLL2:
        return sll2(data)
    if link in {NULL, LOOP}:
        family = data[:4]
        if family in {b"\x02\0\0\0", b"\0\0\0\x02"}:
            return E_IPV4, 4, len(data), None, b""
        if family in _NATIVE_LOOPS or family[::-1] in _NATIVE_LOOPS:
            return E_IPV6, 4, len(data), None, b""
        raise NotUnderstood("a loopback packet of another family")
    if link in {RAW, RAW_OLD, 14, IPV4, IPV6}:
        version = data[0] >> 4
        if version in {4, 6}:
            return E_IPV4 if version == 4 else E_IPV6, 0, len(data), None, b""
        raise NotUnderstood("a raw packet that is no IP")
    raise NotUnderstood(f"link type {link}")


def _tags(data: bytes, kind: int, position: int, macs: bytes) -> Layer:
    vlan = None
    for _ in range(_MAX_TAGS):
        if kind not in TAGS:
            break
        tag, kind = _WORDS(data, position)
        position += 4
        vlan = tag & 0x0FFF if vlan is None else vlan
    return kind, position, len(data), vlan, macs
