"""A permitted registration carried out: device, twin, keys, certificate and record in one transaction."""

from __future__ import annotations

from dataclasses import dataclass

from vedette.enrollment import repository
from vedette.enrollment.applicant import Applicant
from vedette.enrollment.decision import Plan, Refusal, RegistrationFacts, RegistrationReason, Step, decide_registration
from vedette.enrollment.events import DeviceEnrolled
from vedette.enrollment.facts import (
    AUTHENTICATION,
    Admission,
    RegistrationRecords,
    is_unchanged,
    onboarding_until,
    weigh,
)
from vedette.enrollment.keys import EnrollmentKeys
from vedette.enrollment.model import CredentialMode, Enrollment, PendingRegistration, Registration
from vedette.enrollment.waiting import WaitingRoom
from vedette.kernel import Clock, GenerationId, IdSource, OrganizationId
from vedette.ledger import Actor, Entry, Ledger
from vedette.pki import RevocationReason
from vedette.pki.records import CertificateService, PreparedCertificate
from vedette.registry import (
    AccessRules,
    Authentication,
    Device,
    Origin,
    Register,
    TwinService,
)
from vedette.store import Transaction


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A registration that was decided and signed, and is to be carried out.

    Attributes:
        approval: What an operator approved, where the enrollment asks for it.
    """

    applicant: Applicant
    admission: Admission
    plan: Plan
    generation_id: GenerationId
    prepared: PreparedCertificate | None
    approval: PendingRegistration | None


class Assignments:
    """Carries registrations out; each is decided once more, now that nothing can come between."""

    def __init__(
        self,
        organization_id: OrganizationId,
        ledger: Ledger,
        certificates: CertificateService,
        register: Register,
        records: RegistrationRecords,
        *,
        twins: TwinService,
        keys: EnrollmentKeys,
        waiting: WaitingRoom,
        clock: Clock,
        ids: IdSource,
    ) -> None:
        self._organization_id = organization_id
        self._ledger = ledger
        self._certificates = certificates
        self._register = register
        self._records = records
        self._twins = twins
        self._keys = keys
        self._waiting = waiting
        self._clock = clock
        self._ids = ids

    def carry_out(self, tx: Transaction, case: Case) -> Registration | Refusal:
        """Return what the registration became; nothing was written where it is refused."""
        applicant, admission, prepared = case.applicant, case.admission, case.prepared
        now = self._clock.now()
        look = self._records.look_again(tx.connection, applicant, admission, now)
        if look is None:
            return in_progress(applicant)
        facts = weigh(look, admission, applicant)
        plan = decide_registration(facts, now)
        if isinstance(plan, Refusal):
            return plan
        holder = case.generation_id if facts.device is None else facts.device.generation_id
        if plan != case.plan or holder != case.generation_id:
            return in_progress(applicant)
        if case.approval is not None and not self._waiting.take(tx, case.approval):
            return in_progress(applicant)
        actor = Actor("device", applicant.registration_id)
        has_changed = self._place(tx, case, facts, look.rules, actor)
        if facts.registration is not None and plan.step is Step.REASSIGN and not has_changed:
            return facts.registration
        if plan.ends_certificates:
            self._certificates.revoke_all_in(
                tx,
                self._organization_id,
                case.generation_id,
                reason=RevocationReason.SUPERSEDED,
                actor=actor,
                comment="the device enrolled again",
                is_consequence=True,
            )
        if prepared is not None:
            self._certificates.store_issued(tx, prepared, actor=actor)
        return self._record(tx, case, facts, actor)

    def _place(self, tx: Transaction, case: Case, facts: RegistrationFacts, rules: AccessRules, actor: Actor) -> bool:
        """Create the device, or bind the one that is there; returns whether anything is different now."""
        enrollment, initial = facts.enrollment, facts.enrollment.initial
        authentication = Authentication(type=AUTHENTICATION[enrollment.credential])
        origin = Origin(
            enrollment_id=enrollment.enrollment_id,
            authority_id=case.admission.authority_id,
            onboarding_sha256=case.applicant.leaf_sha256,
            onboarding_until=onboarding_until(enrollment, case.applicant),
        )
        if facts.device is None:
            new = initial.to_device(case.admission.device_id, authentication, origin)
            device = self._register.create(
                tx, self._organization_id, new, actor=actor, generation_id=case.generation_id, rules=rules
            )
            if initial.desired:
                self._twins.initialise(tx, self._organization_id, device.generation_id, initial.desired)
            self._keys.hand_on(tx, enrollment, case.applicant, device, actor, is_anew=True)
            return True
        bound = self._register.onboard(
            tx,
            facts.device,
            authentication=authentication,
            origin=origin,
            actor=actor,
            keeps_active=enrollment.credential is not CredentialMode.ISSUE,
        )
        has_changed = bound != facts.device or not is_unchanged(facts, case.applicant)
        if case.plan.resets_twin:
            has_changed |= self._reset(tx, bound, enrollment, actor)
        is_anew = case.plan.step is Step.ONBOARD
        return self._keys.hand_on(tx, enrollment, case.applicant, bound, actor, is_anew=is_anew) or has_changed

    def _reset(self, tx: Transaction, device: Device, enrollment: Enrollment, actor: Actor) -> bool:
        initial = enrollment.initial
        return self._twins.reset(tx, device, tags=initial.tags, desired=initial.desired, actor=actor) is not None

    def _record(self, tx: Transaction, case: Case, facts: RegistrationFacts, actor: Actor) -> Registration:
        now = self._clock.now()
        former, enrollment, applicant = facts.registration, facts.enrollment, case.applicant
        approval = case.approval
        certificate_sha256 = None if case.prepared is None else case.prepared.certificate.sha256
        registration = Registration(
            organization_id=self._organization_id,
            registration_id=applicant.registration_id,
            device_id=case.admission.device_id,
            generation_id=case.generation_id,
            enrollment_id=enrollment.enrollment_id,
            onboarding_sha256=applicant.leaf_sha256,
            certificate_sha256=certificate_sha256,
            operation_id=f"4.{self._ids.new('op')}" if approval is None else approval.operation_id,
            approved_binding=_approved(former, approval),
            payload=applicant.payload,
            payload_bytes=applicant.payload_bytes,
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
            reason=_say_why(former, approval),
            details=details,
        )
        self._ledger.append(tx, entry, event=event)
        return registration


def in_progress(applicant: Applicant) -> Refusal:
    """Return what a device is told whose registration met another one, or a change that came between."""
    detail = f"another registration of {applicant.registration_id} is under way"
    return Refusal(RegistrationReason.IN_PROGRESS, detail, "try again in a moment")


def _approved(former: Registration | None, approval: PendingRegistration | None) -> str | None:
    if approval is not None:
        return approval.binding_sha256
    return None if former is None else former.approved_binding


def _say_why(former: Registration | None, approval: PendingRegistration | None) -> str:
    if approval is not None:
        return f"approved by {approval.decided_by}"
    return "" if former is None or former.permit_until is None else "allowed by an operator"
