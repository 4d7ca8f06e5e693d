from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Protocol

import pytest
import sqlalchemy as sa

from vedette.kernel import SystemClock
from vedette.store import Store, StoreUnavailable, Transaction

_schema = sa.MetaData()
numbers = sa.Table("numbers", _schema, sa.Column("id", sa.Integer, primary_key=True))
pytestmark = pytest.mark.anyio


class Server(Protocol):
    """The PostgreSQL server of the session."""

    def stop(self) -> None: ...
    def start(self) -> None: ...
    def create_database(self) -> str: ...


def insert(tx: Transaction, number: int) -> None:
    tx.connection.execute(numbers.insert().values(id=number))


async def ids(store: Store) -> list[int]:
    return await store.read(lambda connection: list(connection.execute(sa.select(numbers.c.id)).scalars()))


@pytest.fixture
async def pair(postgresql_server: Server) -> AsyncIterator[tuple[Store, Store]]:
    """Two control processes' stores on one database."""
    url = postgresql_server.create_database()
    stores = Store.open(url, clock=SystemClock()), Store.open(url, clock=SystemClock())
    await stores[0].write(lambda tx: _schema.create_all(tx.connection))
    yield stores
    for store in stores:
        await store.close()


async def test_the_store_reconnects_after_the_server_was_restarted(
    postgresql_server: Server, pair: tuple[Store, Store]
) -> None:
    store = pair[0]
    await store.write(lambda tx: insert(tx, 1))
    assert await ids(store) == [1]
    await asyncio.to_thread(postgresql_server.stop)
    try:
        with pytest.raises(StoreUnavailable) as refused:
            await store.write(lambda tx: insert(tx, 2))
        assert refused.value.hint
        with pytest.raises(StoreUnavailable):
            await ids(store)
    finally:
        await asyncio.to_thread(postgresql_server.start)
    await store.write(lambda tx: insert(tx, 3))
    assert sorted(await ids(store)) == [1, 3]


async def test_a_restart_between_two_writes_is_not_noticed(
    postgresql_server: Server, pair: tuple[Store, Store]
) -> None:
    store = pair[0]
    await store.write(lambda tx: insert(tx, 1))
    await asyncio.to_thread(postgresql_server.stop)
    await asyncio.to_thread(postgresql_server.start)
    await store.write(lambda tx: insert(tx, 2))
    assert sorted(await ids(store)) == [1, 2]


async def test_a_connection_lost_inside_a_unit_of_work_fails_its_group(pair: tuple[Store, Store]) -> None:
    store, other = pair

    def lose(tx: Transaction) -> None:
        insert(tx, 1)
        tx.connection.execute(sa.text("SELECT pg_terminate_backend(pg_backend_pid())"))

    with pytest.raises(StoreUnavailable):
        await store.write(lose)
    await store.write(lambda tx: insert(tx, 2))
    assert await ids(other) == [2]


async def test_two_processes_write_one_at_a_time(pair: tuple[Store, Store]) -> None:
    """What one read before its change still holds when it commits, as on SQLite."""

    def count_and_insert(tx: Transaction) -> None:
        count = tx.connection.execute(sa.select(sa.func.count()).select_from(numbers)).scalar_one()
        time.sleep(0.002)
        insert(tx, count)

    await asyncio.gather(*(store.write(count_and_insert) for store in pair for _ in range(25)))
    assert sorted(await ids(pair[0])) == list(range(50))


async def test_a_server_that_is_not_there_is_named_with_a_hint() -> None:
    store = Store.open("postgresql+psycopg://nobody@127.0.0.1:1/none", clock=SystemClock())
    with pytest.raises(StoreUnavailable) as refused:
        await asyncio.to_thread(store.migrate)
    assert refused.value.hint
    with pytest.raises(StoreUnavailable):
        await store.write(lambda _: None)
    with pytest.raises(StoreUnavailable):
        await store.read(lambda _: None)
    await store.close()
