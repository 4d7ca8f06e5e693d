"""Signals and health as the API shows them."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Annotated, Any, Final, Literal

from pydantic import Field

from vedette.api.schema import REASON_MAX_CHARS, Moment, Timestamp, View
from vedette.health import Acceptance, HealthReport, NewSignal, Position, Posture, Signal
from vedette.trust import Finding, Location, Provenance, RiskLevel

_LASTS_MAX_S: Final = 365 * 86_400
# Attestation is judged by the platform itself: nobody else can say that something is attested.
Told = Literal["observed", "self-reported", "spoofable"]
Level = Literal["low", "medium", "high"]


class PositionView(View):
    """A place, WGS 84."""

    latitude: float = Field(ge=-90, le=90, description="Degrees, north positive.", examples=[47.3769])
    longitude: float = Field(ge=-180, le=180, description="Degrees, east positive.", examples=[8.5417])
    accuracy_m: float = Field(default=0.0, ge=0, le=20_100_000, description="Radius within which the device is.")


class LocationView(View):
    """Where a device was last known to be."""

    latitude: float
    longitude: float
    accuracy_m: float
    provenance: Provenance
    since: Timestamp | None
    until: Timestamp | None = Field(description="From then on it is unknown.")


class NewSignalView(View):
    """Something that bears on trust."""

    signal_class: str = Field(
        pattern="^[a-z0-9][a-z0-9-]{0,63}$", description="What kind of signal it is.", examples=["tamper"]
    )
    level: Level | None = Field(default=None, description="How bad; left out: as bad as its class is.")
    provenance: Told = Field(
        default="observed",
        description="How far it can be trusted. A self-report only ever raises the risk; spoofable signals alone raise "
        "it to medium at most.",
    )
    source: str = Field(
        pattern="^[A-Za-z0-9][A-Za-z0-9._:/@-]{0,127}$",
        max_length=128,
        description="Who tells. One source has one word on each class.",
        examples=["edr-1"],
    )
    observed_at: Moment | None = Field(default=None, description="When it was seen; left out: now.")
    lasts_s: int | None = Field(
        default=None, ge=1, le=_LASTS_MAX_S, description="How long it counts; left out: until replaced or withdrawn."
    )
    detail: Annotated[dict[str, Any], Field(default_factory=dict, max_length=16)]  # Any: JSON values
    position: PositionView | None = Field(default=None, description="Of signals of the class `position` only.")


class SignalView(View):
    """A signal that was accepted."""

    signal_id: str
    signal_class: str
    source: str
    provenance: Provenance
    level: RiskLevel | None
    since: Timestamp = Field(description="When the condition began.")
    observed_at: Timestamp
    ingested_at: Timestamp
    expires_at: Timestamp | None
    detail: dict[str, Any]  # Any: JSON values
    position: PositionView | None


class FindingView(View):
    """A condition of the device, by the most trusted source that tells of it."""

    finding_class: str
    provenance: Provenance
    since: Timestamp
    source: str


class HealthView(View):
    """What is known of the health of a device or module now."""

    device_id: str
    module_id: str | None
    generation_id: str
    risk_level: RiskLevel = Field(description="`unknown`: nobody has said anything, which is neither good nor bad.")
    risk_score: int = Field(description="0 to 100, for sorting; nothing is decided by it.")
    findings: list[FindingView]
    location: LocationView | None
    changed_at: Timestamp | None = Field(description="Since when findings and risk level are so.")
    signals: list[SignalView] = Field(description="That count now, the weightiest first.")


class PostureView(View):
    """One line of the list of health."""

    device_id: str
    module_id: str | None
    generation_id: str
    risk_level: RiskLevel
    risk_score: int
    findings: list[FindingView]
    location: LocationView | None
    changed_at: Timestamp


class AcceptedSignal(View):
    """What became of a signal."""

    signal: SignalView
    is_applied: bool = Field(description="False: it is on record, and what was known before still counts.")
    risk_level: RiskLevel
    previous_risk_level: RiskLevel


class Withdrawal(View):
    """Why a signal counts no more."""

    reason: str = Field(min_length=1, max_length=REASON_MAX_CHARS, description="Why, in your own words.")


def read_signal(told: NewSignalView, device_id: str, module_id: str | None, *, source: str) -> NewSignal:
    """Return the signal that a request tells of."""
    position = None
    if told.position is not None:
        position = Position(
            latitude=told.position.latitude, longitude=told.position.longitude, accuracy_m=told.position.accuracy_m
        )
    return NewSignal(
        device_id=device_id,
        module_id=module_id,
        signal_class=told.signal_class,
        level=None if told.level is None else RiskLevel(told.level),
        provenance=Provenance(told.provenance),
        source=source,
        observed_at=told.observed_at,
        lasts=None if told.lasts_s is None else timedelta(seconds=told.lasts_s),
        detail=told.detail,
        position=position,
    )


def show_signal(signal: Signal) -> SignalView:
    """Return a signal as it is shown."""
    position = None
    if signal.position is not None:
        where = signal.position
        position = PositionView(latitude=where.latitude, longitude=where.longitude, accuracy_m=where.accuracy_m)
    names = SignalView.model_fields.keys() - {"position", "detail"}
    return SignalView(position=position, detail=dict(signal.detail), **{name: getattr(signal, name) for name in names})


def show_acceptance(acceptance: Acceptance) -> AcceptedSignal:
    """Return what became of a signal."""
    return AcceptedSignal(
        signal=show_signal(acceptance.signal),
        is_applied=acceptance.is_applied,
        risk_level=acceptance.risk_level,
        previous_risk_level=acceptance.previous_risk_level,
    )


def show_health(report: HealthReport) -> HealthView:
    """Return the health of an identity as it is shown."""
    found = report.appraisal
    location = None
    if found.location is not None:
        location = _location(found.location, found.location_since, found.location_until)
    return HealthView(
        device_id=report.device_id,
        module_id=report.module_id,
        generation_id=report.generation_id,
        risk_level=found.risk_level,
        risk_score=found.risk_score,
        findings=_findings(() if found.health is None else found.health.findings),
        location=location,
        changed_at=report.changed_at,
        signals=[show_signal(signal) for signal in report.signals],
    )


def show_posture(posture: Posture) -> PostureView:
    """Return a line of the list of health."""
    location = None
    if posture.location is not None:
        location = _location(posture.location, posture.location_since, posture.location_until)
    return PostureView(
        device_id=posture.device_id,
        module_id=posture.module_id,
        generation_id=posture.generation_id,
        risk_level=posture.risk_level,
        risk_score=posture.risk_score,
        findings=_findings(posture.findings),
        location=location,
        changed_at=posture.changed_at,
    )


def _location(where: Location, since: datetime | None, until: datetime | None) -> LocationView:
    return LocationView(
        latitude=where.latitude,
        longitude=where.longitude,
        accuracy_m=where.accuracy_m,
        provenance=where.provenance,
        since=since,
        until=until,
    )


def _findings(findings: Iterable[Finding]) -> list[FindingView]:
    return [
        FindingView(finding_class=each.finding_class, provenance=each.provenance, since=each.since, source=each.source)
        for each in findings
    ]
