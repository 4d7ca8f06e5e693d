"""Failing fixtures: Python files that say themselves which of their lines a rule must refuse."""

from __future__ import annotations

import re
from pathlib import Path

from rules.source import Source, Violation

FIXTURES = Path(__file__).parent / "fixtures"
_NAME = re.compile(r"# as: ([\w.]+)")


def fixture(path: Path) -> Source:
    """Read a fixture under the name its ``# as:`` comment gives."""
    text = path.read_text(encoding="utf-8")
    name = _NAME.search(text)
    assert name, f"{path} lacks its '# as:' comment"
    return Source(path, name[1], text)


def refused_lines(source: Source) -> list[int]:
    """Return the lines that end in ``# refused``."""
    return [number for number, line in enumerate(source.text.splitlines(), 1) if line.endswith("# refused")]


def lines_of(violations: list[Violation]) -> list[int]:
    """Return the lines found, each once."""
    return sorted({violation.line for violation in violations})
