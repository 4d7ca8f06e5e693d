from __future__ import annotations

import asyncio
import threading
from collections.abc import Sequence
from functools import partial
from typing import Any

import pytest
import sqlalchemy as sa

from vedette.kernel import SystemClock
from vedette.store import Json, Store, StoreUnavailable, Transaction, UtcDateTime, WriterLimits

_schema = sa.MetaData()
items = sa.Table(
    "items",
    _schema,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("name", sa.String(64), unique=True),
    sa.Column("at", UtcDateTime),
    sa.Column("tags", Json),
)
pytestmark = pytest.mark.anyio


@pytest.fixture
async def prepared(store: Store) -> Store:
    await store.write(lambda tx: _schema.create_all(tx.connection))
    return store


async def open_store(url: str, limits: WriterLimits = WriterLimits()) -> Store:  # noqa: B008 - frozen
    return await asyncio.to_thread(Store.open, url, clock=SystemClock(), limits=limits, reserve_bytes=0)


def insert(tx: Transaction, number: int) -> int:
    tx.connection.execute(items.insert().values(id=number, name=f"item {number}"))
    return number


async def ids(store: Store) -> list[int]:
    return await store.read(lambda connection: list(connection.execute(sa.select(items.c.id).order_by("id")).scalars()))


class Gate:
    """Holds the writer thread inside a unit of work, so that what is queued meanwhile forms one group."""

    def __init__(self) -> None:
        self.entered = threading.Event()
        self.open = threading.Event()

    def __call__(self, _: Transaction) -> None:
        self.entered.set()
        assert self.open.wait(60)


async def hold(store: Store) -> tuple[Gate, asyncio.Task[None]]:
    gate = Gate()
    task = asyncio.ensure_future(store.write(gate))
    await asyncio.to_thread(gate.entered.wait, 60)
    return gate, task


async def test_a_write_is_visible_to_reads_when_it_returns(prepared: Store) -> None:
    assert await prepared.write(lambda tx: insert(tx, 1)) == 1
    assert await ids(prepared) == [1]


async def test_a_unit_of_work_that_raises_leaves_nothing_and_disturbs_no_other(prepared: Store) -> None:
    def fail(tx: Transaction) -> None:
        insert(tx, 100)
        raise LookupError("no such device")

    gate, held = await hold(prepared)
    calls: list[Any] = [prepared.write(partial(insert, number=n)) for n in (1, 2)]
    calls[1:1] = [prepared.write(fail), prepared.write(lambda tx: insert(tx, 1))]
    tasks = [asyncio.ensure_future(call) for call in calls]
    await asyncio.sleep(0)
    gate.open.set()
    await held
    results = await asyncio.gather(*tasks, return_exceptions=True)
    assert results[0] == 1
    assert isinstance(results[1], LookupError)
    assert isinstance(results[2], sa.exc.IntegrityError)
    assert results[3] == 2
    assert await ids(prepared) == [1, 2]


async def test_units_of_work_that_wait_share_one_commit(prepared: Store) -> None:
    groups: list[int] = []

    def work(tx: Transaction, number: int) -> None:
        insert(tx, number)
        tx.at_group_end("key", lambda _, transactions: groups.append(len(transactions)))
        if number == 3:
            raise ValueError(number)

    gate, held = await hold(prepared)
    tasks = [asyncio.ensure_future(prepared.write(partial(work, number=n))) for n in range(5)]
    await asyncio.sleep(0)
    gate.open.set()
    await asyncio.gather(held, *tasks, return_exceptions=True)
    assert groups == [4]
    assert await ids(prepared) == [0, 1, 2, 4]


async def test_a_group_end_that_raises_fails_the_whole_group(prepared: Store) -> None:
    def spoil(_: sa.Connection, __: Sequence[Transaction]) -> None:
        raise ValueError("spoilt")

    def fail(_: Transaction) -> None:
        raise LookupError

    gate, held = await hold(prepared)
    innocent = asyncio.ensure_future(prepared.write(lambda tx: insert(tx, 1)))
    own_fault = asyncio.ensure_future(prepared.write(fail))
    guilty = asyncio.ensure_future(prepared.write(lambda tx: tx.at_group_end("key", spoil)))
    await asyncio.sleep(0)
    gate.open.set()
    results = await asyncio.gather(held, innocent, own_fault, guilty, return_exceptions=True)
    assert [type(result) for result in results] == [
        StoreUnavailable,
        StoreUnavailable,
        LookupError,
        StoreUnavailable,
    ]
    assert await ids(prepared) == []
    await prepared.write(lambda tx: insert(tx, 2))
    assert await ids(prepared) == [2]


async def test_callbacks_run_in_the_event_loop_after_the_commit_and_before_the_caller_goes_on(prepared: Store) -> None:
    seen: list[object] = []

    def work(tx: Transaction) -> None:
        insert(tx, 1)
        tx.on_commit(lambda: seen.append(threading.current_thread()))

    def fail(tx: Transaction) -> None:
        tx.on_commit(lambda: seen.append("never"))
        raise LookupError

    await prepared.write(work)
    seen.append("caller")
    with pytest.raises(LookupError):
        await prepared.write(fail)
    assert seen == [threading.main_thread(), "caller"]


async def test_a_savepoint_inside_a_unit_of_work_rolls_back_alone(prepared: Store) -> None:
    def work(tx: Transaction) -> None:
        insert(tx, 1)
        with pytest.raises(sa.exc.IntegrityError):
            insert_both(tx, 2, 1)
        insert(tx, 3)

    def insert_both(tx: Transaction, first: int, second: int) -> None:
        with tx.connection.begin_nested():
            insert(tx, first)
            insert(tx, second)

    await prepared.write(work)
    assert await ids(prepared) == [1, 3]


@pytest.mark.parametrize("ending", ["commit", "rollback"])
async def test_a_unit_of_work_cannot_end_the_transaction(prepared: Store, ending: str) -> None:
    def work(tx: Transaction) -> None:
        insert(tx, 1)
        getattr(tx.connection, ending)()

    with pytest.raises((StoreUnavailable, RuntimeError)):
        await prepared.write(work)
    await prepared.write(lambda tx: insert(tx, 2))
    assert 2 in await ids(prepared)


async def test_a_full_queue_refuses_but_keeps_room_for_restricting_changes(store_url: str) -> None:
    limits = WriterLimits(queue=3)
    store = await open_store(store_url, limits)
    try:
        gate, held = await hold(store)
        order: list[str] = []
        waiting = [asyncio.ensure_future(store.write(lambda _: order.append("widening"))) for _ in range(2)]
        await asyncio.sleep(0)
        with pytest.raises(StoreUnavailable) as refused:
            await store.write(lambda _: None)
        assert refused.value.context["limit"] == 3
        urgent = [
            asyncio.ensure_future(store.write(lambda _: order.append("restricting"), restricting=True))
            for _ in range(3)
        ]
        await asyncio.sleep(0)
        with pytest.raises(StoreUnavailable):
            await store.write(lambda _: None, restricting=True)
        gate.open.set()
        await asyncio.gather(held, *waiting, *urgent)
        assert order == ["restricting"] * 3 + ["widening"] * 2
    finally:
        await store.close()


async def test_a_group_takes_no_more_than_its_limit(store_url: str) -> None:
    store = await open_store(store_url, WriterLimits(group=4))
    groups: list[int] = []

    def work(tx: Transaction) -> None:
        tx.at_group_end("key", lambda _, transactions: groups.append(len(transactions)))

    try:
        gate, held = await hold(store)
        tasks = [asyncio.ensure_future(store.write(work)) for _ in range(9)]
        await asyncio.sleep(0)
        gate.open.set()
        await asyncio.gather(held, *tasks)
        assert groups == [3, 4, 2]
    finally:
        await store.close()


async def test_a_cancelled_caller_that_still_waits_is_skipped(prepared: Store) -> None:
    gate, held = await hold(prepared)
    waiting = asyncio.ensure_future(prepared.write(lambda tx: insert(tx, 1)))
    await asyncio.sleep(0)
    waiting.cancel()
    gate.open.set()
    await held
    with pytest.raises(asyncio.CancelledError):
        await waiting
    await prepared.write(lambda tx: insert(tx, 2))
    assert await ids(prepared) == [2]


async def test_work_that_has_begun_commits_although_its_caller_was_cancelled(prepared: Store) -> None:
    gate = Gate()
    seen: list[str] = []

    def work(tx: Transaction) -> None:
        gate(tx)
        insert(tx, 1)
        tx.on_commit(lambda: seen.append("committed"))

    caller = asyncio.ensure_future(prepared.write(work))
    await asyncio.to_thread(gate.entered.wait, 60)
    caller.cancel()
    with pytest.raises(asyncio.CancelledError):
        await caller
    gate.open.set()
    await prepared.write(lambda tx: insert(tx, 2))
    assert await ids(prepared) == [1, 2]
    assert seen == ["committed"]


async def test_a_read_sees_one_snapshot(prepared: Store) -> None:
    gate = Gate()
    await prepared.write(lambda tx: insert(tx, 1))

    def count_twice(connection: sa.Connection) -> tuple[int, int]:
        first = connection.execute(sa.select(sa.func.count()).select_from(items)).scalar_one()
        gate.entered.set()
        gate.open.wait(60)
        return first, connection.execute(sa.select(sa.func.count()).select_from(items)).scalar_one()

    reading = asyncio.ensure_future(prepared.read(count_twice))
    await asyncio.to_thread(gate.entered.wait, 60)
    await prepared.write(lambda tx: insert(tx, 2))
    gate.open.set()
    assert await reading == (1, 1)


async def test_a_read_cannot_write(prepared: Store) -> None:
    with pytest.raises((sa.exc.DBAPIError, StoreUnavailable)):
        await prepared.read(lambda connection: connection.execute(items.insert().values(id=1)))
    assert await ids(prepared) == []


async def test_a_write_that_raises_stopiteration_does_not_hang_its_caller(prepared: Store) -> None:
    with pytest.raises(RuntimeError):
        await prepared.write(lambda _: next(iter(())))


async def test_closing_finishes_what_is_queued_and_refuses_the_rest(store_url: str) -> None:
    store = await open_store(store_url)
    await store.write(lambda tx: _schema.create_all(tx.connection))
    tasks = [asyncio.ensure_future(store.write(partial(insert, number=n))) for n in range(20)]
    await asyncio.sleep(0)
    await store.close()
    assert await asyncio.gather(*tasks) == list(range(20))
    with pytest.raises(StoreUnavailable):
        await store.write(lambda tx: insert(tx, 99))
    with pytest.raises(StoreUnavailable):
        await store.read(lambda _: None)
    await store.close()
    again = await open_store(store_url)
    assert await ids(again) == list(range(20))
    await again.close()
