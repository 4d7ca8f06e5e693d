"""Whom we hear sends without end, or packed, or is nobody: the others are heard, and little is written down."""

from __future__ import annotations

import asyncio
import gzip
import itertools
import json
import threading
import tracemalloc
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta

import httpx
import pytest
from http_peer import Asked, HttpPeer, http_peer
from identity_house import RunningSigner
from shared_signals import Signals, signals_of
from waiting import until

from vedette.access import SetRefused
from vedette.access.ssf_events import SESSION_REVOKED
from vedette.access.ssf_receiver import COUNTED_PER_MINUTE
from vedette.kernel import SystemClock
from vedette.simulation import ManualClock
from vedette.store import Store

pytestmark = pytest.mark.anyio


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(SystemClock().now())


@pytest.fixture
def peer() -> Iterator[HttpPeer]:
    with http_peer() as running:
        yield running


@pytest.fixture
async def signals(
    store: Store, signer_process: RunningSigner, clock: ManualClock, peer: HttpPeer
) -> AsyncIterator[Signals]:
    async with signals_of(store, signer_process, clock, peer) as found:
        yield found


async def test_what_strangers_send_is_written_down_so_often_and_no_more(signals: Signals) -> None:
    transmitter = await signals.hear()
    for _ in range(COUNTED_PER_MINUTE + 10):
        with pytest.raises(SetRefused):
            await signals.receiver.push(transmitter.transmitter_id, "x.y.z", "")
    assert (await signals.receiver.get(transmitter.transmitter_id)).refused == COUNTED_PER_MINUTE
    signals.clock.advance(timedelta(minutes=1))
    with pytest.raises(SetRefused):
        await signals.receiver.push(transmitter.transmitter_id, "x.y.z", "")
    assert (await signals.receiver.get(transmitter.transmitter_id)).refused == COUNTED_PER_MINUTE + 1


async def test_a_transmitter_that_never_ends_keeps_no_other_from_being_heard(signals: Signals) -> None:
    await signals.house.active()
    numbers = itertools.count()
    signals.peer.answers["/endless"] = lambda _: (200, json.dumps({"sets": {f"{next(numbers)}": "x.y.z"}}).encode())
    other = {"one": signals.token(SESSION_REVOKED, {})}
    acknowledged = threading.Event()

    def answer(asked: Asked) -> tuple[int, bytes]:
        if json.loads(asked.body)["ack"] == ["one"]:
            acknowledged.set()
            other.clear()
        return 200, json.dumps({"sets": other}).encode()

    signals.peer.answers["/poll"] = answer
    endless = await signals.hear(poll_url=f"{signals.peer.url}/endless")
    await signals.hear(poll_url=f"{signals.peer.url}/poll")
    async with asyncio.TaskGroup() as group:
        running = group.create_task(signals.receiver.run(), name="receiver")
        await until(acknowledged.is_set, within_s=60)
        running.cancel()
    async with httpx.AsyncClient(timeout=60) as client:
        assert await signals.receiver.poll(client, endless) > 0  # and it comes back


async def test_what_is_packed_is_not_unpacked(signals: Signals) -> None:
    bomb = gzip.compress(b" " * 50_000_000)
    signals.peer.headers["Content-Encoding"] = "gzip"
    signals.peer.answers["/poll"] = lambda _: (200, bomb)
    transmitter = await signals.hear(poll_url=f"{signals.peer.url}/poll")
    tracemalloc.start()
    try:
        async with httpx.AsyncClient(timeout=60) as client:
            assert await signals.receiver.poll(client, transmitter) == 0
        assert tracemalloc.get_traced_memory()[1] < 10_000_000
    finally:
        tracemalloc.stop()
    assert "RFC 8936" in (await signals.receiver.get(transmitter.transmitter_id)).last_error
