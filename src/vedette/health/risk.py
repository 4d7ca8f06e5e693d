"""The rules of the tiers, as tables and pure functions: what signals make of an identity's risk, findings and place.

- *attested* and *observed* signals raise the risk up to high, and a later one of the same source may lower it again.
- An *authenticated self-report* only raises: neither it nor a later one of its kind ever lowers anything.
- *Spoofable* signals raise to medium at most, whatever they claim and however many there are: they narrow and alert.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from vedette.health.model import POSITION, RANK, TIER, Position, Signal
from vedette.trust import Finding, Health, Location, Provenance, RiskLevel

FINDINGS_MAX: Final = 32
# Whoever says so of themselves, or could be anybody, is believed when it goes against them only.
ONLY_RAISING: Final = frozenset({Provenance.SELF_REPORTED, Provenance.SPOOFABLE})
CAPS: Final = {
    Provenance.ATTESTED: RiskLevel.HIGH,
    Provenance.OBSERVED: RiskLevel.HIGH,
    Provenance.SELF_REPORTED: RiskLevel.HIGH,
    Provenance.SPOOFABLE: RiskLevel.MEDIUM,
}
MOVED_M: Final = 25.0
_SCORES: Final = {RiskLevel.LOW: 10, RiskLevel.UNKNOWN: 25, RiskLevel.MEDIUM: 50, RiskLevel.HIGH: 80}
_SCORE_OF_LEVEL_MAX: Final = {RiskLevel.LOW: 19, RiskLevel.UNKNOWN: 25, RiskLevel.MEDIUM: 79, RiskLevel.HIGH: 100}
_EARTH_RADIUS_M: Final = 6_371_008.8


@dataclass(frozen=True, slots=True, kw_only=True)
class Appraisal:
    """What the signals of an identity come to.

    Attributes:
        health: ``None``: nobody has said anything of it.
        location_until: When the location is no longer known.
        risk_score: 0 to 100, for sorting only.
    """

    health: Health | None = None
    location: Location | None = None
    location_since: datetime | None = None
    location_until: datetime | None = None
    risk_score: int = _SCORES[RiskLevel.UNKNOWN]

    @property
    def risk_level(self) -> RiskLevel:
        """The risk level; *unknown* while nobody has said anything."""
        return RiskLevel.UNKNOWN if self.health is None else self.health.risk_level


def effective_level(signal: Signal) -> RiskLevel | None:
    """Return what a signal may raise the risk to; ``None``: it does not bear on it."""
    level = signal.level
    if level is None:
        return None
    if level is RiskLevel.LOW and signal.provenance in ONLY_RAISING:
        return None
    cap = CAPS[signal.provenance]
    return level if RANK[level] <= RANK[cap] else cap


def merge_signal(former: Signal | None, new: Signal, now: datetime) -> Signal:
    """Return what counts after a signal from a source that has spoken on the class before.

    Args:
        former: What the source said before, by the same provenance.
        new: What it says now.
        now: For whether the former still counts.

    Returns:
        ``former`` itself when nothing changes.
    """
    if former is None or not former.is_active(now):
        return new
    if former.level is None or new.level is None:
        return former if new.observed_at < former.observed_at else new
    is_worse = RANK[new.level] > RANK[former.level]
    since = former.since if new.level is former.level else new.since
    if new.provenance in ONLY_RAISING:
        if RANK[new.level] < RANK[former.level]:
            return former
        return replace(new, since=since, expires_at=_later(former.expires_at, new.expires_at))
    if new.observed_at < former.observed_at and not is_worse:
        return former
    return replace(new, since=since)


def appraise(signals: Iterable[Signal], now: datetime) -> Appraisal:
    """Return what signals come to; those that no longer count are passed over."""
    active = [each for each in signals if each.is_active(now)]
    levels = [level for each in active if (level := effective_level(each)) is not None]
    location, since, until = _locate(active)
    if not levels:
        return Appraisal(location=location, location_since=since, location_until=until)
    risk = max(levels, key=RANK.__getitem__)
    findings = _findings(active)
    return Appraisal(
        health=Health(findings=findings, risk_level=risk),
        location=location,
        location_since=since,
        location_until=until,
        risk_score=min(_SCORES[risk] + 5 * max(0, len(findings) - 1), _SCORE_OF_LEVEL_MAX[risk]),
    )


def distance_m(one: Position | Location, other: Position | Location) -> float:
    """Return the great-circle distance in meters (haversine, mean Earth radius of IUGG)."""
    first, second = math.radians(one.latitude), math.radians(other.latitude)
    half_lat = (second - first) / 2
    half_lon = math.radians(other.longitude - one.longitude) / 2
    chord = math.sin(half_lat) ** 2 + math.cos(first) * math.cos(second) * math.sin(half_lon) ** 2
    return 2 * _EARTH_RADIUS_M * math.asin(min(1.0, math.sqrt(chord)))


def is_news(
    told: Location | None, told_until: datetime | None, found: Location | None, until: datetime | None, now: datetime
) -> bool:
    """Tell whether enforcement points should hear of a place: it is another one, or the time of the told is half over.

    Args:
        told: What they know.
        told_until: Until when.
        found: What is known now.
        until: Until when.
        now: Wall clock.
    """
    if told is None or found is None:
        return told is not found
    if told.provenance is not found.provenance or found.accuracy_m > max(2 * told.accuracy_m, MOVED_M):
        return True
    if distance_m(told, found) >= MOVED_M:
        return True
    if told_until is None or until is None:
        return told_until is not until
    return until < told_until or told_until - now < (until - now) / 2


def _findings(active: Sequence[Signal]) -> tuple[Finding, ...]:
    """Return one finding for each class, resting on the most trusted signal that tells of it."""
    best: dict[str, Signal] = {}
    for each in active:
        level = effective_level(each)
        if level is None or RANK[level] < RANK[RiskLevel.MEDIUM]:
            continue
        known = best.get(each.signal_class)
        if known is None or _precedence(each) < _precedence(known):
            best[each.signal_class] = each
    # Should there be too many, the worst stay; in the record they stand by name.
    worst = sorted(best.values(), key=_severity)[:FINDINGS_MAX]
    return tuple(
        Finding(finding_class=each.signal_class, provenance=each.provenance, since=each.since, source=each.source)
        for each in sorted(worst, key=lambda signal: signal.signal_class)
    )


def _severity(signal: Signal) -> tuple[int, int, str]:
    return -RANK[effective_level(signal) or RiskLevel.UNKNOWN], TIER[signal.provenance], signal.signal_class


def _precedence(signal: Signal) -> tuple[int, datetime, str]:
    return TIER[signal.provenance], signal.since, signal.source


def _locate(active: Iterable[Signal]) -> tuple[Location | None, datetime | None, datetime | None]:
    """Return the place by the most trusted signal, the latest of them: a self-report never hides what was observed."""
    positions = [each for each in active if each.signal_class == POSITION and each.position is not None]
    if not positions:
        return None, None, None
    best = min(positions, key=lambda each: (TIER[each.provenance], _ago(each.observed_at), each.source))
    where = best.position
    assert where is not None  # noqa: S101 - they were filtered by it
    location = Location(
        latitude=where.latitude, longitude=where.longitude, accuracy_m=where.accuracy_m, provenance=best.provenance
    )
    return location, best.observed_at, best.expires_at


def _ago(moment: datetime) -> float:
    return -moment.timestamp()


def _later(one: datetime | None, other: datetime | None) -> datetime | None:
    return None if one is None or other is None else max(one, other)
