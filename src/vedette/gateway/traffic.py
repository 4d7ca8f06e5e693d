"""How much each identity does, minute by minute: what control compares with its usual."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from vedette.bus.contract import TrafficCount, TrafficCounts
from vedette.kernel import Clock

COUNTS_PER_PART: Final = 2_000
_SECONDS: Final = 60
_MAX_IDENTITIES: Final = 200_000


class Tally:
    """What one identity did within the minute that is counted.

    Attributes:
        is_over: What is added now is told to nobody: ask for the tally anew.
    """

    __slots__ = ("is_over", "messages", "refused", "requests", "size_bytes")

    def __init__(self, *, is_over: bool = False) -> None:
        self.is_over = is_over
        self.messages = 0
        self.size_bytes = 0
        self.requests = 0
        self.refused = 0


NO_TALLY: Final = Tally(is_over=True)


class TrafficMeter:
    """Counts in memory and tells control once a minute, at most once: a minute that is lost is missing, not wrong.

    Args:
        send: Tells control; whether there was somebody to take it does not matter.
        clock: Wall time, whose minutes are counted.
    """

    def __init__(self, send: Callable[[TrafficCounts], object], clock: Clock) -> None:
        self._send = send
        self._clock = clock
        self._tallies: dict[str, Tally] = {}
        self._minute = self._now()

    def tally(self, generation_id: str) -> Tally:
        """Return what to count an identity's messages in, for as long as it is not over."""
        tally = self._tallies.get(generation_id)
        if tally is None:
            if len(self._tallies) >= _MAX_IDENTITIES:
                return Tally(is_over=True)
            tally = self._tallies[generation_id] = Tally()
        return tally

    def request(self, generation_id: str) -> None:
        """Count anything else that a device asked."""
        self.tally(generation_id).requests += 1

    def refused(self, generation_id: str) -> None:
        """Count an operation that was denied."""
        self.tally(generation_id).refused += 1

    def sweep(self) -> None:
        """Tell of the minute that is over; call it each second."""
        minute = self._now()
        if minute == self._minute:
            return
        tallies, self._tallies = self._tallies, {}
        ended, self._minute = self._minute, minute
        for tally in tallies.values():
            tally.is_over = True
        counts = [
            TrafficCount(generation_id, each.messages, each.size_bytes, each.requests, each.refused)
            for generation_id, each in tallies.items()
        ]
        for begin in range(0, len(counts), COUNTS_PER_PART):
            self._send(TrafficCounts(minute=ended, counts=counts[begin : begin + COUNTS_PER_PART]))

    def _now(self) -> int:
        return int(self._clock.now().timestamp()) // _SECONDS
