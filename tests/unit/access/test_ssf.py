"""Security event tokens and CAEP's words: what is signed, what is believed, and what it means."""

from __future__ import annotations

import json
from base64 import urlsafe_b64encode
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from hypothesis import given
from hypothesis import strategies as st
from joserfc import jws
from joserfc.jwk import ECKey, OctKey, OKPKey, RSAKey

from vedette.access import EVENT_TYPES
from vedette.access.ssf_errors import SetRefused
from vedette.access.ssf_events import (
    COMPLIANCE_CHANGE,
    CREDENTIAL_CHANGE,
    RISK_LEVEL_CHANGE,
    SESSION_REVOKED,
    caep_events,
    heard_event,
    name_in_subject,
    subject_of,
)
from vedette.access.ssf_model import is_safe_url
from vedette.access.ssf_tokens import SetSigner, read_key_set, verify_set
from vedette.ledger import Actor, Envelope
from vedette.operators import UnknownKeyError
from vedette.trust import RiskLevel

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
ISSUER, AUDIENCE = "https://edr.example", "https://vedette.example"


def make_signer() -> SetSigner:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return SetSigner("key-1", key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption()))


SIGNER = make_signer()
KEYS = read_key_set({"keys": [SIGNER.public_jwk()]})


def claims(**changes: Any) -> dict[str, Any]:
    found = {
        "iss": ISSUER,
        "aud": AUDIENCE,
        "jti": "one",
        "iat": int(NOW.timestamp()),
        "sub_id": subject_of(ISSUER, "pump-7", None),
        "events": {SESSION_REVOKED: {"event_timestamp": 1}},
        **changes,
    }
    return {name: value for name, value in found.items() if value is not None}


def sign(header: dict[str, Any], body: Any, key: Any, algorithm: str) -> str:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return jws.serialize_compact({"alg": algorithm, **header}, raw, key, algorithms=[algorithm])


def verify(token: str, keys: Any = KEYS) -> Any:
    return verify_set(token, keys, issuer=ISSUER, audience=AUDIENCE, now=NOW)


def test_what_we_sign_is_rs256_typed_and_believed() -> None:
    token = SIGNER.sign(claims())
    header = jws.extract_compact(token.encode()).headers()
    assert header == {"alg": "RS256", "typ": "secevent+jwt", "kid": "key-1"}
    heard = verify(token)
    assert (heard.jti, heard.issued_at, list(heard.events)) == ("one", NOW, [SESSION_REVOKED])


def test_the_public_key_holds_nothing_private() -> None:
    assert set(SIGNER.public_jwk()) == {"kty", "n", "e", "kid", "use", "alg"}


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"iss": "https://other.example"}, "invalid_issuer"),
        ({"iss": None}, "invalid_issuer"),
        ({"aud": "https://other.example"}, "invalid_audience"),
        ({"aud": ["https://other.example"]}, "invalid_audience"),
        ({"aud": None}, "invalid_audience"),
        ({"exp": int(NOW.timestamp()) + 60}, "invalid_request"),
        ({"jti": None}, "invalid_request"),
        ({"jti": ""}, "invalid_request"),
        ({"jti": "a\nb"}, "invalid_request"),
        ({"jti": "x" * 257}, "invalid_request"),
        ({"iat": None}, "invalid_request"),
        ({"iat": True}, "invalid_request"),
        ({"iat": 1e300}, "invalid_request"),
        ({"iat": int((NOW - timedelta(days=8)).timestamp())}, "invalid_request"),
        ({"iat": int((NOW + timedelta(minutes=6)).timestamp())}, "invalid_request"),
        ({"events": None}, "invalid_request"),
        ({"events": {}}, "invalid_request"),
        ({"events": {SESSION_REVOKED: {}, COMPLIANCE_CHANGE: {}}}, "invalid_request"),
        ({"events": {SESSION_REVOKED: "x"}}, "invalid_request"),
    ],
)
def test_a_claim_that_is_not_as_it_must_be_is_refused(changes: dict[str, Any], error: str) -> None:
    with pytest.raises(SetRefused) as refusal:
        verify(SIGNER.sign(claims(**changes)))
    assert refusal.value.error == error


def test_an_audience_may_be_one_of_several() -> None:
    assert verify(SIGNER.sign(claims(aud=["https://other.example", AUDIENCE]))).jti == "one"


@pytest.mark.parametrize(
    ("algorithm", "key"), [("ES256", ECKey.generate_key("P-256")), ("Ed25519", OKPKey.generate_key())]
)
def test_other_good_algorithms_are_believed(algorithm: str, key: Any) -> None:
    token = sign({"typ": "secevent+jwt", "kid": "k"}, claims(), key, algorithm)
    keys = read_key_set({"keys": [key.as_dict(private=False) | {"kid": "k"}]})
    assert verify(token, keys).jti == "one"


def test_neither_no_signature_nor_a_shared_secret_is_believed() -> None:
    public = json.dumps(SIGNER.public_jwk()).encode()
    confused = sign({"typ": "secevent+jwt", "kid": "key-1"}, claims(), OctKey.import_key(public), "HS256")
    with pytest.raises(SetRefused):
        verify(confused)
    head, body, _ = SIGNER.sign(claims()).split(".")
    with pytest.raises(SetRefused):
        verify(f"{head}.{body}.")
    header = urlsafe_b64encode(b'{"alg":"none","typ":"secevent+jwt"}').rstrip(b"=").decode()
    with pytest.raises(SetRefused):
        verify(f"{header}.{body}.")


def test_another_key_or_type_is_refused() -> None:
    with pytest.raises(SetRefused):
        verify(make_signer().sign(claims()))
    key = RSAKey.generate_key(2048)
    keys = read_key_set({"keys": [key.as_dict(private=False) | {"kid": "k"}]})
    with pytest.raises(SetRefused):
        verify(sign({"typ": "JWT", "kid": "k"}, claims(), key, "RS256"), keys)
    with pytest.raises(UnknownKeyError):
        verify(sign({"typ": "secevent+jwt", "kid": "other"}, claims(), key, "RS256"), keys)


def test_weak_and_private_keys_are_passed_over() -> None:
    shown = SIGNER.public_jwk() | {"n": SIGNER.public_jwk()["n"][:171]}
    private = ECKey.generate_key("P-256").as_dict(private=True)
    assert read_key_set({"keys": [shown, private, {"kty": "oct", "k": "AA"}, {"kty": "RSA"}]}) == ()
    with pytest.raises(SetRefused):
        read_key_set({"keys": [shown] * 65})


@given(st.text(max_size=400))
def test_any_text_is_refused_or_unknown_and_nothing_else(text: str) -> None:
    with pytest.raises((SetRefused, UnknownKeyError)):
        verify(text)


@given(
    st.recursive(
        st.none() | st.booleans() | st.floats() | st.text(), lambda v: st.lists(v) | st.dictionaries(st.text(), v)
    )
)
def test_any_key_set_and_any_subject_is_read_or_refused(value: object) -> None:
    assert name_in_subject(value) is None or isinstance(value, dict)
    for document in (value, {"keys": value}, {"keys": [value]}):
        try:
            read_key_set(document)
        except SetRefused:
            continue


# --- words ----------------------------------------------------------------------------------------------------------


def told(name: str, **data: Any) -> list[tuple[str, dict[str, Any]]]:
    envelope = Envelope(
        "evt_1", "org_1", name, 1, "2026-11-22T12:00:00.000Z", 7, Actor("operator", "ops"), "dev_1", data
    )
    return [(event.type, event.claims) for event in caep_events(envelope)]


def test_a_risk_that_changes_is_told_with_all_that_caep_requires() -> None:
    ((kind, found),) = told(
        "health.posture_changed", risk_level="high", previous_risk_level="low", added=("tamper",), removed=()
    )
    assert kind == RISK_LEVEL_CHANGE
    assert found == {
        "principal": "DEVICE",
        "current_level": "HIGH",
        "previous_level": "LOW",
        "risk_reason": "tamper",
        "event_timestamp": 1795348800,
        "initiating_entity": "admin",
        "reason_admin": {"en": "health: posture changed"},
    }


def test_when_nothing_is_left_of_a_risk_receivers_hear_it() -> None:
    ((_, found),) = told("health.posture_changed", risk_level="unknown", previous_risk_level="high", added=())
    assert (found["current_level"], found["previous_level"]) == ("LOW", "HIGH")
    assert told("health.posture_changed", risk_level="medium", previous_risk_level="medium", added=("x",)) == []


@pytest.mark.parametrize(
    ("name", "data", "kinds"),
    [
        ("access.device_quarantined", {"mode": "limited"}, [COMPLIANCE_CHANGE]),
        ("access.device_quarantined", {"mode": "cut"}, [COMPLIANCE_CHANGE, SESSION_REVOKED]),
        ("access.device_quarantined", {"mode": "cut", "previous_mode": "limited"}, [SESSION_REVOKED]),
        ("access.device_released", {}, [COMPLIANCE_CHANGE]),
        ("access.quarantine_eased", {"mode": "probation"}, []),
        ("registry.device_disabled", {"reason": "lost"}, [SESSION_REVOKED]),
        ("registry.device_deleted", {}, [SESSION_REVOKED]),
        ("pki.certificate_issued", {"serial": "0a"}, [CREDENTIAL_CHANGE]),
        ("pki.certificate_renewed", {"serial": "0a"}, [CREDENTIAL_CHANGE]),
        ("pki.certificate_revoked", {}, [CREDENTIAL_CHANGE]),
        ("registry.device_changed", {}, []),
    ],
)
def test_each_event_has_its_words(name: str, data: dict[str, Any], kinds: list[str]) -> None:
    found = told(name, **data)
    assert [kind for kind, _ in found] == kinds
    assert all(claim["reason_admin"]["en"] for _, claim in found)


@pytest.mark.parametrize(
    ("kind", "claims_", "meaning"),
    [
        (SESSION_REVOKED, {}, ("session-revoked", RiskLevel.HIGH)),
        (RISK_LEVEL_CHANGE, {"current_level": "MEDIUM"}, ("risk-level", RiskLevel.MEDIUM)),
        (RISK_LEVEL_CHANGE, {"current_level": "LOW"}, ("risk-level", RiskLevel.LOW)),
        (RISK_LEVEL_CHANGE, {"current_level": "PURPLE"}, None),
        (RISK_LEVEL_CHANGE, {}, None),
        (COMPLIANCE_CHANGE, {"current_status": "compliant"}, ("compliance", RiskLevel.LOW)),
        (COMPLIANCE_CHANGE, {"current_status": "not-compliant"}, ("compliance", RiskLevel.MEDIUM)),
        (COMPLIANCE_CHANGE, {}, ("compliance", RiskLevel.MEDIUM)),
        (CREDENTIAL_CHANGE, {"change_type": "revoke"}, ("credential-change", RiskLevel.MEDIUM)),
        (CREDENTIAL_CHANGE, {"change_type": "create"}, None),
        ("https://example/else", {}, None),
    ],
)
def test_what_is_heard_means_something_or_nothing(
    kind: str, claims_: dict[str, Any], meaning: tuple[str, RiskLevel] | None
) -> None:
    found = heard_event(kind, claims_)
    assert (None if found is None else (found.signal_class, found.level)) == meaning


def test_all_four_kinds_are_supported() -> None:
    assert {each.rsplit("/", 1)[-1] for each in EVENT_TYPES} == {
        "session-revoked",
        "credential-change",
        "device-compliance-change",
        "risk-level-change",
    }


@pytest.mark.parametrize(
    ("subject", "name"),
    [
        ({"format": "iss_sub", "iss": ISSUER, "sub": "pump-7"}, ("pump-7", None)),
        ({"format": "opaque", "id": "pump-7/camera"}, ("pump-7", "camera")),
        ({"format": "complex", "device": {"format": "iss_sub", "sub": "pump-7"}, "user": {}}, ("pump-7", None)),
        ({"format": "email", "email": "a@example"}, None),
        ({"format": "iss_sub", "sub": ""}, None),
        ({"format": "iss_sub", "sub": 7}, None),
        ({"format": "complex"}, None),
        ("pump-7", None),
    ],
)
def test_a_subject_names_a_device_or_nobody(subject: object, name: object) -> None:
    assert name_in_subject(subject) == name


@pytest.mark.parametrize(
    ("url", "is_safe"),
    [
        ("https://soc.example/events", True),
        ("https://soc.example:8443/events?a=b", True),
        ("http://127.0.0.1:9000/x", True),
        ("http://[::1]:9000/x", True),
        ("http://localhost/x", True),
        ("http://soc.example/events", False),
        ("http://10.0.0.1/", False),
        ("https://user:pass@soc.example/", False),
        ("https://soc.example/#x", False),
        ("ftp://soc.example/", False),
        ("file:///etc/passwd", False),
        ("https://", False),
        ("https://soc.example:99999/", False),
        ("https://so c.example/", False),
        ("https://soc.example/" + "x" * 2048, False),
        ("", False),
    ],
)
def test_only_urls_that_keep_a_secret_are_called(url: str, is_safe: bool) -> None:  # noqa: FBT001 - a table
    assert is_safe_url(url) is is_safe
