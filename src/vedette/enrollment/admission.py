"""Which enrollment lets an applicant in: an individual one first, then the group of the nearest authority."""

from __future__ import annotations

from datetime import datetime
from typing import Final

import sqlalchemy as sa

from vedette.enrollment import repository
from vedette.enrollment.applicant import Applicant
from vedette.enrollment.decision import Refusal, RegistrationReason
from vedette.enrollment.directory import GroupDirectory
from vedette.enrollment.facts import Admission, Look
from vedette.enrollment.keys import EnrollmentKeys, explain
from vedette.enrollment.model import Attestation, Enrollment, EnrollmentKind
from vedette.kernel import DeviceId, OrganizationId
from vedette.pki.records import OnboardingAuthorityService
from vedette.store import Store
from vedette.trust import Reason

_GROUPS_MAX: Final = 1000


class Admissions:
    """Finds the enrollment that an applicant's proof leads to; groups are kept in memory by their version."""

    def __init__(
        self,
        organization_id: OrganizationId,
        store: Store,
        authorities: OnboardingAuthorityService,
        keys: EnrollmentKeys,
    ) -> None:
        self._organization_id = organization_id
        self._store = store
        self._authorities = authorities
        self._keys = keys
        self._directory = GroupDirectory("", (), ())

    async def admit(self, look: Look, applicant: Applicant, now: datetime) -> Admission | Refusal:
        """Find the enrollment, and check that the proof is good for it."""
        device_id, individual = look.device_id, look.individual
        if isinstance(device_id, Refusal):
            return device_id
        if isinstance(individual, Refusal):
            return individual
        if applicant.attestation is Attestation.SYMMETRIC_KEY:
            return await self._admit_bearer(look, device_id, applicant, now)
        if individual is not None:
            return Admission(version=look.version, enrollment=individual, authority_id=None, device_id=device_id)
        return await self._admit_certificate(look, device_id, applicant, now)

    async def _admit_certificate(
        self, look: Look, device_id: DeviceId, applicant: Applicant, now: datetime
    ) -> Admission | Refusal:
        """Find the group of the nearest authority."""
        directory = await self._directory_at(look.version)
        match = directory.match(applicant.chain, applicant.registration_id, now)
        if isinstance(match, Refusal):
            return match
        return Admission(
            version=directory.version,
            enrollment=match.enrollment,
            authority_id=match.authority.authority_id,
            device_id=device_id,
        )

    async def _admit_bearer(
        self, look: Look, device_id: DeviceId, applicant: Applicant, now: datetime
    ) -> Admission | Refusal:
        """Find the enrollment whose key made the token: that of the registration id, or else one of the groups."""
        if not self._keys.is_enabled:
            return explain(Reason.SYMMETRIC_KEYS_OFF, None)
        version, candidates = look.version, [look.individual] if isinstance(look.individual, Enrollment) else []
        if not candidates:
            directory = await self._directory_at(look.version)
            version, candidates = directory.version, directory.keyed_groups(applicant.registration_id)
        if not candidates:
            return Refusal(
                RegistrationReason.NO_ENROLLMENT,
                f"no enrollment with a symmetric key covers {applicant.registration_id}",
                "see them: vedette enrollment list",
            )
        signer = await self._store.read(
            lambda connection: self._keys.find_signer(connection, candidates, applicant, now)
        )
        if isinstance(signer, Refusal):
            return signer
        return Admission(version=version, enrollment=signer, authority_id=None, device_id=device_id)

    async def _directory_at(self, version: str) -> GroupDirectory:
        if self._directory.version == version:
            return self._directory

        def read(connection: sa.Connection) -> tuple[str, list[Enrollment]]:
            groups = repository.list_enrollments(
                connection, self._organization_id, after="", limit=_GROUPS_MAX, kind=EnrollmentKind.GROUP
            )
            return repository.read_version(connection, self._organization_id), groups

        # The version first, the authorities after: what changes in between brings another version and is read again.
        current, groups = await self._store.read(read)
        authorities = await self._authorities.list_all(self._organization_id, limit=_GROUPS_MAX)
        self._directory = GroupDirectory(current, groups, authorities)
        return self._directory
