"""Versions as makers of industrial devices write them: ``V4.5.2``, ``2.8.1 Build 4``, ``FW 3.12``. Pure.

Their order is partial on purpose: where two makers' words stand against each other (``SP 1`` and ``Build 4``), or a
series of letters differs (``MX-V4.3`` and ``V4.3``), nothing is said instead of something wrong.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

VERSION_CHARS_MAX: Final = 128
_PARTS_MAX: Final = 24
_DIGITS_MAX: Final = 18
# A long number with no dot is an article number, not a version.
_ARTICLE_DIGITS: Final = 6
_LEAD: Final = re.compile(
    r"(?:(?:firmware|software|fw|sw|bios|os|versions?|vers?|release|rel|revision|rev|sv|v|r)"
    r"(?:\b|(?=[\d_]))[.:_ ]*)+",
    re.IGNORECASE,
)
_TOKEN: Final = re.compile(r"\d+|[a-z]+")
_ALLOWED: Final = re.compile(r"[a-z0-9][a-z0-9 ._+:()/\-]*")
_WORDS: Final = {
    "alpha": "alpha",
    "beta": "beta",
    "pre": "pre",
    "preview": "pre",
    "rc": "rc",
    "sp": "sp",
    "servicepack": "sp",
    "service": "sp",
    "update": "update",
    "upd": "update",
    "u": "update",
    "patch": "patch",
    "p": "patch",
    "hotfix": "hotfix",
    "hf": "hotfix",
    "build": "build",
    "bld": "build",
    "rev": "revision",
    "revision": "revision",
    "r": "revision",
}
_BEFORE: Final = {"alpha": 0, "beta": 1, "pre": 2, "rc": 3}
_AFTER: Final = frozenset({"sp", "update", "patch", "hotfix", "build", "revision"})
_FILLERS: Final = frozenset({"pack", "v"})
# Words of a sentence about versions: what holds one is no version, and may be a range.
_SENTENCE: Final = frozenset(
    [
        "above",
        "after",
        "all",
        "and",
        "before",
        "below",
        "but",
        "by",
        "earlier",
        "except",
        "for",
        "from",
        "greater",
        "higher",
        "in",
        "including",
        "later",
        "lower",
        "newer",
        "of",
        "older",
        "on",
        "only",
        "or",
        "prior",
        "since",
        "than",
        "the",
        "through",
        "thru",
        "to",
        "until",
        "up",
        "version",
        "versions",
        "with",
        "without",
    ]
)
# Two words that are not known make a sentence, and a line's letters before one long number make the name of a model.
_STRANGE_MAX: Final = 1
_MODEL_LETTERS: Final = 3
_MODEL_NUMBER_MIN: Final = 100
_LETTER: Final = "letter"

Part = int | str


@dataclass(frozen=True, slots=True)
class Version:
    """A version that was read.

    Attributes:
        text: As it was written.
        parts: Numbers and known words in their order; trailing zeros of the dotted numbers are left out.
        numbers: How many dotted numbers it began with, zeros at the end included.
        series: Letters before the first number that are part of the name of a line of versions, such as ``mx``.
    """

    text: str
    parts: tuple[Part, ...]
    numbers: int
    series: str = ""

    def is_less_exact_than(self, other: Version) -> bool:
        """Tell whether ``other`` says the same and more: ``2.9`` of ``2.9.4``."""
        mine = len(self.parts)
        if self.series != other.series or mine >= len(other.parts) or other.parts[:mine] != self.parts:
            return False
        more = next(at for at in range(mine, len(other.parts)) if other.parts[at] != 0)
        return isinstance(other.parts[more], str) or more >= self.numbers

    def starts_with(self, prefix: Version) -> bool:
        """Tell whether it is of the line that ``prefix`` names: ``2.1.3`` of ``2.1``."""
        return self.series == prefix.series and self.parts[: len(prefix.parts)] == prefix.parts


def parse_version(text: str) -> Version | None:  # noqa: PLR0911 - it leaves as soon as it knows
    """Read a version; ``None``: it has no form that can be compared."""
    if len(text) > VERSION_CHARS_MAX:
        return None
    lead = _LEAD.match(text.strip())
    rest = (text.strip() if lead is None else text.strip()[lead.end() :]).casefold().strip(" .,;")
    if not rest.isascii() or not _ALLOWED.fullmatch(rest):
        return None
    tokens = _TOKEN.findall(rest)
    if len(tokens) > _PARTS_MAX or any(token.isdigit() and len(token) > _DIGITS_MAX for token in tokens):
        return None
    series: list[str] = []
    while tokens and not tokens[0].isdigit():
        word = tokens.pop(0)
        if word not in _FILLERS:
            series.append(word)
    if not tokens or (len(tokens) == 1 and len(tokens[0]) >= _ARTICLE_DIGITS):
        return None
    if not _SENTENCE.isdisjoint((*series, *tokens)) or len(series) > _STRANGE_MAX:
        return None
    if sum(_is_strange(token) for token in tokens) > _STRANGE_MAX:
        return None
    parts = _read_parts(tokens)
    if len(parts) == 1 and len("".join(series)) >= _MODEL_LETTERS and int(parts[0]) >= _MODEL_NUMBER_MIN:
        return None
    numbers = next((at for at, token in enumerate(tokens) if not token.isdigit()), len(tokens))
    return Version(text=text.strip(), parts=parts, numbers=numbers, series="-".join(series))


def _is_strange(token: str) -> bool:
    return not token.isdigit() and len(token) > 1 and token not in _WORDS and token not in _FILLERS


def _read_parts(tokens: list[str]) -> tuple[Part, ...]:
    parts: list[Part] = []
    for at, token in enumerate(tokens):
        if token.isdigit():
            parts.append(int(token))
            continue
        if token in _FILLERS:
            continue
        while parts and parts[-1] == 0 and all(isinstance(part, int) for part in parts):
            parts.pop()  # 2.9.0 SP1 and 2.9 SP1 are one
        has_number = at + 1 < len(tokens) and tokens[at + 1].isdigit()
        if len(token) == 1 and (not has_number or token not in _WORDS):
            parts += [_LETTER, ord(token)]
        else:
            parts.append(_WORDS.get(token, token))
            if not has_number:
                parts.append(0)
    while len(parts) > 1 and parts[-1] == 0 and isinstance(parts[-2], int):
        parts.pop()
    return tuple(parts) or (0,)


def compare_versions(one: Version, other: Version) -> int | None:
    """Return -1, 0 or 1 as ``one`` is before, the same as, or after ``other``; ``None``: nobody can tell."""
    if one.series != other.series:
        return None
    for at in range(max(len(one.parts), len(other.parts))):
        mine = one.parts[at] if at < len(one.parts) else None
        theirs = other.parts[at] if at < len(other.parts) else None
        if mine == theirs:
            continue
        return _compare_parts(mine, theirs)
    return 0


def _compare_parts(mine: Part | None, theirs: Part | None) -> int | None:
    if isinstance(mine, int) and isinstance(theirs, int):
        return -1 if mine < theirs else 1
    if isinstance(mine, str) and isinstance(theirs, str):
        # 1.0 rc 1 is before 1.0 SP 1; SP and Build cannot be told apart.
        ranks = _BEFORE.get(mine), _BEFORE.get(theirs)
        if ranks == (None, None) or not {mine, theirs} <= _BEFORE.keys() | _AFTER:
            return None
        return -1 if _rank(mine) < _rank(theirs) else 1
    if isinstance(mine, str) and not isinstance(theirs, str):
        return _compare_word(mine, theirs)
    if isinstance(theirs, str) and not isinstance(mine, str):
        found = _compare_word(theirs, mine)
        return None if found is None else -found
    # What is missing is a zero, and zeros at the end were left out: the longer one is the later.
    return -1 if mine is None else 1


def _compare_word(word: str, other: int | None) -> int | None:
    """Compare what a word opens with a further number, or with nothing."""
    if word in _BEFORE:
        return -1
    if other is None and (word in _AFTER or word == _LETTER):
        return 1
    return None


def _rank(word: str) -> int:
    return _BEFORE.get(word, len(_BEFORE))
