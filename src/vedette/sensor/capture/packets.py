"""What every source of packets gives."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, Protocol

from vedette.kernel import Problem

Packet = tuple[int, int, bytes, int]
"""Nanoseconds since 1970, link type (as registered for pcap), the bytes captured, how many there were on the wire."""

MAX_PACKET_BYTES: Final = 262_144
"""Of a longer one the file is assumed to be damaged, as all readers do."""

NS: Final = 1_000_000_000


class CaptureProblem(Problem):
    """A capture that can't be read at all."""

    code = "sensor.capture"


class CaptureParser(Protocol):
    """Reads a capture file, chunk by chunk; sans-io."""

    damage: str
    """Why reading ended before the end; empty while all is well."""

    packets_dropped: int
    """How many packets the capturing machine lost, as far as the file tells."""

    def packets(self, chunk: bytes) -> Iterator[Packet]:
        """Yield the packets that are complete with this chunk; must be exhausted before the next."""
        ...

    def finish(self) -> None:
        """Say that no more comes: what is left unfinished is damage."""
        ...
