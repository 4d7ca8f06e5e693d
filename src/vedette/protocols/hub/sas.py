"""Shared access signatures: parsing a token, its MAC, its scope. Pure functions; keys and time are arguments."""

from __future__ import annotations

import base64
import binascii
import enum
import hashlib
import hmac
from collections.abc import Sequence
from typing import Final
from urllib.parse import quote, unquote

import msgspec

from vedette.protocols.errors import LocalProtocolError, RemoteProtocolError
from vedette.protocols.hub.user_name import normalize_host
from vedette.protocols.mqtt import BAD_USER_NAME_OR_PASSWORD

MAX_TOKEN_CHARS: Final = 2_048
SKEW_S: Final = 300

_PREFIX: Final = "SharedAccessSignature "
_FIELDS: Final = frozenset({"sr", "sig", "se", "skn"})
_REQUIRED: Final = frozenset({"sr", "sig", "se"})
_MAX_EXPIRY_DIGITS: Final = 12
_DIGEST_BYTES: Final = 32


class SasToken(msgspec.Struct, frozen=True, kw_only=True):
    """A parsed token: a claim, not yet verified.

    Attributes:
        resource: The ``sr`` text exactly as sent, which is what was signed.
        expiry: The ``se`` text exactly as sent.
        signature: 32 bytes.
        policy_name: ``skn``, or empty.
    """

    resource: str
    expiry: str
    signature: bytes
    policy_name: str = ""

    def __repr__(self) -> str:
        # A signature is a bearer's proof: it must not reach a log through a representation.
        return f"SasToken(resource={self.resource!r}, expiry={self.expiry!r}, policy_name={self.policy_name!r})"

    @property
    def expires_at_s(self) -> int:
        """When the token ends, in seconds since 1970; the connection ends with it."""
        return int(self.expiry)


class SasVerdict(enum.Enum):
    """What verification found."""

    VALID = "valid"
    WRONG_SIGNATURE = "wrong_signature"
    WRONG_SCOPE = "wrong_scope"
    EXPIRED = "expired"


def parse_sas_token(text: str, *, max_chars: int = MAX_TOKEN_CHARS) -> SasToken:
    """Parse ``SharedAccessSignature sr=…&sig=…&se=…[&skn=…]``, fields in any order.

    Raises:
        RemoteProtocolError: With CONNACK code 4: another form, a field twice, or longer than ``max_chars``.
    """
    if len(text) > max_chars:
        raise RemoteProtocolError(
            f"token of {len(text)} characters exceeds the limit of {max_chars}", BAD_USER_NAME_OR_PASSWORD
        )
    if not text.startswith(_PREFIX):
        raise RemoteProtocolError("password is not a SharedAccessSignature", BAD_USER_NAME_OR_PASSWORD)
    fields: dict[str, str] = {}
    for pair in text[len(_PREFIX) :].split("&", len(_FIELDS)):
        key, separator, value = pair.partition("=")
        if not separator or key not in _FIELDS or key in fields:
            raise RemoteProtocolError("token has a field that is unknown or repeated", BAD_USER_NAME_OR_PASSWORD)
        fields[key] = value
    if not fields.keys() >= _REQUIRED or not fields["sr"]:
        raise RemoteProtocolError("token lacks sr, sig or se", BAD_USER_NAME_OR_PASSWORD)
    expiry = fields["se"]
    if not (expiry.isascii() and expiry.isdigit() and len(expiry) <= _MAX_EXPIRY_DIGITS):
        raise RemoteProtocolError("token's se is not a time in seconds", BAD_USER_NAME_OR_PASSWORD)
    try:
        policy_name = unquote(fields.get("skn", ""), errors="strict")
        signature = base64.b64decode(unquote(fields["sig"], errors="strict"), validate=True)
    except (ValueError, binascii.Error):
        raise RemoteProtocolError("token's sig or skn is not well formed", BAD_USER_NAME_OR_PASSWORD) from None
    if len(signature) != _DIGEST_BYTES:
        raise RemoteProtocolError("token's sig is not 32 bytes", BAD_USER_NAME_OR_PASSWORD)
    return SasToken(resource=fields["sr"], expiry=expiry, signature=signature, policy_name=policy_name)


def verify_sas_token(
    token: SasToken, *, keys: Sequence[bytes], scope: Sequence[str], now_s: float, skew_s: int = SKEW_S
) -> SasVerdict:
    """Verify signature, then scope, then expiry.

    Args:
        token: What the peer sent.
        keys: Primary and secondary key; every one is tried, in constant time.
        scope: The segments the token must name, such as ``("hub.example", "devices", "pump-7")``. The first is
            compared without case and port. A token with a policy name may name a leading part of it.
        now_s: Wall-clock time in seconds since 1970.
        skew_s: How far in the past the expiry may lie.

    Source:
        ``sig = base64(HMAC-SHA256(key, sr + LF + se))`` over the texts as sent.
    """
    message = f"{token.resource}\n{token.expiry}".encode("utf-8", "surrogatepass")
    matches = [hmac.compare_digest(hmac.digest(key, message, hashlib.sha256), token.signature) for key in keys if key]
    if not any(matches):
        return SasVerdict.WRONG_SIGNATURE
    named, wanted = _segments(unquote(token.resource)), _segments("/".join(scope))
    if named != (wanted[: len(named)] if token.policy_name else wanted):
        return SasVerdict.WRONG_SCOPE
    return SasVerdict.EXPIRED if token.expires_at_s + skew_s < now_s else SasVerdict.VALID


def build_sas_token(resource: str, key: bytes, expires_at_s: int, *, policy_name: str = "") -> str:
    """Sign a token as a device does; ``resource`` is percent-encoded here.

    Args:
        resource: Such as ``host/devices/id``.
        key: The decoded key.
        expires_at_s: Seconds since 1970.
        policy_name: ``skn``; left out when empty.
    """
    scope = quote(resource, safe="")
    signature = base64.b64encode(hmac.digest(key, f"{scope}\n{expires_at_s}".encode(), hashlib.sha256))
    suffix = f"&skn={quote(policy_name, safe='')}" if policy_name else ""
    return f"{_PREFIX}sr={scope}&sig={quote(signature, safe='')}&se={expires_at_s}{suffix}"


def decode_symmetric_key(key: str) -> bytes:
    """Decode a base64 key.

    Raises:
        LocalProtocolError: Not base64, or empty.
    """
    try:
        decoded = base64.b64decode(key, validate=True)
    except (ValueError, binascii.Error):
        decoded = b""
    if not decoded:
        raise LocalProtocolError("a symmetric key is not base64 or empty")
    return decoded


def derive_device_key(group_key: bytes, registration_id: str) -> bytes:
    """Derive the key of one device from an enrollment group's: HMAC-SHA256 of the registration id."""
    return hmac.digest(group_key, registration_id.encode(), hashlib.sha256)


def _segments(scope: str) -> tuple[str, ...]:
    host, *rest = scope.split("/")
    return (normalize_host(host), *rest)
