"""A clock that moves only when told to."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta


class ManualClock:
    """A clock for tests: wall and monotonic time move together, or the wall alone jumps."""

    def __init__(self, start: datetime = datetime(2026, 1, 1, tzinfo=UTC)) -> None:
        self._wall = start
        self._monotonic_s = 1000.0

    def now(self) -> datetime:
        """Return the time last set."""
        return self._wall

    def monotonic_s(self) -> float:
        """Return the seconds advanced so far, from 1000."""
        return self._monotonic_s

    def advance(self, by: timedelta) -> None:
        """Let time pass: both wall and monotonic time move."""
        self._wall += by
        self._monotonic_s += by.total_seconds()

    def jump(self, by: timedelta) -> None:
        """Move the wall clock alone, as a wrong time server or a dead battery does."""
        self._wall += by
