"""Plays frames into a pipe as a capture file: a past faster than it happened, then each frame at its own time."""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import Iterable, Iterator
from itertools import count
from struct import Struct
from typing import Final

from vedette.kernel import Clock
from vedette.simulation.plant.frames import MS, Frame, S

_HEADER: Final = Struct("<IHHiIII").pack(0xA1B2_3C4D, 2, 4, 0, 0, 262_144, 1)
_RECORD: Final = Struct("<IIII").pack
_CHUNK_BYTES: Final = 32 * 1024
_LONGEST_WAIT_NS: Final = 1 * S
_AHEAD_NS: Final = 2 * MS


class Feed:
    """Puts the frames of many sources in order and writes them.

    Args:
        pipe: To whoever listens: a capture in the format pcap, with nanoseconds.
        clock: Says when a frame is due.
    """

    def __init__(self, pipe: asyncio.StreamWriter, clock: Clock) -> None:
        self._pipe: Final = pipe
        self._clock: Final = clock
        self._waiting: list[tuple[int, int, bytes, Iterator[Frame]]] = []
        self._numbers: Final = count()
        self._changed: Final = asyncio.Event()
        self.frames = 0
        pipe.write(_HEADER)

    @property
    def now_ns(self) -> int:
        """What time it is."""
        return int(self._clock.now().timestamp() * 1_000) * MS

    def add(self, frames: Iterable[Frame]) -> None:
        """Play a source of frames, which are in the order of their time, among the others."""
        self._push(iter(frames))
        self._changed.set()

    async def catch_up(self, within_s: float) -> None:
        """Play what is past, evenly within some time, or at once; it takes longer where whoever listens is slower.

        Raises:
            OSError: Nobody listens any more.
        """
        if not self._waiting:
            return
        begin_ns, began_s = self._waiting[0][0], self._clock.monotonic_s()
        speed = max(self.now_ns - begin_ns, 0) / within_s if within_s > 0 else 0.0
        while (now_ns := self.now_ns) > self._waiting[0][0]:
            passed_ns = int((self._clock.monotonic_s() - began_s) * speed)
            until_ns = min(now_ns, begin_ns + passed_ns) if within_s > 0 else now_ns
            is_written = await self._write(until_ns)
            await asyncio.sleep(0 if is_written else 0.01)

    async def run(self) -> None:
        """Play each frame when it is due, until cancelled.

        Raises:
            OSError: Nobody listens any more.
        """
        while True:
            await self._write(self.now_ns + _AHEAD_NS)
            self._changed.clear()
            wait_ns = self._waiting[0][0] - self.now_ns if self._waiting else _LONGEST_WAIT_NS
            try:
                async with asyncio.timeout(max(min(wait_ns, _LONGEST_WAIT_NS), MS) / S):
                    await self._changed.wait()
            except TimeoutError:
                continue

    async def _write(self, until_ns: int) -> bool:
        """Write what is due, at most a piece; answer whether anything was."""
        records: list[bytes] = []
        size = 0
        while self._waiting and self._waiting[0][0] <= until_ns and size < _CHUNK_BYTES:
            at_ns, _, frame, source = heapq.heappop(self._waiting)
            records += (_RECORD(at_ns // S, at_ns % S, len(frame), len(frame)), frame)
            size += 16 + len(frame)
            self._push(source)
        if not records:
            return False
        self.frames += len(records) // 2
        self._pipe.write(b"".join(records))
        await self._pipe.drain()
        return True

    def _push(self, source: Iterator[Frame]) -> None:
        found = next(source, None)
        if found is not None:
            heapq.heappush(self._waiting, (found[0], next(self._numbers), found[1], source))
