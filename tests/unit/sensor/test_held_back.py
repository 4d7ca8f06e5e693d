"""Alerts that the platform lets a sensor hold back: never malware, nothing graver, nothing once the time is over."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vedette.protocols.sensor import EXCEPTIONS_MAX, HeldBack, StatusRecord, read_exceptions, write_exceptions
from vedette.sensor import Alert, Sensor
from vedette.sensor.alerts import Engine, Severity
from vedette.sensor.held_back import FILE_NAME, HoldingBack, keep_exceptions
from vedette.sensor.sending import Reporter

S = 1_000_000_000
SCANS = HeldBack(rules=("scan.*",), sources=("10.0.0.0/24",), until=2_000_000, name="exc_1")


def alert(**changes: Any) -> Alert:
    fields: dict[str, Any] = {
        "at_ns": 1_000 * S,
        "rule": "scan.port",
        "severity": Severity.MEDIUM,
        "title": "it scans",
        "source": "10.0.0.9",
        "target": "10.0.1.1",
    }
    return Alert(**{**fields, **changes})


def holding(folder: Path, *items: HeldBack) -> HoldingBack:
    path = folder / FILE_NAME
    path.write_bytes(msgspec.json.encode(write_exceptions(items)))
    found = HoldingBack(path)
    found.look()
    return found


@pytest.mark.parametrize(
    ("changes", "is_held"),
    [
        ({}, True),
        ({"rule": "ot.controller_stop"}, False),
        ({"source": "10.0.1.9"}, False),
        ({"source": "not an address"}, False),
        ({"severity": Severity.HIGH}, False),
        ({"engine": Engine.MALWARE}, False),
        ({"at_ns": 2_000 * S}, False),
        ({"last_ns": 2_000 * S}, False),
    ],
)
def test_only_what_was_said_stays_here(tmp_path: Path, changes: dict[str, Any], is_held: bool) -> None:  # noqa: FBT001
    assert (holding(tmp_path, SCANS).held_by(alert(**changes)) is not None) is is_held


def test_a_file_that_changes_or_goes_is_heeded(tmp_path: Path) -> None:
    found = holding(tmp_path)
    assert found.held_by(alert()) is None
    twin = {"desired": {"exceptions": write_exceptions((SCANS,)), "$version": 3}, "reported": {}}
    assert keep_exceptions(tmp_path / FILE_NAME, msgspec.json.encode(twin))
    assert not keep_exceptions(tmp_path / FILE_NAME, msgspec.json.encode(twin)), "the same again is nothing new"
    os.utime(tmp_path / FILE_NAME, ns=(1, 1))
    found.look()
    assert found.held_by(alert()) == "exc_1"
    (tmp_path / FILE_NAME).unlink()
    found.look()
    assert found.held_by(alert()) is None


@pytest.mark.parametrize("twin", [b"", b"[]", b"{}", b'{"desired": 3}', b"\xff", b"[" * 10_000])
def test_an_answer_that_is_no_twin_changes_nothing(tmp_path: Path, twin: bytes) -> None:
    assert not keep_exceptions(tmp_path / FILE_NAME, twin)
    assert not (tmp_path / FILE_NAME).exists()


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    )
)
def test_whatever_the_desired_property_says_is_read_or_left(value: Any) -> None:
    assert read_exceptions(value) == ()


def test_more_than_there_may_be_hold_back_nothing() -> None:
    told = write_exceptions((SCANS,) * EXCEPTIONS_MAX)
    assert len(read_exceptions(told)) == EXCEPTIONS_MAX
    assert read_exceptions({**told, "items": [*told["items"], told["items"][0]]}) == ()
    assert read_exceptions({**told, "version": 2}) == ()


def test_what_is_held_back_is_counted_and_told_once_its_exception_has_ended(tmp_path: Path) -> None:
    held = holding(tmp_path, SCANS)
    reporter = Reporter("boot", held_by=held.held_by)
    sensor = Sensor([lambda _assets, _raise: reporter])
    reporter.attach(sensor)
    scan = alert()
    sensor.report.alerts.append(scan)
    assert reporter.raised() == []
    assert reporter.held_back == 1
    scan.times, scan.last_ns = 2, 1_100 * S
    assert reporter.repeated(1_100 * S) == []
    scan.times, scan.last_ns = 3, 2_100 * S
    [told] = reporter.repeated(2_100 * S)
    assert (told.rule, told.times) == ("scan.port", 3)  # type: ignore[union-attr]  # an alert
    status = reporter.status(at_ms=1, interface="eth0", version="1", resident_bytes=1, lost=0)
    assert (status.alerts_held_back, status.held_back_by) == (1, {"exc_1": 1})


def test_counts_of_exceptions_are_bounded() -> None:
    number = iter(range(10_000))
    reporter = Reporter("boot", held_by=lambda _alert: f"exc_{next(number)}")
    sensor = Sensor([lambda _assets, _raise: reporter])
    reporter.attach(sensor)
    sensor.report.alerts.extend(alert() for _ in range(EXCEPTIONS_MAX + 5))
    assert reporter.raised() == []
    status = reporter.status(at_ms=1, interface="eth0", version="1", resident_bytes=1, lost=0)
    assert status.alerts_held_back == EXCEPTIONS_MAX + 5
    assert len(status.held_back_by) == EXCEPTIONS_MAX
    assert f"exc_{EXCEPTIONS_MAX + 4}" in status.held_back_by


def test_a_platform_that_is_older_or_newer_is_understood() -> None:
    told = write_exceptions((SCANS,))
    told["items"][0] |= {"of_tomorrow": [1]}
    assert read_exceptions(told) == (SCANS,)
    del told["items"][0]["name"]
    assert read_exceptions(told)[0].name == ""
    status = msgspec.msgpack.encode({"at": 1, "type": "status", "of_tomorrow": {"a": 1}})
    assert msgspec.msgpack.decode(status, type=StatusRecord).held_back_by == {}
