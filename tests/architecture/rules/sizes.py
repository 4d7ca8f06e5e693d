"""A module fits in a head: 500 lines are the limit; its name is the domain's word, never a pattern's."""

from __future__ import annotations

from typing import Final

from rules.allowed import GENERATED_TABLES
from rules.source import Source, Violation

MAX_LINES: Final = 500
_PATTERN_WORDS: Final = frozenset({"common", "helper", "helpers", "manager", "managers", "misc", "util", "utils"})
_PATTERN_ROOMS: Final = _PATTERN_WORDS | {"base", "core"}


def check(source: Source) -> list[Violation]:
    """Find modules that are too long, and modules and rooms named after a pattern."""
    found = []
    lines = source.text.count("\n")
    if lines > MAX_LINES and source.name not in GENERATED_TABLES:
        found.append(source.violation(MAX_LINES + 1, f"{lines} lines; split it by meaning, {MAX_LINES} are the limit"))
    if odd := (_PATTERN_ROOMS if source.is_package else _PATTERN_WORDS) & set(source.name.split(".")):
        found.append(source.violation(1, f"{min(odd)!r} is a pattern's word: name it after what it is about"))
    return found
