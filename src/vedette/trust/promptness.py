"""How late an administrator's statements come, though its clock and ours need not agree."""

from __future__ import annotations

from datetime import datetime


class Promptness:
    """Compares each statement with the promptest one: what counts is how the two clocks' difference has grown.

    It also grows when the administrator's clock is set back. An answer to a question of our own tells the two apart:
    it was made between asking and hearing.
    """

    def __init__(self) -> None:
        self._least_s: float | None = None

    def lateness_s(self, issued_at: datetime, heard_s: float) -> float:
        """Return how much later than the promptest one a statement came.

        Args:
            issued_at: By the administrator's clock.
            heard_s: By our monotonic clock.
        """
        passed_s = heard_s - issued_at.timestamp()
        if self._least_s is None or passed_s < self._least_s:
            self._least_s = passed_s
        return passed_s - self._least_s

    def learn(self, issued_at: datetime, *, asked_s: float, heard_s: float) -> None:
        """Take the answer to a question of ours as a measure.

        Args:
            issued_at: By the administrator's clock.
            asked_s: By our monotonic clock, when we asked.
            heard_s: The same, when the answer came.
        """
        earliest_s, latest_s = asked_s - issued_at.timestamp(), heard_s - issued_at.timestamp()
        self._least_s = earliest_s if self._least_s is None else min(max(self._least_s, earliest_s), latest_s)
