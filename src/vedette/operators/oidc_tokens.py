"""Tokens that an identity provider signed: verified, and read within limits.

Source:
    OpenID Connect Core 1.0 §3.1.3.7 (id token validation); Back-Channel Logout 1.0 §2.4, §2.6 (logout tokens);
"""

from __future__ import annotations

import hashlib
import hmac
from base64 import urlsafe_b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from vedette.operators.errors import OidcRefused
from vedette.operators.model import NAME_MAX_CHARS
from vedette.operators.oidc_model import (
    CLOCK_SLACK,
    GROUP_MAX_CHARS,
    GROUPS_MAX,
    SUBJECT_MAX_CHARS,
    WORD_MAX_CHARS,
    WORDS_MAX,
    IdentityClaims,
    LogoutClaims,
)
from vedette.operators.signed_tokens import Claims, TokenUnreadableError, VerificationKey, open_token

LOGOUT_EVENT: Final = "http://schemas.openid.net/event/backchannel-logout"
_LIFETIME_MAX: Final = timedelta(days=1)
_AGE_MAX: Final = timedelta(minutes=10)
_SID_MAX_CHARS: Final = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """What a token is measured against.

    Attributes:
        nonce: That the login was begun with; None for logout tokens, which have none.
        access_token: That came beside the token, empty if none.
    """

    issuer: str
    client_id: str
    now: datetime
    nonce: str | None = None
    access_token: str = ""


def verify_id_token(token: str, keys: Sequence[VerificationKey], expected: Expected) -> IdentityClaims:
    """Verify an id token.

    Raises:
        OidcRefused: A signature, a claim or a time is not as it must be.
        UnknownKeyError: It names a key that is not among these.
    """
    claims = _verify(token, keys, ("", "jwt"))
    _check_audience(claims, expected)
    _check_times(claims, expected.now)
    nonce = claims.get("nonce")
    if (
        not isinstance(nonce, str)
        or expected.nonce is None
        or not hmac.compare_digest(nonce.encode("utf-8", "replace"), expected.nonce.encode())
    ):
        raise OidcRefused("the token was not made for this login (nonce)")
    _check_access_token(claims, expected.access_token)
    return IdentityClaims(
        issuer=expected.issuer,
        subject=_subject(claims),
        acr=_word(claims.get("acr")),
        amr=_words(claims.get("amr")),
        auth_time=_optional_time(claims, "auth_time"),
        provider_session=_session_id(claims),
        claims=claims,
    )


def verify_logout_token(token: str, keys: Sequence[VerificationKey], expected: Expected) -> LogoutClaims:
    """Verify a logout token.

    Raises:
        OidcRefused: A signature, a claim or a time is not as it must be.
        UnknownKeyError: It names a key that is not among these.
    """
    claims = _verify(token, keys, ("", "jwt", "logout+jwt"))
    _check_audience(claims, expected)
    # Some providers' have no end: then it is counted from when they were made.
    ends_at = _optional_time(claims, "exp") or _time(claims, "iat") + _AGE_MAX
    _check_times({**claims, "exp": ends_at.timestamp()}, expected.now)
    events = claims.get("events")
    if not isinstance(events, dict) or not isinstance(events.get(LOGOUT_EVENT), dict) or "nonce" in claims:
        raise OidcRefused("the token is no logout token")
    token_id = claims.get("jti")
    if not isinstance(token_id, str) or not 0 < len(token_id) <= _SID_MAX_CHARS:
        raise OidcRefused("the logout token has no id (jti)")
    subject = _subject(claims) if "sub" in claims else ""
    session_id = _session_id(claims)
    if not subject and not session_id:
        raise OidcRefused("the logout token names neither a person (sub) nor a session (sid)")
    return LogoutClaims(
        issuer=expected.issuer,
        subject=subject,
        provider_session=session_id,
        token_id=token_id,
        expires_at=ends_at + CLOCK_SLACK,
    )


def groups_in(claims: Mapping[str, Any], name: str) -> frozenset[str] | None:
    """Return the groups that a claim holds: a list of texts, or one text; None when there is no such claim.

    Raises:
        OidcRefused: It holds something else, or too much.
    """
    value = claims.get(name)
    if value is None:
        return None
    found = [value] if isinstance(value, str) else value
    if (
        not isinstance(found, list)
        or len(found) > GROUPS_MAX
        or not all(isinstance(each, str) and len(each) <= GROUP_MAX_CHARS for each in found)
    ):
        raise OidcRefused(
            f"the claim {name[:64]!r} is not a list of at most {GROUPS_MAX} groups",
            hint="have the provider send only the groups that this application needs",
        )
    return frozenset(found)


def name_in(claims: Mapping[str, Any], claims_by_preference: Sequence[str]) -> str:
    """Return what a person is called, cut to what a name may be; empty if nothing says."""
    for name in claims_by_preference:
        value = claims.get(name)
        if isinstance(value, str):
            visible = "".join(char for char in value[: 4 * NAME_MAX_CHARS] if char.isprintable()).strip()
            if visible:
                return visible[:NAME_MAX_CHARS].strip()
    return ""


def _verify(token: str, keys: Sequence[VerificationKey], types: tuple[str, ...]) -> Claims:
    try:
        return open_token(token, keys, types)
    except TokenUnreadableError as error:
        raise OidcRefused(str(error)) from error


def _check_audience(claims: Claims, expected: Expected) -> None:
    if claims.get("iss") != expected.issuer:
        raise OidcRefused("the token comes from another provider (iss)")
    audience = claims.get("aud")
    audiences = [audience] if isinstance(audience, str) else audience
    if not isinstance(audiences, list) or expected.client_id not in audiences:
        raise OidcRefused("the token is for another application (aud)")
    party = claims.get("azp")
    if (len(audiences) > 1 and party is None) or (party is not None and party != expected.client_id):
        raise OidcRefused("the token was given to another application (azp)")


def _check_times(claims: Claims, now: datetime) -> None:
    issued_at, ends_at = _time(claims, "iat"), _time(claims, "exp")
    if ends_at + CLOCK_SLACK <= now:
        raise OidcRefused("the token is over (exp)", hint="compare the clocks of this host and of the provider")
    if not now - _AGE_MAX <= issued_at <= now + CLOCK_SLACK or ends_at - issued_at > _LIFETIME_MAX:
        raise OidcRefused(
            "the token was not made just now (iat)", hint="compare the clocks of this host and of the provider"
        )
    not_before = _optional_time(claims, "nbf")
    if not_before is not None and not_before > now + CLOCK_SLACK:
        raise OidcRefused("the token holds only later (nbf)")


def _check_access_token(claims: Claims, access_token: str) -> None:
    said = claims.get("at_hash")
    if said is None or not access_token:
        return
    # Of all algorithms that are taken here the hash is SHA-256, but Ed25519's, for which it is SHA-512.
    digests = (hashlib.sha256, hashlib.sha512)
    halves = (digest(access_token.encode("utf-8", "replace")).digest() for digest in digests)
    fitting = {urlsafe_b64encode(each[: len(each) // 2]).rstrip(b"=").decode("ascii") for each in halves}
    if said not in fitting:
        raise OidcRefused("the token goes with another access token (at_hash)")


def _time(claims: Claims, name: str) -> datetime:
    found = _optional_time(claims, name)
    if found is None:
        raise OidcRefused(f"the token does not say {name}")
    return found


def _optional_time(claims: Claims, name: str) -> datetime | None:
    value = claims.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise OidcRefused(f"{name} of the token is no time")
    try:
        return datetime.fromtimestamp(value, UTC)
    except (ValueError, OverflowError, OSError) as error:
        raise OidcRefused(f"{name} of the token is no time") from error


def _subject(claims: Claims) -> str:
    subject = claims.get("sub")
    if not isinstance(subject, str) or not 0 < len(subject) <= SUBJECT_MAX_CHARS or not subject.isprintable():
        raise OidcRefused(f"sub of the token is not 1 to {SUBJECT_MAX_CHARS} printable characters")
    return subject


def _session_id(claims: Claims) -> str:
    found = claims.get("sid", "")
    if not isinstance(found, str) or len(found) > _SID_MAX_CHARS or not found.isprintable():
        raise OidcRefused(f"sid of the token is not at most {_SID_MAX_CHARS} printable characters")
    return found


def _word(value: object) -> str:
    """Return a class or method of a login; what cannot be one is none, which only ever lowers trust."""
    if isinstance(value, str) and len(value) <= _SID_MAX_CHARS and value.isprintable() and " " not in value:
        return value
    return ""


def _words(value: object) -> tuple[str, ...]:
    found = value if isinstance(value, list) else []
    return tuple(each for each in map(_word, found[:WORDS_MAX]) if 0 < len(each) <= WORD_MAX_CHARS)
