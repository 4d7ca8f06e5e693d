"""A real bus for each test."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from running_bus import RunningBus


@pytest.fixture
async def bus(tmp_path: Path, anyio_backend: str) -> AsyncIterator[RunningBus]:
    """A running server with streams."""
    running = RunningBus(tmp_path)
    try:
        await running.start_with_streams()
        yield running
    finally:
        await running.close()
