from __future__ import annotations

from datetime import UTC, datetime, timedelta

from vedette.simulation import ManualClock
from vedette.simulation.story import Story

CLOCK = ManualClock(datetime(2026, 11, 22, tzinfo=UTC))


def test_each_step_is_a_sentence_told_once() -> None:
    lines: list[str] = []
    story = Story(1, lines.append, lambda: None, clock=CLOCK)
    for state, detail in (
        ("registering", "pump-1"),
        ("connected", "pump-1"),
        ("sent", "100"),
        ("refused", "CONNACK 3"),
        ("refused", "CONNACK 3"),
        ("connected", "pump-1"),
    ):
        story.report("pump-1", state, detail)
    assert len(lines) == 4
    assert "factory certificate" in lines[0]
    assert lines[2].endswith("was refused: CONNACK 3")
    assert all(line.split()[0] == "pump-1" for line in lines)


def test_the_fleet_is_complete_once_when_every_device_has_connected() -> None:
    complete: list[bool] = []
    story = Story(2, lambda _: None, lambda: complete.append(True), clock=CLOCK)
    story.report("pump-1", "connected", "")
    story.report("pump-1", "connected", "")
    assert complete == []
    story.report("pump-2", "connected", "")
    story.report("pump-2", "connected", "")
    assert complete == [True]


def test_whoever_waits_is_not_kept_for_ever() -> None:
    complete: list[bool] = []
    story = Story(2, lambda _: None, lambda: complete.append(True), clock=CLOCK)
    story.stop_waiting()
    story.report("pump-1", "connected", "")
    story.report("pump-2", "connected", "")
    assert complete == [True]


def test_two_that_displace_each_other_do_not_fill_the_screen() -> None:
    lines: list[str] = []
    clock = ManualClock(datetime(2026, 11, 22, tzinfo=UTC))
    story = Story(1, lines.append, lambda: None, clock=clock)
    for _ in range(30):
        story.report("pump-1", "connected", "")
        story.report("pump-1", "cut", "closed")
    assert len(lines) == 4
    clock.advance(timedelta(seconds=60))
    story.report("pump-1", "connected", "")
    assert len(lines) == 5
