from __future__ import annotations

import sqlite3

import psycopg
import pytest
import sqlalchemy as sa

from vedette.store import StoreFull, StoreUnavailable
from vedette.store.errors import to_problem


def sqlite_error(code: int) -> sqlite3.OperationalError:
    error = sqlite3.OperationalError("database is what it is")
    error.sqlite_errorcode = code
    return error


def wrap(error: Exception, *, is_lost: bool = False) -> sa.exc.DBAPIError:
    kind = sa.exc.OperationalError if isinstance(error, psycopg.OperationalError) else sa.exc.DBAPIError
    return kind("SELECT 1", {}, error, connection_invalidated=is_lost)


CASES: dict[str, tuple[BaseException, type[StoreUnavailable] | None]] = {
    "sqlite busy": (wrap(sqlite_error(5)), StoreUnavailable),
    "sqlite i/o error, extended": (wrap(sqlite_error(10 | 3 << 8)), StoreUnavailable),
    "sqlite full": (wrap(sqlite_error(13)), StoreFull),
    "sqlite no such table": (wrap(sqlite_error(1)), None),
    "sqlite constraint": (wrap(sqlite_error(19)), None),
    "postgresql unreachable": (wrap(psycopg.OperationalError("connection refused")), StoreUnavailable),
    "postgresql shutting down": (wrap(psycopg.errors.AdminShutdown()), StoreUnavailable),
    "postgresql disk full": (wrap(psycopg.errors.DiskFull()), StoreFull),
    "postgresql too many connections": (wrap(psycopg.errors.TooManyConnections()), StoreUnavailable),
    "postgresql lock timeout": (wrap(psycopg.errors.LockNotAvailable()), StoreUnavailable),
    "postgresql serialization failure": (wrap(psycopg.errors.SerializationFailure()), StoreUnavailable),
    "postgresql unique violation": (wrap(psycopg.errors.UniqueViolation()), None),
    "postgresql undefined table": (wrap(psycopg.errors.UndefinedTable()), None),
    "connection lost": (wrap(psycopg.InterfaceError("closed"), is_lost=True), StoreUnavailable),
    "no connection in time": (sa.exc.TimeoutError("pool"), StoreUnavailable),
    "a bug": (ValueError("x"), None),
}


@pytest.mark.parametrize(("error", "expected"), CASES.values(), ids=CASES)
def test_the_store_s_troubles_are_told_from_the_work_s(
    error: BaseException, expected: type[StoreUnavailable] | None
) -> None:
    problem = to_problem(error)
    assert type(problem) is (expected or type(None))
    assert problem is None or problem.hint


def test_a_connection_lost_at_commit_leaves_the_outcome_unknown() -> None:
    error = wrap(psycopg.OperationalError("gone"), is_lost=True)
    lost = to_problem(error, at_commit=True)
    assert lost is not None
    assert lost.context == {"outcome": "unknown"}
    before = to_problem(error)
    assert before is not None
    assert before.context == {}


def test_a_problem_is_itself_and_text_of_the_driver_is_cut() -> None:
    problem = StoreUnavailable("x")
    assert to_problem(problem) is problem
    long = to_problem(wrap(psycopg.OperationalError("y" * 5000 + "\nsecond line")))
    assert long is not None
    assert len(long.detail) < 300
    assert "second" not in long.detail
