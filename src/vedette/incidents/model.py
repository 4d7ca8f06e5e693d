"""Alerts: what sensors raise, and what people say to it. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from enum import StrEnum
from typing import Final

from vedette.kernel import DeviceId, GenerationId, OrganizationId
from vedette.network import Criticality

DETAIL_MEMBERS_MAX: Final = 32
HISTORY_MAX: Final = 40
_TECHNIQUE: Final = re.compile(r"T\d{4}(\.\d{3})?")
_UNSTORABLE: Final = str.maketrans({"\0": "\N{REPLACEMENT CHARACTER}"})

Detail = Mapping[str, str | int | None]


class AlertState(StrEnum):
    """How far people have come with an alert."""

    OPEN = "open"
    ACKNOWLEDGED = "acknowledged"
    """Somebody looks into it."""
    CLOSED = "closed"


class Verdict(StrEnum):
    """What an alert turned out to be."""

    NONE = ""
    TRUE_POSITIVE = "true-positive"
    BENIGN = "benign"
    """It happened, and it does no harm."""
    FALSE_POSITIVE = "false-positive"
    """It did not happen."""
    AUTHORIZED = "authorized"
    """It happened because somebody was told to do it."""


class Severity(StrEnum):
    """How soon somebody must look."""

    INFORMATIONAL = "informational"
    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    CRITICAL = "critical"


class Engine(StrEnum):
    """What kind of detection raised an alert."""

    POLICY = "policy"
    ANOMALY = "anomaly"
    PROTOCOL = "protocol"
    MALWARE = "malware"
    OPERATIONAL = "operational"


SEVERITIES: Final = tuple(Severity)
RANKS: Final = {severity: rank for rank, severity in enumerate(SEVERITIES)}
_STEPS: Final = {Criticality.LOW: -1, Criticality.HIGH: 1, Criticality.CRITICAL: 1}


@dataclass(frozen=True, slots=True, kw_only=True)
class SensorSight:
    """The sensor that tells: a registered device.

    Attributes:
        site: Where it listens; empty: not said.
    """

    generation_id: GenerationId
    device_id: DeviceId
    site: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class End:
    """One end of what happened.

    Attributes:
        address: IP or MAC address; empty: there is no such end.
        asset_id: Of the inventory; empty: it knows nothing of the address.
        generation_id: Of the registered device that it is taken for; empty: none. Addresses can be spoofed.
    """

    address: str = ""
    asset_id: str = ""
    name: str = ""
    criticality: Criticality = Criticality.NORMAL
    generation_id: str = ""
    device_id: str = ""


@dataclass(frozen=True, slots=True)
class Step:
    """Something that was done to an alert.

    Attributes:
        act: ``acknowledge``, ``close``, ``reopen``, ``merge``, ``unmerge`` or ``join``.
        by: Who, ``kind:id``.
        other_id: The other alert of ``merge``, ``unmerge`` and ``join``.
    """

    act: str
    at: datetime
    by: str
    reason: str = ""
    verdict: str = ""
    other_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """A detection on behavior.

    Attributes:
        sensor_alert_id: The sensor's own id, unique within it.
        raised_severity: As the sensor rates it; ``severity`` minds what depends on the assets.
        is_loud: Somebody is to look at it: no exception hides it, no ticket authorized it, no other speaks for it.
        exception_id: What hides it; empty: nothing.
        ticket_id: What authorized it when it happened; empty: nothing.
        merged_into: The alert that speaks for it; empty: none.
        slice_bytes: Size of the packets that are kept; 0: none.
        signaled_at: When the posture of the devices at its ends last heard of it.
        changed_by: Who last acted on it, ``kind:id``; empty: nobody.
        incident_id: Alerts about the same doer within half an hour share it.
        history: What was done to it, the last so many steps, oldest first.
    """

    organization_id: OrganizationId
    alert_id: str
    sensor_id: GenerationId
    sensor_name: str
    site: str
    sensor_alert_id: str
    rule: str
    engine: Engine
    severity: Severity
    raised_severity: Severity
    title: str
    source: End
    target: End
    protocol: str
    technique: str
    is_learnable: bool
    key: str
    first_at: datetime
    last_at: datetime
    received_at: datetime
    times: int
    detail: Detail = field(default_factory=dict)
    state: AlertState = AlertState.OPEN
    is_loud: bool = True
    verdict: Verdict = Verdict.NONE
    exception_id: str = ""
    ticket_id: str = ""
    merged_into: str = ""
    slice_bytes: int = 0
    signaled_at: datetime | None = None
    changed_at: datetime | None = None
    changed_by: str = ""
    reason: str = ""
    revision: int = 1
    incident_id: str = ""
    history: tuple[Step, ...] = ()

    @property
    def etag(self) -> str:
        """The revision as HTTP writes it."""
        return f'"{self.revision}"'

    @property
    def managed_ends(self) -> tuple[End, ...]:
        """The ends that are taken for registered devices."""
        return tuple(each for each in (self.source, self.target) if each.generation_id)


def noted(alert: Alert, step: Step) -> Alert:
    """Return an alert with one more step in its history."""
    return replace(alert, history=(*alert.history, step)[-HISTORY_MAX:])


def stepped(alert: Alert, step: Step) -> Alert:
    """Return an alert that somebody changed by a step."""
    return replace(
        noted(alert, step),
        changed_at=step.at,
        changed_by=step.by,
        reason=step.reason,
        revision=alert.revision + 1,
    )


def severity_of(raised: Severity, engine: Engine, source: End, target: End) -> Severity:
    """Return how soon somebody must look, given what depends on the assets.

    What happens to a weighty asset weighs more. What happens to a light one weighs less, unless it is malware or
    critical: those spread.
    """
    steps = [_STEPS.get(end.criticality, 0) for end in (target, source) if end.address]
    step = max(steps, default=0)
    if step < 0 and (engine is Engine.MALWARE or raised is Severity.CRITICAL):
        step = 0
    rank = RANKS[raised] + step
    return SEVERITIES[min(max(rank, 0), len(SEVERITIES) - 1)]


def read_severity(word: str) -> Severity:
    """Return a severity that a sensor names; one that is not known counts as medium."""
    return Severity(word) if word in SEVERITIES else Severity.MEDIUM


def read_engine(word: str) -> Engine:
    """Return an engine that a sensor names; one that is not known counts as policy."""
    return Engine(word) if word in tuple(Engine) else Engine.POLICY


def read_technique(word: str) -> str:
    """Return an ATT&CK id that a sensor names, if it has the form of one."""
    return word if _TECHNIQUE.fullmatch(word) else ""


def read_moment(millis: int, now: datetime) -> datetime:
    """Return the time that a sensor tells; no alert lies in the future, whatever its clock says."""
    if millis > int(now.timestamp() * 1000):
        return now
    return datetime.fromtimestamp(millis / 1000, tz=UTC)


def storable(text: str) -> str:
    """Return a text that both databases take."""
    return text.translate(_UNSTORABLE)


def read_detail(detail: Detail) -> dict[str, str | int | None]:
    """Return facts as they are kept: the first so many."""
    members = list(detail.items())[:DETAIL_MEMBERS_MAX]
    return {storable(name): storable(value) if isinstance(value, str) else _bounded(value) for name, value in members}


def _bounded(value: int | None) -> int | str | None:
    """Write a number that JSON readers would round as a text."""
    return value if value is None or abs(value) < 2**53 else str(value)
