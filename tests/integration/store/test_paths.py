from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from functools import partial
from typing import Any

import pytest
import sqlalchemy as sa

from vedette.kernel import SystemClock
from vedette.store import IndexedPath, Json, Store, index_paths, indexed_paths, json_path

pytestmark = pytest.mark.anyio

_schema = sa.MetaData()
_declared = {(path.table, path.column) for path in indexed_paths}
_tables = [
    sa.Table(
        table,
        _schema,
        sa.Column("organization_id", sa.String(64), primary_key=True),
        sa.Column("id", sa.Integer, primary_key=True),
        *(sa.Column(column, Json) for declared, column in sorted(_declared) if declared == table),
    )
    for table in sorted({table for table, _ in _declared})
]
for _table in _tables:
    index_paths(_table)


def explain(connection: sa.Connection, query: sa.Select[Any]) -> str:
    """Return the planner's words for a query whose values are bound as the program binds them."""
    word = "EXPLAIN QUERY PLAN" if connection.dialect.name == "sqlite" else "EXPLAIN"

    def prefix(_: object, __: object, statement: str, parameters: Any, *___: object) -> tuple[str, Any]:
        return f"{word} {statement}", parameters

    sa.event.listen(connection, "before_cursor_execute", prefix, retval=True)
    result: Any = connection.execute(query)  # Any: the rows are the planner's, not the query's
    return "\n".join(str(row) for row in result.cursor.fetchall())


@pytest.fixture
async def filled(store_url: str) -> AsyncIterator[Store]:
    """Open a store that holds the declared tables alone, cut down to what the indexes are made of."""
    store = await asyncio.to_thread(Store.open, store_url, clock=SystemClock(), reserve_bytes=0)

    def fill(connection: sa.Connection) -> None:
        _schema.create_all(connection)
        for table in _tables:
            columns = [column for declared, column in _declared if declared == table.name]
            rows = [
                {
                    "organization_id": "org_a",
                    "id": number,
                    **{column: document(table.name, column, number) for column in columns},
                }
                for number in range(2000)
            ]
            connection.execute(table.insert(), rows)
        connection.execute(sa.text("ANALYZE"))

    await store.write(lambda tx: fill(tx.connection))
    yield store
    await store.close()


def select_all(connection: sa.Connection, query: sa.Select[Any]) -> list[Any]:
    return list(connection.execute(query).scalars())


def document(table: str, column: str, number: int) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for path in indexed_paths:
        if (path.table, path.column) == (table, column):
            nest = found
            for key in path.keys[:-1]:
                nest = nest.setdefault(key, {})
            nest[path.keys[-1]] = f"{path.keys[-1]}-{number}"
    return found


@pytest.mark.parametrize("path", indexed_paths, ids=lambda path: path.index_name)
async def test_the_planner_uses_the_index_of_each_declared_path(filled: Store, path: IndexedPath) -> None:
    table = next(table for table in _tables if table.name == path.table)
    wanted = json_path(table.c[path.column], *path.keys) == f"{path.keys[-1]}-1234"
    query = sa.select(table.c.id).where(table.c.organization_id == "org_a", wanted)

    assert await filled.read(lambda connection: list(connection.execute(query).scalars())) == [1234]
    assert path.index_name in await filled.read(lambda connection: explain(connection, query))


async def test_strings_compare_with_strings_and_numbers_with_numbers(store: Store) -> None:
    table = sa.Table("documents", sa.MetaData(), sa.Column("id", sa.Integer, primary_key=True), sa.Column("tags", Json))
    documents = {1: {"a": {"b": 9}}, 2: {"a": {"b": 10}}, 3: {"a": {"b": "10"}}, 4: {"a": None}, 5: None}

    def fill(connection: sa.Connection) -> None:
        table.create(connection)
        connection.execute(table.insert(), [{"id": key, "tags": value} for key, value in documents.items()])

    await store.write(lambda tx: fill(tx.connection))
    value = json_path(table.c.tags, "a", "b")
    cases: dict[str, tuple[sa.ColumnElement[bool], list[int]]] = {
        "number": (value == 10, [2]),
        "number, decimal": (value == 9.0, [1]),
        "text": (value == "10", [3]),
        "list": (value.in_([9, "10"]), [1, 3]),
        "absent": (value.is_(None), [4, 5]),
    }
    for name, (condition, expected) in cases.items():
        query = sa.select(table.c.id).where(condition).order_by(table.c.id)
        assert await store.read(partial(select_all, query=query)) == expected, name
    values = await store.read(
        lambda connection: connection.execute(sa.select(value).order_by(table.c.id)).scalars().all()
    )
    assert values == [9, 10, "10", None, None]
    assert await store.read(lambda connection: connection.execute(sa.select(table.c.tags)).scalars().all()) == list(
        documents.values()
    )


def test_the_declared_paths_are_plain_and_their_index_names_fit_postgresql() -> None:
    for path in indexed_paths:
        assert re.fullmatch(r"[a-z0-9_]{1,63}", path.index_name)
