"""How take-overs are counted, and when they are told."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

import msgspec
import pytest

from vedette.bus import BusTimeout
from vedette.bus.contract import ReportClone
from vedette.gateway import SessionSettings
from vedette.gateway.clones import CloneReporter, CloneWatch, Party, Suspicion
from vedette.simulation import ManualClock

T = TypeVar("T")

NAME = ("pump-7", None)
START = datetime(2026, 1, 1, tzinfo=UTC)
SUSPICION = Suspicion("dev_1", 4, ["192.0.2.1"], ["aa"])


class Control:
    """Takes reports, or is away."""

    def __init__(self) -> None:
        self.is_connected = True
        self.is_away = False
        self.reports: list[ReportClone] = []

    async def call(self, service: str, request: msgspec.Struct, answer: type[T], *, timeout_s: float) -> T:
        assert service == "svc.messaging.report_clone"
        assert isinstance(request, ReportClone)
        if self.is_away:
            raise BusTimeout("no answer")
        self.reports.append(request)
        return answer()


def new_watch(clock: ManualClock, told: list[Suspicion]) -> CloneWatch:
    return CloneWatch(SessionSettings(takeovers=3, takeover_window_s=10), clock, told.append)


def test_a_suspicion_says_who_took_part_and_the_latest_last() -> None:
    clock, told = ManualClock(START), list[Suspicion]()
    watch = new_watch(clock, told)
    parties = [Party(f"192.0.2.{number}", f"{number % 2}") for number in range(4)]
    for number in range(3):
        assert not watch.is_damped(NAME)
        watch.note("dev_1", NAME, parties[number], parties[number + 1])
    assert watch.is_damped(NAME)
    assert told == [Suspicion("dev_1", 3, ["192.0.2.0", "192.0.2.1", "192.0.2.2", "192.0.2.3"], ["0", "1"])]


def test_what_is_remembered_of_the_parties_is_bounded() -> None:
    clock, told = ManualClock(START), list[Suspicion]()
    watch = new_watch(clock, told)
    for number in range(50):
        watch.note("dev_1", NAME, Party(f"192.0.2.{number}", None), Party("", f"{number}"))
    assert told[-1].remote_addresses == [f"192.0.2.{number}" for number in range(42, 50)]
    assert told[-1].certificate_sha256 == [str(number) for number in range(42, 50)]


def test_take_overs_within_the_window_count_and_older_ones_are_forgotten() -> None:
    clock, told = ManualClock(START), list[Suspicion]()
    watch = new_watch(clock, told)
    for _ in range(10):
        watch.note("dev_1", NAME, Party("192.0.2.1", None))
        clock.advance(timedelta(seconds=6))
        watch.sweep()
    assert told == []
    assert not watch.is_damped(NAME)


@pytest.mark.anyio
async def test_an_identity_is_reported_once_a_minute() -> None:
    clock, control = ManualClock(START), Control()
    async with asyncio.TaskGroup() as tasks:
        reporter = new_reporter(control, clock, tasks)
        for _ in range(5):
            reporter.report(SUSPICION)
            clock.advance(timedelta(seconds=11))
        reporter.report(SUSPICION._replace(generation_id="dev_2"))
        await asyncio.sleep(0)
        clock.advance(timedelta(seconds=10))
        reporter.report(SUSPICION)
    assert [each.generation_id for each in control.reports] == ["dev_1", "dev_2", "dev_1"]
    first = control.reports[0]
    assert (first.takeovers, first.window_s, first.remote_addresses, first.certificate_sha256) == (
        4,
        10,
        ["192.0.2.1"],
        ["aa"],
    )


@pytest.mark.anyio
async def test_what_control_did_not_hear_is_reported_again() -> None:
    clock, control = ManualClock(START), Control()
    async with asyncio.TaskGroup() as tasks:
        reporter = new_reporter(control, clock, tasks)
        control.is_away = True
        reporter.report(SUSPICION)
        await asyncio.sleep(0.01)
        control.is_away = False
        reporter.report(SUSPICION)
    assert len(control.reports) == 1


def new_reporter(control: Any, clock: ManualClock, tasks: asyncio.TaskGroup) -> CloneReporter:  # a simulated control
    return CloneReporter(
        bus=control, organization_id="org_1", gateway="gateway-1", window_s=10, clock=clock, tasks=tasks
    )
