"""When a process that died is started again: soon, then later and later, and never not at all."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

FIRST_PAUSE_S: Final = 0.2
MOST_PAUSE_S: Final = 15.0
# A process that ran this long counts as healthy: its next death is the first again.
HEALTHY_AFTER_S: Final = 30.0
CRASH_LOOP_EXITS: Final = 5
CRASH_LOOP_WINDOW_S: Final = 120.0


@dataclass(frozen=True, slots=True)
class Restart:
    """What follows a death.

    Attributes:
        pause_s: Wait so long before the next start.
        is_crash_loop: It died too often lately: somebody should look, though we keep trying.
    """

    pause_s: float
    is_crash_loop: bool


class RestartPolicy:
    """Remembers the deaths of one process.

    Args:
        jitter: Returns 0 to 1; spreads the pause over ±25 %, so that many processes do not start at once.
    """

    def __init__(self, jitter: Callable[[], float]) -> None:
        self._jitter = jitter
        self._deaths: deque[float] = deque(maxlen=CRASH_LOOP_EXITS)
        self._in_a_row = 0

    def died(self, *, started_s: float, now_s: float) -> Restart:
        """Note a death and say when to start again; both times are monotonic."""
        self._in_a_row = 0 if now_s - started_s >= HEALTHY_AFTER_S else self._in_a_row + 1
        self._deaths.append(now_s)
        pause_s = min(FIRST_PAUSE_S * 2 ** max(0, self._in_a_row - 1), MOST_PAUSE_S)
        is_crash_loop = len(self._deaths) == CRASH_LOOP_EXITS and now_s - self._deaths[0] <= CRASH_LOOP_WINDOW_S
        return Restart(pause_s * (0.75 + 0.5 * self._jitter()), is_crash_loop)
