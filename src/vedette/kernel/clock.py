"""Where time enters: aware UTC for records, monotonic seconds for limits."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """A source of time; injected, never global."""

    def now(self) -> datetime:
        """Return the wall-clock time, aware, in UTC."""
        ...

    def monotonic_s(self) -> float:
        """Return seconds since an arbitrary origin; never runs backwards within one boot."""
        ...


class SystemClock:
    """The clock of the machine."""

    def now(self) -> datetime:
        """Return the machine's wall-clock time in UTC."""
        return datetime.now(UTC)

    def monotonic_s(self) -> float:
        """Return the machine's monotonic time; a machine that slept has aged by its sleep.

        Else a laptop that was closed for an hour would look as if its wall clock had jumped, and what was granted for a
        time would last longer.
        """
        return time.clock_gettime(time.CLOCK_BOOTTIME)


def to_rfc3339(moment: datetime) -> str:
    """Write a time as RFC 3339 in UTC with milliseconds: ``2026-11-22T10:00:00.000Z``.

    Raises:
        ValueError: ``moment`` is naive.
    """
    if moment.tzinfo is None:
        raise ValueError("a naive datetime has no place in a record: pass an aware one")
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
