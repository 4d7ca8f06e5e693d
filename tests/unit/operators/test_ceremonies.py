from __future__ import annotations

import contextlib
import copy
import json
from base64 import urlsafe_b64encode
from datetime import UTC, datetime
from typing import Any

import cbor2
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from virtual_authenticator import VirtualAuthenticator, from_base64url, to_base64url

from vedette.kernel import OrganizationId
from vedette.operators import InvalidPasskey, LoginFailed, PasskeysImpossible, relying_party
from vedette.operators.ceremonies import Ceremonies, challenge_of, credential_id_of
from vedette.operators.model import Passkey, PasskeyId, PersonId

URL = "http://localhost:8480"
CHALLENGE = bytes(range(56))
PERSON = PersonId("per_00000000000000000000000000")
CEREMONIES = Ceremonies(relying_party("localhost", url=URL, hostnames=("localhost",), port=8480))

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=40) | st.binary(max_size=200).map(to_base64url),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=12), inner, max_size=3),
    max_leaves=8,
)


def registered() -> tuple[VirtualAuthenticator, Passkey, dict[str, Any]]:
    authenticator = VirtualAuthenticator(URL)
    asked = CEREMONIES.ask_to_register(CHALLENGE, person_id=PERSON, name="Ada", existing=())
    answer = authenticator.make(asked)
    made = CEREMONIES.verify_registration(answer, CHALLENGE)
    passkey = Passkey(
        organization_id=OrganizationId("org_1"),
        passkey_id=PasskeyId("pky_1"),
        person_id=PERSON,
        credential_id=made.credential_id,
        public_key=made.public_key,
        sign_count=made.sign_count,
        transports=made.transports,
        name="laptop",
        is_synced=made.is_synced,
        created_at=datetime(2026, 1, 1, tzinfo=UTC),
    )
    return authenticator, passkey, answer


AUTHENTICATOR, PASSKEY, REGISTRATION = registered()
LOGIN = AUTHENTICATOR.sign(CEREMONIES.ask_to_log_in(CHALLENGE))


def test_both_ceremonies_come_to_their_end() -> None:
    said = CEREMONIES.verify_login(LOGIN, CHALLENGE, PASSKEY)
    assert (said.person_id, said.sign_count) == (PERSON, 1)
    assert challenge_of(LOGIN) == CHALLENGE
    assert credential_id_of(LOGIN) == PASSKEY.credential_id


def test_another_challenge_is_refused() -> None:
    with pytest.raises(InvalidPasskey):
        CEREMONIES.verify_registration(REGISTRATION, b"another")
    with pytest.raises(LoginFailed):
        CEREMONIES.verify_login(LOGIN, b"another", PASSKEY)


def test_the_answer_to_one_ceremony_is_none_to_the_other() -> None:
    both = [LOGIN["response"] | REGISTRATION["response"], REGISTRATION["response"] | LOGIN["response"]]
    with pytest.raises(LoginFailed):
        CEREMONIES.verify_login({**LOGIN, "response": both[0]}, CHALLENGE, PASSKEY)
    with pytest.raises(InvalidPasskey):
        CEREMONIES.verify_registration({**REGISTRATION, "response": both[1]}, CHALLENGE)


def test_a_login_that_does_not_say_whose_it_is_is_refused() -> None:
    answer = copy.deepcopy(LOGIN)
    answer["response"]["userHandle"] = None
    with pytest.raises(LoginFailed):
        CEREMONIES.verify_login(answer, CHALLENGE, PASSKEY)


@pytest.mark.parametrize("member", ["clientDataJSON", "authenticatorData", "signature"])
def test_a_changed_bit_in_an_answer_is_refused(member: str) -> None:
    whole = from_base64url(LOGIN["response"][member])
    for at in range(0, len(whole) * 8, 5):
        changed = bytearray(whole)
        changed[at // 8] ^= 1 << at % 8
        answer = copy.deepcopy(LOGIN)
        answer["response"][member] = to_base64url(bytes(changed))
        with pytest.raises(LoginFailed):
            CEREMONIES.verify_login(answer, CHALLENGE, PASSKEY)


def mutated(answer: dict[str, Any]) -> st.SearchStrategy[dict[str, Any]]:
    """Return answers with one member exchanged for something else."""
    inner = st.sampled_from(sorted(answer["response"])).flatmap(
        lambda name: JSON.map(lambda value: {**answer, "response": {**answer["response"], name: value}})
    )
    outer = st.sampled_from(sorted(answer)).flatmap(lambda name: JSON.map(lambda value: {**answer, name: value}))
    return inner | outer | st.dictionaries(st.text(max_size=12), JSON, max_size=4)


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(mutated(LOGIN))
def test_what_strangers_send_raises_nothing_but_a_refusal(answer: dict[str, Any]) -> None:
    challenge_of(answer)
    credential_id_of(answer)
    with contextlib.suppress(LoginFailed):
        CEREMONIES.verify_login(answer, CHALLENGE, PASSKEY)


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(mutated(REGISTRATION))
def test_what_people_send_raises_nothing_but_a_refusal(answer: dict[str, Any]) -> None:
    with contextlib.suppress(InvalidPasskey):
        CEREMONIES.verify_registration(answer, CHALLENGE)


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(st.binary(max_size=400), st.integers(0, 255))
def test_authenticator_data_of_any_kind_raises_nothing_but_a_refusal(tail: bytes, flags: int) -> None:
    data = from_base64url(LOGIN["response"]["authenticatorData"])[:32] + bytes([flags]) + tail
    answer = copy.deepcopy(LOGIN)
    answer["response"]["authenticatorData"] = to_base64url(data)
    with pytest.raises(LoginFailed):
        CEREMONIES.verify_login(answer, CHALLENGE, PASSKEY)
    answer = copy.deepcopy(REGISTRATION)
    answer["response"]["attestationObject"] = to_base64url(
        cbor2.dumps({"fmt": "none", "attStmt": {}, "authData": data})
    )
    with pytest.raises(InvalidPasskey):
        CEREMONIES.verify_registration(answer, CHALLENGE)


@pytest.mark.parametrize("value", [b"\x9f" * 10_000, b"\xd8\x1c" * 5_000, b"\xbb" + b"\xff" * 8, b"\x5b" + b"\x7f" * 8])
def test_hostile_cbor_is_refused_at_once(value: bytes) -> None:
    answer = copy.deepcopy(REGISTRATION)
    answer["response"]["attestationObject"] = to_base64url(value)
    with pytest.raises(InvalidPasskey):
        CEREMONIES.verify_registration(answer, CHALLENGE)


@pytest.mark.parametrize("text", ["[" * 5_000, "{", "null", "7", '{"challenge": 7}', '{"challenge": "é"}', "\ud800"])
def test_hostile_client_data_names_no_challenge(text: str) -> None:
    encoded = urlsafe_b64encode(text.encode("utf-8", "surrogatepass")).decode()
    assert challenge_of({"response": {"clientDataJSON": encoded}}) == b""
    told = json.dumps({"type": "webauthn.get", "challenge": "AAAA", "origin": URL, "tokenBinding": 7})
    assert isinstance(challenge_of({"response": {"clientDataJSON": to_base64url(told.encode())}}), bytes)


@pytest.mark.parametrize(
    ("hostname", "url", "hostnames", "origins"),
    [
        pytest.param("localhost", URL, ("localhost", "127.0.0.1"), URL, id="demo"),
        pytest.param(
            "iot.example", "https://iot.example:8480", ("iot.example",), "https://iot.example:8480", id="by its name"
        ),
        pytest.param(
            "iot.example",
            "https://192.0.2.1:8480",
            ("iot.example", "192.0.2.1"),
            "https://iot.example:8480",
            id="link by address",
        ),
    ],
)
def test_people_are_sent_where_passkeys_work(hostname: str, url: str, hostnames: tuple[str, ...], origins: str) -> None:
    assert relying_party(hostname, url=url, hostnames=hostnames, port=8480).origins[0] == origins


def test_origins_are_ours_alone() -> None:
    party = relying_party(
        "iot.example",
        url="http://localhost:8480",
        hostnames=("iot.example", "console.iot.example", "other.example", "eviliot.example", "localhost"),
        port=8480,
    )
    assert set(party.origins) == {
        "https://iot.example:8480",
        "https://iot.example",
        "https://console.iot.example:8480",
        "https://console.iot.example",
    }
    party.check("iot.example")
    party.check("console.iot.example")


@pytest.mark.parametrize("host", ["localhost", "other.example", "eviliot.example", "192.0.2.1", "::1", ""])
def test_elsewhere_there_are_no_passkeys_and_the_refusal_says_where(host: str) -> None:
    party = relying_party("iot.example", url="https://iot.example:8480", hostnames=("iot.example",), port=8480)
    with pytest.raises(PasskeysImpossible) as refused:
        party.check(host)
    assert "https://iot.example:8480" in refused.value.hint


@pytest.mark.parametrize("hostname", ["192.0.2.1", "127.0.0.1", "::1", "2001:db8::1"])
def test_a_platform_called_by_an_address_has_no_passkeys_anywhere(hostname: str) -> None:
    party = relying_party(hostname, url=f"https://{hostname}:8480", hostnames=(hostname,), port=8480)
    with pytest.raises(PasskeysImpossible, match="IP addresses") as refused:
        party.check(hostname)
    assert "server.hostname" in refused.value.hint
