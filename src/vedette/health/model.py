"""Signals: anything that bears on trust, with where it comes from, how bad it is and how long it counts. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any, Final

import msgspec

from vedette.health.errors import InvalidSignal
from vedette.kernel import DeviceId, GenerationId, ModuleId, OrganizationId
from vedette.trust import Provenance, RiskLevel

POSITION: Final = "position"
DETAIL_BYTES_MAX: Final = 2_048
DETAIL_MEMBERS_MAX: Final = 16
LASTS_MAX: Final = timedelta(days=365)
# What anybody on the network can bring about does not narrow a device for long, however often it is repeated.
SPOOFABLE_LASTS: Final = timedelta(hours=1)
SPOOFABLE_LASTS_MAX: Final = timedelta(hours=24)
POSITION_LASTS: Final = timedelta(hours=1)
AHEAD_MAX: Final = timedelta(minutes=5)
_AGE_MAX: Final = timedelta(days=30)
_EARTH_HALF_M: Final = 20_100_000.0
_CLASS: Final = re.compile(r"[a-z0-9][a-z0-9-]{0,63}")
_SOURCE: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/@-]{0,127}")

# How bad each class is when the signal does not say; any other class counts as medium.
SIGNAL_CLASSES: Final[Mapping[str, RiskLevel | None]] = MappingProxyType(
    {
        "attestation-failed": RiskLevel.HIGH,
        "clone-suspected": RiskLevel.HIGH,
        "compliance": RiskLevel.MEDIUM,
        "credential-change": RiskLevel.MEDIUM,
        "credential-compromise": RiskLevel.HIGH,
        "malware": RiskLevel.HIGH,
        POSITION: None,
        "risk-level": RiskLevel.MEDIUM,
        "session-revoked": RiskLevel.HIGH,
        "tamper": RiskLevel.HIGH,
        "traffic-anomaly": RiskLevel.MEDIUM,
        "vulnerable-software": RiskLevel.MEDIUM,
    }
)

# Unknown is better than medium, and worse than what somebody vouches for.
RANK: Final[Mapping[RiskLevel, int]] = MappingProxyType(
    {RiskLevel.LOW: 0, RiskLevel.UNKNOWN: 1, RiskLevel.MEDIUM: 2, RiskLevel.HIGH: 3}
)
# Most trusted first.
TIER: Final[Mapping[Provenance, int]] = MappingProxyType(
    {Provenance.ATTESTED: 0, Provenance.OBSERVED: 1, Provenance.SELF_REPORTED: 2, Provenance.SPOOFABLE: 3}
)


class Position(msgspec.Struct, frozen=True, kw_only=True):
    """A place in degrees of WGS 84, and the radius within which the device is."""

    latitude: float
    longitude: float
    accuracy_m: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class NewSignal:
    """A signal as it is told.

    Attributes:
        device_id: Of the identity, unless ``generation_id`` names it.
        level: ``None``: as bad as its class is.
        source: Who tells: a check, a sensor, a service. One source has one word on each class.
        observed_at: When the source saw it; ``None``: now.
        lasts: How long it counts; ``None``: until it is replaced or withdrawn, a spoofable one for an hour.
        detail: JSON values for people.
        position: Of a signal of the class ``position``, and of no other.
    """

    signal_class: str
    provenance: Provenance
    source: str
    device_id: str | None = None
    module_id: str | None = None
    generation_id: str | None = None
    level: RiskLevel | None = None
    observed_at: datetime | None = None
    lasts: timedelta | None = None
    detail: Mapping[str, Any] = field(default_factory=dict)  # Any: JSON values
    position: Position | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Signal:
    """A signal that was accepted.

    Attributes:
        level: ``None``: it is a fact, such as a position, and bears on no risk by itself.
        since: When the condition began that it tells of.
        expires_at: From then on it counts no more; ``None``: it stands.
    """

    organization_id: OrganizationId
    signal_id: str
    generation_id: GenerationId
    device_id: DeviceId
    module_id: ModuleId | None
    signal_class: str
    source: str
    provenance: Provenance
    level: RiskLevel | None
    since: datetime
    observed_at: datetime
    ingested_at: datetime
    expires_at: datetime | None
    detail: Mapping[str, Any]  # Any: JSON values
    position: Position | None = None

    def is_active(self, now: datetime) -> bool:
        """Tell whether it counts."""
        return self.expires_at is None or now < self.expires_at

    @property
    def key(self) -> tuple[str, str, Provenance]:
        """What a later signal of the same identity must share to replace it."""
        return self.signal_class, self.source, self.provenance


@dataclass(frozen=True, slots=True, kw_only=True)
class SignalStamps:
    """When a signal passed the first hops on its way to the enforcement points.

    Attributes:
        cause: Generated id of what caused the change.
        ingested_ns: Monotonic, of this machine's boot.
    """

    cause: str
    observed_at: datetime
    ingested_at: datetime
    ingested_ns: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Acceptance:
    """What became of a signal.

    Attributes:
        is_applied: ``False``: it stands in the history, and what was known before still counts.
    """

    signal: Signal
    is_applied: bool
    risk_level: RiskLevel
    previous_risk_level: RiskLevel


def check_signal(new: NewSignal, now: datetime) -> NewSignal:
    """Check a signal; return it with what was left out filled in.

    Raises:
        InvalidSignal: Something is outside its limits.
    """
    if not _CLASS.fullmatch(new.signal_class):
        raise InvalidSignal(
            f"{new.signal_class[:80]!r} is no class of signals", hint="small letters, digits and dashes: tamper"
        )
    if not _SOURCE.fullmatch(new.source):
        raise InvalidSignal(f"{new.source[:80]!r} is no source", hint="1 to 128 of A-Z a-z 0-9 . _ : / @ -")
    if new.level is RiskLevel.UNKNOWN:
        raise InvalidSignal("a signal says low, medium or high; one that says nothing is not sent")
    _check_position(new)
    _check_detail(new.detail)
    observed_at = now if new.observed_at is None else new.observed_at
    if observed_at.tzinfo is None:
        raise InvalidSignal("observed_at names no time zone")
    if observed_at > now + AHEAD_MAX:
        raise InvalidSignal("observed_at lies in the future", hint="check the clock of the source")
    if observed_at < now - _AGE_MAX:
        raise InvalidSignal(f"a signal older than {_AGE_MAX.days} days tells nothing of today")
    level = None if new.signal_class == POSITION else new.level or SIGNAL_CLASSES.get(new.signal_class)
    if level is None and new.signal_class != POSITION:
        level = RiskLevel.MEDIUM
    return replace(new, level=level, observed_at=min(observed_at, now), lasts=_lasts(new))


def _check_position(new: NewSignal) -> None:
    if (new.position is not None) is not (new.signal_class == POSITION):
        raise InvalidSignal("a signal of the class position has a position, and no other has one")
    where = new.position
    if where is None:
        return
    if new.level is not None:
        raise InvalidSignal("a position is neither good nor bad: leave the level out")
    # Written so that what is no number is refused too.
    if not (-90 <= where.latitude <= 90 and -180 <= where.longitude <= 180):  # noqa: PLR2004 - degrees
        raise InvalidSignal("latitude is -90 to 90 and longitude -180 to 180 degrees")
    if not 0 <= where.accuracy_m <= _EARTH_HALF_M:
        raise InvalidSignal("accuracy_m is a distance on Earth in meters")


def _check_detail(detail: Mapping[str, Any]) -> None:  # Any: JSON values
    try:
        encoded = msgspec.json.encode(dict(detail))
    except (TypeError, ValueError, RecursionError) as error:
        raise InvalidSignal("detail holds what cannot be written as JSON") from error
    if len(detail) > DETAIL_MEMBERS_MAX or len(encoded) > DETAIL_BYTES_MAX or b"\\u0000" in encoded:
        raise InvalidSignal(
            f"detail has at most {DETAIL_MEMBERS_MAX} members and {DETAIL_BYTES_MAX} bytes, without NUL",
            limit=DETAIL_BYTES_MAX,
        )


def _lasts(new: NewSignal) -> timedelta | None:
    lasts = new.lasts
    if lasts is not None and not timedelta() < lasts <= LASTS_MAX:
        raise InvalidSignal(f"a signal lasts up to {LASTS_MAX.days} days", limit=LASTS_MAX.days)
    if new.provenance is Provenance.SPOOFABLE:
        return min(lasts or SPOOFABLE_LASTS, SPOOFABLE_LASTS_MAX)
    if new.signal_class == POSITION:
        return lasts or POSITION_LASTS
    return lasts
