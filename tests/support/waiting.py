"""Waiting for what another process does, with a bound."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable


async def until(condition: Callable[[], bool], *, within_s: float = 60.0) -> None:
    """Return as soon as ``condition`` holds; fail when it does not in time."""
    deadline_s = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < deadline_s, f"not so within {within_s} s"
        await asyncio.sleep(0.005)
