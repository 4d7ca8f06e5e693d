"""What holds for every test: asyncio, an alarm on what blocks a loop, the order of files, less to collect."""

from __future__ import annotations

import gc
import inspect
from collections.abc import Iterator

import longest_files
import pytest
from blockbuster import blockbuster_ctx
from hypothesis import HealthCheck, settings

# How long an example takes is the machine's business: what must be fast is measured in bench/.
settings.register_profile("vedette", deadline=None, suppress_health_check=[HealthCheck.too_slow])
# A whole run judges a change: the same code gets the same verdict everywhere. Whoever runs a file looks for more.
settings.register_profile("whole", settings.get_profile("vedette"), derandomize=True, print_blob=True)
settings.load_profile("vedette")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the files that take longest."""
    longest_files.begin_with_the_longest(items)


def pytest_collection_finish() -> None:
    """Leave what was loaded out of collections from here on: looking through it again is a fifteenth of a run."""
    gc.collect()
    gc.freeze()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Tell which files took long."""
    reports = [
        report for found in terminalreporter.stats.values() for report in found if isinstance(report, pytest.TestReport)
    ]
    if lines := longest_files.told(reports):
        terminalreporter.section("longest files")
        terminalreporter.write_line("\n".join(lines))


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
