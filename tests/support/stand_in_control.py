"""Control as a gateway sees it: signed records, heads and openings, and the answers of pki and enrollment, no SQL.

Only what the gateway's own tests need to steer by the millisecond; the real rooms meet the gateway in the journeys.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any, TypeVar

import msgspec
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from running_bus import RunningBus
from stand_in_hub import StandInHub

from vedette.access import OpeningKeys
from vedette.bus import CONTROL_EVENTS_USER, CONTROL_USER, BusConnection, BusUnavailable, Endpoint
from vedette.bus.contract import (
    AGREE_OPENING_KEY,
    FETCH_POLICIES,
    ISSUE_SERVER_CERTIFICATE,
    OPEN_SESSION,
    POSTURE_CHANGES,
    REGISTER_DEVICE,
    RENEW_CERTIFICATE,
    VOUCH_CERTIFICATE,
    AgreeOpeningKey,
    CertificateVouched,
    FetchPolicies,
    IssueServerCertificate,
    OpeningKeyAgreed,
    OpenSession,
    PepStatus,
    PoliciesReply,
    PostureChanges,
    PostureChangesReply,
    RegisterDevice,
    RegistrationReply,
    RenewCertificate,
    RenewedCertificate,
    SessionOpening,
    VouchCertificate,
    posture_head_subject,
    posture_subject,
)
from vedette.kernel import DeviceId, GenerationId, ModuleId, OrganizationId, RandomIds, SystemClock
from vedette.trust import (
    EMPTY_ROOT,
    SCHEMA_VERSION,
    Credentials,
    FailureMode,
    Head,
    Health,
    Lifecycle,
    Opening,
    OtherSession,
    PermittedCertificate,
    Placement,
    PolicyBundle,
    PolicyManifest,
    PostureRecord,
    Quarantine,
    RecordSigner,
    Registration,
    Section,
    TokenProof,
    TrustAnchor,
    default_manifest,
    encode_bundle,
    encode_manifest,
    encode_trust_anchor,
    extend_root,
)

T = TypeVar("T")
IDS = RandomIds(SystemClock())
POLICY_HASH = default_manifest().sha256


@dataclass
class Credential:
    """A key and a certificate chain on disk."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey
    issuers: tuple[x509.Certificate, ...] = ()
    certificate_file: Path = Path()
    key_file: Path = Path()

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.certificate.public_bytes(Encoding.DER)).hexdigest()

    def write(self, folder: Path, name: str) -> Credential:
        self.certificate_file, self.key_file = folder / f"{name}.pem", folder / f"{name}.key"
        chain = (self.certificate, *self.issuers)
        self.certificate_file.write_bytes(b"".join(one.public_bytes(Encoding.PEM) for one in chain))
        self.key_file.write_bytes(self.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        return self


def make_certificate(
    name: str,
    issuer: Credential | None = None,
    *,
    public_key: ec.EllipticCurvePublicKey | None = None,
    is_authority: bool = False,
    hosts: tuple[str, ...] = (),
    valid_for: timedelta = timedelta(days=30),
    valid_since: timedelta = timedelta(hours=1),
    extra_bytes: int = 0,
) -> Credential:
    """Issue a certificate; without an issuer it signs itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    now = datetime.now(UTC)
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer.certificate.subject if issuer else subject)
        .public_key(public_key or key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - valid_since)
        .not_valid_after(now + valid_for)
        .add_extension(x509.BasicConstraints(is_authority, None), critical=True)
    )
    if hosts:
        names: list[x509.GeneralName] = [x509.DNSName(host) for host in hosts]
        names.append(x509.IPAddress(IPv4Address("127.0.0.1")))
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    if extra_bytes:
        filler = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.3.6.1.4.1.55555.1"), b"x" * extra_bytes)
        builder = builder.add_extension(filler, critical=False)
    certificate = builder.sign(issuer.key if issuer else key, hashes.SHA256())
    return Credential(certificate, key, (issuer.certificate,) if issuer else ())


@dataclass
class StandInControl:
    """Records in memory; ``change`` signs and pushes one."""

    folder: Path
    bus: BusConnection
    events: BusConnection
    organization_id: OrganizationId
    root: Credential
    anchor: TrustAnchor
    signer: RecordSigner
    hub: StandInHub
    records: dict[tuple[str, str | None], PostureRecord] = field(default_factory=dict)
    signed: list[tuple[int, str, bytes]] = field(default_factory=list)
    sequence: int = 0
    epoch: int = 1
    root_hash: bytes = EMPTY_ROOT
    head_every_s: float = 0.2
    is_silent: bool = False
    is_listening: bool = False
    clock_ahead: timedelta = timedelta()
    server_valid_for: timedelta = timedelta(days=30)
    hold_opening: asyncio.Event | None = None
    openings: int = 0
    statuses: list[PepStatus] = field(default_factory=list)
    registrations: list[RegisterDevice] = field(default_factory=list)
    on_register: Callable[[RegisterDevice], RegistrationReply] | None = None
    on_changed: Callable[[PostureRecord], None] | None = None
    on_token: Callable[[OpenSession], TokenProof | str] | None = None
    on_vouch: Callable[[VouchCertificate], CertificateVouched] | None = None
    on_other: Callable[[OpenSession], OtherSession | None] = lambda _: None
    manifest: PolicyManifest | None = None
    bundles: dict[str, PolicyBundle] = field(default_factory=dict)
    fetches: list[FetchPolicies] = field(default_factory=list)
    sealed: int = 0
    on_answer: Callable[[SessionOpening], SessionOpening] = lambda answer: answer

    def __post_init__(self) -> None:
        self.forget_opening_keys()

    @classmethod
    async def start(cls, folder: Path, bus: RunningBus) -> StandInControl:
        """Make a root and an anchor file, and connect to the bus as control."""
        root = make_certificate("test root", is_authority=True).write(folder, "root")
        signer = RecordSigner(Ed25519PrivateKey.generate())
        organization_id = OrganizationId(IDS.new("org"))
        anchor = TrustAnchor(
            schema=1,
            organization_id=organization_id,
            hostnames=("localhost",),
            id_scope="0ne00TEST",
            administrator_key=signer.public_key,
            root_certificate=root.certificate.public_bytes(Encoding.PEM).decode(),
        )
        (folder / "trust-anchor.json").write_bytes(encode_trust_anchor(anchor))
        control, events = await bus.connect(CONTROL_USER), await bus.connect(CONTROL_EVENTS_USER)
        hub = StandInHub(control, organization_id)
        return cls(folder, control, events, organization_id, root, anchor, signer, hub)

    async def run(self) -> None:
        """Answer and publish heads until cancelled."""
        if not self.is_listening:
            self.is_listening = True
            self.bus.subscribe("pep.status.*.*", lambda message: self._note_status(message.payload))
            self.hub.listen()
        endpoints: list[Endpoint[Any]] = [  # each has its own request type
            Endpoint(OPEN_SESSION, OpenSession, self._open_session),
            Endpoint(AGREE_OPENING_KEY, AgreeOpeningKey, self._agree_opening_key),
            Endpoint(POSTURE_CHANGES, PostureChanges, self._changes),
            Endpoint(FETCH_POLICIES, FetchPolicies, self._fetch_policies),
            Endpoint(ISSUE_SERVER_CERTIFICATE, IssueServerCertificate, self._issue_server),
            Endpoint(RENEW_CERTIFICATE, RenewCertificate, self._renew),
            Endpoint(REGISTER_DEVICE, RegisterDevice, self._register),
            Endpoint(VOUCH_CERTIFICATE, VouchCertificate, self._vouch),
            *self.hub.endpoints(),
        ]
        async with asyncio.TaskGroup() as group:
            group.create_task(self.bus.serve(endpoints), name="serve")
            group.create_task(self._publish_heads(), name="heads")

    # --- records ------------------------------------------------------------------------------------------------

    def add_device(
        self,
        device_id: str,
        credential: Credential,
        *,
        module_id: str | None = None,
        failure_mode: FailureMode = FailureMode.HOLD_LAST,
        hold_s: int = 600,
        permitted_until: datetime | None = None,
    ) -> PostureRecord:
        """Register an active identity with one permitted certificate."""
        now = datetime.now(UTC)
        permitted = PermittedCertificate(digest=credential.sha256, origin="issued", permitted_until=permitted_until)
        record = PostureRecord(
            schema=SCHEMA_VERSION,
            organization_id=self.organization_id,
            generation_id=GenerationId(IDS.new("dev" if module_id is None else "mod")),
            kind="device" if module_id is None else "module",
            device_id=DeviceId(device_id),
            module_id=None if module_id is None else ModuleId(module_id),
            epoch=self.epoch,
            sequence=0,
            issued_at=now,
            expires_at=None,
            registration=_section(
                "registry",
                Registration(
                    lifecycle=Lifecycle.ACTIVE,
                    is_enabled=True,
                    is_blocked=False,
                    failure_mode=failure_mode,
                    hold_s=hold_s,
                ),
            ),
            credentials=_section("pki", Credentials(certificates=(permitted,))),
            placement=_section("registry", Placement()),
            health=_section("health", Health()),
            quarantine=_section("access", Quarantine()),
            exceptions=_section("access", ()),
            device_generation_id=None if module_id is None else self._generation_of(device_id),
        )
        return self.change(record)

    def _generation_of(self, device_id: str) -> GenerationId:
        device = self.records.get((device_id, None))
        return device.generation_id if device is not None else GenerationId(IDS.new("dev"))

    def change(self, record: PostureRecord, *, is_pushed: bool = True) -> PostureRecord:
        """Sign a record under the next sequence and push it."""
        self.sequence += 1
        changed = msgspec.structs.replace(record, sequence=self.sequence, epoch=self.epoch, issued_at=datetime.now(UTC))
        signed = self.signer.sign_record(changed)
        self.root_hash = extend_root(self.root_hash, signed)
        self.records[(changed.device_id, changed.module_id)] = changed
        self.signed.append((self.sequence, changed.generation_id, signed))
        if is_pushed:
            self.events.publish(posture_subject(self.organization_id, changed.generation_id), signed)
        return changed

    def set_enabled(self, record: PostureRecord, *, is_enabled: bool, is_pushed: bool = True) -> PostureRecord:
        """Disable or enable an identity."""
        latest = self.records[(record.device_id, record.module_id)]
        value = latest.registration.value
        assert value is not None
        registration = msgspec.structs.replace(
            latest.registration, value=msgspec.structs.replace(value, is_enabled=is_enabled)
        )
        return self.change(msgspec.structs.replace(latest, registration=registration), is_pushed=is_pushed)

    def permit(self, record: PostureRecord, *credentials: Credential) -> PostureRecord:
        """Replace the permitted certificates."""
        permitted = tuple(PermittedCertificate(digest=one.sha256, origin="issued") for one in credentials)
        section = msgspec.structs.replace(record.credentials, value=Credentials(certificates=permitted))
        return self.change(msgspec.structs.replace(record, credentials=section))

    def head(self) -> Head:
        return Head(
            schema=SCHEMA_VERSION,
            organization_id=self.organization_id,
            epoch=self.epoch,
            sequence=self.sequence,
            root_hash=self.root_hash,
            policy_hash=POLICY_HASH if self.manifest is None else self.manifest.sha256,
            issued_at=datetime.now(UTC) + self.clock_ahead,
        )

    def enforce(self, stable: PolicyBundle, *others: PolicyBundle, **stages: str) -> None:
        """Put policies into force: the next head names them."""
        self.bundles.update({bundle.sha256: bundle for bundle in (stable, *others)})
        self.manifest = PolicyManifest(stable.sha256, **stages)
        self.publish_head()

    def publish_head(self) -> None:
        self.events.publish(posture_head_subject(self.organization_id), self.signer.sign_head(self.head()))

    async def _publish_heads(self) -> None:
        while True:
            if not self.is_silent:
                with contextlib.suppress(BusUnavailable):
                    self.publish_head()
            await asyncio.sleep(self.head_every_s)

    # --- answers ------------------------------------------------------------------------------------------------

    async def _open_session(self, request: OpenSession) -> SessionOpening:
        self.openings += bool(request.device_id.strip())  # a gateway that asks about nobody wants to know the head
        record = self.records.get((request.device_id, request.module_id))
        token = self.on_token(request) if self.on_token is not None and request.password else None
        opening = Opening(
            nonce=request.nonce,
            organization_id=self.organization_id,
            device_id=DeviceId(request.device_id),
            module_id=None if request.module_id is None else ModuleId(request.module_id),
            head=self.head(),
            record=record,
            token=token if isinstance(token, TokenProof) else None,
            token_refusal=token if isinstance(token, str) else "",
            other=self.on_other(request),
        )
        key = self.opening_keys.find(request.gateway, request.key_ids)
        signed = self.signer.sign_opening(opening) if key is None else key.seal(opening)
        key_id = "" if key is None else key.key_id
        self.sealed += key is not None
        if self.hold_opening is not None:
            await self.hold_opening.wait()
        if record is None:
            return self.on_answer(SessionOpening(signed, None, key_id))
        kept = self.hub.subscriptions_for(record.generation_id, is_clean=request.is_clean, is_kept=request.is_kept)
        return self.on_answer(SessionOpening(signed, kept, key_id))

    def forget_opening_keys(self) -> None:
        """Know no key for openings any more, as after a restart."""
        self.opening_keys = OpeningKeys(self.signer, clock=SystemClock(), ids=IDS)

    async def _agree_opening_key(self, request: AgreeOpeningKey) -> OpeningKeyAgreed:
        return self.opening_keys.agree(self.organization_id, request)

    async def _changes(self, request: PostureChanges) -> PostureChangesReply:
        latest: dict[str, tuple[int, bytes]] = {}
        for sequence, generation_id, signed in self.signed:
            if sequence > request.after_sequence:
                latest[generation_id] = (sequence, signed)
        ordered = sorted(latest.values())
        records = [signed for _, signed in ordered[: request.limit]]
        head = self.signer.sign_head(self.head())
        return PostureChangesReply(records, head, more=len(ordered) > request.limit)

    async def _fetch_policies(self, request: FetchPolicies) -> PoliciesReply:
        """Hand out one bundle at a time, as for large ones."""
        self.fetches.append(request)
        assert self.manifest is not None
        wanted = sorted(self.manifest.bundles - set(request.known))
        bundles = [encode_bundle(self.bundles[name]) for name in wanted[:1]]
        return PoliciesReply(manifest=encode_manifest(self.manifest), bundles=bundles, more=len(wanted) > 1)

    async def _issue_server(self, request: IssueServerCertificate) -> RenewedCertificate:
        csr = x509.load_der_x509_csr(request.csr)
        key = csr.public_key()
        assert isinstance(key, ec.EllipticCurvePublicKey)
        issued = make_certificate(
            "localhost", self.root, public_key=key, hosts=("localhost",), valid_for=self.server_valid_for
        )
        return RenewedCertificate([issued.certificate.public_bytes(Encoding.DER)])

    async def _renew(self, request: RenewCertificate) -> RenewedCertificate:
        csr = x509.load_der_x509_csr(request.csr)
        key = csr.public_key()
        assert isinstance(key, ec.EllipticCurvePublicKey)
        issued = make_certificate("renewed", self.root, public_key=key)
        chain = (issued.certificate, self.root.certificate)
        return RenewedCertificate([one.public_bytes(Encoding.DER) for one in chain])

    async def _register(self, request: RegisterDevice) -> RegistrationReply:
        self.registrations.append(request)
        if self.on_register is not None:
            return self.on_register(request)
        return RegistrationReply(status=200, body=b'{"operationId":"1","status":"assigned"}')

    async def _vouch(self, request: VouchCertificate) -> CertificateVouched:
        if self.on_vouch is None:
            return CertificateVouched(is_vouched=False, detail="nobody vouches here")
        return self.on_vouch(request)

    def _note_status(self, payload: bytes) -> None:
        self.statuses.append(msgspec.msgpack.decode(payload, type=PepStatus))


def _section(owner: str, value: T) -> Section[T]:
    return Section(owner=owner, revision=1, observed_at=datetime.now(UTC), value=value)
