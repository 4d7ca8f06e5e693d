"""``docs/requirements.toml`` covers the checklist, each id once, and claims only what a test proves."""

from __future__ import annotations

import ast
import tomllib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, Final

from rules.source import Violation

STATES: Final = ("planned", "partly", "verified", "operator", "hardware-claim")
KINDS: Final = frozenset("PAGSOHD")
# Chapters, their highest number, and the ids between the numbers.
CHAPTERS: Final[dict[str, tuple[int, int, tuple[str, ...]]]] = {
    "I": (1, 22, ("I-08b",)),
    "R": (1, 1, ()),
    "PR": (0, 5, ()),
    "DE": (1, 10, ()),
    "SI": (1, 26, ()),
    "LP": (1, 12, ("LP-03a", "LP-03b", "LP-03c", "LP-03d", "LP-03e")),
    "DH": (1, 8, ()),
    "CU": (1, 8, ()),
    "MR": (1, 21, ("MR-08a", "MR-08b", "MR-08c")),
    "EV": (1, 4, ()),
    "EX": (1, 10, ()),
    "SV": (1, 12, ()),
    "DV": (1, 28, ("DV-11a",)),
    "MO": (1, 1, ()),
    "OT": (1, 28, ()),
    "NS": (1, 2, ()),
    "RS": (1, 4, ()),
    "X": (1, 14, ()),
}


def checklist() -> list[str]:
    """Return every id of the checklist."""
    ids = []
    for chapter, (first, last, between) in CHAPTERS.items():
        ids += [f"{chapter}-{number:02}" for number in range(first, last + 1)]
        ids += between
    return ids


@cache
def _functions(path: Path) -> frozenset[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return frozenset(
        node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
    )


def names_a_test(name: str, *, root: Path) -> bool:
    """Tell whether ``tests/unit/x/test_y.py::test_z`` is there; a file alone stands for all of its tests."""
    file, _, rest = name.partition("::")
    path = root / file
    if not path.is_file() or not file.startswith("tests/") or not path.name.startswith("test_"):
        return False
    return not rest or {part.partition("[")[0] for part in rest.split("::")} <= _functions(path)


def check(table: Path, *, root: Path) -> list[Violation]:
    """Find ids that are missing, unknown or named twice, and rows whose claim does not hold."""
    try:
        rows: list[dict[str, Any]] = tomllib.loads(table.read_text(encoding="utf-8"))["requirement"]
    except (tomllib.TOMLDecodeError, KeyError) as error:
        return [Violation(table, 1, f"not a table of [[requirement]] rows: {error}")]
    ids = [str(row.get("id")) for row in rows]
    wanted = checklist()
    problems = [f"{each}: no row" for each in wanted if each not in set(ids)]
    problems += [f"{each}: not an id of the checklist" for each in sorted(set(ids) - set(wanted))]
    problems += [f"{each}: {ids.count(each)} rows" for each in sorted(set(ids)) if ids.count(each) > 1]
    problems += [f"{row.get('id')}: {problem}" for row in rows for problem in _problems(row, root)]
    lines = {line.partition('"')[2].rstrip('"\n'): n for n, line in _id_lines(table)}
    return [Violation(table, lines.get(problem.partition(":")[0], 1), problem) for problem in problems]


def _id_lines(table: Path) -> list[tuple[int, str]]:
    lines = table.read_text(encoding="utf-8").splitlines()
    return [(number, line) for number, line in enumerate(lines, 1) if line.startswith("id = ")]


def _problems(row: Mapping[str, Any], root: Path) -> list[str]:
    if set(row) - {"id", "title", "kind", "state", "where", "tests", "note"}:
        return ["a row has id, title, kind, state, where, tests and perhaps note"]
    if not row.get("title") or not set(row.get("kind", "")) or not set(row["kind"]) <= KINDS:
        return [f"needs a title and kinds out of {''.join(sorted(KINDS))}"]
    state, where, tests = row.get("state"), str(row.get("where", "")), list(row.get("tests", []))
    if state not in STATES:
        return [f"state is one of {', '.join(STATES)}"]
    problems = [f"{name}: there is no such test" for name in tests if not names_a_test(name, root=root)]
    problems += [f"{part}: there is no such place" for part in where.split() if not (root / part).exists()]
    if state == "planned" and (where or tests):
        problems.append("planned, yet it names a place or tests: say partly")
    if state != "planned" and not where:
        problems.append(f"{state} without a place: name the files or folders, from the repository's root")
    if state in {"partly", "verified", "hardware-claim"} and not tests:
        problems.append(f"{state} without a test that would fail without it")
    if state == "partly" and not row.get("note"):
        problems.append("partly: the note says what is still missing")
    return problems
