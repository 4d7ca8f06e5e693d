"""An enrollment as it stands on record, for tests of what follows from one."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from vedette.enrollment import (
    Approval,
    Attestation,
    CredentialMode,
    Enrollment,
    EnrollmentKind,
    InitialDevice,
    ReprovisionPolicy,
)
from vedette.enrollment.model import APPROVAL_TIMEOUT
from vedette.kernel import AuthorityId, EnrollmentId, OrganizationId

NOW = datetime(2026, 1, 1, tzinfo=UTC)
ORGANIZATION = OrganizationId("org_" + "0" * 26)


def make_enrollment(**changes: Any) -> Enrollment:
    """Return a group that issues certificates, changed as asked."""
    fields: dict[str, Any] = {
        "organization_id": ORGANIZATION,
        "enrollment_id": EnrollmentId("enr_" + "0" * 26),
        "name": "line",
        "kind": EnrollmentKind.GROUP,
        "is_enabled": True,
        "attestation": Attestation.X509,
        "credential": CredentialMode.ISSUE,
        "onboarding_until": None,
        "symmetric_key_until": None,
        "registration_id": None,
        "device_id": None,
        "primary_sha256": None,
        "secondary_sha256": None,
        "authority_id": AuthorityId("ath_" + "0" * 26),
        "id_pattern": "*",
        "lifetime": None,
        "reprovision_policy": ReprovisionPolicy.KEEP,
        "approval": Approval.NONE,
        "approval_timeout": APPROVAL_TIMEOUT,
        "initial": InitialDevice(),
        "payload": None,
        "created_at": NOW,
        "updated_at": NOW,
        "revision": 1,
        **changes,
    }
    return Enrollment(**fields)
