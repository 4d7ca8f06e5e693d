"""A real bus for each test that asks for one, and the room on both databases."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from messaging_room import MessagingRoom
from running_bus import RunningBus

from vedette.kernel import SystemClock
from vedette.simulation import ManualClock
from vedette.store import Store


@pytest.fixture
async def bus(tmp_path: Path, anyio_backend: str) -> AsyncIterator[RunningBus]:
    """A running server with streams."""
    running = RunningBus(tmp_path)
    try:
        await running.start_with_streams()
        yield running
    finally:
        await running.close()


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(SystemClock().now())


@pytest.fixture
async def room(store: Store, clock: ManualClock) -> MessagingRoom:
    return MessagingRoom(store, clock)
