"""What can go wrong around posture records."""

from __future__ import annotations

from typing import ClassVar

from vedette.kernel import Problem


class UnknownOrganization(Problem):
    """A request about an organization that this control does not keep."""

    code: ClassVar[str] = "access.unknown_organization"
    status: ClassVar[int] = 404


class PostureUnavailable(Problem):
    """The posture records are not ready to be handed out; nobody is let in meanwhile."""

    code: ClassVar[str] = "access.posture_unavailable"
    status: ClassVar[int] = 503


class InvalidQuarantine(Problem):
    """What is asked of a quarantine is outside its limits."""

    code: ClassVar[str] = "access.invalid_quarantine"
    status: ClassVar[int] = 422


class NotQuarantined(Problem):
    """The device is not in quarantine."""

    code: ClassVar[str] = "access.not_quarantined"
    status: ClassVar[int] = 404


class QuarantineStep(Problem):
    """The way back does not lead there from here."""

    code: ClassVar[str] = "access.quarantine_step"
    status: ClassVar[int] = 409


class RecheckFailed(Problem):
    """What a device was quarantined for, or something else that bears on trust, still stands."""

    code: ClassVar[str] = "access.recheck_failed"
    status: ClassVar[int] = 409


class PeopleOnly(Problem):
    """An act that only a person may do, or another person than the one who asked."""

    code: ClassVar[str] = "access.people_only"
    status: ClassVar[int] = 403
