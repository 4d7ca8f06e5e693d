from __future__ import annotations

import pytest
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from vedette.store import Json, index_paths, indexed_paths, json_path

column = sa.column("tags", Json)


def test_the_path_is_part_of_the_sql_and_the_value_is_bound() -> None:
    condition = json_path(column, "a", "b_2") == "x"
    assert str(condition.compile(dialect=sqlite.dialect())) == "json_extract(tags, '$.a.b_2') = ?"
    assert "(tags #> '{a,b_2}') = %(" in str(condition.compile(dialect=postgresql.dialect()))  # type: ignore[no-untyped-call]


def test_two_paths_are_two_statements_in_the_cache() -> None:
    engine = sa.create_engine("sqlite://")
    with engine.connect() as connection:
        document = sa.literal('{"a": 1, "b": 2}', Json).label("tags")
        table = sa.select(sa.literal_column("""'{"a": 1, "b": 2}'""").label("tags")).subquery()
        values = [connection.execute(sa.select(json_path(table.c.tags, key))).scalar() for key in ("a", "b")]
    engine.dispose()
    assert document.name == "tags"
    assert values == [1, 2]


BAD = {
    "empty": ("",),
    "quote": ("a'b",),
    "dot": ("a.b",),
    "brace": ("a}",),
    "comma": ("a,b",),
    "dollar": ("$",),
    "digit first": ("1a",),
    "too long": ("a" * 65,),
    "newline": ("a\n",),
    "not ascii": ("é",),
    "none": (),
    "too deep": ("a",) * 9,
}


@pytest.mark.parametrize("keys", BAD.values(), ids=BAD)
def test_a_path_that_is_not_made_of_plain_words_is_refused(keys: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match="path"):
        json_path(column, *keys)


def test_paths_at_the_limits_are_taken() -> None:
    json_path(column, *("a" * 64,) * 8)


def test_a_table_gets_the_indexes_declared_for_it_and_no_other_table_any() -> None:
    name = indexed_paths[0].table
    columns = {path.column for path in indexed_paths if path.table == name}
    schema = sa.MetaData()
    table, other = (
        sa.Table(
            title, schema, sa.Column("organization_id", sa.String), *(sa.Column(column, Json) for column in columns)
        )
        for title in (name, "other")
    )
    index_paths(table)
    index_paths(other)
    assert {index.name for index in table.indexes} == {path.index_name for path in indexed_paths if path.table == name}
    assert not other.indexes
