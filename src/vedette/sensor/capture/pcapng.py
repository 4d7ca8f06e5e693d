"""The pcapng format, sans-io: sections of either byte order, interfaces each with a link type and resolution.

Source:
    IETF draft-ietf-opsawg-pcapng.
"""

from __future__ import annotations

from collections.abc import Iterator
from struct import Struct, error
from typing import Final

from vedette.sensor.capture.packets import MAX_PACKET_BYTES, NS, CaptureProblem, Packet

_SECTION: Final = 0x0A0D0D0A
_INTERFACE: Final = 1
_OLD_PACKET: Final = 2
_SIMPLE_PACKET: Final = 3
_STATISTICS: Final = 5
_ENHANCED_PACKET: Final = 6

_BIG: Final = b"\x1a\x2b\x3c\x4d"
_LITTLE: Final = b"\x4d\x3c\x2b\x1a"

_OPT_IF_NAME: Final = 2
_OPT_RESOLUTION: Final = 9
_OPT_OFFSET: Final = 14
_OPT_DROPPED_BY_INTERFACE: Final = 5
_OPT_DROPPED_BY_SYSTEM: Final = 7

_MAX_BLOCK_BYTES: Final = 16 * 1024 * 1024
_MAX_INTERFACES: Final = 4_096
_MAX_OPTIONS: Final = 256


def is_pcapng(start: bytes) -> bool:
    """Tell whether a file begins as pcapng does."""
    return start[:4] == b"\x0a\x0d\x0d\x0a"


class PcapngParser:
    """Reads a pcapng file chunk by chunk; at most one unfinished block is kept.

    Args:
        max_packet_bytes: A longer one is damage.
        max_block_bytes: The same for blocks.
    """

    __slots__ = (
        "_dropped",
        "_held",
        "_interfaces",
        "_order",
        "_structs",
        "damage",
        "interface_names",
        "max_block_bytes",
        "max_packet_bytes",
        "packets_dropped",
    )

    def __init__(self, max_packet_bytes: int = MAX_PACKET_BYTES, max_block_bytes: int = _MAX_BLOCK_BYTES) -> None:
        self.max_packet_bytes: Final = max_packet_bytes
        self.max_block_bytes: Final = max_block_bytes
        self.damage = ""
        self.packets_dropped = 0
        self.interface_names: list[str] = []
        self._held = b""
        self._order = ""
        self._structs: tuple[Struct, ...] = ()
        self._interfaces: list[tuple[int, int, int, int, int]] = []
        self._dropped: dict[int, int] = {}

    def packets(self, chunk: bytes) -> Iterator[Packet]:
        """Yield the packets that are complete with this chunk.

        Raises:
            CaptureProblem: The file is none.
        """
        if self.damage:
            return
        data = self._held + chunk if self._held else chunk
        position, size = 0, len(data)
        while position + 12 <= size:
            if data[position : position + 4] == b"\x0a\x0d\x0d\x0a" and not self._begin_section(data, position):
                return
            if not self._structs:
                raise CaptureProblem("this is no pcapng file", hint="pcap and pcapng can be read, also with gzip")
            kind, length = self._structs[0].unpack_from(data, position)
            if length < 12 or length % 4 or length > self.max_block_bytes:
                self._break(f"a block of {length} bytes; 12 to {self.max_block_bytes} allowed")
                return
            stop = position + length
            if stop > size:
                break
            if kind in {_ENHANCED_PACKET, _SIMPLE_PACKET, _OLD_PACKET}:
                packet = self._packet(kind, data, position, stop)
                if packet is None:
                    return
                yield packet
            elif not self._other(kind, data, position, stop):
                return
            position = stop
        self._held = data[position:]

    def finish(self) -> None:
        """Say that no more comes."""
        if not self.damage and (self._held or not self._order):
            self.damage = "ends within a block"
        self._held = b""

    def _break(self, why: str) -> bool:
        self.damage = why
        self._held = b""
        return False

    def _begin_section(self, data: bytes, position: int) -> bool:
        mark = data[position + 8 : position + 12]
        if mark not in {_BIG, _LITTLE}:
            return self._break("a section without byte order mark")
        order = ">" if mark == _BIG else "<"
        if order != self._order:
            self._order = order
            # Block head, enhanced packet, obsolete packet, one word, option head.
            self._structs = tuple(Struct(order + form) for form in ("II", "IIIII", "HHIIII", "I", "HH"))
        return True

    def _packet(self, kind: int, data: bytes, position: int, stop: int) -> Packet | None:
        start = position + 8
        if kind == _SIMPLE_PACKET:
            interface, high, low = 0, 0, 0
            if stop - start < 8 or not self._interfaces:
                self._break("a simple packet without an interface")
                return None
            (original,) = self._structs[3].unpack_from(data, start)
            start += 4
            captured = min(original, self._interfaces[0][1] or original, stop - 4 - start)
        else:
            if stop - start < 24:
                self._break("a packet block that is too short")
                return None
            if kind == _ENHANCED_PACKET:
                interface, high, low, captured, original = self._structs[1].unpack_from(data, start)
            else:
                interface, _, high, low, captured, original = self._structs[2].unpack_from(data, start)
            start += 20
        if captured > stop - 4 - start or captured > self.max_packet_bytes or interface >= len(self._interfaces):
            self._break(f"a packet of {captured} bytes of interface {interface}")
            return None
        link, _, multiplier, divisor, offset_ns = self._interfaces[interface]
        at_ns = (high << 32 | low) * multiplier // divisor + offset_ns
        return at_ns, link, data[start : start + captured], original

    def _other(self, kind: int, data: bytes, position: int, stop: int) -> bool:
        try:
            if kind == _SECTION:
                self._interfaces = []
                self._dropped = {}
            elif kind == _INTERFACE:
                return self._interface(data, position, stop)
            elif kind == _STATISTICS:
                self._statistics(data, position, stop)
        except (error, IndexError):
            return self._break("a block that is too short")
        return True

    def _interface(self, data: bytes, position: int, stop: int) -> bool:
        if len(self._interfaces) >= _MAX_INTERFACES:
            return self._break(f"more than {_MAX_INTERFACES} interfaces")
        (link, _) = self._structs[4].unpack_from(data, position + 8)
        (snap,) = self._structs[3].unpack_from(data, position + 12)
        multiplier, divisor, offset_s, name = 1_000, 1, 0, ""
        for code, value in self._options(data, position + 16, stop - 4):
            if code == _OPT_RESOLUTION and value:
                exponent = value[0] & 0x7F
                multiplier, divisor = NS, 2**exponent if value[0] & 0x80 else 10**exponent
            elif code == _OPT_OFFSET and len(value) == 8:
                (offset_s,) = Struct(self._order + "q").unpack(value)
            elif code == _OPT_IF_NAME:
                name = value.decode("utf-8", "replace")[:64]
        self._interfaces.append((link, snap, multiplier, divisor, offset_s * NS))
        if len(self.interface_names) < _MAX_INTERFACES:
            self.interface_names.append(name)
        return True

    def _statistics(self, data: bytes, position: int, stop: int) -> None:
        (interface,) = self._structs[3].unpack_from(data, position + 8)
        dropped = 0
        for code, value in self._options(data, position + 20, stop - 4):
            if code in {_OPT_DROPPED_BY_INTERFACE, _OPT_DROPPED_BY_SYSTEM} and len(value) == 8:
                dropped += Struct(self._order + "Q").unpack(value)[0]
        # Counters grow; the last of an interface holds for it.
        if interface < len(self._interfaces):
            self.packets_dropped += dropped - self._dropped.get(interface, 0)
            self._dropped[interface] = dropped

    def _options(self, data: bytes, position: int, stop: int) -> Iterator[tuple[int, bytes]]:
        for _ in range(_MAX_OPTIONS):
            if position + 4 > stop:
                return
            code, length = self._structs[4].unpack_from(data, position)
            if code == 0 or position + 4 + length > stop:
                return
            yield code, data[position + 4 : position + 4 + length]
            position += 4 + (length + 3 & ~3)
