"""``enroll`` decided by the policies in force: a device that is not there yet is judged by what it would be."""

from __future__ import annotations

import itertools
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Final

import msgspec
from cryptography import x509

from vedette.access.administrator import PolicyAdministrator
from vedette.enrollment import Applicant, Attestation, Candidate, PolicyWord
from vedette.kernel import Clock, GenerationId, OrganizationId
from vedette.registry import flatten_tags
from vedette.trust import (
    SCHEMA_VERSION,
    SYMMETRIC_KEY,
    BadEntity,
    Credentials,
    Health,
    Lifecycle,
    Placement,
    PolicyEngines,
    PostureRecord,
    Quarantine,
    Registration,
    Section,
    SessionFacts,
    describe_key,
)

_ENROLL: Final = "enroll"
_ONBOARDING: Final = "onboarding"
# Of what has an end engines remember nothing: an enrollment is added to a device's record for this question alone.
_A_WHILE: Final = timedelta(minutes=1)
_LIKENESSES_MAX: Final = 1_024
_NOBODY: Final = GenerationId("dev_00000000000000000000000000")


class EnrollmentPoint:
    """Asks the policies about registrations.

    To policies, a device that enrolls is a member of its enrollment, whose id stands among its groups.

    Args:
        organization_id: Whose devices.
        administrator: Has the records of those that are known already.
        engines: The policies in force.
        clock: Source of time.
    """

    def __init__(
        self,
        organization_id: OrganizationId,
        administrator: PolicyAdministrator,
        engines: Callable[[], Awaitable[PolicyEngines]],
        *,
        clock: Clock,
    ) -> None:
        self._organization_id = organization_id
        self._administrator = administrator
        self._engines = engines
        self._clock = clock
        self._numbers = itertools.count(1)
        self._likenesses: OrderedDict[bytes, int] = OrderedDict()

    async def judge(self, candidate: Candidate) -> PolicyWord:
        """Ask the policies in force; see ``EnrollmentPolicies``.

        Raises:
            Problem: They cannot be read, or what records are made of was altered.
        """
        self._administrator.require_vouching()
        now = self._clock.now()
        record = await self._record_of(candidate, now)
        engine = (await self._engines()).engine_for(record, now)
        facts = _facts(candidate.applicant)
        if not engine.is_time_bound(record, now):
            # No policy reads a credential's age; without it, those who come from one place are asked about once.
            facts = facts._replace(credential_since=None)
        try:
            verdict = engine.decide(record, now, _ENROLL, facts)
        except BadEntity as error:
            return PolicyWord(is_permitted=False, detail=error.detail, bundle_sha256=engine.sha256)
        return PolicyWord(
            is_permitted=verdict.is_permitted,
            policies=verdict.policies,
            detail="; ".join(verdict.errors),
            bundle_sha256=engine.sha256,
        )

    async def _record_of(self, candidate: Candidate, now: datetime) -> PostureRecord:
        enrollment_id = candidate.enrollment.enrollment_id
        known = None
        if candidate.device is not None:
            known = await self._administrator.find(candidate.device_id, None)
        if known is None or candidate.device is None or known.generation_id != candidate.device.generation_id:
            return self._of_newcomer(candidate, now)
        place = known.placement.value or Placement()
        place = msgspec.structs.replace(place, groups=(*place.groups, enrollment_id))
        placement = msgspec.structs.replace(known.placement, value=place, expires_at=now + _A_WHILE)
        return msgspec.structs.replace(known, placement=placement)

    def _of_newcomer(self, candidate: Candidate, now: datetime) -> PostureRecord:
        device, initial = candidate.device, candidate.enrollment.initial
        about = initial if device is None else device
        registration = Registration(
            lifecycle=Lifecycle.MADE if device is None else device.lifecycle,
            is_enabled=device is None or device.is_enabled,
            is_blocked=device is not None and device.is_blocked,
            device_class=about.device_class,
            identity_class=about.identity_class,
            failure_mode=about.failure_mode,
            hold_s=about.hold_s,
        )
        placement = Placement(
            site=about.site,
            zone=about.zone,
            purdue_level=about.purdue_level,
            tags={path: str(value) for path, value in flatten_tags(about.tags).items()},
            groups=(candidate.enrollment.enrollment_id,),
        )
        sequence = 0 if device is not None else self._number_of(registration, placement)
        return PostureRecord(
            schema=SCHEMA_VERSION,
            organization_id=self._organization_id,
            generation_id=_NOBODY if device is None else device.generation_id,
            kind="device",
            device_id=candidate.device_id,
            module_id=None,
            epoch=0,
            sequence=sequence,
            issued_at=now,
            expires_at=None,
            registration=Section(owner="registry", revision=0, observed_at=now, value=registration),
            credentials=Section(owner="pki", revision=0, observed_at=now, value=Credentials()),
            placement=Section(
                owner="registry",
                revision=0,
                observed_at=now,
                expires_at=None if sequence else now + _A_WHILE,
                value=placement,
            ),
            health=Section(owner="health", revision=0, observed_at=now, value=Health()),
            quarantine=Section(owner="access", revision=0, observed_at=now, value=Quarantine()),
            exceptions=Section(owner="access", revision=0, observed_at=now, value=()),
        )

    def _number_of(self, registration: Registration, placement: Placement) -> int:
        """Return the number of all newcomers who look alike to policies, by which engines remember what they said."""
        likeness = msgspec.msgpack.encode((registration, placement))
        number = self._likenesses.get(likeness)
        if number is None:
            number = self._likenesses[likeness] = next(self._numbers)
            if len(self._likenesses) > _LIKENESSES_MAX:
                self._likenesses.popitem(last=False)
        else:
            self._likenesses.move_to_end(likeness)
        return number


def _facts(applicant: Applicant) -> SessionFacts:
    is_certificate = applicant.attestation is Attestation.X509 and bool(applicant.chain)
    algorithm, bits = "", 0
    if is_certificate:
        algorithm, bits = describe_key(x509.load_der_x509_certificate(applicant.chain[0]).public_key())
    return SessionFacts(
        credential=_ONBOARDING if is_certificate else SYMMETRIC_KEY,
        tls_version=applicant.tls_version,
        address=applicant.remote_address,
        cipher=applicant.cipher,
        protocol=applicant.protocol,
        gateway=applicant.gateway,
        key_algorithm=algorithm,
        key_bits=bits,
        credential_since=applicant.not_before,
    )
