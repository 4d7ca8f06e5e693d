"""Tokens that somebody else signed: the keys that verify them, and their signature; what they claim is the caller's.

Source:
    RFC 7517 (JWK); RFC 7515 (JWS); RFC 8725 (algorithms are the receiver's choice); RFC 9864 (Ed25519 by its name).
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, Final

import msgspec
from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, JWKRegistry, OKPKey, RSAKey

# The last two are one and the same.
ALGORITHMS: Final = ("RS256", "PS256", "ES256", "EdDSA", "Ed25519")
TOKEN_MAX_CHARS: Final = 16_384
KEYS_MAX: Final = 64
RSA_MIN_BITS: Final = 2_048
# Each algorithm goes with one kind of key, whatever the key or the token says of itself.
_KINDS: Final = {
    "RS256": ("RSA", ""),
    "PS256": ("RSA", ""),
    "ES256": ("EC", "P-256"),
    "EdDSA": ("OKP", "Ed25519"),
    "Ed25519": ("OKP", "Ed25519"),
}
_REGISTRY: Final = jws.JWSRegistry(algorithms=list(ALGORITHMS), strict_check_header=False)
_REGISTRY.max_payload_length = TOKEN_MAX_CHARS
Claims = dict[str, Any]  # Any: JSON


class TokenUnreadableError(Exception):
    """A token or a key set is not what it must be; the text says why.

    Attributes:
        is_key: Its key is at fault: the algorithm or the signature.
    """

    def __init__(self, reason: str, *, is_key: bool = False) -> None:
        super().__init__(reason)
        self.is_key = is_key


class UnknownKeyError(Exception):
    """A token names a key that its issuer had not published when it was asked last."""


@dataclass(frozen=True, slots=True)
class VerificationKey:
    """A key that an issuer signs with.

    Attributes:
        key_id: Empty when the issuer did not name it.
        algorithm: The only one it is for; empty when the issuer did not say.
    """

    key_id: str
    algorithm: str
    key: RSAKey | ECKey | OKPKey

    def fits(self, algorithm: str) -> bool:
        """Return whether a token of that algorithm can be this key's."""
        kind, curve = _KINDS[algorithm]
        if self.key.key_type != kind or (self.algorithm and self.algorithm != algorithm):
            return False
        return isinstance(self.key, RSAKey) or self.key.curve_name == curve


def read_keys(document: object) -> tuple[VerificationKey, ...]:
    """Return the keys of a JWK set that can verify tokens here; others are passed over (RFC 7517 §5).

    Raises:
        TokenUnreadableError: It is no key set, or one of more than 64 keys.
    """
    keys = document.get("keys") if isinstance(document, dict) else None
    if not isinstance(keys, list) or len(keys) > KEYS_MAX:
        raise TokenUnreadableError(f"the key set is not one of at most {KEYS_MAX} keys", is_key=True)
    found = (_read_key(each) for each in keys if isinstance(each, dict))
    return tuple(each for each in found if each is not None)


def open_token(token: str, keys: Sequence[VerificationKey], types: Collection[str]) -> Claims:
    """Return the claims of a token in compact form whose signature is one of these keys'.

    Args:
        token: From anywhere.
        keys: Of the issuer.
        types: What ``typ`` may be, in lower case and without "application/"; "" lets it be missing.

    Raises:
        TokenUnreadableError: It is no token, of another type, or its signature is wrong.
        UnknownKeyError: It names a key that is not among these.
    """
    if len(token) > TOKEN_MAX_CHARS or not token.isascii():
        raise TokenUnreadableError(f"the token is not one of at most {TOKEN_MAX_CHARS} ASCII characters")
    try:
        header = jws.extract_compact(token.encode("ascii")).headers()
    except (JoseError, ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise TokenUnreadableError("the token is not a signed token") from error
    algorithm, key_id, kind = header.get("alg"), header.get("kid", ""), header.get("typ", "")
    if algorithm not in ALGORITHMS or not isinstance(key_id, str) or not isinstance(kind, str):
        raise TokenUnreadableError(f"the token is not signed with one of {', '.join(ALGORITHMS)}", is_key=True)
    if kind.lower().removeprefix("application/") not in types or "crit" in header:
        raise TokenUnreadableError("the token is of another type")
    fitting = [each for each in keys if each.fits(algorithm) and (not key_id or each.key_id == key_id)]
    if not fitting:
        raise UnknownKeyError
    for each in fitting:
        try:
            signed = jws.deserialize_compact(token, each.key, algorithms=[algorithm], registry=_REGISTRY)
        except (JoseError, ValueError, TypeError):
            continue
        return _decode(signed.payload)
    raise TokenUnreadableError("the signature of the token is wrong", is_key=True)


def _decode(payload: bytes | None) -> Claims:
    try:
        found = msgspec.json.decode(payload or b"")
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise TokenUnreadableError("the token holds no JSON") from error
    if not isinstance(found, dict):
        raise TokenUnreadableError("the token holds no claims")
    return found


def _read_key(jwk: Claims) -> VerificationKey | None:
    kind = jwk.get("kty")
    if kind not in {"RSA", "EC", "OKP"} or "d" in jwk or jwk.get("use", "sig") != "sig":
        return None
    key_id, algorithm = jwk.get("kid", ""), jwk.get("alg", "")
    if not isinstance(key_id, str) or not isinstance(algorithm, str):
        return None
    members = {name: jwk[name] for name in ("kty", "n", "e", "crv", "x", "y") if isinstance(jwk.get(name), str)}
    if kind == "RSA" and len(members.get("n", "")) * 6 < RSA_MIN_BITS:
        return None
    try:
        key = JWKRegistry.import_key(members)
        is_weak = isinstance(key, RSAKey) and key.public_key.key_size < RSA_MIN_BITS
    except (JoseError, ValueError, TypeError, KeyError):
        return None
    if is_weak or not isinstance(key, RSAKey | ECKey | OKPKey):
        return None
    return VerificationKey(key_id, algorithm, key)
