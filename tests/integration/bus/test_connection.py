"""The connection against a real server."""

from __future__ import annotations

import pytest
from running_bus import RunningBus

from vedette.bus.contract import TELEMETRY_STREAM

pytestmark = pytest.mark.anyio


async def test_a_published_message_reaches_the_stream_once(bus: RunningBus) -> None:
    gateway = await bus.connect("gateway-1")
    first = await gateway.jetstream_publish_wait(
        "telemetry.org_1.gateway-1", b"x", stream=TELEMETRY_STREAM, msg_id="m1", deadline_s=5
    )
    second = await gateway.jetstream_publish_wait(
        "telemetry.org_1.gateway-1", b"x", stream=TELEMETRY_STREAM, msg_id="m1", deadline_s=5
    )
    assert (first.sequence, first.is_duplicate) == (1, False)
    assert (second.sequence, second.is_duplicate) == (1, True)
