"""The rooms of identity with all that decides a connect: who opens a session here is judged as at a gateway."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding
from identity_house import ACTOR, HOSTNAME, ID_SCOPE, POLICY_HASH, IdentityHouse, RunningSigner
from waiting import until

from vedette.access import AccessService, CertificateVouching, FirstUses, OpeningKeys, RecordUpkeep
from vedette.bus.contract import CertificateVouched, OpenSession, SessionOpening, VouchCertificate
from vedette.kernel import OrganizationId, RandomIds
from vedette.pki import Authority, AuthorityScope
from vedette.registry import Authentication, AuthenticationType, ModuleService, ModuleWithKeys, NewDevice, NewModule
from vedette.registry.service import DeviceWithKeys
from vedette.simulation import Factory, Identity, ManualClock
from vedette.store import Store
from vedette.trust import (
    Decision,
    Opening,
    OpeningRequest,
    PolicyEngine,
    PostureRecord,
    PostureView,
    PresentedCredential,
    SessionContext,
    TrustAnchor,
    certificate_sha1,
    certificate_sha256,
    decide_session,
    default_bundle,
    describe_key,
)

NONCE = b"n" * 16
ENGINE = PolicyEngine(default_bundle())
SESSION = SessionContext(tls_version="TLSv1.3", remote_address="192.0.2.7")


@dataclass(frozen=True)
class Connect:
    """What became of a connect: control's answer, believed, and the decision on it."""

    answer: SessionOpening
    opening: Opening
    decision: Decision


class KeptSubscriptions:
    """What sessions have kept, and who discarded it."""

    def __init__(self) -> None:
        self.kept: dict[str, dict[str, int]] = {}

    async def __call__(
        self, organization_id: OrganizationId, generation_id: str, *, is_clean: bool, is_kept: bool
    ) -> dict[str, int] | None:
        assert organization_id
        kept = self.kept.get(generation_id)
        if is_clean or not is_kept:
            self.kept.pop(generation_id, None)
        return None if is_clean else kept


class CredentialHouse(IdentityHouse):
    """Adds modules, openings, vouching and upkeep to the rooms of identity."""

    def __init__(
        self,
        store: Store,
        signer: RunningSigner,
        clock: ManualClock,
        *,
        has_symmetric_keys: bool = True,
        key: Ed25519PrivateKey | None = None,
    ) -> None:
        self.key = key or Ed25519PrivateKey.generate()
        super().__init__(store, signer, clock, has_symmetric_keys=has_symmetric_keys, administrator_key=self.key)
        self.manual = clock
        self.modules = ModuleService(store, self.register, self.guard)
        self.uses = FirstUses(self.organization_id, store, self.credentials, self.register)
        self.subscriptions = KeptSubscriptions()
        self.access = AccessService(
            self.organization_id,
            self.administrator,
            store,
            self.record_signer,
            self.uses.note,
            keys=self.keys,
            opening_keys=OpeningKeys(self.record_signer, clock=clock, ids=RandomIds(clock)),
            clock=clock,
            subscriptions_for=self.subscriptions,
        )
        self.vouching = CertificateVouching(self.organization_id, store, self.register, self.guard, clock=clock)
        self.upkeep = RecordUpkeep(self.organization_id, store, self.administrator, self.credentials)
        self.ledger.project("upkeep", self.upkeep.project)

    async def keep_up(self) -> None:
        """Run the upkeep of records until it has looked at all that it should."""
        async with asyncio.TaskGroup() as group:
            running = group.create_task(self.upkeep.run(), name="upkeep")
            await asyncio.sleep(0)
            await until(lambda: self.upkeep.is_idle)
            running.cancel()

    async def device(self, name: str = "pump-7", kind: str = "symmetric_key", **changes: Any) -> DeviceWithKeys:
        given = changes.pop("given", None)
        new = NewDevice(device_id=name, authentication=_authentication(kind, changes), **changes)
        return await self.devices.create_with_keys(self.organization_id, new, actor=ACTOR, given=given)

    async def module(
        self, name: str = "filter", kind: str = "symmetric_key", device_id: str = "pump-7", **changes: Any
    ) -> ModuleWithKeys:
        new = NewModule(module_id=name, authentication=_authentication(kind, changes), **changes)
        return await self.modules.create_with_keys(self.organization_id, device_id, new, actor=ACTOR)

    def token(
        self, key: bytes, device_id: str = "pump-7", module_id: str | None = None, *, lives_s: int = 3600
    ) -> bytes:
        resource = f"{HOSTNAME}%2Fdevices%2F{device_id}" + (f"%2Fmodules%2F{module_id}" if module_id else "")
        end = int((self.clock.now() + timedelta(seconds=lives_s)).timestamp())
        mac = base64.b64encode(hmac.digest(key, f"{resource}\n{end}".encode(), hashlib.sha256)).decode()
        quoted = mac.replace("+", "%2B").replace("/", "%2F").replace("=", "%3D")
        return f"SharedAccessSignature sr={resource}&sig={quoted}&se={end}".encode()

    async def connect(
        self,
        device_id: str = "pump-7",
        module_id: str | None = None,
        *,
        password: bytes | None = None,
        leaf: x509.Certificate | None = None,
        is_clean: bool = True,
        engine: PolicyEngine | None = None,
    ) -> Connect:
        """Connect as a gateway would have it decided."""
        if self.administrator.published is None:
            await self.administrator.start()
        der = None if leaf is None else leaf.public_bytes(Encoding.DER)
        request = OpenSession(
            organization_id=self.organization_id,
            gateway="gateway-1",
            device_id=device_id,
            module_id=module_id,
            nonce=NONCE,
            certificate_sha256=None if der is None else certificate_sha256(der),
            certificate_sha1=None if der is None else certificate_sha1(der),
            remote_address="192.0.2.7",
            password=password,
            is_clean=is_clean,
        )
        answer = await self.access.open_session(request)
        opening = self.view().accept_opening(answer.opening, OpeningRequest(NONCE, device_id, module_id))
        return Connect(answer, opening, self.decide(opening.record, opening, leaf, engine))

    def decide(
        self,
        record: PostureRecord | None,
        opening: Opening,
        leaf: x509.Certificate | None = None,
        engine: PolicyEngine | None = None,
    ) -> Decision:
        """Decide as a gateway does at a connect, and again for a live session whenever its record changes."""
        der = b"" if leaf is None else leaf.public_bytes(Encoding.DER)
        credential = PresentedCredential(
            sha256=certificate_sha256(der) if der else "",
            sha1=certificate_sha1(der) if der else "",
            not_before=None if leaf is None else leaf.not_valid_before_utc,
            not_after=None if leaf is None else leaf.not_valid_after_utc,
            key_algorithm="" if leaf is None else describe_key(leaf.public_key())[0],
            key_bits=0 if leaf is None else describe_key(leaf.public_key())[1],
            token=opening.token,
            token_refusal=opening.token_refusal,
        )
        return decide_session(engine or ENGINE, record, credential, SESSION, self.clock.now())

    def view(self) -> PostureView:
        anchor = TrustAnchor(
            schema=1,
            organization_id=self.organization_id,
            hostnames=(HOSTNAME,),
            id_scope=ID_SCOPE,
            administrator_key=self.record_signer.public_key,
            root_certificate="",
        )
        return PostureView(anchor, POLICY_HASH, self.clock)

    async def vouch(
        self, identity: Identity, device_id: str = "pump-7", module_id: str | None = None
    ) -> CertificateVouched:
        """Ask as a gateway that was shown an unknown certificate."""
        return await self.vouching.vouch(
            VouchCertificate(
                organization_id=self.organization_id,
                gateway="gateway-1",
                device_id=device_id,
                module_id=module_id,
                certificate_chain=[each.public_bytes(Encoding.DER) for each in identity.chain],
                remote_address="192.0.2.7",
            )
        )

    async def trust_at_hub(self, factory: Factory, *, pattern: str = "*", group: str | None = None) -> Authority:
        """Register a factory's root for the hub and prove possession of its key."""
        authority = await self.authorities.register(
            organization_id=self.organization_id,
            certificate=factory.root.public_bytes(Encoding.DER),
            name="plant",
            scope=AuthorityScope(enrollment_group=group, device_id_pattern=pattern),
            actor=ACTOR,
            is_hub_trusted=True,
        )
        assert authority.verification_code is not None
        proof = x509.load_pem_x509_certificate(factory.prove_possession(authority.verification_code))
        return await self.authorities.verify(
            organization_id=self.organization_id,
            authority_id=authority.authority_id,
            proof=proof.public_bytes(Encoding.DER),
            actor=ACTOR,
        )

    async def record_of(self, device_id: str = "pump-7", module_id: str | None = None) -> PostureRecord:
        record = await self.administrator.find(device_id, module_id)
        assert record is not None
        return record


def _authentication(kind: str, changes: dict[str, Any]) -> Authentication:
    thumbprint = changes.pop("thumbprint", None)
    return Authentication(type=AuthenticationType(kind), primary_thumbprint=thumbprint)
