"""The rules on Python files hold for the house, and each can fail."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
from cases import FIXTURES, fixture, lines_of, refused_lines
from rules import broad_except, deadlines, doors, logging_calls, signs, sizes, tasks, time_and_randomness
from rules.source import Source, Violation, read, sources_in

ROOT = Path(__file__).resolve().parents[2]
HOUSE = list(sources_in(ROOT / "src" / "vedette"))
TESTS = [read(path, path.stem) for path in sorted((ROOT / "tests").rglob("*.py")) if FIXTURES not in path.parents]
SCRIPTS = [read(path, path.stem) for folder in ("scripts", "bench") for path in sorted((ROOT / folder).rglob("*.py"))]

RULES: dict[str, Callable[[Source], list[Violation]]] = {
    "broad_except": broad_except.check,
    "deadlines": deadlines.check,
    "doors": partial(
        doors.check_doors,
        modules=frozenset(source.name for source in HOUSE) | {"vedette.registry.repository"},
        packages=frozenset(source.name for source in HOUSE if source.is_package) | {"vedette.protocols.mqtt"},
    ),
    "logging_calls": logging_calls.check,
    "signs": signs.check,
    "sizes": sizes.check,
    "tasks": tasks.check,
    "third_party": doors.check_third_party,
    "time_and_randomness": time_and_randomness.check,
}
CASES = [
    pytest.param(rule, path, id=f"{rule}/{path.relative_to(FIXTURES / 'python' / rule)}")
    for rule in RULES
    for path in sorted((FIXTURES / "python" / rule).rglob("*.py"))
]


@pytest.mark.parametrize("rule", RULES)
def test_the_house_obeys(rule: str) -> None:
    found = [violation for source in HOUSE for violation in RULES[rule](source)]
    assert not found, "\n" + "\n".join(map(str, found))


@pytest.mark.parametrize(("rule", "path"), CASES)
def test_a_rule_refuses_exactly_the_marked_lines(rule: str, path: Path) -> None:
    source = fixture(path)
    found = RULES[rule](source)
    assert lines_of(found) == refused_lines(source), "\n" + "\n".join(map(str, found))


def test_every_rule_has_a_failing_fixture() -> None:
    failing = {rule for rule, path in (case.values for case in CASES) if refused_lines(fixture(Path(str(path))))}
    assert failing == set(RULES)


def test_tests_and_scripts_keep_to_the_size() -> None:
    found = [violation for source in [*TESTS, *SCRIPTS] for violation in sizes.check(source)]
    assert not found, "\n" + "\n".join(map(str, found))


def test_a_module_of_501_lines_is_refused_and_one_of_500_is_not() -> None:
    path = Path("long.py")
    assert not sizes.check(Source(path, "vedette.registry.long", "\n" * 500))
    assert sizes.check(Source(path, "vedette.registry.long", "\n" * 501))


def test_a_sign_without_all_is_refused() -> None:
    text = '"""A room."""\nfrom vedette.registry.service import DeviceService\n'
    assert "no __all__" in str(signs.check(Source(Path("registry/__init__.py"), "vedette.registry", text))[0])
