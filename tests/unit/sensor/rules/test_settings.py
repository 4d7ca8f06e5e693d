"""The operator's file of rules: what it changes, and what it may not say."""

from __future__ import annotations

from pathlib import Path

import pytest
from alert_cases import rules_of, sensor_after
from industrial import POLL, joined, modbus, tcp

from vedette.sensor import Severity
from vedette.sensor.rules import RULES, RulesProblem, Settings, read_settings


def written(folder: Path, text: str) -> Path:
    path = folder / "rules.toml"
    path.write_text(text)
    return path


def test_a_rule_can_be_turned_off_and_made_graver(tmp_path: Path) -> None:
    frames = tcp(502, *POLL, modbus("5a 00 41 ff"))
    path = written(tmp_path, '[rules."ot.controller_stop"]\nseverity = "low"\ncool_down_s = 5\n')
    (alert,) = sensor_after(frames, read_settings(path, RULES)).report.alerts
    assert alert.severity is Severity.LOW
    assert "ot.controller_stop" not in rules_of(frames, {"ot.controller_stop": {"is_on": False}})


def test_a_threshold_is_the_operators() -> None:
    looks = (tcp(502, *POLL, server=f"10.0.5.{turn + 1}", at=turn * 1.0, is_closed=True) for turn in range(5))
    frames = joined(*looks)
    few = {"scan.controllers": {"targets": 5}}
    assert "scan.controllers" in rules_of(frames, few)
    assert "scan.controllers" not in rules_of(frames)


def test_an_episode_that_was_quiet_for_long_is_a_new_one() -> None:
    stop = modbus("5a 00 41 ff")
    frames = tcp(502, stop, 60.0, stop, 700.0, stop)
    found = [alert.times for alert in sensor_after(frames).report.alerts if alert.rule == "ot.controller_stop"]
    assert found == [2, 1]


@pytest.mark.parametrize(
    "text",
    [
        "rules = 5",
        '[rules."no.such"]\nis_on = true',
        '[rules."scan.port"]\nno_such = 3',
        '[rules."scan.port"]\nports = -1',
        '[rules."scan.port"]\nports = "25"',
        '[rules."scan.port"]\nports = true',
        '[rules."scan.port"]\nis_on = 1',
        '[rules."scan.port"]\nseverity = "grave"',
        "[[own]]\nsource = '10.0.0.1'",
        "[[own]]\nname = 'a'\nno_such = 'b'",
        "other = 1",
        "indicators = 3",
        "not toml",
    ],
)
def test_what_is_not_understood_is_an_error_that_says_what_would_be(text: str, tmp_path: Path) -> None:
    with pytest.raises(RulesProblem) as caught:
        read_settings(written(tmp_path, text), RULES)
    assert caught.value.hint


def test_an_own_rule_without_a_network_is_refused(tmp_path: Path) -> None:
    settings = read_settings(written(tmp_path, '[[own]]\nname = "a"\nsource = "ten"\n'), RULES)
    with pytest.raises(RulesProblem):
        sensor_after([], settings)


def test_a_file_that_is_not_there_or_too_long_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RulesProblem):
        read_settings(tmp_path / "none.toml", RULES)
    with pytest.raises(RulesProblem):
        read_settings(written(tmp_path, "#" * 1_100_000), RULES)


def test_every_rule_of_the_catalogue_can_be_changed() -> None:
    changes = {rule.id: {"is_on": False, **dict.fromkeys(rule.thresholds, 1)} for rule in RULES}
    settings = Settings(RULES, changes)
    assert not any(settings.is_on(rule.id) for rule in RULES)
    assert not sensor_after(tcp(502, modbus("5a 00 41 ff")), settings).report.alerts
