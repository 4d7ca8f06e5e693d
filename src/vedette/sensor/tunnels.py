"""Packets within packets: IP in IP, GRE and the mirror tunnels over it, ERSPAN.

Source:
    RFC 2003, RFC 2784 and RFC 2890 (GRE), draft-foschiano-erspan-03.
"""

from __future__ import annotations

from struct import Struct
from typing import Final

from vedette.sensor import link as links

_IP_IN_IP: Final = 4
_IPV6_IN_IP: Final = 41
_GRE: Final = 47

_ERSPAN_II: Final = 0x88BE
_ERSPAN_III: Final = 0x22EB
_BRIDGED: Final = 0x6558

_CHECKSUM: Final = 0x8000
_KEY: Final = 0x2000
_SEQUENCE: Final = 0x1000
_VERSION: Final = 0x0007
_HAS_SUBHEADER: Final = 1

_WORDS: Final = Struct(">HH").unpack_from


def unpack(protocol: int, data: bytes, start: int, end: int) -> tuple[bytes, links.Layer] | None:
    """Return what a tunnel carries, with its link layer, or None if it carries no packet that can be read.

    Raises:
        struct.error: It ends too early.
    """
    if protocol == _IP_IN_IP:
        return data, (links.E_IPV4, start, end, None, b"")
    if protocol == _IPV6_IN_IP:
        return data, (links.E_IPV6, start, end, None, b"")
    if protocol != _GRE:
        return None
    flags, kind = _WORDS(data, start)
    if flags & _VERSION:
        return None  # PPTP
    position = start + 4
    for flag in (_CHECKSUM, _KEY, _SEQUENCE):
        if flags & flag:
            position += 4
    if kind in {links.E_IPV4, links.E_IPV6}:
        return data, (kind, position, end, None, b"")
    if kind == _BRIDGED:
        return _ethernet(data[position:end])
    if kind == _ERSPAN_II:
        # Type I has neither sequence number nor a header of its own.
        return _ethernet(data[position + 8 : end] if flags & _SEQUENCE else data[position:end])
    if kind == _ERSPAN_III:
        position += 12 + (8 if data[position + 11] & _HAS_SUBHEADER else 0)
        return _ethernet(data[position:end])
    return None


def _ethernet(frame: bytes) -> tuple[bytes, links.Layer]:
    return frame, links.ethernet(frame)
