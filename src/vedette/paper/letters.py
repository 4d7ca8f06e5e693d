"""Letters beyond Latin-1: a free font of the operating system, if one is there and a paper needs it."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final, NamedTuple

from fontTools.ttLib import TTFont, TTLibError

from vedette.paper.model import CELL_CHARS, ROWS_MAX, Paper

_LATIN_1: Final = frozenset(map(chr, range(0x100)))
_SHARE: Final = Path("/usr/share/fonts")
FONTS: Final = tuple(
    (_SHARE / folder / f"{name}{regular}.ttf", _SHARE / folder / f"{name}{bold}.ttf")
    for folder, name, regular, bold in (
        ("truetype/dejavu", "DejaVuSans", "", "-Bold"),  # Debian, Ubuntu
        ("dejavu-sans-fonts", "DejaVuSans", "", "-Bold"),  # Fedora, RHEL
        ("TTF", "DejaVuSans", "", "-Bold"),  # Arch
        ("truetype/noto", "NotoSans", "-Regular", "-Bold"),
        ("truetype/liberation", "LiberationSans", "-Regular", "-Bold"),
    )
)
"""Where distributions put fonts that anybody may embed: regular and bold, the widest first."""


class Letters(NamedTuple):
    """A font, and what of a paper it is needed for.

    Attributes:
        extra: Characters beyond Latin-1 that it has, of those that the paper holds.
    """

    regular: Path
    bold: Path
    extra: frozenset[str]


def letters_for(paper: Paper, fonts: Sequence[tuple[Path, Path]] = FONTS) -> Letters | None:
    """Return the font that has most of the letters that a paper needs; None if the standard ones do, or none helps."""
    needed = {char for text in _texts(paper) for char in text} - _LATIN_1
    needed = {char for char in needed if _stands_alone(char)}
    best: Letters | None = None
    for regular, bold in fonts if needed else ():
        has = _characters(regular) & _characters(bold)
        if has >= _LATIN_1_PRINTED and needed & has and (best is None or len(needed & has) > len(best.extra)):
            best = Letters(regular, bold, frozenset(needed & has))
    return best


_LATIN_1_PRINTED: Final = frozenset(char for char in _LATIN_1 if char.isprintable())


def _stands_alone(char: str) -> bool:
    """Tell whether a character is written from left to right by itself: what is joined or turned stays a number."""
    return (
        char.isprintable()
        and unicodedata.category(char)[0] in "LNPS"
        and unicodedata.bidirectional(char) not in _TURNED
    )


_TURNED: Final = frozenset({"R", "AL", "AN"})


def _characters(path: Path) -> frozenset[str]:
    try:
        with TTFont(path, lazy=True) as font:
            return frozenset(map(chr, font.getBestCmap() or ()))
    except (OSError, TTLibError):
        return frozenset()


def _texts(paper: Paper) -> Iterator[str]:
    yield paper.title
    yield paper.hint
    for name, value in paper.facts:
        yield name
        yield value
    for section in paper.sections:
        yield section.heading
        yield from section.lines
        if section.table is not None:
            yield from (column.head for column in section.table.columns)
            yield from (cell[:CELL_CHARS] for row in section.table.rows[:ROWS_MAX] for cell in row)
