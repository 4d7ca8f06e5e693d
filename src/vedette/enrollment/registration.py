"""A device registers: the use case behind DPS, decided twice and committed once."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field, replace
from typing import TypeVar

from vedette.bus.contract import RegisterDevice, RegistrationReply
from vedette.enrollment.admission import Admissions
from vedette.enrollment.answers import Assignment, ask_again, assign, refuse
from vedette.enrollment.applicant import Applicant, read_applicant
from vedette.enrollment.assignment import Assignments, Case, in_progress
from vedette.enrollment.decision import Plan, Refusal, RegistrationFacts, RegistrationReason, Step, decide_registration
from vedette.enrollment.facts import Admission, Look, RegistrationRecords, is_unchanged, weigh
from vedette.enrollment.keys import EnrollmentKeys
from vedette.enrollment.model import Approval, CredentialMode, PendingRegistration, PendingState, Registration
from vedette.enrollment.policies import Candidate, EnrollmentPolicies
from vedette.enrollment.waiting import WaitingLimits, WaitingRoom, expired, rejected
from vedette.kernel import Clock, GenerationId, IdSource, OrganizationId, Problem
from vedette.ledger import Ledger
from vedette.pki import BadCsr, CapExceeded, IdentityIsFrozen, InvalidSubjectName, KeyAlreadyInUse, Standing
from vedette.pki.records import CertificateService, OnboardingAuthorityService, PreparedCertificate, SymmetricKeyService
from vedette.registry import ClockGuard, Register, TwinService
from vedette.store import Store, Transaction

log = logging.getLogger(__name__)

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class RegistrationSettings:
    """Whose devices register here, and where they are sent.

    Attributes:
        hostname: The assigned hub.
        waiting: How many may wait for an operator.
    """

    organization_id: OrganizationId
    id_scope: str
    hostname: str
    waiting: WaitingLimits = field(default_factory=WaitingLimits)


class _Refused(Exception):  # noqa: N818 - carries a "no", which is no error
    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.detail)
        self.refusal = refusal


class RegistrationService:
    """Registers devices by their onboarding identity and answers at once, unless an operator is to be asked.

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
        twins: TwinService,
        keys: SymmetricKeyService,
        policies: EnrollmentPolicies,
        guard: ClockGuard,
        settings: RegistrationSettings,
        clock: Clock,
        ids: IdSource,
    ) -> None:
        self._store = store
        self._policies = policies
        self._certificates = certificates
        self._guard = guard
        self._settings = settings
        self._clock = clock
        self._ids = ids
        organization_id = settings.organization_id
        enrollment_keys = EnrollmentKeys(organization_id, settings.id_scope, keys)
        self._records = RegistrationRecords(organization_id, certificates, register)
        self._admissions = Admissions(organization_id, store, authorities, enrollment_keys)
        self._waiting = WaitingRoom(organization_id, store, ledger, limits=settings.waiting, clock=clock, ids=ids)
        self._assignments = Assignments(
            organization_id,
            ledger,
            certificates,
            register,
            self._records,
            twins=twins,
            keys=enrollment_keys,
            waiting=self._waiting,
            clock=clock,
            ids=ids,
        )
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
            request.registration_id[:128].lower(),
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
        return await self._register(applicant)

    async def _register(self, applicant: Applicant, approval: PendingRegistration | None = None) -> RegistrationReply:
        self._guard.check()
        look, admission = await self._admit(applicant)
        # Only now: a stranger with a certificate of his own making must not keep the name's holder waiting.
        if applicant.registration_id in self._under_way:
            raise _Refused(in_progress(applicant))
        self._under_way.add(applicant.registration_id)
        try:
            return await self._serve(applicant, look, admission, approval)
        finally:
            self._under_way.discard(applicant.registration_id)

    async def _admit(self, applicant: Applicant) -> tuple[Look, Admission]:
        now = self._clock.now()
        look = await self._store.read(lambda connection: self._records.look(connection, applicant, now))
        return look, _expect(await self._admissions.admit(look, applicant, now))

    async def _serve(
        self, applicant: Applicant, look: Look, admission: Admission, approval: PendingRegistration | None
    ) -> RegistrationReply:
        facts = weigh(look, admission, applicant)
        plan = _expect(decide_registration(facts, self._clock.now()))
        if facts.registration is not None and _is_settled(plan, facts, applicant):
            return await self._tell(facts.registration, admission, facts, plan)
        await self._ask_policies(applicant, admission, facts)
        if admission.enrollment.approval is Approval.REQUIRED:
            approval = await self._ask_operator(applicant, admission, facts)
        if approval is not None:
            if approval.state is not PendingState.APPROVED:
                return self._put_off(approval)
            # What the operator saw is what is kept.
            applicant = replace(applicant, payload=approval.payload, payload_bytes=approval.payload_bytes)
        generation_id = GenerationId(self._ids.new("dev")) if facts.device is None else facts.device.generation_id
        case = Case(
            applicant=applicant,
            admission=admission,
            plan=plan,
            generation_id=generation_id,
            prepared=await self._sign(applicant, admission, generation_id),
            approval=approval,
        )
        registration = await self._store.write(lambda tx: self._carry_out(tx, case))
        chain = () if case.prepared is None else case.prepared.chain
        return self._reply(registration, admission, plan, chain)

    async def _ask_policies(self, applicant: Applicant, admission: Admission, facts: RegistrationFacts) -> None:
        candidate = Candidate(
            device_id=admission.device_id, device=facts.device, enrollment=admission.enrollment, applicant=applicant
        )
        word = await self._policies.judge(candidate)
        if word.is_permitted:
            return
        by = f"by {', '.join(word.policies)}" if word.policies else "since none permits it"
        raise _Refused(
            Refusal(
                RegistrationReason.POLICY_DENIED,
                word.detail or f"policies do not let {admission.device_id} enroll, {by}",
                "see them: vedette policy show stable",
                word.policies,
                word.bundle_sha256,
            )
        )

    def _carry_out(self, tx: Transaction, case: Case) -> Registration:
        # Raised, so that what was written is taken back.
        return _expect(self._assignments.carry_out(tx, case))

    # --- an operator's word ---------------------------------------------------------------------------------------

    async def _ask_operator(
        self, applicant: Applicant, admission: Admission, facts: RegistrationFacts
    ) -> PendingRegistration | None:
        """Return what waits for an operator, or was decided; ``None``: it was approved before, and used."""
        binding = applicant.binding_sha256(admission.enrollment.enrollment_id, facts.csr_key_sha256)
        if facts.device is not None and facts.registration is not None:
            is_approved = facts.registration.approved_binding == binding
            if is_approved and facts.registration.permit_until is None:
                return None
        return _expect(await self._waiting.enter(applicant, admission, facts))

    def _put_off(self, waiting: PendingRegistration) -> RegistrationReply:
        if waiting.state is PendingState.REJECTED:
            raise _Refused(rejected(waiting))
        return ask_again(waiting.operation_id, self._waiting.retry_after_s(waiting))

    async def _answer_poll(self, applicant: Applicant, operation_id: str) -> RegistrationReply:
        """Answer a device that asks how an earlier registration stands."""
        waiting = await self._waiting.poll(applicant, operation_id)
        if waiting is None:
            return await self._answer_settled(applicant, operation_id)
        if applicant.leaf_sha256 is None:
            await self._admit(applicant)  # the token
        if waiting.has_expired(self._clock.now()):
            raise _Refused(expired(waiting))
        if waiting.state is not PendingState.APPROVED:
            return self._put_off(waiting)
        return await self._register(replace(applicant, csr=waiting.csr), waiting)

    async def _answer_settled(self, applicant: Applicant, operation_id: str) -> RegistrationReply:
        """Answer a poll of an operation that came to its end; the answer that told so may have been lost."""
        look, admission = await self._admit(applicant)
        registration = look.registration
        is_its_own = (
            registration is not None
            and registration.operation_id == operation_id
            and registration.onboarding_sha256 == applicant.leaf_sha256
            and registration.enrollment_id == admission.enrollment.enrollment_id
            and registration.generation_id is not None
        )
        if registration is None or not is_its_own:
            raise _Refused(
                Refusal(RegistrationReason.UNKNOWN_OPERATION, "the operation is not known", "register again")
            )
        facts = weigh(look, admission, applicant)
        return await self._tell(registration, admission, facts, Plan(Step.REASSIGN))

    # --- answers --------------------------------------------------------------------------------------------------

    async def _tell(
        self, registration: Registration, admission: Admission, facts: RegistrationFacts, plan: Plan
    ) -> RegistrationReply:
        """Tell a device what stands, with the certificate on record while that is good: it serves its own key alone."""
        chain: tuple[bytes, ...] = ()
        certificate = facts.certificate
        is_good = certificate is not None and certificate.standing(self._clock.now()) is Standing.PERMITTED
        if certificate is not None and is_good and admission.enrollment.credential is CredentialMode.ISSUE:
            chain = await self._certificates.chain_of(certificate)
        return self._reply(registration, admission, plan, chain)

    async def _sign(
        self, applicant: Applicant, admission: Admission, generation_id: GenerationId
    ) -> PreparedCertificate | None:
        if admission.enrollment.credential is not CredentialMode.ISSUE or applicant.csr is None:
            return None
        return await self._certificates.prepare_issue(
            organization_id=self._settings.organization_id,
            generation_id=generation_id,
            subject_name=admission.device_id,
            csr=applicant.csr,
            accepted_names=(applicant.registration_id, applicant.common_name),
            lifetime=admission.enrollment.lifetime,
        )

    def _reply(
        self, registration: Registration, admission: Admission, plan: Plan, chain: tuple[bytes, ...]
    ) -> RegistrationReply:
        return assign(
            Assignment(
                operation_id=registration.operation_id,
                registration_id=registration.registration_id,
                device_id=registration.device_id,
                hostname=self._settings.hostname,
                created_at=registration.created_at,
                updated_at=registration.updated_at,
                etag=f'"{registration.revision}"',
                plan=plan,
                chain=chain,
                enrollment=admission.enrollment,
            )
        )


def _is_settled(plan: Plan, facts: RegistrationFacts, applicant: Applicant) -> bool:
    """Tell whether nothing is to be written: SDKs register at each boot."""
    if plan.step is Step.RECALL:
        return True
    has_key = facts.enrollment.credential is CredentialMode.SYMMETRIC_KEY
    return plan.step is Step.REASSIGN and not plan.resets_twin and not has_key and is_unchanged(facts, applicant)


def _expect(outcome: T | Refusal) -> T:
    if isinstance(outcome, Refusal):
        raise _Refused(outcome)
    return outcome
