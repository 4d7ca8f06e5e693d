from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from vedette.simulation import CredentialKind, DeviceSettings, Endpoint, Factory, ManualClock
from vedette.simulation.cast import COPIED, Part, cast
from vedette.simulation.demo import DEVICES_USUAL
from vedette.simulation.process import read_devices, write_devices

CLOCK = ManualClock(datetime(2026, 11, 22, tzinfo=UTC))


def test_a_larger_fleet_begins_with_the_smaller_one() -> None:
    small, large = cast(DEVICES_USUAL), cast(40)
    assert large[: len(small)] == small
    assert len({role.name for role in large}) == 40
    assert cast(1) == small[:1]


def test_the_usual_fleet_has_all_kinds_and_parts() -> None:
    roles = cast(DEVICES_USUAL)
    assert len(roles) >= 25
    assert len({role.kind for role in roles}) >= 5
    assert {role.part for role in roles} == set(Part)
    assert any(role.modules for role in roles)
    assert roles[0].name == COPIED


def test_each_kind_measures_the_same_thing() -> None:
    measures: dict[str, set[str]] = {}
    for role in cast(40):
        measures.setdefault(role.kind, set()).add(role.measure)
    assert all(len(each) == 1 for each in measures.values())


def test_a_process_reads_the_devices_it_is_given(tmp_path: Path) -> None:
    settings = DeviceSettings(
        registration_id="edge-1",
        folder=tmp_path / "edge-1",
        endpoint=Endpoint("localhost", 8883, tmp_path / "root.pem"),
        id_scope="0ne1",
        credential=CredentialKind.PINNED,
        module_id="camera",
    )
    write_devices(tmp_path / "edge.json", [settings])
    assert read_devices(tmp_path / "edge.json") == [settings]
    assert settings.name == "edge-1/camera"


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
