"""An authenticator in software: makes passkeys and signs with them as a browser would hand it over."""

from __future__ import annotations

import hashlib
import json
import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass, field
from typing import Any

import cbor2
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

_PRESENT, _VERIFIED, _ATTESTED = 1, 4, 64


def to_base64url(value: bytes) -> str:
    return urlsafe_b64encode(value).rstrip(b"=").decode()


def from_base64url(text: str) -> bytes:
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))


@dataclass
class _Credential:
    user: bytes
    key: ec.EllipticCurvePrivateKey
    count: int = 0


@dataclass
class VirtualAuthenticator:
    """Attributes may be set to what an attacker's would be.

    Attributes:
        origin: Of the page that asks.
        rp_id: What it hashes into its answers; None takes what it is asked for.
        is_verifying: Whether it has seen its user.
        counts: Whether it counts its signatures.
    """

    origin: str
    rp_id: str | None = None
    is_verifying: bool = True
    counts: bool = True
    credentials: dict[bytes, _Credential] = field(default_factory=dict)

    def make(self, options: dict[str, Any]) -> dict[str, Any]:
        """Answer to ``navigator.credentials.create``."""
        credential_id = secrets.token_bytes(32)
        key = ec.generate_private_key(ec.SECP256R1())
        self.credentials[credential_id] = _Credential(from_base64url(options["user"]["id"]), key)
        numbers = key.public_key().public_numbers()
        public = {1: 2, 3: -7, -1: 1, -2: numbers.x.to_bytes(32, "big"), -3: numbers.y.to_bytes(32, "big")}
        attested = bytes(16) + len(credential_id).to_bytes(2, "big") + credential_id + cbor2.dumps(public)
        data = self._data(options["rp"]["id"], _ATTESTED, 0) + attested
        return {
            "id": to_base64url(credential_id),
            "rawId": to_base64url(credential_id),
            "type": "public-key",
            "response": {
                "clientDataJSON": self._client_data("webauthn.create", options["challenge"]),
                "attestationObject": to_base64url(cbor2.dumps({"fmt": "none", "attStmt": {}, "authData": data})),
                "transports": ["internal"],
            },
        }

    def sign(self, options: dict[str, Any], credential_id: bytes | None = None) -> dict[str, Any]:
        """Answer to ``navigator.credentials.get``."""
        chosen = credential_id or next(iter(self.credentials))
        credential = self.credentials[chosen]
        credential.count += self.counts
        data = self._data(options["rpId"], 0, credential.count)
        client_data = self._client_data("webauthn.get", options["challenge"])
        signed = data + hashlib.sha256(from_base64url(client_data)).digest()
        return {
            "id": to_base64url(chosen),
            "rawId": to_base64url(chosen),
            "type": "public-key",
            "response": {
                "clientDataJSON": client_data,
                "authenticatorData": to_base64url(data),
                "signature": to_base64url(credential.key.sign(signed, ec.ECDSA(hashes.SHA256()))),
                "userHandle": to_base64url(credential.user),
            },
        }

    def _data(self, rp_id: str, flags: int, count: int) -> bytes:
        flags |= _PRESENT | (_VERIFIED if self.is_verifying else 0)
        return hashlib.sha256((self.rp_id or rp_id).encode()).digest() + bytes([flags]) + count.to_bytes(4, "big")

    def _client_data(self, kind: str, challenge: str) -> str:
        told = {"type": kind, "challenge": challenge, "origin": self.origin, "crossOrigin": False}
        return to_base64url(json.dumps(told).encode())
