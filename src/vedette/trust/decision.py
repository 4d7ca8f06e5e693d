"""The decision function: a fresh record, a presented credential and the policies make one answer with its reason."""

from __future__ import annotations

import hmac
import re
import shlex
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final, NamedTuple

from vedette.kernel import escape_terminal
from vedette.trust.cedar import BadEntity, Verdict
from vedette.trust.facts import SessionFacts
from vedette.trust.model import Lifecycle, OtherSession, PermittedCertificate, PostureRecord, TokenProof
from vedette.trust.policy import PolicyEngine

_SHA256_CHARS: Final = 64
_SHA1_CHARS: Final = 40


class Reason(StrEnum):
    """Why access was given or not."""

    PERMITTED = "permitted"
    UNKNOWN_IDENTITY = "unknown_identity"
    STALE_POSTURE = "stale_posture"
    RECORD_EXPIRED = "record_expired"
    RECORD_INVALID = "record_invalid"
    DISABLED = "disabled"
    BLOCKED = "blocked"
    QUARANTINED = "quarantined"
    NOT_ONBOARDED = "not_onboarded"
    RETIRED = "retired"
    CERTIFICATE_MISSING = "certificate_missing"
    CERTIFICATE_NOT_PERMITTED = "certificate_not_permitted"
    CERTIFICATE_EXPIRED = "certificate_expired"
    CERTIFICATE_NOT_YET_VALID = "certificate_not_yet_valid"
    TOKEN_INVALID = "token_invalid"  # noqa: S105 - a word, no secret
    TOKEN_WRONG_SCOPE = "token_wrong_scope"  # noqa: S105 - a word, no secret
    TOKEN_EXPIRED = "token_expired"  # noqa: S105 - a word, no secret
    TOKEN_UNVERIFIED = "token_unverified"  # noqa: S105 - a word, no secret
    SYMMETRIC_KEY_NOT_PERMITTED = "symmetric_key_not_permitted"
    SYMMETRIC_KEY_EXPIRED = "symmetric_key_expired"
    SYMMETRIC_KEYS_OFF = "symmetric_keys_off"
    POLICY_DENIED = "policy_denied"
    POLICY_ERROR = "policy_error"


# A client SDK stops for good on CONNACK 4 or 5, so only what must be healed at the device may answer with them.
PERMANENT_REASONS: Final = frozenset(
    {
        Reason.UNKNOWN_IDENTITY,
        Reason.RETIRED,
        Reason.CERTIFICATE_MISSING,
        Reason.CERTIFICATE_NOT_PERMITTED,
        Reason.CERTIFICATE_EXPIRED,
        Reason.TOKEN_INVALID,
        Reason.TOKEN_WRONG_SCOPE,
        Reason.TOKEN_EXPIRED,
        Reason.SYMMETRIC_KEY_NOT_PERMITTED,
        Reason.SYMMETRIC_KEY_EXPIRED,
    }
)
# What control may say of a token that proves nothing; any other word counts as a token that is not valid.
TOKEN_REFUSALS: Final = frozenset(
    {
        Reason.TOKEN_INVALID,
        Reason.TOKEN_WRONG_SCOPE,
        Reason.TOKEN_EXPIRED,
        Reason.TOKEN_UNVERIFIED,
        Reason.SYMMETRIC_KEY_NOT_PERMITTED,
        Reason.SYMMETRIC_KEY_EXPIRED,
        Reason.SYMMETRIC_KEYS_OFF,
    }
)
SYMMETRIC_KEY: Final = "symmetric_key"
_PLACEHOLDER: Final = re.compile(r"\bDEVICE\b")

HINTS: Final = {
    Reason.UNKNOWN_IDENTITY: "register it, or let it enroll: vedette enrollment list",
    Reason.STALE_POSTURE: "control or the bus is not answering: vedette status",
    Reason.RECORD_EXPIRED: "control must renew the record: vedette status",
    Reason.RECORD_INVALID: "see what is unknown: vedette device show {device}",
    Reason.DISABLED: "let it in again: vedette device enable {device}",
    Reason.BLOCKED: "see the lists: vedette access-list list",
    Reason.QUARANTINED: "see why: vedette device show {device}",
    Reason.NOT_ONBOARDED: "the device must enroll first: vedette device show {device}",
    Reason.RETIRED: "a retired identity does not return; register the device anew",
    Reason.CERTIFICATE_MISSING: "configure the device with its operational certificate",
    Reason.CERTIFICATE_NOT_PERMITTED: "compare with the permitted ones: vedette device show {device}",
    Reason.CERTIFICATE_EXPIRED: "the device must enroll again: vedette device allow-reenrollment {device}",
    Reason.CERTIFICATE_NOT_YET_VALID: "check the clocks of device and server",
    Reason.TOKEN_INVALID: "give the device a current key: vedette device rotate-key {device}",
    Reason.TOKEN_WRONG_SCOPE: "the token must name server.hostname and this very identity",
    Reason.TOKEN_EXPIRED: "check the device's clock, or give it a newer token",
    Reason.TOKEN_UNVERIFIED: "control could not read its keys: vedette status",
    Reason.SYMMETRIC_KEY_NOT_PERMITTED: "give the device a current key: vedette device rotate-key {device}",
    Reason.SYMMETRIC_KEY_EXPIRED: "give the device a current key: vedette device rotate-key {device}",
    Reason.SYMMETRIC_KEYS_OFF: "give the device a certificate, or set pki.symmetric_keys",
    Reason.POLICY_DENIED: "see what it may do and why: vedette access explain {device}",
    Reason.POLICY_ERROR: "a policy could not be evaluated: vedette status",
}
# For modules, where a command of their own heals it; what their device lacks, they lack too.
_MODULE_HINTS: Final = {
    Reason.UNKNOWN_IDENTITY: "create it: vedette module list {device}",
    Reason.DISABLED: "let it in again: vedette module enable {device} {module}, if its device is: vedette device list",
    Reason.CERTIFICATE_NOT_PERMITTED: "give it a certificate of its own: vedette module show {device} {module}",
    Reason.CERTIFICATE_EXPIRED: "give it a new one: vedette module issue-certificate {device} {module}",
    Reason.TOKEN_INVALID: "give it a current key: vedette module rotate-key {device} {module}",
    Reason.SYMMETRIC_KEY_NOT_PERMITTED: "give it a current key: vedette module rotate-key {device} {module}",
    Reason.SYMMETRIC_KEY_EXPIRED: "give it a current key: vedette module rotate-key {device} {module}",
    Reason.POLICY_DENIED: "see what it may do and why: vedette access explain {device} --module {module}",
}


def hint_for(reason: Reason, device_id: str, module_id: str | None = None) -> str:
    """Return what to do next, as a command where one exists, with names quoted so that a shell takes them as names."""
    hint = HINTS.get(reason, "")
    if module_id is not None:
        hint = _MODULE_HINTS.get(reason, hint).replace("{module}", _quoted(module_id))
    return hint.replace("{device}", _quoted(device_id))


def advice_for(guidance: str, device_id: str) -> str:
    """Return a policy's guidance with the device's name, quoted for a shell, where it says ``DEVICE``."""
    return _PLACEHOLDER.sub(lambda _: _quoted(device_id), guidance)


def _quoted(name: str) -> str:
    return shlex.quote(escape_terminal(name))


@dataclass(frozen=True, slots=True)
class PresentedCredential:
    """What the TLS handshake proved, and what control says of a token.

    Attributes:
        sha256: Lower-case hex of the leaf certificate's DER; empty when none was presented.
        sha1: The same by SHA-1, for devices registered by such a thumbprint.
        key_algorithm: Of the certificate's key: ``EC``, ``RSA``, ``Ed25519`` or ``Ed448``; empty: not known.
        key_bits: Its size.
        token: From the opening; ``None``: none was presented, or it proves nothing.
        token_refusal: From the opening: why a token that was presented proves nothing; empty when none was presented.
    """

    sha256: str
    sha1: str
    not_before: datetime | None
    not_after: datetime | None
    token: TokenProof | None = None
    token_refusal: str = ""
    key_algorithm: str = ""
    key_bits: int = 0


@dataclass(frozen=True, slots=True)
class SessionContext:
    """What the enforcement point knows of a session.

    Attributes:
        cipher: TLS cipher suite by its OpenSSL name.
        protocol: ``mqtt``, ``websocket`` or ``https``.
        gateway: The enforcement point's name.
        other: From the opening: the identity's latest session from another address.
    """

    tls_version: str
    remote_address: str
    cipher: str = ""
    protocol: str = "mqtt"
    gateway: str = ""
    other: OtherSession | None = None


@dataclass(frozen=True, slots=True)
class Grant:
    """The identity and session as the policies saw them when it was let in."""

    record: PostureRecord
    facts: SessionFacts
    decided_at: datetime


@dataclass(frozen=True, slots=True)
class Decision:
    """An answer: "no" is a value, not an exception.

    Attributes:
        policies: ``@id`` of the policies that decided.
        grant: With a permit: what ``decide_action`` needs to decide the session's further operations.
        is_permanent: The refusal cannot heal without touching the device.
        facts: Of the session, where policies were asked.
        valid_until: When the answer must be asked for again (certificate end, section expiry); ``None``: on change.
    """

    is_permitted: bool
    reason: Reason
    policies: tuple[str, ...] = ()
    grant: Grant | None = None
    errors: tuple[str, ...] = ()
    valid_until: datetime | None = None
    facts: SessionFacts | None = None

    @property
    def is_permanent(self) -> bool:
        """Whether only a change at the device itself can heal the refusal."""
        return self.reason in PERMANENT_REASONS

    def hint(self, device_id: str, module_id: str | None = None) -> str:
        """Return what to do next, as a command where one exists; names are made harmless."""
        return hint_for(self.reason, device_id, module_id)


def decide_session(
    engine: PolicyEngine,
    record: PostureRecord | None,
    credential: PresentedCredential,
    session: SessionContext,
    now: datetime,
) -> Decision:
    """Decide what an identity may do in one session.

    The caller has verified that the record is signed, fresh and the one of the presented name.

    Args:
        engine: The policies in force.
        record: ``None`` when the administrator says that there is no such identity.
        credential: What handshake and token proved; either is enough.
        session: Address and TLS facts.
        now: Wall clock, UTC.
    """
    if record is None:
        return Decision(is_permitted=False, reason=Reason.UNKNOWN_IDENTITY)
    reason = _state_reason(record, now)
    if reason is not None:
        return Decision(is_permitted=False, reason=reason)
    proof = _judge_credential(record, credential, now)
    if isinstance(proof, Reason):
        return Decision(is_permitted=False, reason=proof)
    facts = _session_facts(proof, credential, session)
    try:
        verdict = engine.decide(record, now, "connect", facts)
    except BadEntity as error:
        return Decision(is_permitted=False, reason=Reason.RECORD_INVALID, errors=(error.detail,))
    if not verdict.is_permitted:
        return _denied(verdict, facts)
    return Decision(
        is_permitted=True,
        reason=Reason.PERMITTED,
        policies=verdict.policies,
        grant=Grant(record, facts, now),
        valid_until=_valid_until(record, proof),
        facts=facts,
    )


def decide_action(engine: PolicyEngine, grant: Grant, action: str) -> Verdict:
    """Decide one operation class of a session that was let in; ask once and keep the answer until a change.

    Args:
        engine: The policies in force.
        grant: From the session's ``Decision``.
        action: A Cedar action id of ``ACTIONS``, such as ``sendTelemetry``.
    """
    try:
        return engine.decide(grant.record, grant.decided_at, action, grant.facts)
    except BadEntity as error:
        return Verdict(is_permitted=False, policies=(), errors=(error.detail,))


def _session_facts(proof: _Proof, credential: PresentedCredential, session: SessionContext) -> SessionFacts:
    # Of what was presented only the credential that counted is told: a token proves nothing of a certificate's key.
    is_by_certificate = proof.origin != SYMMETRIC_KEY
    other = session.other
    return SessionFacts(
        credential=proof.origin,
        tls_version=session.tls_version,
        address=session.remote_address,
        cipher=session.cipher,
        protocol=session.protocol,
        gateway=session.gateway,
        key_algorithm=credential.key_algorithm if is_by_certificate else "",
        key_bits=credential.key_bits if is_by_certificate else 0,
        credential_since=credential.not_before if is_by_certificate else None,
        is_second_location=other is not None and other.is_live,
        other_seen_s=None if other is None else other.seen_s,
    )


def _denied(verdict: Verdict, facts: SessionFacts) -> Decision:
    reason = Reason.POLICY_ERROR if verdict.errors else Reason.POLICY_DENIED
    return Decision(is_permitted=False, reason=reason, policies=verdict.policies, errors=verdict.errors, facts=facts)


def _state_reason(record: PostureRecord, now: datetime) -> Reason | None:
    """Name the plainest reason first, so that "why" needs no policy text."""
    if record.expires_at is not None and now >= record.expires_at:
        return Reason.RECORD_EXPIRED
    registration = record.registration.known(now)
    quarantine = record.quarantine.known(now)
    if registration is None or quarantine is None or record.credentials.known(now) is None:
        return Reason.RECORD_INVALID
    checks = (
        (registration.lifecycle is Lifecycle.RETIRED, Reason.RETIRED),
        (registration.is_blocked, Reason.BLOCKED),
        (not registration.is_enabled, Reason.DISABLED),
        (quarantine.is_cut, Reason.QUARANTINED),
        # A limited one is the policies' business; a lifecycle that nothing stands behind is not.
        (registration.lifecycle is Lifecycle.QUARANTINED and not quarantine.is_quarantined, Reason.QUARANTINED),
        (registration.lifecycle in {Lifecycle.MADE, Lifecycle.SHIPPED}, Reason.NOT_ONBOARDED),
    )
    return next((reason for applies, reason in checks if applies), None)


class _Proof(NamedTuple):
    """The credential that lets an identity in, and what may end it."""

    origin: str
    ends: tuple[datetime | None, ...]


def _judge_credential(record: PostureRecord, credential: PresentedCredential, now: datetime) -> _Proof | Reason:
    """Judge what was presented; the certificate first, since it is the stronger one.

    Returns:
        The proof, or the reason why there is none: the token's where one was presented, since a client that has a
        certificate for the hub sends no token.
    """
    by_certificate = _judge_certificate(record, credential, now)
    if isinstance(by_certificate, _Proof) or (credential.token is None and not credential.token_refusal):
        return by_certificate
    return _judge_token(record, credential, now)


def _judge_token(record: PostureRecord, credential: PresentedCredential, now: datetime) -> _Proof | Reason:
    token = credential.token
    if token is None:
        refusal = credential.token_refusal
        return Reason(refusal) if refusal in TOKEN_REFUSALS else Reason.TOKEN_INVALID
    credentials = record.credentials.known(now)
    keys = () if credentials is None else credentials.keys
    key = next((each for each in keys if token.key_id and each.key_id == token.key_id), None)
    if key is None:
        return Reason.SYMMETRIC_KEY_NOT_PERMITTED
    if now >= key.permitted_until:
        return Reason.SYMMETRIC_KEY_EXPIRED
    if now >= token.expires_at:
        return Reason.TOKEN_EXPIRED
    return _Proof(SYMMETRIC_KEY, (token.expires_at, key.permitted_until))


def _judge_certificate(record: PostureRecord, credential: PresentedCredential, now: datetime) -> _Proof | Reason:
    if not credential.sha256 or credential.not_before is None or credential.not_after is None:
        return Reason.CERTIFICATE_MISSING
    permitted = _find_certificate(record, credential, now)
    if permitted is None:
        return Reason.CERTIFICATE_NOT_PERMITTED
    if now >= credential.not_after or (permitted.permitted_until is not None and now >= permitted.permitted_until):
        return Reason.CERTIFICATE_EXPIRED
    if now < credential.not_before:
        return Reason.CERTIFICATE_NOT_YET_VALID
    return _Proof(permitted.origin, (credential.not_after, permitted.permitted_until))


def _find_certificate(
    record: PostureRecord, credential: PresentedCredential, now: datetime
) -> PermittedCertificate | None:
    credentials = record.credentials.known(now)
    if credentials is None or not credential.sha256:
        return None
    # By the digest's own length: one that is empty or odd must never meet an empty digest of what was presented.
    presented = {_SHA256_CHARS: credential.sha256.encode(), _SHA1_CHARS: credential.sha1.encode()}
    for certificate in credentials.certificates:
        digest = certificate.digest.encode()
        candidate = presented.get(len(digest))
        if candidate is not None and hmac.compare_digest(digest, candidate):
            return certificate
    return None


def _valid_until(record: PostureRecord, proof: _Proof) -> datetime | None:
    ends = [
        *proof.ends,
        record.expires_at,
        record.registration.expires_at,
        record.credentials.expires_at,
        record.placement.expires_at,
        record.health.expires_at,
        record.quarantine.expires_at,
        None if record.location is None else record.location.expires_at,
    ]
    return min((end for end in ends if end is not None), default=None)
