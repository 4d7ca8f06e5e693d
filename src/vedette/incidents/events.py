"""What the room tells: facts about alerts, exceptions and tickets, past tense."""

from __future__ import annotations

from typing import ClassVar

import msgspec


class AlertRaised(msgspec.Struct, frozen=True, kw_only=True):
    """A sensor raised an alert that is not hidden.

    Attributes:
        generation_id: Of the sensor.
        ticket_id: What authorized it; empty: nothing, and somebody must look.
        source_device_id: The registered device that the source is taken for; empty: none.
        target_device_id: The same of the target.
    """

    name: ClassVar[str] = "incidents.alert_raised"
    version: ClassVar[int] = 1

    organization_id: str
    generation_id: str
    alert_id: str
    rule: str
    engine: str
    severity: str
    title: str
    technique: str
    site: str
    source: str
    target: str
    source_device_id: str = ""
    target_device_id: str = ""
    ticket_id: str = ""
    is_repeated: bool = False


class AlertsJudged(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody acknowledged, closed, opened again, merged or unmerged alerts.

    Attributes:
        act: ``acknowledge``, ``close``, ``reopen``, ``merge`` or ``unmerge``.
        verdict: Of ``close``.
        merged_into: Of ``merge`` and ``unmerge``.
    """

    name: ClassVar[str] = "incidents.alerts_judged"
    version: ClassVar[int] = 1

    organization_id: str
    generation_id: str
    alert_ids: tuple[str, ...]
    act: str
    verdict: str = ""
    merged_into: str = ""


class ExceptionMade(msgspec.Struct, frozen=True, kw_only=True):
    """Alerts of a kind are hidden from now on."""

    name: ClassVar[str] = "incidents.exception_made"
    version: ClassVar[int] = 1

    organization_id: str
    generation_id: str
    exception_id: str
    effect: str
    ends_at: str


class ExceptionEnded(msgspec.Struct, frozen=True, kw_only=True):
    """Alerts of a kind are loud again."""

    name: ClassVar[str] = "incidents.exception_ended"
    version: ClassVar[int] = 1

    organization_id: str
    generation_id: str
    exception_id: str


class TicketOpened(msgspec.Struct, frozen=True, kw_only=True):
    """A change was announced."""

    name: ClassVar[str] = "incidents.ticket_opened"
    version: ClassVar[int] = 1

    organization_id: str
    generation_id: str
    ticket_id: str
    reference: str
    begins_at: str
    ends_at: str


class TicketEnded(msgspec.Struct, frozen=True, kw_only=True):
    """An announced change is over before its time."""

    name: ClassVar[str] = "incidents.ticket_ended"
    version: ClassVar[int] = 1

    organization_id: str
    generation_id: str
    ticket_id: str
