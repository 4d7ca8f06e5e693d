"""How long something takes at its best: what else the machine does lengthens some attempts, a wrong algorithm all."""

from __future__ import annotations

import resource
import time
from collections.abc import Callable

_ATTEMPTS = 5


def least_cpu_s(act: Callable[[], object], *, enough_s: float = 0.0) -> float:
    """Return the least CPU time that one of a few attempts took, of this process and of the children it waited for.

    Args:
        act: One attempt.
        enough_s: An attempt below this is the last.
    """
    least_s = float("inf")
    for _ in range(_ATTEMPTS):
        before_s = _spent_s()
        act()
        least_s = min(least_s, _spent_s() - before_s)
        if least_s < enough_s:
            break
    return least_s


def _spent_s() -> float:
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + children.ru_utime + children.ru_stime
