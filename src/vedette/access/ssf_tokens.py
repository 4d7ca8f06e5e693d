"""Security event tokens: signed as the interoperability profile wants it, and verified against what is expected.

Source:
    RFC 8417 (SET); OpenID Shared Signals Framework 1.0 §4.1; CAEP Interoperability Profile 1.0 §2.6 (RS256, 2048 bits);
    RFC 8725 (algorithms are the receiver's choice).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import msgspec
from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, JWKRegistry, OKPKey, RSAKey

from vedette.access.ssf_errors import SetRefused

TOKEN_MAX_CHARS: Final = 16_384
KEYS_MAX: Final = 64
KEY_BITS: Final = 2_048
TYPE: Final = "secevent+jwt"
# Ed25519 is what RFC 9864 calls EdDSA.
ALGORITHMS: Final = ("RS256", "PS256", "ES256", "Ed25519", "EdDSA")
AHEAD_MAX: Final = timedelta(minutes=5)
AGE_MAX: Final = timedelta(days=7)
_KINDS: Final = {
    "RS256": ("RSA", ""),
    "PS256": ("RSA", ""),
    "ES256": ("EC", "P-256"),
    "Ed25519": ("OKP", "Ed25519"),
    "EdDSA": ("OKP", "Ed25519"),
}
_ID_MAX_CHARS: Final = 256
# 256 bytes in base64url.
_RSA_MODULUS_MIN_CHARS: Final = 342
_Claims = dict[str, Any]  # Any: JSON


class UnknownSetKeyError(Exception):
    """A token names a key that the transmitter had not published when it was asked last."""


@dataclass(frozen=True, slots=True)
class PublicKey:
    """A key that a transmitter signs with; ``algorithm`` is empty when it does not say."""

    key_id: str
    algorithm: str
    key: RSAKey | ECKey | OKPKey


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


def read_key_set(document: object) -> tuple[PublicKey, ...]:
    """Return the keys of a JWK set that can verify tokens here; others are passed over.

    Raises:
        SetRefused: It is no key set, or one of more than 64 keys.
    """
    keys = document.get("keys") if isinstance(document, dict) else None
    if not isinstance(keys, list) or len(keys) > KEYS_MAX:
        raise SetRefused("the transmitter's key set is not one of at most 64 keys", error="invalid_key")
    found = (_read_key(each) for each in keys if isinstance(each, dict))
    return tuple(each for each in found if each is not None)


def verify_set(token: str, keys: Sequence[PublicKey], *, issuer: str, audience: str, now: datetime) -> ReceivedSet:
    """Verify a token.

    Raises:
        SetRefused: A signature, a claim or a time is not as it must be.
        UnknownSetKeyError: It names a key that is not among these.
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


def _verify(token: str, keys: Sequence[PublicKey]) -> _Claims:
    if len(token) > TOKEN_MAX_CHARS or not token.isascii():
        raise SetRefused(f"a token has at most {TOKEN_MAX_CHARS} ASCII characters")
    try:
        header = jws.extract_compact(token.encode("ascii")).headers()
    except (JoseError, ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise SetRefused("this is not a signed token") from error
    algorithm, key_id, kind = header.get("alg"), header.get("kid", ""), header.get("typ", "")
    if algorithm not in ALGORITHMS or not isinstance(key_id, str) or not isinstance(kind, str):
        raise SetRefused(f"the token is not signed with one of {', '.join(ALGORITHMS)}", error="invalid_key")
    if kind.lower().removeprefix("application/") != TYPE or "crit" in header:
        raise SetRefused("the token is of another type")
    fitting = [each for each in keys if _fits(each, algorithm) and (not key_id or each.key_id == key_id)]
    if not fitting:
        raise UnknownSetKeyError
    for each in fitting:
        try:
            signed = jws.deserialize_compact(token, each.key, algorithms=[algorithm], registry=_REGISTRY)
        except (JoseError, ValueError, TypeError):
            continue
        return _decode(signed.payload)
    raise SetRefused("the signature of the token is wrong", error="invalid_key")


_REGISTRY: Final = jws.JWSRegistry(algorithms=list(ALGORITHMS), strict_check_header=False)
_REGISTRY.max_payload_length = TOKEN_MAX_CHARS


def _decode(payload: bytes | None) -> _Claims:
    try:
        found = msgspec.json.decode(payload or b"")
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise SetRefused("the token holds no JSON") from error
    if not isinstance(found, dict):
        raise SetRefused("the token holds no claims")
    return found


def _read_key(jwk: _Claims) -> PublicKey | None:
    if jwk.get("kty") not in {"RSA", "EC", "OKP"} or "d" in jwk or jwk.get("use", "sig") != "sig":
        return None
    key_id, algorithm = jwk.get("kid", ""), jwk.get("alg", "")
    if not isinstance(key_id, str) or not isinstance(algorithm, str):
        return None
    if jwk["kty"] == "RSA" and len(str(jwk.get("n", ""))) < _RSA_MODULUS_MIN_CHARS:
        return None
    members = {name: jwk[name] for name in ("kty", "n", "e", "crv", "x", "y") if isinstance(jwk.get(name), str)}
    try:
        key = JWKRegistry.import_key(members)
        is_weak = isinstance(key, RSAKey) and key.public_key.key_size < KEY_BITS
    except (JoseError, ValueError, TypeError, KeyError):
        return None
    if is_weak or not isinstance(key, RSAKey | ECKey | OKPKey):
        return None
    return PublicKey(key_id, algorithm, key)


def _fits(candidate: PublicKey, algorithm: str) -> bool:
    kind, curve = _KINDS[algorithm]
    key = candidate.key
    if key.key_type != kind or (candidate.algorithm and candidate.algorithm != algorithm):
        return False
    return isinstance(key, RSAKey) or key.curve_name == curve


def _time(value: object) -> datetime:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise SetRefused("the token does not say when it was made")
    try:
        return datetime.fromtimestamp(value, UTC)
    except (OverflowError, OSError, ValueError) as error:
        raise SetRefused("the token does not say when it was made") from error
