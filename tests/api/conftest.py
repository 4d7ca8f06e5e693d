"""One real platform for all tests of the API; each test uses names of its own."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
from running_platform import RunningPlatform

from vedette.kernel import SystemClock
from vedette.simulation import Factory

APPLICATIONS = Path(__file__).parents[2] / "docs/examples/applications"


@pytest.fixture(scope="session")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningPlatform]:
    running = RunningPlatform(
        tmp_path_factory.mktemp("platform"),
        # Most tests come from one address, and many of them are wrong on purpose.
        configuration=f'api.failed_logins_per_minute = 25\nauthzen.applications = "{APPLICATIONS}"\n',
    )
    running.start()
    yield running
    running.stop()


@pytest.fixture
def api(platform: RunningPlatform) -> Iterator[httpx.Client]:
    with platform.client() as client:
        yield client


@pytest.fixture(scope="session")
def new_address() -> Callable[[], str]:
    """Return addresses of this host that no other test calls from."""
    numbers = itertools.count(1)
    return lambda: f"127.8.{(number := next(numbers)) // 250}.{number % 250 + 1}"


@pytest.fixture
def anonymous(platform: RunningPlatform, new_address: Callable[[], str]) -> Iterator[httpx.Client]:
    """Return a client whose failures are counted for its own address."""
    transport = httpx.HTTPTransport(local_address=new_address())
    with httpx.Client(base_url=platform.url, timeout=60, transport=transport) as client:
        yield client


@pytest.fixture(scope="session")
def new_name() -> Callable[[], str]:
    """Return names that no other test uses."""
    numbers = itertools.count(1)
    return lambda: f"device-{next(numbers)}"


@pytest.fixture
def device(api: httpx.Client, new_name: Callable[[], str]) -> str:
    """Create a device and return its name."""
    name = new_name()
    api.post("/v1/devices", json={"device_id": name}).raise_for_status()
    return name


@pytest.fixture(scope="session")
def factory() -> Factory:
    return Factory("Acme Pumps", SystemClock())
