from __future__ import annotations

from pathlib import Path

import device_fleet
import msgspec
import packets as build
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vedette.sensor import Attribute, Makers, Sensor
from vedette.sensor.recognize import (
    UNKNOWN,
    Example,
    InvalidModel,
    TypeModel,
    Verdict,
    auroc_of,
    cross_validate,
    examples_of,
    learn,
    read_labels,
    read_model,
    report_of,
    validation,
)

WINDOWS = {"window_s": 600, "max_windows": 12}


@pytest.fixture(scope="module")
def examples(tmp_path_factory: pytest.TempPathFactory) -> list[Example]:
    folder = tmp_path_factory.mktemp("fleet")
    labels = device_fleet.write_fleet(folder, device_fleet.kinds(12, are_alike=True), 6)
    return examples_of([folder], read_labels(labels), **WINDOWS)


@pytest.fixture(scope="module")
def model(examples: list[Example]) -> TypeModel:
    return learn(examples, **WINDOWS, trees=20)


def test_types_that_share_maker_stack_and_cloud_are_told_apart(examples: list[Example]) -> None:
    result = cross_validate(examples, **WINDOWS, folds=3, trees=40)
    assert result.accuracy >= 0.95
    assert result.auroc is not None
    assert result.auroc >= 0.9
    report = report_of(result)
    assert "recognised" in report
    assert "type-07" in report


def test_a_device_of_no_learned_type_is_unknown(examples: list[Example]) -> None:
    known = [example for example in examples if example.type != "type-04"]
    result = cross_validate(known, **WINDOWS, folds=3, trees=40)
    learned = learn(known, **WINDOWS, trees=40).with_test(result.threshold, "", result.thresholds)
    foreign = [learned.judge([example.words]) for example in examples if example.type == "type-04"]
    assert sum(each.type == UNKNOWN for each in foreign) >= len(foreign) - 1
    assert all(each.nearest for each in foreign)


def test_each_type_has_a_threshold_of_its_own_where_enough_devices_tell_it() -> None:
    tested = [
        validation.Tested("plug", Verdict("plug", confidence, "plug")) for confidence in (0.9, 0.91, 0.92, 0.9, 0.93)
    ]
    tested += [
        validation.Tested("lamp", Verdict("lamp", confidence, "lamp")) for confidence in (0.2, 0.4, 0.9, 0.3, 0.6)
    ]
    tested += [
        validation.Tested("oven", Verdict("oven", 0.9, "oven")),
        validation.Tested("oven", Verdict("lamp", 0.9, "lamp")),
    ]
    found = validation.thresholds_of(tested)
    assert found.keys() == {"plug", "lamp"}
    assert found["plug"] > 0.8
    assert 0 < found["lamp"] < 0.2


def test_a_model_keeps_the_thresholds_of_its_types(model: TypeModel) -> None:
    kept = read_model(model.with_test(0.3, "", {"type-02": 0.77}).write())
    assert kept.threshold_of("type-02") == 0.77
    assert kept.threshold_of("type-03") == 0.3


def test_windows_vote(model: TypeModel, examples: list[Example]) -> None:
    own = [example.words for example in examples if example.type == "type-02"]
    other = next(example.words for example in examples if example.type == "type-09")
    verdict = model.judge([*own[:3], other])
    assert verdict.nearest == "type-02"
    assert verdict.reasons
    assert model.judge([]).type == UNKNOWN


def test_a_sensor_judges_by_a_model_what_it_hears(model: TypeModel) -> None:
    kind = device_fleet.kinds(12, are_alike=True)[7]
    sensor = Sensor(types=model, makers=Makers(Path("/dev/null")))
    sensor.read(build.packets(device_fleet.frames(kind, 99), step_ns=200_000_000))
    sensor.finish()
    (asset,) = [each for each in sensor.assets.all() if each.macs]
    assert asset.best(Attribute.TYPE) == "type-07"
    assert asset.facts[Attribute.TYPE][0].source.startswith("learned: ")


def test_the_same_seed_gives_the_same_model(examples: list[Example]) -> None:
    assert learn(examples, **WINDOWS, trees=5, seed=3).write() == learn(examples, **WINDOWS, trees=5, seed=3).write()


def test_a_model_survives_its_file(model: TypeModel, examples: list[Example]) -> None:
    again = read_model(model.write())
    assert again.types == model.types
    assert [again.judge([each.words]) for each in examples] == [model.judge([each.words]) for each in examples]


def test_makers_prefixes_are_not_learned(examples: list[Example]) -> None:
    assert not any(word.startswith(("vendor=", "mac=", "maker=")) for example in examples for word in example.words)


@pytest.mark.parametrize(
    ("place", "value"),
    [
        ("usual", [0.5]),
        ("example_types", [10**6]),
        ("examples", [[10**9]]),
        ("threshold", float("nan")),
        ("thresholds", [0.5]),
        ("thresholds", [float("inf")] * 12),
        ("format", "other"),
        ("trees", [[[0], [0], [0], []]]),
        ("trees", [[[0, -1], [1, 0], [0, 0], [{0: 1.0}]]]),
        ("trees", [[[-1], [0], [0], [{99_999: 1.0}]]]),
        ("trees", [[[], [], [], []]]),
    ],
    ids=["usual", "class", "word", "nan", "thresholds", "infinite", "version", "loop", "back", "leaf", "empty"],
)
def test_a_model_that_leads_nowhere_is_refused(model: TypeModel, place: str, value: object) -> None:
    content = msgspec.msgpack.decode(model.write())
    content[place] = value
    with pytest.raises(InvalidModel):
        read_model(msgspec.msgpack.encode(content))


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(content: bytes) -> None:
    with pytest.raises(InvalidModel):
        read_model(content)


def test_nothing_can_be_learned_from_nothing() -> None:
    with pytest.raises(InvalidModel):
        learn([], **WINDOWS)
    with pytest.raises(InvalidModel):
        learn([Example(UNKNOWN, frozenset({"a"}), "1")], **WINDOWS)


@pytest.mark.parametrize(
    ("known", "foreign", "expected"),
    [([0.9, 0.8], [0.1, 0.2], 1.0), ([0.1], [0.9], 0.0), ([0.5], [0.5], 0.5), ([0.9, 0.3], [0.5, 0.1], 0.75)],
)
def test_auroc_is_the_chance_of_the_right_order(known: list[float], foreign: list[float], expected: float) -> None:
    assert auroc_of(known, foreign) == expected
    assert auroc_of([], foreign) is None


def test_folders_of_captures_are_read_and_others_left(tmp_path: Path) -> None:
    device_fleet.write_fleet(tmp_path, device_fleet.kinds(2), 1)
    labels = tmp_path / "labels.csv"
    labels.write_text("capture,type\ntype-00-0.pcap,plug\n")
    found = examples_of([tmp_path], read_labels(labels), **WINDOWS)
    assert {example.type for example in found} == {"plug"}
