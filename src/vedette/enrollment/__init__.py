"""Enrollment: who may register with an onboarding identity, and what they get; the use case behind DPS.

Terms: an *individual* enrollment pins one certificate, a *group* enrollment trusts an authority within its scope;
either may have symmetric keys instead, where those are accepted. A *registration* is what became of a registration id;
a *pending* one waits for an operator.

Invariants: the individual entry is asked first, then the group of the nearest authority, and a disabled one there
blocks. An onboarding identity opens no operational endpoint, unless its enrollment says so until a date. A device
that is active, revoked or kept out registers again only after an operator allowed it, once. What a device is told and
what is on record are decided in the same transaction. An operator approves one request, with its key, and no other.
"""

from __future__ import annotations

from vedette.enrollment.applicant import Applicant
from vedette.enrollment.approvals import RegistrationApprovals
from vedette.enrollment.decision import RegistrationReason
from vedette.enrollment.errors import (
    EnrollmentChangedMeanwhile,
    EnrollmentClosed,
    EnrollmentExists,
    EnrollmentNotFound,
    InvalidEnrollment,
    PendingRegistrationChanged,
    PendingRegistrationNotFound,
    RegistrationNotFound,
)
from vedette.enrollment.events import (
    DeviceEnrolled,
    EnrollmentChanged,
    EnrollmentCreated,
    EnrollmentDeleted,
    ReenrollmentAllowed,
    RegistrationApproved,
    RegistrationLocked,
    RegistrationPending,
    RegistrationRejected,
)
from vedette.enrollment.locks import RegistrationLocks
from vedette.enrollment.model import (
    Approval,
    Attestation,
    CredentialMode,
    Enrollment,
    EnrollmentKind,
    InitialDevice,
    NewEnrollment,
    PendingRegistration,
    PendingState,
    Registration,
    ReprovisionPolicy,
)
from vedette.enrollment.policies import Candidate, EnrollmentPolicies, PolicyWord
from vedette.enrollment.registration import RegistrationService, RegistrationSettings
from vedette.enrollment.service import CreatedEnrollment, EnrollmentService
from vedette.enrollment.waiting import WaitingLimits

__all__ = [
    "Applicant",
    "Approval",
    "Attestation",
    "Candidate",
    "CreatedEnrollment",
    "CredentialMode",
    "DeviceEnrolled",
    "Enrollment",
    "EnrollmentChanged",
    "EnrollmentChangedMeanwhile",
    "EnrollmentClosed",
    "EnrollmentCreated",
    "EnrollmentDeleted",
    "EnrollmentExists",
    "EnrollmentKind",
    "EnrollmentNotFound",
    "EnrollmentPolicies",
    "EnrollmentService",
    "InitialDevice",
    "InvalidEnrollment",
    "NewEnrollment",
    "PendingRegistration",
    "PendingRegistrationChanged",
    "PendingRegistrationNotFound",
    "PendingState",
    "PolicyWord",
    "ReenrollmentAllowed",
    "Registration",
    "RegistrationApprovals",
    "RegistrationApproved",
    "RegistrationLocked",
    "RegistrationLocks",
    "RegistrationNotFound",
    "RegistrationPending",
    "RegistrationReason",
    "RegistrationRejected",
    "RegistrationService",
    "RegistrationSettings",
    "ReprovisionPolicy",
    "WaitingLimits",
]
