from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.dialects import postgresql, sqlite

from vedette.store import Json, UtcDateTime, metadata

EAST = timezone(timedelta(hours=9))
years = range(1970, 9000)
times = st.builds(
    lambda moment, zone: moment.replace(year=min(max(moment.year, years[0] + 1), years[-1]), day=1, tzinfo=zone),
    st.datetimes(),
    st.sampled_from([EAST, UTC]),
)


@given(st.lists(times, min_size=1, max_size=5))
def test_a_time_comes_back_equal_in_utc_and_sorts_as_it_should(moments: list[datetime]) -> None:
    table = sa.Table("t", sa.MetaData(), sa.Column("at", UtcDateTime))
    engine = sa.create_engine("sqlite://")
    with engine.begin() as connection:
        table.create(connection)
        connection.execute(table.insert(), [{"at": moment} for moment in moments])
        found = list(connection.execute(sa.select(table.c.at).order_by(table.c.at)).scalars())
    engine.dispose()
    assert found == sorted(moments)
    assert all(moment.tzinfo is UTC for moment in found)


def test_a_naive_time_is_refused() -> None:
    naive = datetime(2026, 1, 1)  # noqa: DTZ001 - the point
    for dialect in (sqlite.dialect(), postgresql.dialect()):  # type: ignore[no-untyped-call]  # SQLAlchemy's
        with pytest.raises(ValueError, match="naive"):
            UtcDateTime().process_bind_param(naive, dialect)
        assert UtcDateTime().process_bind_param(None, dialect) is None
        assert UtcDateTime().process_result_value(None, dialect) is None


def test_none_is_sql_null_in_a_json_column() -> None:
    table = sa.Table("t", sa.MetaData(), sa.Column("id", sa.Integer, primary_key=True), sa.Column("body", Json))
    engine = sa.create_engine("sqlite://")
    with engine.begin() as connection:
        table.create(connection)
        connection.execute(table.insert(), [{"body": None}, {"body": {"a": [1, None]}}])
        assert connection.execute(sa.select(table.c.id).where(table.c.body.is_(None))).scalars().all() == [1]
        assert connection.execute(sa.select(table.c.body)).scalars().all() == [None, {"a": [1, None]}]
    engine.dispose()


def test_columns_have_the_types_of_each_database() -> None:
    dialect = postgresql.dialect()  # type: ignore[no-untyped-call]  # SQLAlchemy's
    assert UtcDateTime().compile(dialect=dialect) == "TIMESTAMP WITH TIME ZONE"
    assert Json().compile(dialect=dialect) == "JSONB"
    assert Json().compile(dialect=sqlite.dialect()) == "JSON"


def test_every_constraint_has_a_name() -> None:
    assert set(metadata.naming_convention) >= {"ix", "uq", "ck", "fk", "pk"}
