"""Identities: opening their sessions, their posture, certificates and registrations."""

from __future__ import annotations

from typing import Final

import msgspec

_TOLD_WITHIN_MS: Final = 2_000


class OpenSession(msgspec.Struct, frozen=True, kw_only=True):
    """Ask for the posture of an identity that presents itself at a gateway.

    Attributes:
        nonce: 16 random bytes; the answer is signed over them, so an older answer cannot be replayed.
        certificate_sha256: Lower-case hex of the certificate whose key the TLS handshake proved, or ``None``.
        certificate_sha1: The same by SHA-1, for devices registered by such a thumbprint.
        password: Of CONNECT: a shared access signature, which only control can verify.
        is_clean: CONNECT asked for a clean session: kept subscriptions are discarded.
        is_kept: The session outlives its connection. One that does not goes on with what was kept, for the last time.
        key_ids: Of the keys that the answer may be sealed with; who knows none of them signs it.
    """

    organization_id: str
    gateway: str
    device_id: str
    module_id: str | None
    nonce: bytes
    certificate_sha256: str | None
    remote_address: str
    password: bytes | None = None
    is_clean: bool = True
    is_kept: bool = True
    certificate_sha1: str | None = None
    key_ids: tuple[str, ...] = ()

    def __repr__(self) -> str:
        # A password is a token: it must not reach a log through a representation.
        return _without_password(self)


class SessionOpening(msgspec.Struct, frozen=True):
    """The signed or sealed opening (``vedette.trust.Opening``), or one that says that there is no such identity.

    Attributes:
        key_id: Of the key it is sealed with; empty: it is signed.
        subscriptions: What a kept session subscribed to, by ``vedette.protocols.hub.Subscription`` value, with the
            granted QoS; ``None``: there is no kept session.
    """

    opening: bytes
    subscriptions: dict[str, int] | None = None
    key_id: str = ""


class AgreeOpeningKey(msgspec.Struct, frozen=True, kw_only=True):
    """Ask for a key that openings to this gateway are sealed with from now on.

    Attributes:
        nonce: Fresh random bytes.
        public_key: X25519, ephemeral, 32 bytes.
    """

    organization_id: str
    gateway: str
    nonce: bytes
    public_key: bytes


class OpeningKeyAgreed(msgspec.Struct, frozen=True):
    """The signed ``vedette.trust.OpeningKeyOffer``."""

    offer: bytes


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
        password: Of CONNECT: a shared access signature, for symmetric-key enrollments.
        tls_version: With ``cipher`` and ``protocol`` what policies read of the connection; empty denies.
    """

    organization_id: str
    gateway: str
    id_scope: str
    registration_id: str
    certificate_chain: list[bytes]
    body: bytes
    remote_address: str
    operation_id: str | None = None
    password: bytes | None = None
    tls_version: str = ""
    cipher: str = ""
    protocol: str = ""

    def __repr__(self) -> str:
        # A password is a token: it must not reach a log through a representation.
        return _without_password(self)


class RegistrationReply(msgspec.Struct, frozen=True, kw_only=True):
    """What to answer on ``$dps/registrations/res/{status}``; ``reason`` and what follows are for its record.

    Attributes:
        reason: The refusal's code, ``None`` for a registration that was granted.
        policies: Those that denied it.
        bundle_sha256: The policies that were asked; ``None``: none were.
    """

    status: int
    body: bytes
    retry_after_s: int | None = None
    reason: str | None = None
    detail: str = ""
    hint: str = ""
    policies: tuple[str, ...] = ()
    bundle_sha256: str | None = None


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
        client: What the client calls itself; text from outside.
        credential: What let it in: the SHA-256 of a certificate, or the id of a symmetric key.
    """

    generation_id: str
    session_id: str
    opened_at_ms: int
    remote_address: str = ""
    protocol: str = "MQTT 3.1.1"
    client: str = ""
    credential: str = ""

    def believed_at_ms(self, now_ms: int) -> int:
        """Return when it was opened, for comparison: about when it was told, whatever the teller's clock says.

        A gateway whose clock is ahead would hold the identity against all others; one that is behind would never get
        it.
        """
        return min(max(self.opened_at_ms, now_ms - _TOLD_WITHIN_MS), now_ms)


class VouchCertificate(msgspec.Struct, frozen=True, kw_only=True):
    """Ask whether a registered authority vouches for the certificate that an identity presents.

    If it does, the certificate joins those permitted to the identity; the gateway then opens the session anew.

    Attributes:
        certificate_chain: DER, leaf first; the handshake proved possession of the leaf's key.
    """

    organization_id: str
    gateway: str
    device_id: str
    module_id: str | None
    certificate_chain: list[bytes]
    remote_address: str


class CertificateVouched(msgspec.Struct, frozen=True):
    """Whether an authority vouches for it; ``detail`` says why not."""

    is_vouched: bool
    detail: str = ""


def _without_password(request: OpenSession | RegisterDevice) -> str:
    shown = (
        f"{name}={'hidden' if name == 'password' and value is not None else repr(value)}"
        for name, value in msgspec.structs.asdict(request).items()
    )
    return f"{type(request).__name__}({', '.join(shown)})"
