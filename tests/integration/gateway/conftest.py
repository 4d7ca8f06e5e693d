"""A bus, a control and a place to start gateways, for each test."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from gateway_site import PATIENT_S, Site, be_stale_after
from running_bus import RunningBus
from stand_in_control import StandInControl


@pytest.fixture
async def site(tmp_path: Path, anyio_backend: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Site]:
    """A bus with streams and a running control; no gateway yet."""
    be_stale_after(monkeypatch, PATIENT_S)
    bus = RunningBus(tmp_path / "bus")
    (tmp_path / "bus").mkdir()
    try:
        await bus.start_with_streams()
        control = await StandInControl.start(tmp_path, bus)
        site = Site(tmp_path, bus, control)
        site.start_control()
        yield site
        for name in list(site.running):
            await site.stop_gateway(name)
        await site.stop_control()
    finally:
        await bus.close()
