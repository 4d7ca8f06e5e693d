"""Tokens of an identity provider: good ones are read, and each way of being wrong is refused."""

from __future__ import annotations

import json
import warnings
from base64 import urlsafe_b64encode
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from joserfc.errors import JoseError
from joserfc.jwk import OctKey, RSAKey
from stand_in_provider import (
    CLIENT,
    EC,
    ED,
    EXPECTED,
    KEYS,
    LOGOUT,
    OTHER_RSA,
    RSA,
    SECONDS,
    claims,
    logout_claims,
    sign,
)

from vedette.operators import OidcRefused, OidcSettings
from vedette.operators.oidc_tokens import (
    groups_in,
    name_in,
    verify_id_token,
    verify_logout_token,
)
from vedette.operators.signed_tokens import TOKEN_MAX_CHARS, TokenUnreadableError, UnknownKeyError, read_keys


def token(**changed: Any) -> str:
    return sign(json.dumps(claims(**changed)).encode())


@pytest.mark.filterwarnings("ignore:EdDSA is deprecated")
@pytest.mark.parametrize(
    ("key", "algorithm"), [(RSA, "RS256"), (RSA, "PS256"), (EC, "ES256"), (ED, "EdDSA"), (ED, "Ed25519")]
)
def test_a_good_token_says_who_it_is(key: Any, algorithm: str) -> None:
    found = verify_id_token(sign(json.dumps(claims()).encode(), key=key, algorithm=algorithm), KEYS, EXPECTED)
    assert (found.subject, found.acr, found.amr, found.provider_session) == ("ada", "urn:two", ("pwd", "mfa"), "s1")
    assert groups_in(found.claims, "groups") == frozenset({"fleet-admins"})


WRONG: dict[str, dict[str, Any]] = {
    "another provider": {"iss": "https://login.example/realms/other"},
    "another application": {"aud": "other"},
    "no audience": {"aud": None},
    "several audiences without a party": {"aud": [CLIENT, "other"]},
    "given to another application": {"azp": "other"},
    "over": {"exp": SECONDS - 61},
    "without an end": {"exp": None},
    "an end that is text": {"exp": "tomorrow"},
    "an end beyond the calendar": {"exp": 1e300},
    "an end that is no number": {"exp": True},
    "made long ago": {"iat": SECONDS - 601},
    "made later": {"iat": SECONDS + 61},
    "good for a year": {"exp": SECONDS + 31_536_000},
    "good only later": {"nbf": SECONDS + 61},
    "another login": {"nonce": "other"},
    "no login": {"nonce": None},
    "a nonce that is no text": {"nonce": ["n-0S6_WzA2Mj"]},
    "nobody": {"sub": None},
    "an empty name": {"sub": ""},
    "a name too long": {"sub": "a" * 256},
    "a name with a line break": {"sub": "a\nb"},
    "a name that is a number": {"sub": 7},
    "a session too long": {"sid": "s" * 257},
}


@pytest.mark.parametrize("changed", WRONG.values(), ids=WRONG.keys())
def test_a_token_with_a_wrong_claim_is_refused(changed: dict[str, Any]) -> None:
    with pytest.raises(OidcRefused):
        verify_id_token(token(**changed), KEYS, EXPECTED)


def test_times_are_good_up_to_the_slack_of_clocks() -> None:
    verify_id_token(token(exp=SECONDS - 59, iat=SECONDS - 599), KEYS, EXPECTED)
    verify_id_token(token(iat=SECONDS + 59), KEYS, EXPECTED)


def unsigned() -> str:
    parts = (json.dumps({"alg": "none"}).encode(), json.dumps(claims()).encode())
    return ".".join(urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts) + "."


def test_a_token_that_nobody_signed_is_refused() -> None:
    with pytest.raises(OidcRefused):
        verify_id_token(unsigned(), KEYS, EXPECTED)


def test_a_public_key_signs_nothing_as_a_shared_secret() -> None:
    """RFC 8725 §2.1: a token signed HS256 with the provider's public key."""
    with warnings.catch_warnings(action="ignore"):
        public = OctKey.import_key({"kty": "oct", "k": str(RSA.as_dict(private=False)["n"])})
        forged = sign(json.dumps(claims()).encode(), key=public, algorithm="HS256", kid="r")
    with pytest.raises(OidcRefused):
        verify_id_token(forged, KEYS, EXPECTED)


def test_a_forged_signature_under_a_known_name_is_refused() -> None:
    with pytest.raises(OidcRefused):
        verify_id_token(sign(json.dumps(claims()).encode(), key=OTHER_RSA), KEYS, EXPECTED)


def test_an_unknown_key_is_told_apart_so_that_it_can_be_asked_for() -> None:
    with pytest.raises(UnknownKeyError):
        verify_id_token(sign(json.dumps(claims()).encode(), kid="new"), KEYS, EXPECTED)
    with pytest.raises(UnknownKeyError):  # the name of a key of another kind
        verify_id_token(sign(json.dumps(claims()).encode(), kid="e"), KEYS, EXPECTED)


def test_a_token_without_a_key_name_is_verified_with_each_key_of_its_kind() -> None:
    verify_id_token(sign(json.dumps(claims()).encode(), kid=None), KEYS, EXPECTED)


@pytest.mark.parametrize(
    "header", [{"typ": "at+jwt"}, {"typ": "logout+jwt"}, {"typ": 7}, {"crit": ["b64"]}, {"kid": 7}], ids=str
)
def test_a_token_of_another_kind_is_refused(header: dict[str, Any]) -> None:
    try:
        strange = sign(json.dumps(claims()).encode(), **header)
    except (ValueError, TypeError, JoseError):  # the signer refuses some by itself
        return
    with pytest.raises((OidcRefused, UnknownKeyError)):
        verify_id_token(strange, KEYS, EXPECTED)


@pytest.mark.parametrize("payload", [b"", b"[]", b"7", b"\xff", b"{" * 5000], ids=["empty", "list", "7", "ff", "deep"])
def test_a_signed_token_without_claims_is_refused(payload: bytes) -> None:
    with pytest.raises(OidcRefused):
        verify_id_token(sign(payload), KEYS, EXPECTED)


def test_a_token_is_read_up_to_its_limit() -> None:
    with pytest.raises(OidcRefused):
        verify_id_token("a" * (TOKEN_MAX_CHARS + 1), KEYS, EXPECTED)


def test_an_access_token_that_goes_with_another_is_refused() -> None:
    from dataclasses import replace

    with pytest.raises(OidcRefused):
        verify_id_token(token(at_hash="AAAA"), KEYS, replace(EXPECTED, access_token="other"))


LOGOUT_WRONG: dict[str, dict[str, Any]] = {
    "an id token": {"events": None, "nonce": "n"},
    "with a nonce": {"nonce": "n"},
    "without the event": {"events": {}},
    "an event that is text": {"events": "backchannel-logout"},
    "without an id": {"jti": None},
    "naming nobody": {"sub": None, "sid": None},
    "over": {"exp": SECONDS - 61},
    "made long ago": {"iat": SECONDS - 700, "exp": None},
    "another application": {"aud": "other"},
}


@pytest.mark.parametrize("changed", LOGOUT_WRONG.values(), ids=LOGOUT_WRONG.keys())
def test_a_wrong_logout_token_ends_nothing(changed: dict[str, Any]) -> None:
    with pytest.raises(OidcRefused):
        verify_logout_token(sign(json.dumps(logout_claims(**changed)).encode()), KEYS, LOGOUT)


def test_an_id_token_logs_nobody_out_and_a_logout_token_nobody_in() -> None:
    with pytest.raises(OidcRefused):
        verify_logout_token(token(), KEYS, LOGOUT)
    with pytest.raises(OidcRefused):
        verify_id_token(sign(json.dumps(logout_claims()).encode(), typ="logout+jwt"), KEYS, EXPECTED)


def test_a_good_logout_token_is_read_with_and_without_an_end() -> None:
    for changed in ({}, {"exp": None}, {"sid": None}, {"sub": None}):
        found = verify_logout_token(sign(json.dumps(logout_claims(**changed)).encode(), typ="logout+jwt"), KEYS, LOGOUT)
        assert found.token_id == "j1"


def test_keys_that_cannot_be_used_are_passed_over() -> None:
    with warnings.catch_warnings(action="ignore"):
        weak = RSAKey.generate_key(1024, {"kid": "w"}).as_dict(private=False)
    private = RSA.as_dict(private=True)
    sealing = {**RSA.as_dict(private=False), "use": "enc"}
    found = read_keys({"keys": [weak, private, sealing, {"kty": "oct", "k": "AAAA"}, {"kty": "EC"}, {}, 7]})
    assert found == ()


@pytest.mark.parametrize("document", [None, [], {}, {"keys": {}}, {"keys": [{}] * 65}], ids=str)
def test_what_is_no_key_set_is_refused(document: object) -> None:
    with pytest.raises(TokenUnreadableError, match="64 keys"):
        read_keys(document)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=8,
)


@given(st.sampled_from(sorted(claims())), json_values)
def test_any_value_in_any_claim_is_taken_or_refused(name: str, value: object) -> None:
    try:
        found = verify_id_token(sign(json.dumps({**claims(), name: value}).encode()), KEYS, EXPECTED)
        groups_in(found.claims, "groups")
        assert len(name_in(found.claims, ("name", "sub", "groups"))) <= 64
    except OidcRefused:
        return
    assert 0 < len(found.subject) <= 255


@given(st.text() | st.binary(max_size=300).map(lambda raw: urlsafe_b64encode(raw).decode()))
def test_any_text_is_a_token_or_refused(text: str) -> None:
    for attempt in (text, f"{text}.{text}.{text}", f"{text}..{text}"):
        with pytest.raises((OidcRefused, UnknownKeyError)):
            verify_id_token(attempt, KEYS, EXPECTED)


@given(json_values)
def test_any_document_is_a_key_set_or_refused(document: object) -> None:
    for attempt in (document, {"keys": document}, {"keys": [document]}):
        try:
            assert read_keys(attempt) == ()
        except TokenUnreadableError:
            continue


SETTINGS = OidcSettings(
    issuer="https://login.example/realms/plant",
    client_id="vedette",
    redirect_uri="https://vedette.example/login/oidc/callback",
    post_logout_uri="https://vedette.example/",
    alternative_hosts=frozenset({"keys.example", "tokens.example:8443"}),
)


@pytest.mark.parametrize(
    ("url", "may"),
    [
        ("https://login.example/anything", True),
        ("https://login.example:443/anything", True),
        ("https://LOGIN.example/anything", True),
        ("https://keys.example/jwks", True),
        ("https://tokens.example:8443/token", True),
        ("https://tokens.example/token", False),
        ("http://login.example/anything", False),
        ("https://login.example:8443/anything", False),
        ("https://login.example.evil/anything", False),
        ("https://login.example@evil/anything", False),
        ("https://evil/?https://login.example", False),
        ("https://evil\\@login.example/", False),
        ("https://login.example\n.evil/", False),
        ("file:///etc/passwd", False),
        ("https://169.254.169.254/latest", False),
        ("http://127.0.0.1:4222/", False),
        ("//login.example/", False),
        ("https://login.example:port/", False),
        ("", False),
    ],
)
def test_nothing_but_the_provider_is_asked(url: str, *, may: bool) -> None:
    assert SETTINGS.may_fetch(url) == may


@given(st.text())
def test_no_text_breaks_the_check_of_addresses(text: str) -> None:
    assert not SETTINGS.may_fetch(text)
