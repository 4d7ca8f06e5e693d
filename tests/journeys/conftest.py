"""One platform per file of journeys, on a loopback address of its own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from journey import Platform

from vedette.kernel import SystemClock
from vedette.simulation import Factory

# 127.0.24.1 to 127.0.60.1; files that start a platform of another kind name an address outside of these themselves.
FIRST, LAST = 24, 60
FILES = sorted(path.name for path in Path(__file__).parent.glob("test_*.py"))


@pytest.fixture(scope="module")
def platform(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    number = FIRST + FILES.index(request.path.name)
    assert number <= LAST, "more files of journeys than addresses"
    running = Platform(f"127.0.{number}.1", tmp_path_factory.mktemp("platform"))
    try:
        running.start()
        yield running
    finally:
        running.stop()


@pytest.fixture(scope="module")
def factory() -> Factory:
    return Factory("Acme Pumps", SystemClock())
