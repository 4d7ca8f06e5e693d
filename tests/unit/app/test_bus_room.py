"""When the bus is started again after its disk was full."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from vedette.app.bus_room import ROOM_BYTES, BusRevival

pytestmark = pytest.mark.anyio

REFUSAL = "Filestore [TELEMETRY] Critical write error: write 1.blk: no space left on device"


class Disk:
    """A disk that has room from some look on, and notes when the bus was started again."""

    def __init__(self, *, room_at_look: int) -> None:
        self.room_at_look = room_at_look
        self.looks = 0
        self.restarts: list[int] = []
        self.restarted = asyncio.Event()

    def look(self, _: Path) -> int:
        self.looks += 1
        return ROOM_BYTES if self.looks >= self.room_at_look else ROOM_BYTES - 1

    def restart(self) -> None:
        self.restarts.append(self.looks)
        self.restarted.set()


@asynccontextmanager
async def watching(disk: Disk) -> AsyncIterator[BusRevival]:
    revival = BusRevival(Path("bus"), disk.restart, free_bytes=disk.look, look_every_s=0, settle_s=0)
    async with asyncio.TaskGroup() as group:
        task = group.create_task(revival.run(), name="revival")
        yield revival
        task.cancel()


async def turns(count: int) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


async def test_the_bus_is_started_again_once_there_is_room() -> None:
    disk = Disk(room_at_look=3)
    async with watching(disk) as revival:
        revival.hear(REFUSAL)
        revival.hear(REFUSAL)
        await disk.restarted.wait()
        await turns(20)
    assert disk.restarts == [3]


async def test_a_disk_that_fills_up_again_is_noticed_again() -> None:
    disk = Disk(room_at_look=1)
    async with watching(disk) as revival:
        revival.hear(REFUSAL)
        await disk.restarted.wait()
        disk.restarted.clear()
        revival.hear(REFUSAL)
        await disk.restarted.wait()
    assert disk.restarts == [1, 2]


async def test_other_words_of_the_bus_start_nothing() -> None:
    disk = Disk(room_at_look=1)
    async with watching(disk) as revival:
        revival.hear("Slow Consumer Detected")
        await turns(20)
    assert (disk.looks, disk.restarts) == (0, [])
