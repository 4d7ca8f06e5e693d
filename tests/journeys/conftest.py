"""One platform per file of journeys, on a loopback address of its own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from journey import Platform

from vedette.kernel import SystemClock
from vedette.simulation import Factory


@pytest.fixture(scope="module")
def platform(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    number = sum(request.module.__name__.encode()) % 200 + 20
    running = Platform(f"127.0.{number}.1", tmp_path_factory.mktemp("platform"))
    try:
        running.start()
        yield running
    finally:
        running.stop()


@pytest.fixture(scope="module")
def factory() -> Factory:
    return Factory("Acme Pumps", SystemClock())
