"""Finds identities window by window, so that no statement runs long and a caller who leaves stops the search."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, TypeVar

import sqlalchemy as sa

from vedette.kernel import GenerationId, OrganizationId
from vedette.registry.query.documents import load_documents
from vedette.registry.query.plan import Branch, Key, Plan
from vedette.store import Store

T = TypeVar("T")

# What SQL decides costs a microsecond or two a row, what the evaluator decides fifty.
EXACT_WINDOW: Final = 20_000
INEXACT_WINDOW: Final = 1_000
# How many windows one call may look at, and for how long; who is paged goes on, who counts is refused.
EXACT_WINDOWS_MAX: Final = 100
INEXACT_WINDOWS_MAX: Final = 25
PAGE_S: Final = 5.0
FOLD_S: Final = 20.0
# Windows begin small, since one cannot know how large the twins are, and grow while they are quick.
_FIRST_WINDOW: Final = 2_000
_LEAST_WINDOW: Final = 100
_QUICK_S: Final = 0.02
_SLOW_S: Final = 0.1
# Windows at a time: readers are also needed to let devices in. Searches take turns window by window.
_WINDOWS_AT_A_TIME: Final = 1


@dataclass(frozen=True, slots=True)
class Found:
    """One identity that meets a condition."""

    key: Key
    generation_id: GenerationId


@dataclass(frozen=True, slots=True)
class Limits:
    """How much is looked at: rows in a window, and windows in a call."""

    window: int
    windows: int


@dataclass(frozen=True, slots=True)
class Window:
    """A range of keys: behind the first, up to and including the last; ``None`` is no end."""

    after: Key
    up_to: Key | None


class _Pace:
    """How large the next window is, and whether it is the last one."""

    def __init__(self, limits: Limits, *, within_s: float) -> None:
        self._clock = asyncio.get_running_loop().time
        self._most = limits.window
        self._left = limits.window * limits.windows
        self._until_s = self._clock() + within_s
        self.rows = min(limits.window, _FIRST_WINDOW)

    def is_last(self) -> bool:
        """Tell whether no more may be looked at after the next window."""
        return self._left <= self.rows or self._clock() >= self._until_s

    def note(self, took_s: float) -> None:
        """Choose the size of the window after one that took so long."""
        self._left -= self.rows
        if took_s < _QUICK_S:
            self.rows = min(self.rows * 2, self._most)
        elif took_s > _SLOW_S:
            self.rows = max(self.rows // 2, min(_LEAST_WINDOW, self._most))


Look = Callable[[sa.Connection, Plan, Branch, Window], None]


class Scanner:
    """Reads what meets a plan's condition, in the order of the key."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._turns = asyncio.Semaphore(_WINDOWS_AT_A_TIME)

    async def page(
        self,
        organization_id: OrganizationId,
        plan: Plan,
        *,
        after: Key,
        limit: int,
        load: Callable[[sa.Connection, Sequence[Found]], T],
    ) -> tuple[T, Key | None]:
        """Return up to ``limit`` identities behind a key as ``load`` makes them, and where to go on.

        A search that has looked at very much returns what it has found so far, perhaps nothing, and where to go on.

        Args:
            organization_id: Whose.
            plan: What to look for, and how.
            after: The last key of the page before; empty for the first.
            limit: Most identities.
            load: Called once, in the reader thread of the last statement.
        """

        def read_directly(connection: sa.Connection) -> tuple[T, Key | None]:
            rows = _search(connection, organization_id, plan, Window(after, None), limit + 1)
            return load(connection, rows[:limit]), rows[limit - 1].key if len(rows) > limit else None

        if plan.is_direct:
            return await self._store.read(read_directly)
        pace = _Pace(limits_of(plan), within_s=PAGE_S)
        found: list[Found] = []

        def look(connection: sa.Connection, position: Key, *, is_last: bool) -> tuple[T | None, Key | None]:
            window = _next_window(connection, organization_id, plan, position, pace.rows)
            found.extend(_search(connection, organization_id, plan, window, limit + 1 - len(found)))
            if len(found) > limit or window.up_to is None or is_last:
                return load(connection, found[:limit]), window.up_to
            return None, window.up_to

        page: T | None = None
        position: Key | None = after
        while page is None and position is not None:
            start, is_last = position, pace.is_last()
            page, position = await self._take_turn(
                pace,
                lambda c, start=start, is_last=is_last: look(c, start, is_last=is_last),  # type: ignore[misc] # bound defaults
            )
        assert page is not None  # noqa: S101 - the last window loads
        return page, found[limit - 1].key if len(found) > limit else position

    async def fold(
        self,
        organization_id: OrganizationId,
        plan: Plan,
        look: Look,
    ) -> bool:
        """Have ``look`` see every branch of every window once; return whether all could be looked at."""
        if plan.is_direct:
            await self._store.read(lambda connection: _see(connection, plan, Window((), None), look))
            return True
        pace = _Pace(limits_of(plan), within_s=FOLD_S)

        def see(connection: sa.Connection, position: Key) -> Key | None:
            window = _next_window(connection, organization_id, plan, position, pace.rows)
            _see(connection, plan, window, look)
            return window.up_to

        position: Key | None = ()
        is_last = False
        while position is not None and not is_last:
            start, is_last = position, pace.is_last()
            position = await self._take_turn(pace, lambda c, start=start: see(c, start))  # type: ignore[misc] # a bound default
        return position is None

    async def _take_turn(self, pace: _Pace, look: Callable[[sa.Connection], T]) -> T:
        """Look at one window, when it is this search's turn."""
        async with self._turns:
            began_s = asyncio.get_running_loop().time()
            result = await self._store.read(look)
            pace.note(asyncio.get_running_loop().time() - began_s)
        return result


def _see(connection: sa.Connection, plan: Plan, window: Window, look: Look) -> None:
    for branch in plan.branches:
        look(connection, plan, branch, window)


def limits_of(plan: Plan) -> Limits:
    """Return how much a plan's search looks at."""
    if plan.compiled.is_exact:
        return Limits(EXACT_WINDOW, EXACT_WINDOWS_MAX)
    return Limits(INEXACT_WINDOW, INEXACT_WINDOWS_MAX)


def read_rows(
    connection: sa.Connection,
    organization_id: str,
    plan: Plan,
    branch: Branch,
    window: Window,
    *,
    limit: int | None = None,
) -> list[Found]:
    """Return what a branch yields under the plan's SQL, in the order of the key."""
    key = plan.key_of(branch)
    columns = (*key, plan.source.table.c.generation_id)
    query = plan.select(
        columns, organization_id, branch, after=window.after, up_to=window.up_to, is_whole=True
    ).order_by(*branch.order(key))
    rows = connection.execute(query if limit is None else query.limit(limit))
    return [Found(tuple(row[:-1]), row[-1]) for row in rows]


def keep_matching(connection: sa.Connection, organization_id: str, plan: Plan, rows: Sequence[Found]) -> list[Found]:
    """Return the rows whose documents meet the condition that SQL could not decide."""
    generations = [row.generation_id for row in rows]
    documents = load_documents(connection, organization_id, plan.source.name, generations, plan.parts)
    return [row for row in rows if (found := documents.get(row.generation_id)) is not None and plan.test(found)]


def _next_window(connection: sa.Connection, organization_id: str, plan: Plan, after: Key, rows: int) -> Window:
    """Return the window that begins behind a key, and ends where an index has yielded so many rows."""
    ends = []
    for branch in plan.branches:
        key = plan.key_of(branch)
        query = plan.select(key, organization_id, branch, after=after, up_to=None, is_whole=False)
        query = query.order_by(*branch.order(key)).offset(rows - 1).limit(1)
        row = connection.execute(query).one_or_none()
        if row is not None:
            ends.append(tuple(row))
    return Window(after, min(ends, default=None))


def _search(connection: sa.Connection, organization_id: str, plan: Plan, window: Window, limit: int) -> list[Found]:
    is_exact = plan.compiled.is_exact
    found: list[Found] = []
    for branch in plan.branches:
        found += read_rows(
            connection,
            organization_id,
            plan,
            branch,
            window,
            limit=limit if is_exact else None,
        )
    if len(plan.branches) > 1:
        found.sort(key=lambda row: row.key)
    return (found if is_exact else keep_matching(connection, organization_id, plan, found))[:limit]
