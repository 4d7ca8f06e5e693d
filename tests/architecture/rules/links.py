"""A link in a page leads to a file that is there, and to a heading that is on it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final
from urllib.parse import unquote, urlsplit

from rules.source import Violation

_LINK: Final = re.compile(r"(?<!\\)\[(?:[^\[\]]|\[[^\]]*\])*\]\(\s*<?([^)\s>]+)>?(?:\s+\"[^\"]*\")?\s*\)")
_REFERENCE: Final = re.compile(r"^\s{0,3}\[[^\]]+\]:\s+<?(\S+?)>?\s*$")
_HEADING: Final = re.compile(r"^#{1,6}\s+(.*?)\s*#*$")
_FENCE: Final = re.compile(r"^\s*(```|~~~)")


def prose(text: str) -> Iterator[tuple[int, str]]:
    """Yield the numbered lines of a page that are not code, inline code blanked out."""
    fence = ""
    for number, line in enumerate(text.splitlines(), 1):
        if found := _FENCE.match(line):
            fence = "" if fence == found[1] else fence or found[1]
        elif not fence:
            yield number, re.sub(r"(`+).+?\1", lambda code: " " * len(code[0]), line)


def slugs(text: str) -> set[str]:
    """Return the anchors of a page's headings, as forges make them."""
    found: dict[str, int] = {}
    for number, _ in prose(text):
        line = text.splitlines()[number - 1]
        if heading := _HEADING.match(line):
            words = re.sub(r"[`*]|\[([^\]]*)\]\([^)]*\)", r"\1", heading[1]).lower()
            slug = re.sub(r"[^\w\- ]", "", words).replace(" ", "-")
            found[slug] = found.get(slug, -1) + 1
            if found[slug]:
                found[f"{slug}-{found[slug]}"] = 0
    return set(found)


def check(page: Path, *, root: Path) -> list[Violation]:
    """Find links of a Markdown page that lead nowhere; links to other hosts are not followed."""
    found = []
    for number, line in prose(page.read_text(encoding="utf-8")):
        for target in _LINK.findall(line) + _REFERENCE.findall(line):
            link = urlsplit(target)
            if link.scheme or link.netloc:
                continue
            path = (page.parent / unquote(link.path)).resolve() if link.path else page
            if not path.is_relative_to(root) or not path.exists():
                found.append(Violation(page, number, f"{target}: there is no such file"))
            elif link.fragment and path.suffix == ".md" and link.fragment not in slugs(path.read_text("utf-8")):
                found.append(Violation(page, number, f"{target}: there is no such heading"))
    return found
