"""What was learned survives: the file, orders of people, damage that is found."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from plant_traffic import Site, flow_of, modbus, quiet_plant

from vedette.sensor.baseline import (
    Asked,
    Baseline,
    BaselineProblem,
    KeyClass,
    Saved,
    SavedList,
    Settings,
    State,
    baseline,
    read_exceptions,
    read_json,
    read_orders,
    read_state,
    write_json,
    write_state,
)
from vedette.sensor.baseline.state import MAGIC, SavedPeriod

DAY_S = 7_200.0

TIMES = st.integers(0, 2**62)
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
LISTS = st.builds(
    SavedList,
    key_class=st.sampled_from(KeyClass),
    scope=TEXTS,
    state=st.sampled_from(State),
    first_ns=TIMES,
    last_ns=TIMES,
    newest_ns=TIMES,
    slices=st.integers(-1, 2**40),
    last_slice=st.integers(-1, 2**40),
    is_full=st.booleans(),
    keys=st.dictionaries(TEXTS, st.integers(-1, 2**40), max_size=5),
    ranges=st.lists(st.tuples(TIMES, TIMES), max_size=5).map(tuple),
)
PERIODS = st.builds(
    SavedPeriod,
    key=st.tuples(TEXTS, TEXTS, TEXTS, TEXTS),
    since_ns=TIMES,
    last_ns=TIMES,
    period_ns=TIMES,
    longest_ns=TIMES,
)
STATES = st.builds(
    Saved,
    saved_ns=TIMES,
    lists=st.lists(LISTS, max_size=5).map(tuple),
    periods=st.lists(PERIODS, max_size=3).map(tuple),
    industrial=st.dictionaries(TEXTS, st.booleans(), max_size=5),
)


@given(STATES)
@settings(max_examples=50)
def test_a_state_is_read_as_it_was_written(saved: Saved) -> None:
    assert read_state(write_state(saved)) == saved
    assert read_json(write_json(saved)) == saved


@given(STATES, st.data())
@settings(max_examples=50)
def test_damage_is_found(saved: Saved, data: st.DataObject) -> None:
    written = bytearray(write_state(saved))
    written[data.draw(st.integers(0, len(written) - 1))] ^= data.draw(st.integers(1, 255))
    with pytest.raises(BaselineProblem):
        read_state(bytes(written))


@given(st.binary(max_size=400))
def test_no_bytes_raise_anything_else(data: bytes) -> None:
    for read in (read_state, read_json, lambda each: read_state(MAGIC + each)):
        with contextlib.suppress(BaselineProblem):
            read(data)
    read_orders(data)


def learned_at(path: Path) -> Site:
    site = Site(Settings(learn_for_s=DAY_S, path=path, save_every_s=600.0))
    quiet_plant(site, day_s=DAY_S)
    assert site.run(3 * DAY_S) == []
    site.baseline.save()
    return site


def attacked(site: Site) -> list[str]:
    site.hear(*(modbus(flow_of("10.0.0.66", "10.0.10.1", 502, "modbus"), site.now_ns + n) for n in range(5)))
    return [each.rule for each in site.alerts]


def test_a_sensor_that_starts_again_knows_what_it_knew(tmp_path: Path) -> None:
    before = learned_at(tmp_path / "state")
    assert (tmp_path / "state").stat().st_mode & 0o777 == 0o600
    after = Site(Settings(learn_for_s=DAY_S, path=tmp_path / "state"), now_ns=before.now_ns)
    quiet_plant(after, day_s=DAY_S)
    assert after.run(DAY_S) == []
    assert attacked(after) == ["baseline.new_master"]


def test_what_a_person_learns_is_usual_and_what_they_forget_is_learned_anew(tmp_path: Path) -> None:
    path = tmp_path / "state"
    site = learned_at(path)
    assert attacked(site) == ["baseline.new_master"]
    key = site.alerts[0].detail["baseline"]
    assert isinstance(key, str)
    assert baseline(Asked("learn", path, (key,))) == 0
    site.tick_s = 1.0
    site.run(60)
    assert not (tmp_path / "state.orders").exists()
    assert not (tmp_path / "state.taken").exists()
    site.alerts.clear()
    assert attacked(site) == []
    assert baseline(Asked("forget", path, ("link|10.0.10.1|",))) == 0
    site.run(60)
    learned = site.baseline.lists.find(KeyClass.LINK, "10.0.10.1")
    assert learned is not None
    assert learned.state is State.LEARNING


def test_orders_that_wait_are_carried_out_at_the_next_start(tmp_path: Path) -> None:
    site = learned_at(tmp_path / "state")
    assert baseline(Asked("learn", tmp_path / "state", ("link|10.0.10.1|10.0.0.66",))) == 0
    after = Site(Settings(learn_for_s=DAY_S, path=tmp_path / "state"), now_ns=site.now_ns)
    after.baseline.tick(site.now_ns)
    assert attacked(after) == []


@pytest.mark.parametrize("key", ["", "nonsense", "link||x", "colour|a|b", "link|10.0.10.1|", "link|10.0.10.1|*"])
def test_an_order_that_makes_no_sense_is_refused(tmp_path: Path, key: str) -> None:
    with pytest.raises(BaselineProblem):
        baseline(Asked("learn", tmp_path / "state", (key,)))


def test_a_damaged_state_is_refused_and_not_learned_over(tmp_path: Path) -> None:
    (tmp_path / "state").write_bytes(b"VBASELN\x01damaged")
    with pytest.raises(BaselineProblem):
        Baseline(print, Site().assets, Settings(path=tmp_path / "state"))
    assert (tmp_path / "state").read_bytes() == b"VBASELN\x01damaged"


def test_a_baseline_is_shown_exported_and_imported(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "state"
    learned_at(path)
    assert baseline(Asked("show", path, scope="10.0.10.1", learn_for_s=DAY_S, is_json=True)) == 0
    rows = json.loads(capsys.readouterr().out)["lists"]
    assert {"class": "link", "scope": "10.0.10.1"}.items() <= next(r for r in rows if r["class"] == "link").items()
    assert {row["state"] for row in rows} >= {"enforced"}
    assert all(row["reason"] for row in rows)
    assert baseline(Asked("show", path, learn_for_s=DAY_S)) == 0
    assert "enforced" in capsys.readouterr().out
    assert baseline(Asked("export", path)) == 0
    (tmp_path / "out.json").write_text(capsys.readouterr().out)
    assert baseline(Asked("import", tmp_path / "other", (str(tmp_path / "out.json"),))) == 0
    assert read_state((tmp_path / "other").read_bytes()) == read_state(path.read_bytes())


def test_exceptions_are_read_and_what_matches_everything_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "exceptions.toml"
    file.write_text('[[exception]]\nrule = "baseline.new_master"\nsource = "10.0.0.*"\n')
    site = Site(Settings(learn_for_s=DAY_S, exceptions=read_exceptions(file)))
    quiet_plant(site, day_s=DAY_S)
    site.run(3 * DAY_S)
    assert attacked(site) == []
    assert site.baseline.alarms.muted
    for wrong in ("[[exception]]\n", "[[exception]]\ncolour = 1\n", "other = 1\n", "[["):
        file.write_text(wrong)
        with pytest.raises(BaselineProblem):
            read_exceptions(file)
