"""Acknowledged means on disk: the power is cut while messages are published, and every acknowledged one is there.

The same cut with ``sync = interval`` does lose messages, which shows that the simulation bites.
"""

from __future__ import annotations

import asyncio
from pathlib import Path

import power_cut
import pytest
from running_bus import RunningBus
from waiting import until

from vedette.bus import BusConnection, JetStream, PublishAck, PublishResult, StreamReader
from vedette.bus.contract import POSTURE_STREAM, TELEMETRY_STREAM

pytestmark = [pytest.mark.anyio, pytest.mark.skipif(bool(power_cut.missing()), reason=power_cut.missing() or "-")]

SUBJECT = "telemetry.org_1.gateway-1"


@pytest.mark.parametrize("padding_bytes", [0, 60_000], ids=["one file", "several files"])
async def test_acknowledged_messages_survive_a_power_cut(tmp_path: Path, padding_bytes: int) -> None:
    acknowledged, stored = await _publish_cut_and_read(tmp_path, sync="always", padding_bytes=padding_bytes)
    assert len(acknowledged) > 200
    assert acknowledged <= set(stored)
    assert len(stored) == len(set(stored))


async def test_interval_syncing_loses_messages_in_the_same_cut(tmp_path: Path) -> None:
    acknowledged, stored = await _publish_cut_and_read(tmp_path, sync="interval")
    assert acknowledged - set(stored)


async def test_posture_record_and_the_streams_themselves_survive_a_power_cut(tmp_path: Path) -> None:
    folder = await asyncio.to_thread(power_cut.PowerCutFolder, tmp_path)
    bus = RunningBus(folder.path)
    try:
        await bus.start_with_streams()
        events = await bus.connect("control-events")
        for number in range(20):  # each replaces the one before
            subject = "$KV.posture.org_1.dev_1"
            await events.jetstream_publish_wait(
                subject, b"%d" % number, stream=POSTURE_STREAM, msg_id=f"{number}", deadline_s=30
            )
    finally:
        await bus.close()
        durable = await asyncio.to_thread(folder.cut)
    after = RunningBus(durable)
    try:
        await after.start()
        last = await JetStream(await after.connect("control-events")).direct_get_last(POSTURE_STREAM, subject)
        assert last is not None
        assert last.payload == b"19"
        assert await JetStream(await after.connect("control")).stream_info(TELEMETRY_STREAM) is not None
    finally:
        await after.close()


async def _publish_cut_and_read(tmp_path: Path, *, sync: str, padding_bytes: int = 0) -> tuple[set[bytes], list[bytes]]:
    folder = await asyncio.to_thread(power_cut.PowerCutFolder, tmp_path)
    bus = RunningBus(folder.path, sync=sync)
    acknowledged: set[bytes] = set()
    try:
        await bus.start_with_streams()
        gateway = await bus.connect("gateway-1")
        for number in range(400):
            await until(lambda: gateway.unacknowledged < 16)
            _publish(gateway, number, padding_bytes, acknowledged)
        await until(lambda: len(acknowledged) > 300)
    finally:
        seen = set(acknowledged)
        await bus.close()
        durable = await asyncio.to_thread(folder.cut)
    after = RunningBus(durable)
    try:
        await after.start()
        control = await after.connect("control")
        if await JetStream(control).stream_info(TELEMETRY_STREAM) is None:
            return seen, []
        return seen, await _payloads(control)
    finally:
        await after.close()


def _publish(gateway: BusConnection, number: int, padding_bytes: int, acknowledged: set[bytes]) -> None:
    payload = b"message %d %b" % (number, b"." * padding_bytes)

    def note(result: PublishResult) -> None:
        if isinstance(result, PublishAck):
            acknowledged.add(payload)

    gateway.jetstream_publish(
        SUBJECT, payload, stream=TELEMETRY_STREAM, msg_id=f"m{number}", deadline_s=30, on_done=note
    )


async def _payloads(control: BusConnection) -> list[bytes]:
    reader = StreamReader(control, TELEMETRY_STREAM)
    found: list[bytes] = []
    while batch := await reader.next(limit=1000, wait_s=0):
        found += [message.payload for message in batch]
    return found
