"""The rooms of identity on a real store with a real signer process, wired as ``app`` wires them."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding

from vedette.access import EnrollmentPoint, PolicyAdministrator, RoomFacts
from vedette.bus.contract import RegisterDevice, RegistrationReply
from vedette.enrollment import (
    CredentialMode,
    Enrollment,
    EnrollmentKind,
    EnrollmentService,
    NewEnrollment,
    RegistrationApprovals,
    RegistrationLocks,
    RegistrationService,
    RegistrationSettings,
    WaitingLimits,
)
from vedette.kernel import Clock, GenerationId, OrganizationId, RandomIds
from vedette.ledger import Actor, Ledger
from vedette.pki import Authority, AuthorityScope, SecretBox, SignerClient, SymmetricKeySettings
from vedette.pki.records import (
    CertificateService,
    OnboardingAuthorityService,
    SymmetricKeyService,
    VouchedCertificates,
)
from vedette.protocols.dps import encode_registration
from vedette.registry import AccessListService, ClockGuard, CredentialRecords, DeviceService, Register, TwinService
from vedette.simulation import Factory, Identity, ManualClock, make_request
from vedette.store import Store
from vedette.trust import (
    PolicyBundle,
    PolicyEngines,
    PolicyManifest,
    PostureRecord,
    RecordSigner,
    default_bundle,
)

ACTOR = Actor("operator", "ops")
ID_SCOPE = "0ne00000TEST"
HOSTNAME = "hub.example"
POLICY_HASH = "0" * 64
SIGNER_DEADLINE_S = 60.0
"""Longer than control's own: a machine that is busy elsewhere is no answer of the signer."""

_SHIPPED = PolicyEngines.of_default()


@dataclass(frozen=True)
class RunningSigner:
    socket: Path
    organization_id: OrganizationId


@contextmanager
def running_signer(organization_id: OrganizationId) -> Iterator[RunningSigner]:
    """Run a signer process in a fresh directory."""
    with tempfile.TemporaryDirectory(prefix="vedette-signer-") as name:
        folder = Path(name)
        script = Path(__file__).with_name("signer_process.py")
        command = [sys.executable, str(script), name, organization_id]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            try:
                assert process.stdout is not None
                assert process.stdout.readline() == "ready\n"
                yield RunningSigner(folder / "signer.sock", organization_id)
            finally:
                process.terminate()
                process.wait(60)


@dataclass
class Answer:
    """A registration's reply, taken apart."""

    reply: RegistrationReply
    body: dict[str, Any] = field(init=False)

    def __post_init__(self) -> None:
        self.body = json.loads(self.reply.body)

    @property
    def status(self) -> str:
        return str(self.body.get("status", ""))

    @property
    def state(self) -> dict[str, Any]:
        found: dict[str, Any] = self.body["registrationState"]
        return found

    @property
    def chain(self) -> list[str]:
        return list(self.state.get("issuedCertificateChain", []))


class Policies:
    """The policies that registrations are judged by: the shipped ones, unless a test says otherwise."""

    def __init__(self) -> None:
        self.engines = _SHIPPED

    async def in_force(self) -> PolicyEngines:
        return self.engines

    def add(self, text: str) -> str:
        """Put a policy beside the shipped ones; returns the bundle's hash."""
        shipped = default_bundle()
        bundle = PolicyBundle(shipped.schema_text, shipped.policies_text + text)
        self.engines = PolicyEngines(PolicyManifest(bundle.sha256), [bundle])
        return bundle.sha256


class IdentityHouse:
    """Registry, PKI, enrollment and the policy administrator of one organization."""

    def __init__(
        self,
        store: Store,
        signer: RunningSigner,
        clock: Clock,
        *,
        has_symmetric_keys: bool = False,
        waiting: WaitingLimits | None = None,
        administrator_key: Ed25519PrivateKey | None = None,
    ) -> None:
        ids = RandomIds(clock)
        self.store = store
        self.clock = clock
        self.organization_id = signer.organization_id
        self.ledger = Ledger(store, clock=clock, ids=ids)
        self.signer = SignerClient(signer.socket, deadline_s=SIGNER_DEADLINE_S)
        self.certificates = CertificateService(store, self.ledger, self.signer, clock=clock, ids=ids)
        self.authorities = OnboardingAuthorityService(store, self.ledger, clock=clock, ids=ids)
        self.keys = SymmetricKeyService(
            store,
            self.ledger,
            SecretBox(b"k" * 32, ids=ids),
            hostnames=(HOSTNAME,),
            clock=clock,
            ids=ids,
            settings=SymmetricKeySettings(is_enabled=has_symmetric_keys),
        )
        self.vouched = VouchedCertificates(self.ledger, clock=clock)
        self.credentials = CredentialRecords(self.certificates, self.keys, self.vouched, clock=clock)
        self.register = Register(self.ledger, self.credentials, clock=clock, ids=ids)
        self.guard = ClockGuard(clock)
        self.devices = DeviceService(store, self.ledger, self.certificates, self.register, self.guard)
        self.lists = AccessListService(store, self.ledger, self.register, self.guard, clock=clock, ids=ids)
        self.twins = TwinService(store, self.ledger, self.register, self.guard, clock=clock)
        self.enrollments = EnrollmentService(
            store, self.ledger, self.authorities, self.guard, keys=self.keys, clock=clock, ids=ids
        )
        self.approvals = RegistrationApprovals(store, self.ledger, self.guard, clock=clock)
        self.locks = RegistrationLocks(store, self.ledger, self.guard, clock=clock, ids=ids)
        self.record_signer = RecordSigner(administrator_key or Ed25519PrivateKey.generate())
        self.administrator = PolicyAdministrator(
            self.organization_id,
            store,
            self.record_signer,
            RoomFacts(self.credentials),
            clock=clock,
            policy_hash=POLICY_HASH,
        )
        self.policies, self.tls_version = Policies(), "TLSv1.3"
        self.registrations = RegistrationService(
            store,
            self.ledger,
            self.certificates,
            self.authorities,
            self.register,
            twins=self.twins,
            keys=self.keys,
            policies=EnrollmentPoint(self.organization_id, self.administrator, self.policies.in_force, clock=clock),
            guard=self.guard,
            settings=RegistrationSettings(
                organization_id=self.organization_id,
                id_scope=ID_SCOPE,
                hostname=HOSTNAME,
                waiting=waiting or WaitingLimits(),
            ),
            clock=clock,
            ids=ids,
        )
        self.published: list[tuple[GenerationId, int, bytes]] = []
        self.administrator.publish_to(lambda *told: self.published.append(told))
        self.ledger.project("enrollment", self.locks.project)
        self.ledger.project("posture", self.administrator.project)

    async def close(self) -> None:
        await self.signer.close()

    async def trust_factory(self, factory: Factory, *, pattern: str = "*", name: str = "factory") -> Authority:
        """Register the factory's root and prove possession of its key."""
        authority = await self.authorities.register(
            organization_id=self.organization_id,
            certificate=factory.root.public_bytes(Encoding.DER),
            name=name,
            scope=AuthorityScope(device_id_pattern=pattern),
            actor=ACTOR,
        )
        assert authority.verification_code is not None
        proof = x509.load_pem_x509_certificate(factory.prove_possession(authority.verification_code))
        return await self.authorities.verify(
            organization_id=self.organization_id,
            authority_id=authority.authority_id,
            proof=proof.public_bytes(Encoding.DER),
            actor=ACTOR,
        )

    async def open_group(self, factory: Factory, **changes: Any) -> Enrollment:
        """Enroll all devices of a factory."""
        authority = await self.trust_factory(factory)
        new = NewEnrollment(
            **{"name": "line", "kind": EnrollmentKind.GROUP, "authority_id": authority.authority_id, **changes}
        )
        return (await self.enrollments.create(self.organization_id, new, actor=ACTOR)).enrollment

    async def pin(self, identity: Identity, registration_id: str, **changes: Any) -> Enrollment:
        """Enroll one device by its certificate."""
        new = NewEnrollment(
            **{
                "name": registration_id,
                "kind": EnrollmentKind.INDIVIDUAL,
                "registration_id": registration_id,
                "primary_sha256": leaf_sha256(identity),
                **changes,
            }
        )
        return (await self.enrollments.create(self.organization_id, new, actor=ACTOR)).enrollment

    async def register_device(
        self,
        identity: Identity | None,
        registration_id: str,
        *,
        csr: bytes | None = None,
        body: bytes | None = None,
        id_scope: str = ID_SCOPE,
        operation_id: str | None = None,
        password: str | None = None,
        payload: Any = None,
    ) -> Answer:
        """Register or poll as a gateway would on behalf of a device; without an identity by a token."""
        if body is None:
            body = b"" if operation_id else encode_registration(registration_id, csr=csr, payload=payload)
        chain = () if identity is None else identity.chain
        request = RegisterDevice(
            organization_id=self.organization_id,
            gateway="gateway-1",
            id_scope=id_scope,
            registration_id=registration_id,
            certificate_chain=[each.public_bytes(Encoding.DER) for each in chain],
            body=body,
            remote_address="127.0.0.1",
            operation_id=operation_id,
            password=None if password is None else password.encode(),
            tls_version=self.tls_version,
            cipher="TLS_AES_256_GCM_SHA384",
            protocol="mqtt",
        )
        return Answer(await self.registrations.register(request))

    async def enroll(self, identity: Identity, registration_id: str) -> Answer:
        """Register with a fresh operational key."""
        return await self.register_device(identity, registration_id, csr=make_request(registration_id)[1])

    async def use(self, device_id: str) -> None:
        """Connect for the first time with the newest operational certificate, as far as the records see."""
        device = await self.devices.get(self.organization_id, device_id)
        held = await self.certificates.list_of(self.organization_id, device.generation_id)

        def mark(tx: Any) -> None:
            if held:
                self.certificates.mark_used(tx, self.organization_id, held[0].sha256)
            self.register.mark_active(tx, self.organization_id, [device.generation_id], actor=ACTOR)

        await self.store.write(mark)
        if isinstance(self.clock, ManualClock):  # a certificate issued next is younger than this one
            self.clock.advance(timedelta(milliseconds=1))

    async def record(self, device_id: str) -> PostureRecord | None:
        return await self.administrator.find(device_id, None)


def refused(answer: Answer) -> tuple[str | None, int, str]:
    """Return reason, status of the answer, and status or error code of its body."""
    return answer.reply.reason, answer.reply.status, answer.status or str(answer.body["errorCode"])


def leaf_sha256(identity: Identity) -> str:
    from vedette.trust import certificate_sha256

    return certificate_sha256(identity.chain[0].public_bytes(Encoding.DER))


__all__ = [
    "ACTOR",
    "HOSTNAME",
    "ID_SCOPE",
    "Answer",
    "CredentialMode",
    "IdentityHouse",
    "ManualClock",
    "RunningSigner",
    "leaf_sha256",
    "refused",
    "running_signer",
]
