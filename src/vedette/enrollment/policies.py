"""What policies say of a registration; whoever knows the policies implements it, and registrations ask."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from vedette.enrollment.applicant import Applicant
from vedette.enrollment.model import Enrollment
from vedette.kernel import DeviceId
from vedette.registry import Device


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A device that would be enrolled, were it for the enrollment alone.

    Attributes:
        device: What is known of it already; ``None``: it is to be created as the enrollment says.
    """

    device_id: DeviceId
    device: Device | None
    enrollment: Enrollment
    applicant: Applicant


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyWord:
    """What policies say.

    Attributes:
        policies: Those that decided; empty: none permits it.
        detail: What went wrong in deciding, which denies.
        bundle_sha256: Of the policies in force.
    """

    is_permitted: bool
    policies: tuple[str, ...] = ()
    detail: str = ""
    bundle_sha256: str = ""


class EnrollmentPolicies(Protocol):
    """Decides ``enroll``."""

    async def judge(self, candidate: Candidate) -> PolicyWord:
        """Ask the policies in force.

        Raises:
            Problem: They cannot be read; nobody enrolls then.
        """
        ...
