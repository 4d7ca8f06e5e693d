"""Replaces one section of docs/benchmarks.md, between its two marks."""

from __future__ import annotations

from pathlib import Path

PAGE = Path(__file__).parents[1] / "docs" / "benchmarks.md"


def replace(name: str, text: str) -> None:
    """Put ``text`` between the marks of a section; the words around them are kept."""
    begin, end = f"<!-- {name}: begin -->", f"<!-- {name}: end -->"
    head, found, rest = PAGE.read_text().partition(begin)
    _, ended, tail = rest.partition(end)
    if not found or not ended:
        raise SystemExit(f"{PAGE} has no section {name}")
    PAGE.write_text(f"{head}{begin}\n{text}\n{end}{tail}")
