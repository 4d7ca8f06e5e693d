"""What holds for every test: the asyncio backend, an alarm on whatever blocks an event loop, and less to collect."""

from __future__ import annotations

import gc
import inspect
from collections.abc import Iterator

import pytest
from blockbuster import blockbuster_ctx


def pytest_collection_finish() -> None:
    """Leave what was loaded out of collections from here on: looking through it again is a fifteenth of a run."""
    gc.collect()
    gc.freeze()


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
