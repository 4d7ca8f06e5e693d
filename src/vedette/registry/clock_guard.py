"""Holds what widens access while the wall clock cannot be believed."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from vedette.kernel import Clock, to_rfc3339
from vedette.registry.errors import ClockJumped

JUMP_LIMIT: Final = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class ClockReading:
    """The wall clock against the time it should be, at one moment.

    Attributes:
        at: What the wall clock reads.
        expected: What it should read.
        limit: How far it may be off.
    """

    at: datetime
    expected: datetime
    limit: timedelta

    @property
    def drift(self) -> timedelta:
        """How far the wall clock is off: negative when it was set back."""
        return self.at - self.expected

    @property
    def is_held(self) -> bool:
        """Whether nothing that widens access is done."""
        return abs(self.drift) > self.limit


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

    def read(self) -> ClockReading:
        """Compare the wall clock with the time it should be."""
        with self._lock:
            now_s = self._clock.monotonic_s()
            expected = self._expected + timedelta(seconds=now_s - self._since_s)
            reading = ClockReading(self._clock.now(), expected, self._limit)
            if not reading.is_held:
                # Small corrections by a time service are followed, else they would add up over the months.
                self._expected, self._since_s = reading.at, now_s
            return reading

    def accept(self) -> None:
        """Believe the wall clock as it stands: an operator has looked at it."""
        with self._lock:
            self._expected, self._since_s = self._clock.now(), self._clock.monotonic_s()

    def check(self) -> None:
        """Call before anything that widens access.

        Raises:
            ClockJumped: The wall clock is off by more than the limit.
        """
        reading = self.read()
        if reading.is_held:
            side = "behind" if reading.drift < timedelta() else "ahead of"
            raise ClockJumped(
                f"the clock reads {to_rfc3339(reading.at)}, {abs(reading.drift)} {side} the last time on record;"
                " nothing that widens access is done",
                hint="set the clock right; or, if it is right: vedette clock accept --reason TEXT",
            )
