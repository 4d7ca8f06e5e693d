"""What control says to gateways: as soon as it can be said, or not at all, and then it is counted."""

from __future__ import annotations

import logging
from datetime import timedelta

import pytest
from messaging_room import RecordedBus

from vedette.bus import BusUnavailable
from vedette.bus.contract import CommandsReady
from vedette.kernel import OrganizationId
from vedette.messaging import Downlinks
from vedette.simulation import ManualClock, SequentialIds

IDS = SequentialIds()
READY = CommandsReady(generation_id=IDS.new("dev"))


def test_what_the_bus_does_not_take_is_counted_and_mentioned_now_and_then(caplog: pytest.LogCaptureFixture) -> None:
    clock, bus = ManualClock(), RecordedBus()
    downlinks = Downlinks(OrganizationId(IDS.new("org")), clock=clock)
    with caplog.at_level(logging.WARNING, "vedette.messaging"):
        assert not downlinks.send("gateway-1", READY)
        downlinks.attach(bus)  # type: ignore[arg-type] # it publishes, and that is all
        assert downlinks.send("gateway-1", READY)
        bus.failure = BusUnavailable("not there")
        for _ in range(5):
            assert not downlinks.send("gateway-1", READY)
        clock.advance(timedelta(seconds=10))
        assert not downlinks.send("gateway-1", READY)
    assert downlinks.dropped == 7
    assert [record.__dict__["count"] for record in caplog.records] == [1, 6]
    assert bus.said == [("gateway-1", READY)]


def test_a_broadcast_reaches_every_gateway() -> None:
    bus = RecordedBus()
    downlinks = Downlinks(OrganizationId(IDS.new("org")), clock=ManualClock())
    downlinks.attach(bus)  # type: ignore[arg-type] # it publishes, and that is all
    downlinks.broadcast(["gateway-1", "gateway-2"], READY)
    assert bus.said == [("gateway-1", READY), ("gateway-2", READY)]
