"""The auth callout's tokens: only what a server signed, for us and now, is read; what we sign can be verified."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from vedette.bus import AccountKey, CalloutRefused, InvalidNkey, UserKey, permit_callout, read_callout, refuse_callout
from vedette.bus import nkeys as forms

NOW_S = 1_700_000_000
SERVER = Ed25519PrivateKey.from_private_bytes(b"s" * 32)
OTHER = Ed25519PrivateKey.from_private_bytes(b"o" * 32)
USER = UserKey.generate()


def server_id(key: Ed25519PrivateKey) -> str:
    return forms._encode(bytes([13 << 3]) + key.public_key().public_bytes_raw())


def text(raw: bytes) -> bytes:
    return base64.urlsafe_b64encode(raw).rstrip(b"=")


def request(*, key: Ed25519PrivateKey = SERVER, algorithm: str = "ed25519-nkey", **changes: Any) -> bytes:
    nats = {"server_id": {"id": server_id(SERVER), "name": "n1"}, "user_nkey": USER.public, **changes.pop("nats", {})}
    claims = {"iss": server_id(SERVER), "aud": "nats-authorization-request", "iat": NOW_S, "nats": nats, **changes}
    signed = text(json.dumps({"alg": algorithm, "typ": "JWT"}).encode()) + b"." + text(json.dumps(claims).encode())
    return signed + b"." + text(key.sign(signed))


def test_what_a_server_signed_is_read() -> None:
    found = read_callout(request(nats={"connect_opts": {"user": "pump-7", "pass": "hidden"}}), now_s=NOW_S)
    assert (found.options.user, found.options.password) == ("pump-7", "hidden")
    assert "hidden" not in repr(found)


@pytest.mark.parametrize(
    "token",
    [
        request(key=OTHER),
        request(algorithm="none"),
        request(aud="somebody"),
        request(iss=server_id(OTHER), key=OTHER),
        request(exp=NOW_S - 61),
        request(iat=NOW_S + 61),
        request(nats={"user_nkey": server_id(SERVER)}),
        request()[:-2],
        request() + b"AAAA",
        request().replace(b".", b"", 1),
        b"x" * 65_537,
    ],
)
def test_anything_else_is_not(token: bytes) -> None:
    with pytest.raises(CalloutRefused):
        read_callout(token, now_s=NOW_S)


def test_a_server_that_is_not_listed_asks_nothing() -> None:
    assert read_callout(request(), now_s=NOW_S, servers=(server_id(SERVER),)).server_name == "n1"
    with pytest.raises(CalloutRefused):
        read_callout(request(), now_s=NOW_S, servers=(server_id(OTHER),))


def test_an_answer_without_subjects_allows_none() -> None:
    key, asked = AccountKey.generate(), read_callout(request(), now_s=NOW_S)
    answer = permit_callout(
        key, asked, name="pump-7", account="A", publish=(), subscribe=("a.>",), now_s=NOW_S, expires_s=NOW_S + 60
    )
    outer = json.loads(base64.urlsafe_b64decode(answer.split(b".")[1] + b"=="))
    user = json.loads(base64.urlsafe_b64decode(outer["nats"]["jwt"].split(".")[1] + "=="))
    assert (outer["sub"], outer["aud"]) == (USER.public, server_id(SERVER))
    assert user["nats"]["pub"] == {"deny": [">"]}
    assert user["nats"]["sub"] == {"allow": ["a.>"]}
    assert user["exp"] == NOW_S + 60
    assert b"jwt" not in refuse_callout(key, asked, reason="no", now_s=NOW_S)


def test_the_seed_of_an_account_is_none_of_a_user() -> None:
    key = AccountKey.generate()
    assert AccountKey.from_seed(key.seed).public == key.public
    assert (key.seed[:2], key.public[0]) == ("SA", "A")
    with pytest.raises(InvalidNkey):
        UserKey.from_seed(key.seed)
    with pytest.raises(InvalidNkey):
        AccountKey.from_seed(USER.seed)


@given(
    st.binary(max_size=400) | st.builds(lambda parts: b".".join(map(text, parts)), st.lists(st.binary(), max_size=4))
)
def test_any_bytes_are_refused_in_order(token: bytes) -> None:
    with pytest.raises(CalloutRefused):
        read_callout(token, now_s=NOW_S)
