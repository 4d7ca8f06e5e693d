"""A meaning that the parity table claims has a rule that is there, and a test that names it."""

from __future__ import annotations

import ast
from pathlib import Path

from vedette.sensor.rules import MEANINGS, RULES, TECHNIQUES

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = ("tests/unit/sensor/rules", "tests/unit/sensor/baseline")
GOAL = 120
OF_BASELINES = "baseline."


def named_in_tests() -> set[str]:
    """Return every text that a test of rules or baselines has for itself: not a part of another one."""
    found: set[str] = set()
    for folder in FOLDERS:
        for path in (ROOT / folder).rglob("test_*.py"):
            tree = ast.parse(path.read_text("utf-8"))
            found |= {
                each.value for each in ast.walk(tree) if isinstance(each, ast.Constant) and type(each.value) is str
            }
    return found


def test_each_claimed_meaning_is_named_by_a_test() -> None:
    named = named_in_tests()
    assert [each.name for each in MEANINGS if each.rules and each.name not in named] == []


def test_each_claimed_meaning_has_rules_that_are_there() -> None:
    known = {rule.id for rule in RULES}
    missing = {name for each in MEANINGS for name in each.rules if not name.startswith(OF_BASELINES)} - known
    assert missing == set()


def test_the_list_is_whole_and_the_goal_is_met() -> None:
    assert len(MEANINGS) == len({each.name for each in MEANINGS}) == 202
    assert sum(bool(each.rules) for each in MEANINGS) >= GOAL


def test_techniques_are_live_ones() -> None:
    assert {rule.technique for rule in RULES if rule.technique} <= set(TECHNIQUES)
    assert not {"T0841", "T0818"} & set(TECHNIQUES)


def test_rules_have_names_of_their_own_and_say_who_did_what() -> None:
    assert len({rule.id for rule in RULES}) == len(RULES)
    for rule in RULES:
        assert rule.says.format(source="a", target="b", what="c"), rule.id
