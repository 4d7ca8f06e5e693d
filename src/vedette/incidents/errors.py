"""What the room refuses."""

from __future__ import annotations

from typing import ClassVar

from vedette.kernel import Problem


class AlertNotFound(Problem):
    """There is no such alert: it was kept as long as configured, or never raised."""

    code: ClassVar[str] = "incidents.alert_not_found"
    status: ClassVar[int] = 404


class ExceptionNotFound(Problem):
    """There is no such exception."""

    code: ClassVar[str] = "incidents.exception_not_found"
    status: ClassVar[int] = 404


class TicketNotFound(Problem):
    """There is no such ticket."""

    code: ClassVar[str] = "incidents.ticket_not_found"
    status: ClassVar[int] = 404


class SliceNotFound(Problem):
    """No packets of the alert are kept: the sensor sent none, or their time is over."""

    code: ClassVar[str] = "incidents.slice_not_found"
    status: ClassVar[int] = 404


class InvalidAlertAct(Problem):
    """Something said about alerts is outside its limits."""

    code: ClassVar[str] = "incidents.invalid_act"
    status: ClassVar[int] = 422


class AlertStep(Problem):
    """The state of the alert does not allow the act."""

    code: ClassVar[str] = "incidents.alert_step"
    status: ClassVar[int] = 409


class InvalidPattern(Problem):
    """An exception or a ticket would match nothing, too much, or something that cannot be."""

    code: ClassVar[str] = "incidents.invalid_pattern"
    status: ClassVar[int] = 422


class TooManyPatterns(Problem):
    """As many exceptions or tickets are in force as there may be."""

    code: ClassVar[str] = "incidents.too_many_patterns"
    status: ClassVar[int] = 409


class InvalidCursor(Problem):
    """A cursor or a filter is not one that can be."""

    code: ClassVar[str] = "incidents.invalid_cursor"
    status: ClassVar[int] = 400
