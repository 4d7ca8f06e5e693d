"""Fixtures of every test: the asyncio backend, and an alarm on whatever blocks an event loop."""

from __future__ import annotations

import inspect
from collections.abc import Iterator

import pytest
from blockbuster import blockbuster_ctx


@pytest.fixture
def anyio_backend() -> str:
    """Run async tests on asyncio, the one loop the platform supports."""
    return "asyncio"


@pytest.fixture(autouse=True)
def _alarm_on_blocking_calls(request: pytest.FixtureRequest) -> Iterator[None]:
    """Raise BlockingError in an async test when code of vedette blocks the loop: a file, a socket, a sleep, a lock."""
    if not inspect.iscoroutinefunction(getattr(request, "function", None)):
        yield
        return
    with blockbuster_ctx("vedette"):
        yield
