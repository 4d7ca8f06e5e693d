from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from vedette.simulation import Factory, ManualClock
from vedette.simulation.demo import DEVICES_USUAL, device_names

CLOCK = ManualClock(datetime(2026, 11, 22, tzinfo=UTC))


def test_a_larger_fleet_begins_with_the_smaller_one() -> None:
    small, large = device_names(DEVICES_USUAL), device_names(40)
    assert large[: len(small)] == small
    assert len({name for name, _ in large}) == 40
    assert device_names(1) == small[:1]


def test_each_kind_measures_the_same_thing() -> None:
    measures: dict[str, set[str]] = {}
    for name, measure in device_names(40):
        measures.setdefault(name.rpartition("-")[0], set()).add(measure)
    assert all(len(each) == 1 for each in measures.values())


def test_the_maker_keeps_its_keys_from_run_to_run(tmp_path: Path) -> None:
    first = Factory.open("Works", CLOCK, tmp_path)
    again = Factory.open("Works", CLOCK, tmp_path)
    assert again.root_pem() == first.root_pem()
    leaf, line = again.make_device("pump-1").chain
    leaf.verify_directly_issued_by(line)
    line.verify_directly_issued_by(first.root)
    assert {path.stat().st_mode & 0o077 for path in tmp_path.glob("*.key")} == {0}


def test_a_key_of_another_kind_is_refused(tmp_path: Path) -> None:
    Factory.open("Works", CLOCK, tmp_path)
    (tmp_path / "line.key").write_text("no key")
    with pytest.raises(ValueError, match=r"."):
        Factory.open("Works", CLOCK, tmp_path)
