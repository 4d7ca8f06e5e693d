"""The contract on the bus: subjects, stream names, and the requests that doors make of control.

Subjects hold generated ids only, never a name chosen outside. Requests go to ``svc.<room>.<verb>.<organization>`` as
MessagePack; a reply is ``{"ok": …}`` or ``{"problem": …}``. Signed posture bytes travel opaque: the bus carries,
it never vouches.
"""

from __future__ import annotations

from typing import Final, Generic, TypeVar

import msgspec

TELEMETRY_STREAM: Final = "TELEMETRY"
DECISIONS_STREAM: Final = "DECISIONS"
EVENTS_STREAM: Final = "EVENTS"
POSTURE_STREAM: Final = "KV_posture"

CONTROL_QUEUE: Final = "control"

OPEN_SESSION: Final = "svc.access.open_session"
POSTURE_CHANGES: Final = "svc.access.changes"
REGISTER_DEVICE: Final = "svc.enrollment.register"
RENEW_CERTIFICATE: Final = "svc.pki.renew"
ISSUE_SERVER_CERTIFICATE: Final = "svc.pki.issue_server_certificate"
REPORT_CERTIFICATE: Final = "svc.pki.report_certificate"
GATEWAY_SERVICES: Final = (
    OPEN_SESSION,
    POSTURE_CHANGES,
    REGISTER_DEVICE,
    RENEW_CERTIFICATE,
    ISSUE_SERVER_CERTIFICATE,
    REPORT_CERTIFICATE,
)

T = TypeVar("T")


def service_subject(service: str, organization_id: str) -> str:
    """Return the subject of a service such as ``OPEN_SESSION`` for one organization."""
    return f"{service}.{organization_id}"


def telemetry_subject(organization_id: str, gateway: str) -> str:
    """Return the subject under which a gateway stores telemetry batches."""
    return f"telemetry.{organization_id}.{gateway}"


def decision_subject(organization_id: str, generation_id: str | None, kind: str) -> str:
    """Return the subject of an access decision; ``kind`` is ``connect``, ``refuse``, ``cut`` or ``disconnect``."""
    return f"decision.{organization_id}.{generation_id or 'unknown'}.{kind}"


def posture_subject(organization_id: str, generation_id: str) -> str:
    """Return the KV subject of one identity's signed posture record."""
    return f"$KV.posture.{organization_id}.{generation_id}"


def posture_head_subject(organization_id: str) -> str:
    """Return the KV subject of the signed head."""
    return f"$KV.posture.{organization_id}.head"


def pep_status_subject(organization_id: str, gateway: str) -> str:
    """Return the subject of a gateway's heartbeats and enforcement acknowledgements."""
    return f"pep.status.{organization_id}.{gateway}"


def session_opened_subject(organization_id: str, gateway: str) -> str:
    """Return the subject on which a gateway tells the others that it took over an identity."""
    return f"session.opened.{organization_id}.{gateway}"


class ProblemReply(msgspec.Struct, frozen=True, omit_defaults=True):
    """Why a request was not done; the same words reach the person who asked."""

    code: str
    detail: str
    hint: str = ""
    status: int = 400


class Reply(msgspec.Struct, Generic[T], frozen=True, omit_defaults=True):
    """The answer to a request: exactly one of the two is set."""

    ok: T | None = None
    problem: ProblemReply | None = None


class OpenSession(msgspec.Struct, frozen=True, kw_only=True):
    """Ask for the posture of an identity that presents itself at a gateway.

    Attributes:
        nonce: 16 random bytes; the answer is signed over them, so an older answer cannot be replayed.
        certificate_sha256: Lower-case hex of the certificate whose key the TLS handshake proved, or ``None``.
    """

    organization_id: str
    gateway: str
    device_id: str
    module_id: str | None
    nonce: bytes
    certificate_sha256: str | None
    remote_address: str


class SessionOpening(msgspec.Struct, frozen=True):
    """The signed opening (``vedette.trust.Opening``), or one that says that there is no such identity."""

    opening: bytes


class PostureChanges(msgspec.Struct, frozen=True, kw_only=True):
    """Ask for the records changed after a sequence, oldest first."""

    organization_id: str
    gateway: str
    epoch: int
    after_sequence: int
    limit: int = 1000


class PostureChangesReply(msgspec.Struct, frozen=True):
    """Signed records and the signed head; ``more`` asks the caller to call again after the last sequence."""

    records: list[bytes]
    head: bytes
    more: bool = False


class RegisterDevice(msgspec.Struct, frozen=True, kw_only=True):
    """A DPS registration, with what the gateway's TLS stage proved.

    Attributes:
        certificate_chain: DER, leaf first, as the device sent it; the handshake proved possession of the leaf's key.
        body: The registration's JSON body as received, at most 96 KiB.
        operation_id: Set when the device polls an earlier registration, else ``None``.
    """

    organization_id: str
    gateway: str
    id_scope: str
    registration_id: str
    certificate_chain: list[bytes]
    body: bytes
    remote_address: str
    operation_id: str | None = None


class RegistrationReply(msgspec.Struct, frozen=True, kw_only=True):
    """What to answer on ``$dps/registrations/res/{status}``; the last three are for the record of a refusal.

    Attributes:
        reason: The refusal's code, ``None`` for a registration that was granted.
    """

    status: int
    body: bytes
    retry_after_s: int | None = None
    reason: str | None = None
    detail: str = ""
    hint: str = ""


class RenewCertificate(msgspec.Struct, frozen=True, kw_only=True):
    """A renewal over the hub connection, proved by the certificate of the session itself."""

    organization_id: str
    gateway: str
    generation_id: str
    certificate_sha256: str
    csr: bytes


class RenewedCertificate(msgspec.Struct, frozen=True):
    """The new certificate and its issuers, DER, leaf first."""

    chain: list[bytes]


class IssueServerCertificate(msgspec.Struct, frozen=True, kw_only=True):
    """A gateway's own server certificate; control sets the names, the request brings only the key."""

    organization_id: str
    gateway: str
    csr: bytes


class ReportCertificate(msgspec.Struct, frozen=True, kw_only=True):
    """A certificate that names our operational authority as its issuer and was refused: is it one of ours at all?

    Attributes:
        certificate: DER, at most 16 KiB; the handshake proved possession of its key.
        presented_as: The identity that was asked for, ``device`` or ``device/module``; text from outside.
    """

    organization_id: str
    gateway: str
    certificate: bytes
    presented_as: str
    remote_address: str


class CertificateReported(msgspec.Struct, frozen=True):
    """What the records know of it: a ``vedette.pki.Standing``, or ``foreign`` if our authority did not sign it."""

    standing: str


class PepStatus(msgspec.Struct, frozen=True, kw_only=True):
    """A gateway's heartbeat, sent each second and right after each enforcement.

    Attributes:
        sequence: Highest record sequence applied without a gap.
        enforced: Sequences applied since the last status, with what was done.
        observed_at: RFC 3339, the gateway's wall clock.
        boot_id: Tells whether two monotonic stamps may be compared.
    """

    organization_id: str
    gateway: str
    boot_id: str
    epoch: int
    sequence: int
    sessions: int
    observed_at: str
    is_stale: bool = False
    enforced: list[Enforced] = []


class Enforced(msgspec.Struct, frozen=True, kw_only=True):
    """One change applied at a gateway: sessions cut, and monotonic stamps of the hops in nanoseconds."""

    generation_id: str
    sequence: int
    sessions_cut: int
    received_ns: int
    enforced_ns: int


class SessionOpened(msgspec.Struct, frozen=True, kw_only=True):
    """A gateway holds this identity now; another that still does closes its own session.

    Attributes:
        opened_at_ms: Unix milliseconds; on a tie the greater ``session_id`` wins.
    """

    generation_id: str
    session_id: str
    opened_at_ms: int


class TelemetryRecord(msgspec.Struct, frozen=True, array_like=True):
    """One message of a device as stored.

    Attributes:
        session: Index into the batch's sessions.
        enqueued_at_ms: Unix milliseconds at the gateway.
        system: Property bag keys without ``$.`` (``mid``, ``ct`` …); the value of a bare key is ``None``.
        properties: Application properties.
    """

    session: int
    enqueued_at_ms: int
    qos: int
    system: dict[str, str | None]
    properties: dict[str, str | None]
    body: bytes


class TelemetrySession(msgspec.Struct, frozen=True, array_like=True):
    """The hub's stamps, the same for all messages of a session; a device cannot set them."""

    generation_id: str
    device_id: str
    module_id: str | None
    auth_method: str
    model_id: str | None


class TelemetryBatch(msgspec.Struct, frozen=True, array_like=True, kw_only=False):
    """All messages of one short tick of one gateway: one stream message, one fsync."""

    version: int
    gateway: str
    sessions: list[TelemetrySession]
    records: list[TelemetryRecord]


class DecisionRecord(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A connect, refusal, cut or disconnect, as stored in the ``DECISIONS`` stream.

    Attributes:
        decision_id: Generated id.
        decided_at: RFC 3339.
        kind: ``connect``, ``refuse``, ``cut``, ``disconnect``, ``register``.
        reason: A ``vedette.trust.Reason`` value or a protocol reason.
        device_id: The name as presented, untrusted when ``generation_id`` is absent.
        repeated: How many equal refusals this record stands for.
    """

    decision_id: str
    organization_id: str
    decided_at: str
    gateway: str
    kind: str
    effect: str
    reason: str
    detail: str = ""
    hint: str = ""
    action: str = "connect"
    generation_id: str | None = None
    device_id: str = ""
    module_id: str | None = None
    remote_address: str = ""
    certificate_sha256: str | None = None
    certificate_subject: str | None = None
    certificate_issuer: str | None = None
    certificate_serial: str | None = None
    certificate_not_after: str | None = None
    tls_version: str | None = None
    policies: list[str] = []
    bundle_sha256: str | None = None
    sequence: int | None = None
    repeated: int = 1
