"""Enrollment: who may register with an onboarding identity, and what they get; the use case behind DPS.

Terms: an *individual* enrollment pins one certificate, a *group* enrollment trusts an authority within its scope; a
*registration* is what became of a registration id.

Invariants: the individual entry is asked first, then the group of the nearest authority, and a disabled one there
blocks. An onboarding identity opens no operational endpoint, unless its enrollment says so until a date. A device
that is active, revoked or kept out registers again only after an operator allowed it, once. What a device is told and
what is on record are decided in the same transaction.
"""

from __future__ import annotations

from vedette.enrollment.decision import RegistrationReason
from vedette.enrollment.errors import (
    EnrollmentChangedMeanwhile,
    EnrollmentExists,
    EnrollmentNotFound,
    InvalidEnrollment,
    RegistrationNotFound,
)
from vedette.enrollment.events import (
    DeviceEnrolled,
    EnrollmentChanged,
    EnrollmentCreated,
    EnrollmentDeleted,
    ReenrollmentAllowed,
    RegistrationLocked,
)
from vedette.enrollment.locks import RegistrationLocks
from vedette.enrollment.model import (
    CredentialMode,
    Enrollment,
    EnrollmentKind,
    InitialDevice,
    NewEnrollment,
    Registration,
)
from vedette.enrollment.registration import RegistrationService, RegistrationSettings
from vedette.enrollment.service import EnrollmentService

__all__ = [
    "CredentialMode",
    "DeviceEnrolled",
    "Enrollment",
    "EnrollmentChanged",
    "EnrollmentChangedMeanwhile",
    "EnrollmentCreated",
    "EnrollmentDeleted",
    "EnrollmentExists",
    "EnrollmentKind",
    "EnrollmentNotFound",
    "EnrollmentService",
    "InitialDevice",
    "InvalidEnrollment",
    "NewEnrollment",
    "ReenrollmentAllowed",
    "Registration",
    "RegistrationLocked",
    "RegistrationLocks",
    "RegistrationNotFound",
    "RegistrationReason",
    "RegistrationService",
    "RegistrationSettings",
]
