"""Security event tokens: signed as the interoperability profile wants it, and verified against what is expected.

Source:
    RFC 8417 (SET); OpenID Shared Signals Framework 1.0 §4.1; CAEP Interoperability Profile 1.0 §2.6 (RS256, 2048 bits).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import msgspec
from joserfc import jws
from joserfc.jwk import RSAKey

from vedette.access.ssf_errors import SetRefused
from vedette.operators import TokenUnreadableError, VerificationKey, open_token, read_keys

KEY_BITS: Final = 2_048
TYPE: Final = "secevent+jwt"
AHEAD_MAX: Final = timedelta(minutes=5)
AGE_MAX: Final = timedelta(days=7)
_ID_MAX_CHARS: Final = 256
_Claims = dict[str, Any]  # Any: JSON


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceivedSet:
    """A token that was verified."""

    jti: str
    issued_at: datetime
    subject: object
    events: Mapping[str, Mapping[str, Any]]  # Any: JSON


class SetSigner:
    """Signs tokens with one RSA key.

    Args:
        key_id: Names the key in the key set.
        pkcs8: The private key, DER.
    """

    def __init__(self, key_id: str, pkcs8: bytes) -> None:
        self._key_id = key_id
        self._key = RSAKey.import_key(pkcs8)

    def sign(self, claims: Mapping[str, Any]) -> str:
        """Return a token in compact form."""
        header = {"alg": "RS256", "typ": TYPE, "kid": self._key_id}
        return jws.serialize_compact(header, msgspec.json.encode(dict(claims)), self._key, algorithms=["RS256"])

    def public_jwk(self) -> _Claims:
        """Return the public key as a JWK."""
        found = self._key.as_dict(private=False)
        return {"kty": "RSA", "n": found["n"], "e": found["e"], "kid": self._key_id, "use": "sig", "alg": "RS256"}


def read_key_set(document: object) -> tuple[VerificationKey, ...]:
    """Return the keys of a JWK set that can verify tokens here; others are passed over.

    Raises:
        SetRefused: It is no key set, or one of more than 64 keys.
    """
    try:
        return read_keys(document)
    except TokenUnreadableError as error:
        raise _refusal(error) from error


def verify_set(
    token: str, keys: Sequence[VerificationKey], *, issuer: str, audience: str, now: datetime
) -> ReceivedSet:
    """Verify a token.

    Raises:
        SetRefused: A signature, a claim or a time is not as it must be.
        UnknownKeyError: It names a key that is not among these.
    """
    claims = _verify(token, keys)
    if claims.get("iss") != issuer:
        raise SetRefused("the token comes from another issuer", error="invalid_issuer")
    audiences = claims.get("aud")
    if audience not in (audiences if isinstance(audiences, list) else [audiences]):
        raise SetRefused("the token is for somebody else", error="invalid_audience")
    if "exp" in claims:
        raise SetRefused("a security event token has no end")
    jti, issued_at = claims.get("jti"), _time(claims.get("iat"))
    if not isinstance(jti, str) or not 0 < len(jti) <= _ID_MAX_CHARS or not jti.isprintable():
        raise SetRefused("the token has no id that could be remembered")
    if not now - AGE_MAX <= issued_at <= now + AHEAD_MAX:
        raise SetRefused("the token is too old, or from the future")
    events = claims.get("events")
    if not isinstance(events, dict) or len(events) != 1 or not all(isinstance(each, dict) for each in events.values()):
        raise SetRefused("the token does not hold one event")
    return ReceivedSet(jti=jti, issued_at=issued_at, subject=claims.get("sub_id"), events=events)


def _verify(token: str, keys: Sequence[VerificationKey]) -> _Claims:
    try:
        return open_token(token, keys, (TYPE,))
    except TokenUnreadableError as error:
        raise _refusal(error) from error


def _refusal(error: TokenUnreadableError) -> SetRefused:
    return SetRefused(str(error), error="invalid_key" if error.is_key else "invalid_request")


def _time(value: object) -> datetime:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise SetRefused("the token does not say when it was made")
    try:
        return datetime.fromtimestamp(value, UTC)
    except (OverflowError, OSError, ValueError) as error:
        raise SetRefused("the token does not say when it was made") from error
