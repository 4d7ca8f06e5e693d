"""Every technique that alerts name is one of ATT&CK for ICS as it stands, under the name that it has there."""

from __future__ import annotations

import re
from pathlib import Path

from vedette.protocols.attack import TECHNIQUES, VERSION
from vedette.sensor.baseline.model import RULES as BASELINES
from vedette.sensor.rules import RULES
from vedette.sensor.rules import TECHNIQUES as NAMED

ROOT = Path(__file__).resolve().parents[2]
TACTICS = {
    "collection", "command-and-control", "discovery", "evasion", "execution", "impact", "impair-process-control",
    "inhibit-response-function", "initial-access", "lateral-movement", "persistence", "privilege-escalation",
}  # fmt: skip
WHOLE = 83
ID = re.compile(r"\bT0\d{3}\b")
GONE = {"T0818", "T0841"}


def test_the_table_is_the_whole_matrix() -> None:
    assert (VERSION, len(TECHNIQUES)) == ("18.1", WHOLE)
    assert {tactic for each in TECHNIQUES.values() for tactic in each.tactics} == TACTICS
    assert not GONE & set(TECHNIQUES)


def test_rules_name_techniques_that_are_there_by_their_names() -> None:
    used = {rule.technique for rule in RULES} | {rule.technique for rule in BASELINES.values()}
    assert used - {""} <= set(TECHNIQUES)
    assert {each: TECHNIQUES[each].name for each in NAMED} == NAMED


def test_no_code_names_another_technique() -> None:
    named = {
        (found, str(path.relative_to(ROOT)))
        for path in (ROOT / "src" / "vedette").rglob("*.py")
        for found in ID.findall(path.read_text("utf-8"))
    }
    assert {each for each in named if each[0] not in TECHNIQUES and each[0] not in GONE} == set()
