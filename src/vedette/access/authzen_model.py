"""What other systems ask of the decision point, and what it answers: values and pure rules.

Source:
    OpenID AuthZEN Authorization API 1.0 (subject, action, resource, context).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from ipaddress import ip_address
from typing import Any, Final

from vedette.trust import (
    SYMMETRIC_KEY,
    Credentials,
    FactValue,
    OtherSession,
    PermittedCertificate,
    PostureRecord,
    Reason,
    SessionFacts,
    TokenProof,
)

Context = Mapping[str, Any]  # Any: JSON of whoever asks, each value checked where it is read

UNKNOWN_SUBJECT: Final = "unknown_subject"
UNKNOWN_ACTION: Final = "unknown_action"
UNKNOWN_RESOURCE: Final = "unknown_resource"
MISSING_CONTEXT: Final = "missing_context"
INVALID_CONTEXT: Final = "invalid_context"
# Without them nothing is decided: they are what a gateway of ours knows of every session.
NEEDED: Final = ("address", "tlsVersion", "cipher", "protocol")
_TLS_VERSIONS: Final = ("TLSv1.2", "TLSv1.3")
_WORD: Final = re.compile(r"[A-Za-z0-9_.+-]{1,64}", re.ASCII)
_FINGERPRINT: Final = re.compile(r"[0-9a-f]{64}|[0-9a-f]{40}", re.ASCII)
_HOURS_MAX: Final = 1_000_000
_BITS_MAX: Final = 65_536
# The least trusted comes first: who does not say by which credential an identity came is answered for that one.
_ORIGINS: Final = ("onboarding", "authority", "pinned", "issued")


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One question of another system.

    Attributes:
        context: What it knows of the session, by the names of the Cedar context; other names are not read.
        caller: The program that asks, as it is on record.
        subject_properties: Read where an application decides, and nowhere else; so are the next two.
    """

    subject_type: str
    subject_id: str
    action: str
    resource_type: str
    resource_id: str
    context: Context = field(default_factory=dict)
    caller: str = ""
    subject_properties: Context = field(default_factory=dict)
    resource_properties: Context = field(default_factory=dict)
    action_properties: Context = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What it is told.

    Attributes:
        reason: ``permitted``, a ``vedette.trust.Reason``, or one of this module's words.
        detail: Which check failed, in words.
        record: Of an identity that we know.
        facts: What was decided on.
    """

    is_permitted: bool
    reason: str
    detail: str = ""
    hint: str = ""
    policies: tuple[str, ...] = ()
    record: PostureRecord | None = None
    bundle_sha256: str | None = None
    facts: Mapping[str, FactValue] = field(default_factory=dict)


def refused(reason: str, detail: str = "", *, hint: str = "", record: PostureRecord | None = None) -> Answer:
    """Return a plain no."""
    return Answer(is_permitted=False, reason=reason, detail=detail, hint=hint, record=record)


def find_context_flaw(context: Context) -> Answer | None:
    """Return the refusal of a context that leaves out, or gets wrong, what every decision needs."""
    missing = [name for name in NEEDED if not context.get(name)]
    if missing:
        return refused(
            MISSING_CONTEXT,
            f"the context lacks {', '.join(missing)}",
            hint=f"tell the session's {', '.join(NEEDED)} in the context",
        )
    if not _is_address(context["address"]):
        return refused(INVALID_CONTEXT, "address is no IP address")
    if context["tlsVersion"] not in _TLS_VERSIONS:
        return refused(INVALID_CONTEXT, f"tlsVersion is none of {', '.join(_TLS_VERSIONS)}")
    for name in ("cipher", "protocol"):
        if not (isinstance(context[name], str) and _WORD.fullmatch(context[name])):
            return refused(INVALID_CONTEXT, f"{name} is no word of at most 64 characters")
    return None


def read_facts(
    context: Context, *, credential: str, caller: str, other: OtherSession | None, now: datetime
) -> SessionFacts:
    """Return the facts of a session from a context without flaws; what is not told, or is of another type, is unknown.

    Args:
        context: Checked by ``find_context_flaw``.
        credential: Where the identity's credential comes from.
        caller: Stands as the gateway.
        other: Where else the identity is, or was last, as we know it.
        now: Ages are counted back from here.
    """
    algorithm, bits = context.get("keyAlgorithm"), _whole(context.get("keyBits"), _BITS_MAX)
    age = _whole(context.get("credentialAgeHours"), _HOURS_MAX)
    has_key = isinstance(algorithm, str) and _WORD.fullmatch(algorithm) is not None and bits is not None
    is_second = context.get("isSecondLocation") is True or (other is not None and other.is_live)
    return SessionFacts(
        credential=credential,
        tls_version=context["tlsVersion"],
        address=str(ip_address(context["address"])),
        cipher=context["cipher"],
        protocol=context["protocol"],
        gateway=caller,
        key_algorithm=str(algorithm) if has_key else "",
        key_bits=bits or 0 if has_key else 0,
        credential_since=None if age is None else now - timedelta(hours=age),
        is_second_location=is_second,
        other_seen_s=None if other is None or other.is_live else other.seen_s,
    )


def judge_credential(
    record: PostureRecord, context: Context, token: TokenProof | Reason | None, now: datetime
) -> str | Reason:
    """Return where the credential comes from by which an identity came, or why it may not come by it.

    A certificate is named by ``certificateSha256`` (or SHA-1). Without one, and without a token, whoever asks answers
    for the identity: then it counts as having come by the least trusted credential that it has.
    """
    credentials = record.credentials.known(now)
    if credentials is None:
        return Reason.RECORD_INVALID
    if token is not None:
        return token if isinstance(token, Reason) else _judge_token(credentials, token, now)
    certificates = [each for each in credentials.certificates if _is_current(each, now)]
    named = context.get("certificateSha256")
    if named is not None:
        fingerprint = str(named).replace(":", "").lower()
        if not _FINGERPRINT.fullmatch(fingerprint):
            return Reason.CERTIFICATE_NOT_PERMITTED
        found = next((each.origin for each in certificates if each.digest == fingerprint), None)
        return found or Reason.CERTIFICATE_NOT_PERMITTED
    if any(now < each.permitted_until for each in credentials.keys):
        return SYMMETRIC_KEY
    origins: set[str] = {each.origin for each in certificates} | ({"authority"} if credentials.authorities else set())
    return next((each for each in _ORIGINS if each in origins), Reason.CERTIFICATE_NOT_PERMITTED)


def _judge_token(credentials: Credentials, token: TokenProof, now: datetime) -> str | Reason:
    is_current = any(each.key_id == token.key_id and now < each.permitted_until for each in credentials.keys)
    return SYMMETRIC_KEY if is_current and now < token.expires_at else Reason.SYMMETRIC_KEY_NOT_PERMITTED


def _is_current(certificate: PermittedCertificate, now: datetime) -> bool:
    return certificate.permitted_until is None or now < certificate.permitted_until


def _is_address(value: object) -> bool:
    try:
        ip_address(value if isinstance(value, str) else "")
    except ValueError:
        return False
    return "%" not in str(value)


def _whole(value: object, most: int) -> int | None:
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= most:
        return value
    return None
