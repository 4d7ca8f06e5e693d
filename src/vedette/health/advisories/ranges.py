"""Ranges of versions as advisories write them: ``vers:all/<V2.9.7``, ``>=1.2|<=1.8``, ``2.1.x``, "3.1 and prior". Pure.

What cannot be read stays as its words, and holds no version and excludes none.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from vedette.health.advisories.versions import Version, compare_versions, parse_version

RANGE_CHARS_MAX: Final = 512
_INTERVALS_MAX: Final = 64
_ALL: Final = re.compile(r"(?:\*|all|all versions?|any|any version|-)", re.IGNORECASE)
_SCHEME: Final = re.compile(r"vers:[a-z0-9.\-]{1,32}/", re.IGNORECASE)
_CONSTRAINT: Final = re.compile(r"\s*(<=|>=|<|>|!=|==?|≤|≥)?\s*([^<>=!|,≤≥]+?)\s*(?=[<>=!|,≤≥]|$)[|,]?\s*")
_JOIN: Final = re.compile(r"\band\b(?=\s*[<>=])", re.IGNORECASE)
_ALL_THOSE: Final = re.compile(r"all (?:(?:bios|firmware|software) )?versions\s*(?=[<>=])", re.IGNORECASE)
_PROSE_CHARS_MAX: Final = 128
# What stands here is read as a version afterwards: the pattern only says where it ends.
_VERSION: Final = r"(?P<{0}>(?:version |ver\.? )?[\w.\-]+(?: (?:sp|build|update|upd|hf|patch|rev)\.? ?\d+)*)"
_LEADING: Final = r"(?:all\s+)?(?:(?:firmware|software|fw)\s+)?(?:versions?\s+)?"
_UNTIL: Final = r"(?:prior|earlier|below|older|lower|previous|before)(?:\s+versions?)?"


def _prose(pattern: str) -> re.Pattern[str]:
    return re.compile(_LEADING + pattern, re.IGNORECASE)


_FIRST: Final = _VERSION.format("first")
_LAST: Final = _VERSION.format("last")
# Each with the comparison of its first and of its last version; empty: it has none.
_PROSE: Final = (
    (
        _prose(rf"(?:prior to|before|below|earlier than|older than|lower than|up to but not including)\s+{_LAST}"),
        "",
        "<",
    ),
    (_prose(rf"{_LAST}\s*(?:,|and|or|&)*\s*(?:all\s+)?{_UNTIL}"), "", "<="),
    (_prose(rf"(?:up to(?: and including)?|through|until)\s+{_LAST}"), "", "<="),
    (
        _prose(rf"{_FIRST}\s*(?:,|and|or)*\s*(?:later|newer|above|higher|greater|onwards?|up)(?:\s+versions?)?"),
        ">=",
        "",
    ),
    (
        _prose(rf"(?:from\s+|between\s+)?{_FIRST}\s+(?:up to but not including|to before|prior to|before)\s+{_LAST}"),
        ">=",
        "<",
    ),
    (
        _prose(rf"(?:from\s+|between\s+)?{_FIRST}\s+(?:through|to|up to|thru|and up to|until|[-\u2013])\s+{_LAST}"),
        ">=",
        "<=",
    ),
)
_WILDCARD: Final = re.compile(r"(.+?)\.[x*](?:\.[x*])*", re.IGNORECASE)


class RangeKind(StrEnum):
    """What an advisory says of the versions of a product."""

    ALL = "all"
    INTERVALS = "intervals"
    WORDS = "words"


@dataclass(frozen=True, slots=True)
class Interval:
    """Versions from ``low`` to ``high``; ``None``: without an end on that side."""

    low: Version | None = None
    has_low: bool = True
    high: Version | None = None
    has_high: bool = True
    is_line: bool = False

    def holds(self, version: Version) -> bool | None:
        """Tell whether a version lies in it; ``None``: nobody can tell."""
        if self.is_line:
            assert self.low is not None  # noqa: S101 - a line is named by its beginning
            if version.series != self.low.series or version.is_less_exact_than(self.low):
                return None
            return version.starts_with(self.low)
        above = True if self.low is None else _is_above(version, self.low, is_inclusive=self.has_low)
        below = True if self.high is None else _is_below(version, self.high, is_inclusive=self.has_high)
        if self.low is not None and self.low == self.high and self.low.is_less_exact_than(version):
            return None  # a flat "2.9" may mean every 2.9.x
        if above is False or below is False:
            return False
        return None if above is None or below is None else True


@dataclass(frozen=True, slots=True)
class VersionRange:
    """The versions of a product that an advisory speaks of.

    Attributes:
        text: As it was written.
        excluded: Versions within that it takes out.
    """

    text: str
    kind: RangeKind
    intervals: tuple[Interval, ...] = ()
    excluded: tuple[Version, ...] = ()

    def holds(self, text: str) -> bool | None:
        """Tell whether a version lies in it; ``None``: nobody can tell."""
        if self.kind is RangeKind.ALL:
            return True
        version = parse_version(text)
        if version is None or self.kind is RangeKind.WORDS:
            return True if text.strip() and text.strip().casefold() == self.text.strip().casefold() else None
        if any(compare_versions(version, each) == 0 for each in self.excluded):
            return False
        answers = [each.holds(version) for each in self.intervals]
        if True in answers:
            return True
        return None if None in answers else False


def parse_range(text: str) -> VersionRange:
    """Read a range of versions; one that has no known form keeps its words."""
    words = VersionRange(text[:RANGE_CHARS_MAX], RangeKind.WORDS)
    rest = _SCHEME.sub("", text.strip(), count=1).strip()
    if len(text) > RANGE_CHARS_MAX or not rest:
        return words
    if _ALL.fullmatch(rest):
        return VersionRange(text, RangeKind.ALL)
    found = _read_constraints(_JOIN.sub(" ", _ALL_THOSE.sub("", rest, count=1))) or _read_prose(rest)
    if found is None:
        return words
    intervals, excluded = found
    return VersionRange(text, RangeKind.INTERVALS, tuple(intervals), tuple(excluded))


Constraints = tuple[list[Interval], list[Version]]


def _read_constraints(text: str) -> Constraints | None:
    read: list[tuple[str, Version]] = []
    intervals: list[Interval] = []
    at = 0
    while at < len(text):
        found = _CONSTRAINT.match(text, at)
        if found is None or found.end() == at or len(read) >= _INTERVALS_MAX:
            return None
        at = found.end()
        line, sign = _WILDCARD.fullmatch(found[2]), found[1] or "="
        version = parse_version(found[2] if line is None else line[1])
        if version is None or (line is not None and sign not in {"=", ">=", "≥", "<"}):
            return None
        if line is not None and sign == "=":
            intervals.append(Interval(low=version, is_line=True))
        else:
            read.append(("=" if sign == "==" else sign, version))
    return _pair(read, intervals)


def _pair(read: list[tuple[str, Version]], intervals: list[Interval]) -> Constraints | None:
    """Make intervals of constraints in their order: a lower end opens one that the next upper end closes."""
    excluded: list[Version] = []
    opened: tuple[str, Version] | None = None
    for sign, version in read:
        if sign in {">", ">=", "≥"}:
            if opened is not None:
                intervals.append(Interval(low=opened[1], has_low=opened[0] != ">"))
            opened = sign, version
        elif sign in {"<", "<=", "≤"}:
            low, has_low = (None, True) if opened is None else (opened[1], opened[0] != ">")
            intervals.append(Interval(low=low, has_low=has_low, high=version, has_high=sign != "<"))
            opened = None
        elif sign == "!=":
            excluded.append(version)
        else:
            intervals.append(Interval(low=version, high=version))
    if opened is not None:
        intervals.append(Interval(low=opened[1], has_low=opened[0] != ">"))
    if excluded and not intervals:
        intervals.append(Interval())
    return (intervals, excluded) if intervals else None


def _read_prose(text: str) -> Constraints | None:
    if len(text) > _PROSE_CHARS_MAX:
        return None
    for pattern, low_sign, high_sign in _PROSE:
        found = pattern.fullmatch(text.strip(" ."))
        if found is None:
            continue
        groups = found.groupdict()
        low = parse_version(groups["first"]) if low_sign else None
        high = parse_version(groups["last"]) if high_sign else None
        if (low_sign and low is None) or (high_sign and high is None):
            continue
        return [Interval(low=low, high=high, has_high=high_sign != "<")], []
    listed = re.fullmatch(_LEADING + r"(.+)", text, re.IGNORECASE)
    if listed is None:
        return None
    versions = [parse_version(each) for each in re.split(r"\s*(?:,|\band\b|\bor\b|\|)\s*", listed[1]) if each]
    if not versions or len(versions) > _INTERVALS_MAX:
        return None
    intervals = [Interval(low=each, high=each) for each in versions if each is not None]
    return (intervals, []) if len(intervals) == len(versions) else None


def _is_above(version: Version, low: Version, *, is_inclusive: bool) -> bool | None:
    if version.is_less_exact_than(low):
        return None
    order = compare_versions(version, low)
    if order is None:
        return None
    return order > 0 or (is_inclusive and order == 0)


def _is_below(version: Version, high: Version, *, is_inclusive: bool) -> bool | None:
    if version.is_less_exact_than(high) or (is_inclusive and high.is_less_exact_than(version)):
        return None  # "2.9" seen, "2.9.4" the limit; or "2.9 and prior", and 2.9.7 seen
    order = compare_versions(version, high)
    if order is None:
        return None
    return order < 0 or (is_inclusive and order == 0)
