"""What enrollment refuses to operators; what devices are told stands in ``answers``."""

from __future__ import annotations

from typing import ClassVar

from vedette.kernel import Problem


class EnrollmentNotFound(Problem):
    """There is no enrollment of that id."""

    code: ClassVar[str] = "enrollment.not_found"
    status: ClassVar[int] = 404


class EnrollmentExists(Problem):
    """A name, registration id, certificate or authority belongs to another enrollment."""

    code: ClassVar[str] = "enrollment.exists"
    status: ClassVar[int] = 409


class InvalidEnrollment(Problem):
    """A property of an enrollment is missing, misplaced or outside its limits."""

    code: ClassVar[str] = "enrollment.invalid"
    status: ClassVar[int] = 422


class EnrollmentChangedMeanwhile(Problem):
    """The enrollment has changed since the revision the caller knows."""

    code: ClassVar[str] = "enrollment.revision_mismatch"
    status: ClassVar[int] = 412


class RegistrationNotFound(Problem):
    """No device of that name is known to have registered."""

    code: ClassVar[str] = "enrollment.registration_not_found"
    status: ClassVar[int] = 404


class PendingRegistrationNotFound(Problem):
    """No registration waits under that id."""

    code: ClassVar[str] = "enrollment.pending_not_found"
    status: ClassVar[int] = 404


class PendingRegistrationChanged(Problem):
    """Something else waits under that id than what was looked at."""

    code: ClassVar[str] = "enrollment.pending_changed"
    status: ClassVar[int] = 412


class EnrollmentClosed(Problem):
    """Nobody can be let in through an enrollment that is disabled or gone."""

    code: ClassVar[str] = "enrollment.closed"
    status: ClassVar[int] = 409
