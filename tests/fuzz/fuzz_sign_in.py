"""Fuzz what strangers send to sign in: tokens of providers and programs, forms, codes are read, or refused by name."""

from __future__ import annotations

import contextlib
import json
import sys
from pathlib import Path
from typing import Final

import msgspec

from vedette.api.errors import InvalidBody
from vedette.api.forms import parse_form
from vedette.operators import OidcRefused, origin_of
from vedette.operators.device_flow import is_device_code, parse_user_code
from vedette.operators.oidc_tokens import groups_in, verify_id_token, verify_logout_token
from vedette.operators.recovery import code_digest
from vedette.operators.service_token import is_service_token
from vedette.operators.signed_tokens import TokenUnreadableError, UnknownKeyError, read_keys
from vedette.operators.totp import parse_code

sys.path.append(str(Path(__file__).resolve().parents[1] / "support"))
from stand_in_provider import EXPECTED, KEYS, LOGOUT, claims, logout_claims, sign

SEEDS: Final = (
    json.dumps(claims()).encode(),
    json.dumps(logout_claims()).encode(),
    sign(json.dumps(claims()).encode()).encode(),
    sign(json.dumps(logout_claims()).encode(), typ="logout+jwt").encode(),
    b'{"keys":[{"kty":"EC","crv":"P-256","kid":"e","x":"AAAA","y":"AAAA"},{"kty":"RSA","n":"AQAB","e":"AQAB"}]}',
    b"grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Adevice_code&device_code=abc&client_id=vedette-cli",
    b"WDJB-MJHT",
    b"https://login.example/realms/plant",
)


def fuzz_one(data: bytes) -> None:
    """Read the bytes as all that they could be."""
    text = data.decode("utf-8", "replace")
    for read in (parse_user_code, is_device_code, is_service_token, parse_code, code_digest, origin_of):
        read(text)
    with contextlib.suppress(InvalidBody):
        assert len(parse_form(data)) <= 16
    # As a token of somebody else's making, and as claims that the provider did sign.
    for token in (text, sign(data)):
        with contextlib.suppress(OidcRefused, UnknownKeyError):
            found = verify_id_token(token, KEYS, EXPECTED)
            assert 0 < len(found.subject) <= 255
            groups_in(found.claims, "groups")
        with contextlib.suppress(OidcRefused, UnknownKeyError):
            ended = verify_logout_token(token, KEYS, LOGOUT)
            assert ended.subject or ended.provider_session
    with contextlib.suppress(msgspec.DecodeError, UnicodeDecodeError, TokenUnreadableError, RecursionError):
        read_keys(msgspec.json.decode(data))
