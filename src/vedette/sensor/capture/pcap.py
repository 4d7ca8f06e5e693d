"""The pcap format, sans-io: microseconds and nanoseconds, both byte orders.

Source:
    IETF draft-ietf-opsawg-pcap.
"""

from __future__ import annotations

from collections.abc import Iterator
from struct import Struct
from typing import Final

from vedette.sensor.capture.packets import MAX_PACKET_BYTES, NS, CaptureProblem, Packet

HEADER_BYTES: Final = 24
_RECORD_BYTES: Final = 16

_MAGICS: Final[dict[bytes, tuple[str, int, int]]] = {
    b"\xa1\xb2\xc3\xd4": (">", 1_000, 0),
    b"\xd4\xc3\xb2\xa1": ("<", 1_000, 0),
    b"\xa1\xb2\x3c\x4d": (">", 1, 0),
    b"\x4d\x3c\xb2\xa1": ("<", 1, 0),
    # Alexey Kuznetzov's patched libpcap: eight more bytes in each record.
    b"\xa1\xb2\xcd\x34": (">", 1_000, 8),
    b"\x34\xcd\xb2\xa1": ("<", 1_000, 8),
}


def is_pcap(start: bytes) -> bool:
    """Tell whether a file begins as pcap does."""
    return start[:4] in _MAGICS


class PcapParser:
    """Reads a pcap file chunk by chunk; at most one unfinished packet is kept.

    Args:
        max_packet_bytes: A longer one is damage.
    """

    __slots__ = ("_extra", "_held", "_link", "_record", "_unit_ns", "damage", "max_packet_bytes", "packets_dropped")

    def __init__(self, max_packet_bytes: int = MAX_PACKET_BYTES) -> None:
        self.max_packet_bytes: Final = max_packet_bytes
        self.damage = ""
        self.packets_dropped = 0
        self._held = b""
        self._record: Struct | None = None
        self._unit_ns = 1_000
        self._extra = 0
        self._link = 1

    def packets(self, chunk: bytes) -> Iterator[Packet]:
        """Yield the packets that are complete with this chunk.

        Raises:
            CaptureProblem: The file is none.
        """
        if self.damage:
            return
        data = self._held + chunk if self._held else chunk
        position = 0
        if self._record is None:
            if len(data) < HEADER_BYTES:
                self._held = data
                return
            self._record = self._read_header(data)
            position = HEADER_BYTES
        unpack = self._record.unpack_from
        unit_ns, link, limit = self._unit_ns, self._link, self.max_packet_bytes
        header = _RECORD_BYTES + self._extra
        size = len(data)
        while position + header <= size:
            seconds, fraction, captured, original = unpack(data, position)
            start = position + header
            stop = start + captured
            if captured > limit:
                self.damage = f"a packet of {captured} bytes; {limit} allowed"
                self._held = b""
                return
            if stop > size:
                break
            yield seconds * NS + fraction * unit_ns, link, data[start:stop], original
            position = stop
        self._held = data[position:]

    def finish(self) -> None:
        """Say that no more comes."""
        if not self.damage and (self._held or self._record is None):
            self.damage = "ends within a packet"
        self._held = b""

    def _read_header(self, data: bytes) -> Struct:
        known = _MAGICS.get(data[:4])
        if known is None:
            raise CaptureProblem("this is no pcap file", hint="pcap and pcapng can be read, also compressed with gzip")
        order, self._unit_ns, self._extra = known
        (link,) = Struct(order + "I").unpack_from(data, 20)
        self._link = link & 0x0FFF_FFFF  # above: length of a frame check sequence
        return Struct(order + "IIII")
