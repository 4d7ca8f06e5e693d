"""No cell of the fault matrix is without a test or a reason, and the page says what the tests assert."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from fault_matrix import COMPONENTS, DOORS, KINDS, PAGE, ROOT, WORDS, Fault, flaws, read_matrix, render

MATRIX = read_matrix()


def test_every_cell_has_a_test_or_a_reason() -> None:
    assert list(flaws(MATRIX)) == []
    assert len(MATRIX) == len(COMPONENTS) * len(KINDS)


def test_the_page_says_what_the_tests_assert() -> None:
    assert render(MATRIX) in PAGE.read_text(encoding="utf-8"), "docs/fault-matrix.md is not up to date: run make docs"


def test_every_test_that_the_page_names_exists() -> None:
    named = re.findall(r"`([a-z_/]+/test_[a-z_]+\.py)::(test_[a-z_]+)`", PAGE.read_text(encoding="utf-8"))
    assert len(named) > 20
    missing = [
        f"{path}::{name}"
        for path, name in named
        if f"def {name}(" not in (ROOT / "tests" / path).read_text(encoding="utf-8")
    ]
    assert missing == []


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"test": "faults/test_bus.py::test_nobody_wrote"}, "no test"),
        ({"test": "", "reason": ""}, "neither a test nor a reason"),
        ({"alarm": ""}, "what is told"),
        ({"doors": dict.fromkeys(list(DOORS)[1:], WORDS[0])}, "neither a word nor a reason"),
        ({"doors": {**dict.fromkeys(DOORS, WORDS[0]), "window": WORDS[0]}}, "no door is called"),
    ],
)
def test_a_cell_that_does_not_hold_is_refused(change: dict[str, object], complaint: str) -> None:
    row: Fault = replace(MATRIX["bus", "down"], **change)  # type: ignore[arg-type] # fields of the dataclass
    found = list(flaws({**MATRIX, ("bus", "down"): row}))
    assert any(complaint in each for each in found), found


def test_a_missing_row_is_refused() -> None:
    without = {key: row for key, row in MATRIX.items() if key != ("clock", "lying")}
    assert list(flaws(without)) == ["clock lying: no such row"]
