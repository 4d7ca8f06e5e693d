"""A disk that was full: nats-server refuses for good what it could not write once, and goes on when started again."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Callable
from pathlib import Path
from typing import Final

log = logging.getLogger(__name__)

ROOM_BYTES: Final = 64 * 1024 * 1024
_REFUSED: Final = "critical write error"
_LOOK_EVERY_S: Final = 1.0
_SETTLE_S: Final = 10.0


class BusRevival:
    """Has the bus started again once there is room on the disk that failed it.

    Args:
        directory: Where the bus writes.
        restart: Ends the bus; whoever keeps it running starts it again.
        free_bytes: Of a directory's disk.
        look_every_s: How often to look whether there is room.
        settle_s: How long the bus is left alone after a restart.
    """

    def __init__(
        self,
        directory: Path,
        restart: Callable[[], None],
        *,
        free_bytes: Callable[[Path], int] | None = None,
        look_every_s: float = _LOOK_EVERY_S,
        settle_s: float = _SETTLE_S,
    ) -> None:
        self._directory = directory
        self._restart = restart
        self._free_bytes = free_bytes or _free_bytes
        self._look_every_s = look_every_s
        self._settle_s = settle_s
        self._refuses = asyncio.Event()

    def hear(self, line: str) -> None:
        """Take a line that the bus wrote."""
        if _REFUSED in line.lower() and not self._refuses.is_set():
            log.error("the bus cannot write to its disk: nothing new is stored", extra={"path": str(self._directory)})
            self._refuses.set()

    async def run(self) -> None:
        """Wait for a failed write, then for room, then restart; never ends."""
        while True:
            await self._refuses.wait()
            while await asyncio.to_thread(self._free_bytes, self._directory) < ROOM_BYTES:  # noqa: ASYNC110 - a disk tells nobody
                await asyncio.sleep(self._look_every_s)
            log.warning("there is room on the disk again: the bus is started anew")
            self._refuses.clear()
            self._restart()
            await asyncio.sleep(self._settle_s)


def _free_bytes(directory: Path) -> int:
    try:
        filesystem = os.statvfs(directory)
    except OSError:
        return 0
    return filesystem.f_bavail * filesystem.f_frsize
