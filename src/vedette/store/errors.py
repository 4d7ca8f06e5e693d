"""What the store may refuse, and which driver errors mean it."""

from __future__ import annotations

from typing import ClassVar, Final

import sqlalchemy as sa

from vedette.kernel import Problem

_SQLITE_FULL: Final = 13
# BUSY, LOCKED, READONLY, IOERR, CORRUPT, FULL, CANTOPEN, PROTOCOL, NOTADB: the database is at fault, not the work.
_SQLITE_UNAVAILABLE: Final = frozenset({5, 6, 8, 10, 11, 13, 14, 15, 26})
_POSTGRESQL_FULL: Final = "53100"
# Connection exceptions, insufficient resources, operator intervention, system errors; then lock_not_available,
# serialization_failure and deadlock_detected, which another try may heal.
_POSTGRESQL_UNAVAILABLE_CLASSES: Final = ("08", "53", "57", "58")
_POSTGRESQL_UNAVAILABLE: Final = frozenset({"55P03", "40001", "40P01", "25006"})


class StoreUnavailable(Problem):
    """The store could not do the work now; nothing is known to be wrong with the work.

    After a lost connection the outcome of a commit is unknown: ``context["outcome"]`` is then ``"unknown"``.
    """

    code: ClassVar[str] = "store.unavailable"
    status: ClassVar[int] = 503


class StoreFull(StoreUnavailable):
    """The disk is full: only restricting changes are still written, from reserved space."""

    code: ClassVar[str] = "store.full"
    status: ClassVar[int] = 507


def to_problem(error: BaseException, *, at_commit: bool = False) -> StoreUnavailable | None:
    """Translate a driver's error, or return None if the statement and not the store is at fault.

    Args:
        error: What the database driver raised through SQLAlchemy.
        at_commit: The error came from COMMIT, so a lost connection leaves the outcome unknown.
    """
    if isinstance(error, StoreUnavailable):
        return error
    if isinstance(error, sa.exc.TimeoutError):
        return StoreUnavailable("no database connection became free in time", hint="try again in a moment")
    if not isinstance(error, sa.exc.DBAPIError):
        return None
    if _is_full(error):
        return StoreFull(
            "the disk that holds the database is full",
            hint="free some space; until then only restricting changes are written",
        )
    if not _is_unavailable(error):
        return None
    context = {"outcome": "unknown"} if at_commit else {}
    return StoreUnavailable(
        f"the database did not answer: {_reason(error)}",
        hint="check that it runs and can be reached; Vedette reconnects by itself",
        **context,
    )


def _is_full(error: sa.exc.DBAPIError) -> bool:
    return _sqlite_code(error) == _SQLITE_FULL or _sqlstate(error) == _POSTGRESQL_FULL


def _is_unavailable(error: sa.exc.DBAPIError) -> bool:
    if error.connection_invalidated or _sqlite_code(error) in _SQLITE_UNAVAILABLE:
        return True
    sqlstate = _sqlstate(error)
    if sqlstate is None:
        # psycopg reports a connection that broke or never came about as an OperationalError without a state.
        return isinstance(error, sa.exc.OperationalError) and _sqlite_code(error) is None
    return sqlstate in _POSTGRESQL_UNAVAILABLE or sqlstate.startswith(_POSTGRESQL_UNAVAILABLE_CLASSES)


def _sqlite_code(error: sa.exc.DBAPIError) -> int | None:
    extended = getattr(error.orig, "sqlite_errorcode", None)
    return None if extended is None else extended & 0xFF


def _sqlstate(error: sa.exc.DBAPIError) -> str | None:
    return getattr(error.orig, "sqlstate", None)


def _reason(error: sa.exc.DBAPIError) -> str:
    lines = str(error.orig).strip().splitlines()
    return lines[0][:200] if lines else type(error.orig).__name__
