from __future__ import annotations

from datetime import UTC, datetime

import pytest

from vedette.simulation import ManualClock
from vedette.simulation.behaviour import FIRMWARE, Machine


@pytest.fixture
def machine() -> Machine:
    return Machine(1.0, ManualClock(datetime(2026, 11, 22, tzinfo=UTC)), lambda state, detail: None)


def test_it_follows_a_desired_interval_within_bounds_and_returns_to_its_own(machine: Machine) -> None:
    assert machine.desired({"intervalSeconds": 5})["intervalSeconds"] == 5
    odd: list[object] = [0, -1, 1e9, "5", [1], {}]
    for wrong in odd:
        machine.desired({"intervalSeconds": wrong})
        assert machine.interval_s == 5
    assert machine.desired({"intervalSeconds": None})["intervalSeconds"] == 1.0


def test_it_stops_and_starts_by_method_and_by_twin(machine: Machine) -> None:
    assert machine.method("stop", None) == (200, machine.status())
    assert machine.status()["running"] is False
    assert machine.desired({"running": True, "colour": "red"})["running"] is True
    assert machine.method("stop", {"now": 1})[0] == 400


def test_it_names_its_methods_to_whoever_calls_another(machine: Machine) -> None:
    status, answer = machine.method("explode", None)
    assert status == 404
    assert "ping" in answer["methods"]
    assert machine.method("ping", "hello")[1]["echo"] == "hello"
    assert machine.status()["firmware"] == {"version": FIRMWARE}
