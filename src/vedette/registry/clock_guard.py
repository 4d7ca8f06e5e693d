"""Holds what widens access while the wall clock cannot be believed."""

from __future__ import annotations

import threading
from datetime import datetime, timedelta
from typing import Final

from vedette.kernel import Clock, to_rfc3339
from vedette.registry.errors import ClockJumped

JUMP_LIMIT: Final = timedelta(minutes=5)


class ClockGuard:
    """Compares the wall clock with the time it should be: the last one on record, plus monotonic time since.

    A clock set back would revive what has ended; one set forward would end everything. Neither stops restricting acts.
    Safe to use from any thread.

    Args:
        clock: The one that is watched.
        limit: How far it may be off.
    """

    def __init__(self, clock: Clock, *, limit: timedelta = JUMP_LIMIT) -> None:
        self._clock = clock
        self._limit = limit
        self._lock = threading.Lock()
        self._expected = clock.now()
        self._since_s = clock.monotonic_s()

    def observe(self, moment: datetime) -> None:
        """Take a time from the records, such as the last head's: the clock must not stand before it."""
        with self._lock:
            now_s = self._clock.monotonic_s()
            expected = self._expected + timedelta(seconds=now_s - self._since_s)
            if moment > expected:
                self._expected, self._since_s = moment, now_s

    def drift(self) -> timedelta:
        """Return how far the wall clock is from where it should be: negative when it was set back."""
        with self._lock:
            now_s = self._clock.monotonic_s()
            expected = self._expected + timedelta(seconds=now_s - self._since_s)
            drift = self._clock.now() - expected
            if abs(drift) <= self._limit:
                # Small corrections by a time service are followed, else they would add up over the months.
                self._expected, self._since_s = expected + drift, now_s
            return drift

    def now(self) -> datetime:
        """Return the time as the watched clock reads it, right or wrong."""
        return self._clock.now()

    def accept(self) -> None:
        """Believe the wall clock as it stands: an operator has looked at it."""
        with self._lock:
            self._expected, self._since_s = self._clock.now(), self._clock.monotonic_s()

    def check(self) -> None:
        """Call before anything that widens access.

        Raises:
            ClockJumped: The wall clock is off by more than the limit.
        """
        drift = self.drift()
        if abs(drift) > self._limit:
            side = "behind" if drift < timedelta() else "ahead of"
            raise ClockJumped(
                f"the clock reads {to_rfc3339(self._clock.now())}, {abs(drift)} {side} the last time on record;"
                " nothing that widens access is done",
                hint="set the clock right; disabling, revoking and blocking work meanwhile",
            )
