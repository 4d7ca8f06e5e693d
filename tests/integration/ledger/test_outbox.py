from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import timedelta
from functools import partial

import pytest
import sqlalchemy as sa

from vedette.bus import BusUnavailable
from vedette.kernel import SystemClock
from vedette.ledger import Envelope, Ledger, OutboxRelay, outbox
from vedette.ledger.repository import read_cursors
from vedette.simulation import ManualClock
from vedette.store import Store

Append = Callable[..., int]
pytestmark = pytest.mark.anyio


class Bus:
    """Takes envelopes, unless told to fail from one position on."""

    def __init__(self) -> None:
        self.taken: list[Envelope] = []
        self.fails_from: int | None = None
        self._grew = asyncio.Event()

    async def publish(self, envelope: Envelope) -> None:
        if self.fails_from is not None and envelope.position >= self.fails_from:
            raise BusUnavailable("the bus is down")
        self.taken.append(envelope)
        self._grew.set()

    async def reaches(self, count: int) -> None:
        while len(self.taken) < count:
            self._grew.clear()
            await self._grew.wait()

    def positions(self, organization_id: str = "org_a") -> list[int]:
        return [envelope.position for envelope in self.taken if envelope.organization_id == organization_id]


def make(store: Store, ledger: Ledger, bus: Bus, name: str = "events") -> OutboxRelay:
    return OutboxRelay(store, ledger, bus.publish, clock=SystemClock(), name=name)


async def test_events_of_every_log_are_told_in_order_and_once(store: Store, ledger: Ledger, append: Append) -> None:
    bus = Bus()
    relay = make(store, ledger, bus)
    await asyncio.gather(
        *(store.write(partial(append, number=n, organization_id=f"org_{n % 2}", tells=n % 3 != 0)) for n in range(300))
    )
    assert await relay.relay() == 200
    assert await relay.relay() == 0
    for organization_id in ("org_0", "org_1"):
        told = [event.position for event in await ledger.events(organization_id, limit=500)]
        assert bus.positions(organization_id) == told


async def test_a_new_relay_goes_on_where_the_last_one_stopped(store: Store, ledger: Ledger, append: Append) -> None:
    bus = Bus()
    for number in range(3):
        await store.write(partial(append, number=number))
    await make(store, ledger, bus).relay()
    await store.write(partial(append, number=3))
    await make(store, ledger, bus).relay()
    assert bus.positions() == [1, 2, 3, 4]
    other = Bus()
    await make(store, ledger, other, "siem").relay()
    assert other.positions() == [1, 2, 3, 4]


async def test_a_bus_that_fails_is_asked_again_and_nothing_is_skipped(
    store: Store, ledger: Ledger, append: Append
) -> None:
    bus = Bus()
    relay = make(store, ledger, bus)
    for number in range(6):
        await store.write(partial(append, number=number))
    bus.fails_from = 4
    with pytest.raises(BusUnavailable):
        await relay.relay()
    assert bus.positions() == [1, 2, 3]
    bus.fails_from = None
    await relay.relay()
    assert bus.positions() == [1, 2, 3, 4, 5, 6]


async def test_a_running_relay_wakes_on_commit_and_heals_by_itself(
    store: Store, ledger: Ledger, append: Append, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("_POLL_S", "_SAVE_EVERY_S"):  # what is told is told since its commit woke the relay
        monkeypatch.setattr(outbox, name, 3600.0)
    bus = Bus()
    relay = make(store, ledger, bus)
    async with asyncio.TaskGroup() as group:
        running = group.create_task(relay.run())
        bus.fails_from = 3
        async with asyncio.timeout(60):
            for number in range(4):
                await store.write(partial(append, number=number))
            await bus.reaches(2)
            bus.fails_from = None
            await bus.reaches(4)
            await store.write(partial(append, number=4))
            await bus.reaches(5)
        running.cancel()
    assert bus.positions() == [1, 2, 3, 4, 5]


async def test_delivered_events_are_kept_for_the_retention_and_undelivered_ones_longer(
    store: Store, ledger: Ledger, append: Append
) -> None:
    clock = ManualClock()
    bus = Bus()
    clock.jump(SystemClock().now() - clock.now())
    relay = OutboxRelay(store, ledger, bus.publish, clock=clock, retention=timedelta(days=7))
    for number in range(4):
        await store.write(partial(append, number=number))
    bus.fails_from = 3
    with pytest.raises(BusUnavailable):
        await relay.relay()
    assert await relay.sweep() == 0
    clock.advance(timedelta(days=8))
    assert await relay.sweep() == 2
    assert [event.position for event in await ledger.events("org_a")] == [3, 4]
    assert len(await ledger.entries("org_a")) == 4


async def run_sql(store: Store, statement: str) -> None:
    await store.write(lambda tx: tx.connection.execute(sa.text(statement)))


async def test_an_event_beyond_the_log_is_neither_told_nor_silences_those_to_come(
    store: Store, ledger: Ledger, append: Append
) -> None:
    bus = Bus()
    await store.write(partial(append, number=1))
    await run_sql(
        store,
        "INSERT INTO ledger_outbox SELECT organization_id, 1000000, at, envelope FROM ledger_outbox",
    )
    relay = make(store, ledger, bus)
    await relay.relay()
    await store.write(partial(append, number=2))
    await relay.relay()
    assert bus.positions() == [1, 2]
    assert [event.position for event in await ledger.events("org_a")] == [1, 2]


async def test_a_cursor_beyond_the_log_does_not_silence_events(store: Store, ledger: Ledger, append: Append) -> None:
    bus = Bus()
    await store.write(partial(append, number=1))
    await make(store, ledger, bus).relay()
    await run_sql(store, "UPDATE ledger_cursors SET position = 1000000")
    relay = make(store, ledger, bus)
    await relay.relay()
    await store.write(partial(append, number=2))
    await relay.relay()
    assert bus.positions() == [1, 2]


async def test_an_event_that_cannot_be_read_holds_nothing_up(store: Store, ledger: Ledger, append: Append) -> None:
    bus = Bus()
    for number in (1, 2):
        await store.write(partial(append, number=number))
    await run_sql(store, "UPDATE ledger_outbox SET envelope = (SELECT root FROM ledger_states) WHERE position = 1")
    assert await make(store, ledger, bus).relay() == 1
    assert bus.positions() == [2]


async def test_how_far_it_came_is_saved_now_and_then_and_after_a_crash_the_rest_is_told_again(
    store: Store, ledger: Ledger, append: Append
) -> None:
    clock, bus = ManualClock(), Bus()
    relay = OutboxRelay(store, ledger, bus.publish, clock=clock)
    for number in range(3):
        await store.write(partial(append, number=number))
        await relay.relay()
    assert bus.positions() == [1, 2, 3]
    crashed = Bus()
    await make(store, ledger, crashed, "events").relay()
    assert crashed.positions() == [2, 3]  # the first was saved at once, the others would have been within a second
    assert len({event.event_id for event in [*bus.taken, *crashed.taken]}) == 3
    clock.advance(timedelta(seconds=1))
    await store.write(partial(append, number=3))
    await relay.relay()
    after = Bus()
    await make(store, ledger, after).relay()
    assert after.positions() == []


async def test_a_relay_that_has_nothing_to_do_saves_how_far_it_came(
    store: Store, ledger: Ledger, append: Append
) -> None:
    bus = Bus()
    relay = make(store, ledger, bus)
    async with asyncio.TaskGroup() as group:
        running = group.create_task(relay.run(), name="relay")
        for number in range(3):
            await store.write(partial(append, number=number))
            await bus.reaches(number + 1)
        async with asyncio.timeout(60):
            while (await store.read(lambda c: read_cursors(c, "events"))).get("org_a") != 3:  # noqa: ASYNC110 - another task saves
                await asyncio.sleep(0.05)
        running.cancel()
    after = Bus()
    await make(store, ledger, after).relay()
    assert after.positions() == []
