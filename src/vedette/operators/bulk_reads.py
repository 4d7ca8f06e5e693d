"""How much each principal has read at a stretch: above one mark an alarm, above the other no more.

Whoever steals a session or a token reads a fleet from end to end; whoever works with it does not.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from typing import Final

from vedette.kernel import Clock
from vedette.operators.role_errors import BulkReadLimited

WINDOW_S: Final = 3600.0
PRINCIPALS_MAX: Final = 4_096
_MEGABYTE: Final = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class BulkReadSettings:
    """Marks, in megabytes of lists, queries and streams within an hour; 0 is none.

    Attributes:
        alarm_mb: Put on record, once an hour.
        limit_mb: Refused; the host's own token is not.
    """

    alarm_mb: int = 256
    limit_mb: int = 2_048


@dataclass(slots=True)
class _Tally:
    began_s: float
    size_bytes: int = 0
    is_alarmed: bool = False


class BulkReads:
    """Counts what principals read; in memory, for each process of control."""

    def __init__(self, clock: Clock, settings: BulkReadSettings) -> None:
        self._clock = clock
        self._settings = settings
        self._tallies: OrderedDict[str, _Tally] = OrderedDict()

    def check(self, principal: str) -> None:
        """Check that a principal may read on.

        Raises:
            BulkReadLimited: They have read too much within an hour.
        """
        limit = self._settings.limit_mb
        if limit and self._tally(principal).size_bytes >= limit * _MEGABYTE:
            raise BulkReadLimited(
                f"over {limit} MB were read in bulk within an hour",
                hint="wait, or raise access.bulk_read_limit_mb in the configuration",
                limit=limit,
            )

    def count(self, principal: str, size_bytes: int) -> bool:
        """Count what was answered; tell whether it is time for an alarm, which comes once an hour."""
        tally = self._tally(principal)
        tally.size_bytes += size_bytes
        mark = self._settings.alarm_mb
        if not mark or tally.is_alarmed or tally.size_bytes < mark * _MEGABYTE:
            return False
        tally.is_alarmed = True
        return True

    def read_bytes(self, principal: str) -> int:
        """Return how much a principal has read within this hour."""
        return self._tally(principal).size_bytes

    def _tally(self, principal: str) -> _Tally:
        now_s = self._clock.monotonic_s()
        found = self._tallies.get(principal)
        if found is None or now_s - found.began_s >= WINDOW_S:
            found = self._tallies[principal] = _Tally(now_s)
        self._tallies.move_to_end(principal)
        while len(self._tallies) > PRINCIPALS_MAX:
            self._tallies.popitem(last=False)
        return found
