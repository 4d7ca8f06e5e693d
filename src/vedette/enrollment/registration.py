"""A device registers: the use case behind DPS, decided twice and committed once."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import datetime
from typing import Final, TypeVar

import sqlalchemy as sa

from vedette.bus.contract import RegisterDevice, RegistrationReply
from vedette.enrollment import repository
from vedette.enrollment.answers import Assignment, assign, refuse
from vedette.enrollment.applicant import Applicant, read_applicant
from vedette.enrollment.decision import (
    Plan,
    Refusal,
    RegistrationFacts,
    RegistrationReason,
    Step,
    decide_registration,
)
from vedette.enrollment.directory import GroupDirectory
from vedette.enrollment.events import DeviceEnrolled
from vedette.enrollment.facts import Admission, Look, RegistrationRecords, is_unchanged, onboarding_until, weigh
from vedette.enrollment.model import CredentialMode, Enrollment, EnrollmentKind, Registration
from vedette.kernel import (
    Clock,
    GenerationId,
    IdSource,
    OrganizationId,
    Problem,
)
from vedette.ledger import Actor, Entry, Ledger
from vedette.pki import (
    BadCsr,
    CapExceeded,
    IdentityIsFrozen,
    InvalidSubjectName,
    KeyAlreadyInUse,
    RevocationReason,
)
from vedette.pki.records import CertificateService, OnboardingAuthorityService, PreparedCertificate
from vedette.registry import (
    AccessRules,
    Authentication,
    AuthenticationType,
    ClockGuard,
    Device,
    Origin,
    Register,
)
from vedette.store import Store, Transaction

log = logging.getLogger(__name__)

_GROUPS_MAX: Final = 1000

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class RegistrationSettings:
    """Whose devices register here, and where they are sent.

    Attributes:
        hostname: The assigned hub.
    """

    organization_id: OrganizationId
    id_scope: str
    hostname: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Case:
    """A registration that was decided and signed, and is to be carried out."""

    applicant: Applicant
    admission: Admission
    plan: Plan
    generation_id: GenerationId
    prepared: PreparedCertificate | None


class _Refused(Exception):  # noqa: N818 - carries a "no", which is no error
    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.detail)
        self.refusal = refusal


class RegistrationService:
    """Registers devices by their onboarding identity and answers at once.

    A registration is decided on facts read beforehand, so that nothing is signed in vain, and decided again on the same
    facts in the transaction that carries it out, so that nothing comes between.
    """

    def __init__(
        self,
        store: Store,
        ledger: Ledger,
        certificates: CertificateService,
        authorities: OnboardingAuthorityService,
        register: Register,
        *,
        guard: ClockGuard,
        settings: RegistrationSettings,
        clock: Clock,
        ids: IdSource,
    ) -> None:
        self._store = store
        self._ledger = ledger
        self._certificates = certificates
        self._authorities = authorities
        self._register = register
        self._records = RegistrationRecords(settings.organization_id, certificates, register)
        self._guard = guard
        self._settings = settings
        self._clock = clock
        self._ids = ids
        self._directory = GroupDirectory("", (), ())
        self._under_way: set[str] = set()

    async def register(self, request: RegisterDevice) -> RegistrationReply:
        """Answer a registration; a "no" is an answer too, with its reason for the records."""
        try:
            return await self._answer(request)
        except _Refused as refused:
            refusal = refused.refusal
        except CapExceeded as problem:
            refusal = Refusal(RegistrationReason.THROTTLED, problem.detail, problem.hint)
        except IdentityIsFrozen as problem:
            refusal = Refusal(RegistrationReason.FROZEN, problem.detail, problem.hint)
        except (BadCsr, KeyAlreadyInUse, InvalidSubjectName) as problem:
            refusal = Refusal(RegistrationReason.CSR_REFUSED, problem.detail, problem.hint)
        except Problem as problem:
            log.warning("registration could not be served", extra={"cause": problem.code})
            refusal = Refusal(RegistrationReason.UNAVAILABLE, "the service cannot register devices now", "try again")
        return refuse(
            refusal,
            request.registration_id[:128],
            tracking_id=self._ids.new("op"),
            now=self._clock.now(),
        )

    async def _answer(self, request: RegisterDevice) -> RegistrationReply:
        settings = self._settings
        if (request.organization_id, request.id_scope) != (settings.organization_id, settings.id_scope):
            detail = f"the id scope {request.id_scope[:64]!r} is not served here"
            raise _Refused(Refusal(RegistrationReason.WRONG_ID_SCOPE, detail, f"use {settings.id_scope}"))
        applicant = _expect(read_applicant(request))
        if request.operation_id is not None:
            return await self._answer_poll(applicant, request.operation_id)
        self._guard.check()
        now = self._clock.now()
        look = await self._store.read(lambda connection: self._records.look(connection, applicant, now))
        admission = await self._admit(look, applicant, now)
        # Only now: a stranger with a certificate of his own making must not keep the name's holder waiting.
        if applicant.registration_id in self._under_way:
            raise _Refused(_in_progress(applicant))
        self._under_way.add(applicant.registration_id)
        try:
            return await self._serve(applicant, look, admission)
        finally:
            self._under_way.discard(applicant.registration_id)

    async def _serve(self, applicant: Applicant, look: Look, admission: Admission) -> RegistrationReply:
        now = self._clock.now()
        facts = weigh(look, admission, applicant)
        plan = _expect(decide_registration(facts, now))
        if plan.step is Step.REASSIGN and facts.registration is not None and is_unchanged(facts, applicant):
            return self._reply(facts.registration, admission, None, is_first=False)
        generation_id = GenerationId(self._ids.new("dev")) if facts.device is None else facts.device.generation_id
        prepared = await self._sign(applicant, admission, generation_id)
        case = _Case(
            applicant=applicant, admission=admission, plan=plan, generation_id=generation_id, prepared=prepared
        )
        registration = await self._store.write(lambda tx: self._commit(tx, case))
        return self._reply(registration, admission, prepared, is_first=plan.step is Step.CREATE)

    async def _answer_poll(self, applicant: Applicant, operation_id: str) -> RegistrationReply:
        """Answer a device that asks how an earlier registration stands; ours are answered at once, so seldom asked."""
        now = self._clock.now()
        look = await self._store.read(lambda connection: self._records.look(connection, applicant, now))
        admission = await self._admit(look, applicant, now)
        registration = look.registration
        is_its_own = (
            registration is not None
            and registration.operation_id == operation_id
            and registration.onboarding_sha256 == applicant.leaf_sha256
            and registration.generation_id is not None
        )
        if registration is None or not is_its_own or admission.enrollment.credential is CredentialMode.ISSUE:
            detail = "the operation is not known, or its certificate was handed out with the first answer"
            raise _Refused(Refusal(RegistrationReason.UNKNOWN_OPERATION, detail, "register again"))
        return self._reply(registration, admission, None, is_first=False)

    async def _admit(self, look: Look, applicant: Applicant, now: datetime) -> Admission:
        """Find the enrollment: an individual one first, then the group of the nearest authority."""
        device_id = _expect(look.device_id)
        if look.individual is not None:
            enrollment = _expect(look.individual)
            return Admission(version=look.version, enrollment=enrollment, authority_id=None, device_id=device_id)
        directory = await self._directory_at(look.version)
        match = _expect(directory.match(applicant.chain, applicant.registration_id, now))
        return Admission(
            version=directory.version,
            enrollment=match.enrollment,
            authority_id=match.authority.authority_id,
            device_id=device_id,
        )

    async def _directory_at(self, version: str) -> GroupDirectory:
        if self._directory.version == version:
            return self._directory
        organization_id = self._settings.organization_id

        def read(connection: sa.Connection) -> tuple[str, list[Enrollment]]:
            groups = repository.list_enrollments(
                connection, organization_id, after="", limit=_GROUPS_MAX, kind=EnrollmentKind.GROUP
            )
            return repository.read_version(connection, organization_id), groups

        # The version first, the authorities after: what changes in between brings another version and is read again.
        current, groups = await self._store.read(read)
        authorities = await self._authorities.list_all(organization_id, limit=_GROUPS_MAX)
        self._directory = GroupDirectory(current, groups, authorities)
        return self._directory

    async def _sign(
        self, applicant: Applicant, admission: Admission, generation_id: GenerationId
    ) -> PreparedCertificate | None:
        if admission.enrollment.credential is CredentialMode.ONBOARDING or applicant.csr is None:
            return None
        return await self._certificates.prepare_issue(
            organization_id=self._settings.organization_id,
            generation_id=generation_id,
            subject_name=admission.device_id,
            csr=applicant.csr,
            accepted_names=(applicant.registration_id, applicant.common_name),
            lifetime=admission.enrollment.lifetime,
        )

    def _commit(self, tx: Transaction, case: _Case) -> Registration:
        """Decide once more, now that nothing can come between, and carry it out."""
        applicant, admission, prepared = case.applicant, case.admission, case.prepared
        now = self._clock.now()
        look = self._records.look_again(tx.connection, applicant, admission, now)
        if look is None:
            raise _Refused(_in_progress(applicant))
        facts = weigh(look, admission, applicant)
        plan = _expect(decide_registration(facts, now))
        holder = case.generation_id if facts.device is None else facts.device.generation_id
        if plan != case.plan or holder != case.generation_id:
            raise _Refused(_in_progress(applicant))
        actor = Actor("device", applicant.registration_id)
        self._place(tx, case, facts, look.rules, actor)
        if plan.ends_certificates:
            self._certificates.revoke_all_in(
                tx,
                self._settings.organization_id,
                case.generation_id,
                reason=RevocationReason.SUPERSEDED,
                actor=actor,
                comment="the device enrolled again",
                is_consequence=True,
            )
        if prepared is not None:
            self._certificates.store_issued(tx, prepared, actor=actor)
        return self._record(tx, case, facts, actor)

    def _place(
        self, tx: Transaction, case: _Case, facts: RegistrationFacts, rules: AccessRules, actor: Actor
    ) -> Device:
        """Create the device, or bind the one that is there."""
        enrollment = facts.enrollment
        is_issued = enrollment.credential is CredentialMode.ISSUE
        kind = AuthenticationType.ISSUED if is_issued else AuthenticationType.CERTIFICATE_AUTHORITY
        authentication = Authentication(type=kind)
        origin = Origin(
            enrollment_id=enrollment.enrollment_id,
            authority_id=case.admission.authority_id,
            onboarding_sha256=case.applicant.leaf_sha256,
            onboarding_until=onboarding_until(enrollment, case.applicant),
        )
        if facts.device is not None:
            return self._register.onboard(
                tx,
                facts.device,
                authentication=authentication,
                origin=origin,
                actor=actor,
                keeps_active=not is_issued,
            )
        new = enrollment.initial.to_device(case.admission.device_id, authentication, origin)
        return self._register.create(
            tx, self._settings.organization_id, new, actor=actor, generation_id=case.generation_id, rules=rules
        )

    def _record(self, tx: Transaction, case: _Case, facts: RegistrationFacts, actor: Actor) -> Registration:
        now = self._clock.now()
        former, enrollment, applicant = facts.registration, facts.enrollment, case.applicant
        certificate_sha256 = None if case.prepared is None else case.prepared.certificate.sha256
        registration = Registration(
            organization_id=self._settings.organization_id,
            registration_id=applicant.registration_id,
            device_id=case.admission.device_id,
            generation_id=case.generation_id,
            enrollment_id=enrollment.enrollment_id,
            onboarding_sha256=applicant.leaf_sha256,
            certificate_sha256=certificate_sha256,
            operation_id=f"4.{self._ids.new('op')}",
            permit_until=None,
            locked_at=None,
            lock_reason="",
            created_at=now if former is None else former.created_at,
            updated_at=now,
            revision=1 if former is None else former.revision + 1,
        )
        repository.save_registration(tx.connection, registration, is_new=former is None)
        details = {
            "registration_id": registration.registration_id,
            "enrollment_id": enrollment.enrollment_id,
            "credential": enrollment.credential.value,
            "onboarding_sha256": applicant.leaf_sha256,
            "certificate_sha256": certificate_sha256,
        }
        event = DeviceEnrolled(
            organization_id=registration.organization_id,
            generation_id=case.generation_id,
            device_id=registration.device_id,
            registration_id=registration.registration_id,
            enrollment_id=enrollment.enrollment_id,
            credential=enrollment.credential.value,
            onboarding_sha256=applicant.leaf_sha256,
            certificate_sha256=certificate_sha256,
        )
        entry = Entry(
            organization_id=registration.organization_id,
            actor=actor,
            action="enrollment.register_device",
            target=case.generation_id,
            target_name=registration.device_id,
            reason="" if former is None or former.permit_until is None else "allowed by an operator",
            details=details,
        )
        self._ledger.append(tx, entry, event=event)
        return registration

    def _reply(
        self,
        registration: Registration,
        admission: Admission,
        prepared: PreparedCertificate | None,
        *,
        is_first: bool,
    ) -> RegistrationReply:
        is_group = admission.enrollment.kind is EnrollmentKind.GROUP
        return assign(
            Assignment(
                operation_id=registration.operation_id,
                registration_id=registration.registration_id,
                device_id=registration.device_id,
                hostname=self._settings.hostname,
                created_at=registration.created_at,
                updated_at=registration.updated_at,
                etag=f'"{registration.revision}"',
                chain=() if prepared is None else prepared.chain,
                is_first=is_first,
                enrollment_group_id=admission.enrollment.enrollment_id if is_group else None,
            )
        )


def _in_progress(applicant: Applicant) -> Refusal:
    detail = f"another registration of {applicant.registration_id} is under way"
    return Refusal(RegistrationReason.IN_PROGRESS, detail, "try again in a moment")


def _expect(outcome: T | Refusal) -> T:
    if isinstance(outcome, Refusal):
        raise _Refused(outcome)
    return outcome
