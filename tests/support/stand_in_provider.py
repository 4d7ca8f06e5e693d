"""Keys and tokens of an identity provider, made by hand: every claim, header and key as wrong as a test wants it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from joserfc import jws
from joserfc.jwk import ECKey, OctKey, OKPKey, RSAKey

from vedette.operators.oidc_tokens import Expected
from vedette.operators.signed_tokens import VerificationKey, read_keys

ISSUER = "https://login.example/realms/plant"
CLIENT = "vedette"
NONCE = "n-0S6_WzA2Mj"
NOW = datetime(2026, 11, 22, 10, 0, tzinfo=UTC)
SECONDS = int(NOW.timestamp())
EXPECTED = Expected(issuer=ISSUER, client_id=CLIENT, now=NOW, nonce=NONCE)
LOGOUT = Expected(issuer=ISSUER, client_id=CLIENT, now=NOW)

RSA = RSAKey.generate_key(2048, {"kid": "r", "use": "sig"})
OTHER_RSA = RSAKey.generate_key(2048, {"kid": "r", "use": "sig"})
EC = ECKey.generate_key("P-256", {"kid": "e"})
ED = OKPKey.generate_key("Ed25519", {"kid": "d"})
KEYS: tuple[VerificationKey, ...] = read_keys({"keys": [key.as_dict(private=False) for key in (RSA, EC, ED)]})


def claims(**changed: Any) -> dict[str, Any]:
    """Return good claims of an id token; members that are None are left out."""
    found = {
        "iss": ISSUER,
        "aud": CLIENT,
        "sub": "ada",
        "nonce": NONCE,
        "iat": SECONDS,
        "exp": SECONDS + 300,
        "auth_time": SECONDS - 60,
        "amr": ["pwd", "mfa"],
        "acr": "urn:two",
        "sid": "s1",
        "groups": ["fleet-admins"],
        **changed,
    }
    return {name: value for name, value in found.items() if value is not None}


def logout_claims(**changed: Any) -> dict[str, Any]:
    """Return good claims of a logout token."""
    found = {
        "iss": ISSUER,
        "aud": CLIENT,
        "sub": "ada",
        "iat": SECONDS,
        "exp": SECONDS + 120,
        "jti": "j1",
        "sid": "s1",
        "events": {"http://schemas.openid.net/event/backchannel-logout": {}},
        **changed,
    }
    return {name: value for name, value in found.items() if value is not None}


def sign(
    payload: bytes, *, key: RSAKey | ECKey | OKPKey | OctKey = RSA, algorithm: str = "RS256", **header: Any
) -> str:
    """Sign whatever bytes, with a header that is as strange as the test wants it."""
    protected = {"alg": algorithm, "kid": key.kid, **header}
    registry = jws.JWSRegistry(algorithms=[algorithm], strict_check_header=False)
    return jws.serialize_compact(
        {name: value for name, value in protected.items() if value is not None}, payload, key, registry=registry
    )
