"""What vulnerabilities an asset has or may have, how much each matters, and who lives with one until when. Pure."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

import msgspec

from vedette.health.advisories import Certainty, Match
from vedette.network.exposure.errors import InvalidAcceptance

ACCEPTED_FOR_MAX: Final = timedelta(days=365)
OWNER_CHARS_MAX: Final = 128


class VulnerabilityState(StrEnum):
    """Whether somebody lives with a vulnerability."""

    OPEN = "open"
    ACCEPTED = "accepted"
    """By a person, until a day, for as long as nothing about it changes."""


class Factor(msgspec.Struct, frozen=True):
    """One part of a priority: 0 to 1, and why."""

    name: str
    value: float
    because: str


class Evidence(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that was seen, on which a vulnerability rests."""

    attribute: str
    value: str
    confidence: int
    source: str
    last_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Ranking:
    """How much a vulnerability of an asset matters: 0 to 100, by its factors."""

    priority: int
    factors: tuple[Factor, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Acceptance:
    """Who lives with a vulnerability of an asset, why and until when.

    Attributes:
        owner: Who answers for it.
        evidence: What it rested on then; it ends when that changes.
    """

    asset_id: str
    name: str
    owner: str
    reason: str
    until: datetime
    accepted_by: str
    accepted_at: datetime
    evidence: str

    def holds(self, evidence: str, now: datetime) -> bool:
        """Tell whether it still counts."""
        return now < self.until and evidence == self.evidence


@dataclass(frozen=True, slots=True, kw_only=True)
class Vulnerability:
    """A vulnerability of an asset.

    Attributes:
        name: CVE id, or the advisory's key and a number.
        versions: What the advisory says is affected.
        evidence_id: Changes when what it rests on does.
        is_known_exploited: By CISA's catalog.
        probability: That it is exploited within 30 days (EPSS); None: not known.
        acceptance: Of a person; it may have ended.
        ended_because: Why an acceptance no longer counts; empty: it does, or there is none.
    """

    asset_id: str
    site: str
    asset_name: str
    name: str
    title: str
    certainty: Certainty
    confidence: int
    priority: int
    factors: tuple[Factor, ...]
    advisory_key: str
    product_id: str
    product: str
    versions: str
    reasons: tuple[str, ...]
    evidence: tuple[Evidence, ...]
    evidence_id: str
    score: float | None
    vector: str
    is_known_exploited: bool
    probability: float | None
    percentile: float | None
    found_at: datetime
    changed_at: datetime
    state: VulnerabilityState = VulnerabilityState.OPEN
    acceptance: Acceptance | None = None
    ended_because: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Exposure:
    """What an asset's vulnerabilities come to; the three certainties are never added up.

    Attributes:
        unknown_reason: Why it cannot be told whether there are more; empty: the product is known.
        unknown_advisories: How many advisories of its maker could be about it.
        priority: Of the worst that is open.
        fingerprint: Of everything that went in.
        revision: Of the catalogue it was compared with.
        exploitation: Of what was known of exploitation then.
        signal_id: Of the signal that stands about it; empty: none.
        signal_key: What that signal says.
    """

    asset_id: str
    site: str
    asset_name: str
    proven: int = 0
    maybe: int = 0
    unknown_advisories: int = 0
    unknown_reason: str = ""
    priority: int = 0
    fingerprint: str = ""
    revision: int = 0
    exploitation: int = 0
    assessed_at: datetime
    signal_id: str = ""
    signal_key: str = ""
    signal_device: str = ""
    signal_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class VulnerabilitySearch:
    """What vulnerabilities must fit; what is not given does not matter."""

    asset_id: str = ""
    name: str = ""
    sites: frozenset[str] | None = None
    certainty: Certainty | None = None
    state: VulnerabilityState | None = None
    is_known_exploited: bool | None = None
    priority_min: int = 0


@dataclass(frozen=True, slots=True)
class Summary:
    """What all assets' vulnerabilities come to.

    Attributes:
        assets: Compared with advisories so far.
        unknown: Assets of which it cannot be told.
        proven: Open ones that are proven, by CVE and asset; accepted ones are left out.
    """

    assets: int = 0
    unknown: int = 0
    proven: int = 0
    maybe: int = 0
    accepted: int = 0
    known_exploited: int = 0
    assessed_at: datetime | None = None


def evidence_id(match: Match, *, is_known_exploited: bool) -> str:
    """Return what changes when that changes on which a vulnerability rests, or that it is exploited."""
    facts = sorted((fact.attribute, fact.value) for fact in match.facts)
    told = (match.certainty.value, match.product, match.versions, facts, is_known_exploited)
    return hashlib.sha256(msgspec.json.encode(told)).hexdigest()[:32]


def check_acceptance(owner: str, until: datetime, now: datetime) -> str:
    """Check who accepts until when; return the owner.

    Raises:
        InvalidAcceptance: Nobody answers for it, or it would last for ever.
    """
    checked = owner.strip()
    if not checked or len(checked) > OWNER_CHARS_MAX or not checked.isprintable():
        raise InvalidAcceptance(f"who answers for it? an owner has 1 to {OWNER_CHARS_MAX} characters")
    if until.tzinfo is None or not now < until <= now + ACCEPTED_FOR_MAX:
        raise InvalidAcceptance(
            f"a vulnerability is accepted until a day within {ACCEPTED_FOR_MAX.days} days, never for ever",
            hint="accept it again when that day comes",
            limit=ACCEPTED_FOR_MAX.days,
        )
    return checked
