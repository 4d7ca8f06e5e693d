"""One concept, one word: the synonyms that ``docs/glossary.md`` sets aside appear nowhere."""

from __future__ import annotations

import re
from pathlib import Path

from rules.source import Violation


def forbidden_words(glossary: Path) -> dict[str, str]:
    """Return each word the glossary sets aside, with the settled word: its rows are ``| word | means | not |``."""
    words: dict[str, str] = {}
    for line in glossary.read_text(encoding="utf-8").splitlines():
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
        if line.startswith("|") and len(cells) == 3 and cells[2] not in {"not", ""} and not set(cells[2]) <= set("-: "):
            for word in cells[2].split(","):
                words[word.strip().lower()] = cells[0].strip("*` ")
    return words


def _pattern(words: dict[str, str]) -> re.Pattern[str]:
    parts = (re.escape(word).replace(r"\ ", r"[\s_-]+") for word in sorted(words, key=len, reverse=True))
    return re.compile(rf"(?<![a-z])({'|'.join(parts)})(?![a-z])", re.IGNORECASE)


def check(path: Path, words: dict[str, str]) -> list[Violation]:
    """Find words the glossary sets aside, in text, identifiers and comments alike."""
    if not words:
        return []
    pattern = _pattern(words)
    found = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        for match in pattern.finditer(line):
            settled = words[re.sub(r"[\s_-]+", " ", match[1]).lower()]
            found.append(Violation(path, number, f"{match[1]!r}: the house says {settled!r} (docs/glossary.md)"))
    return found
