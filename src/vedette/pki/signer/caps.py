"""Caps on what the signer issues within any hour: the bound on what a stolen control process can have signed."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from typing import Final

from vedette.pki.errors import CapExceeded

WINDOW_S: Final = 3600


class HourlyCaps:
    """Counts acts per kind over a sliding hour, to the second."""

    def __init__(self, caps: Mapping[str, int]) -> None:
        self._caps = dict(caps)
        self._used: dict[str, deque[list[int]]] = {kind: deque() for kind in caps}
        self._totals = dict.fromkeys(caps, 0)

    def restore(self, kind: str, at_s: float) -> None:
        """Count an act of the past, whatever the cap; oldest first."""
        if kind in self._caps:
            self._count(kind, int(at_s))

    def take(self, kind: str, at_s: float) -> None:
        """Count an act now.

        Args:
            kind: One of those given.
            at_s: Seconds on a scale that never runs backwards.

        Raises:
            CapExceeded: The hour's share is used up.
        """
        second, used = int(at_s), self._used[kind]
        while used and used[0][0] <= second - WINDOW_S:
            self._totals[kind] -= used.popleft()[1]
        if self._totals[kind] >= self._caps[kind]:
            retry_s = (used[0][0] + WINDOW_S - second) if used else WINDOW_S
            raise CapExceeded(
                f"the signer's cap of {self._caps[kind]} per hour for the profile {kind} is used up",
                hint=f"find out who asks so often; otherwise wait {retry_s} s"
                + (" or raise pki.device_certificates_per_hour" if kind == "device" else ""),
                retry_after_s=retry_s,
            )
        self._count(kind, second)

    def _count(self, kind: str, second: int) -> None:
        used = self._used[kind]
        if used and used[-1][0] >= second:
            used[-1][1] += 1
        else:
            used.append([second, 1])
        self._totals[kind] += 1
