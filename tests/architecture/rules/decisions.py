"""Decision records: numbered, named alike, and with the same five headings."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from rules.source import Violation

HEADINGS: Final = ("Context", "Drivers", "Options", "Decision", "Consequences")
MAX_LINES: Final = 100
_NAME: Final = re.compile(r"(\d{4})-[a-z0-9]+(-[a-z0-9]+)*\.md")


def check(folder: Path) -> list[Violation]:
    """Find records that are misnamed, share a number, lack a heading or grew beyond a page."""
    found: list[Violation] = []
    numbers: dict[str, Path] = {}
    for path in sorted(folder.glob("*.md")):
        if path.name in {"README.md", "template.md"}:
            continue
        name = _NAME.fullmatch(path.name)
        if not name:
            found.append(Violation(path, 1, "the name is NNNN-title-in-words.md"))
            continue
        if name[1] in numbers:
            found.append(Violation(path, 1, f"number {name[1]} is taken by {numbers[name[1]].name}"))
        numbers[name[1]] = path
        found += _check_text(path, name[1])
    return found


def _check_text(path: Path, number: str) -> list[Violation]:
    text = path.read_text(encoding="utf-8")
    found = []
    if not re.match(rf"# {int(number)}\. \S", text):
        found.append(Violation(path, 1, f"the first line is '# {int(number)}. Title'"))
    headings = tuple(re.findall(r"^## (.+?)\s*$", text, re.MULTILINE))
    if headings != HEADINGS:
        found.append(Violation(path, 1, f"the headings are {', '.join(HEADINGS)}, in this order"))
    if text.count("\n") > MAX_LINES:
        found.append(Violation(path, MAX_LINES, "a decision record is one page"))
    return found
