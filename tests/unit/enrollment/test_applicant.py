"""A request taken apart: whose it is, what proves it, what an approval of it would be bound to."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding
from hypothesis import given
from hypothesis import strategies as st

from vedette.bus.contract import RegisterDevice
from vedette.enrollment import Attestation, RegistrationReason
from vedette.enrollment.applicant import KEPT_PAYLOAD_MAX_BYTES, Applicant, read_applicant
from vedette.enrollment.decision import Refusal
from vedette.kernel import EnrollmentId, RegistrationId, SystemClock
from vedette.protocols.dps import encode_registration
from vedette.protocols.hub import build_sas_token
from vedette.simulation import Factory

TOKEN = build_sas_token("0ne00/registrations/pump-7", b"k" * 32, 1_795_340_105).encode()
LEAF = Factory("Acme", SystemClock()).make_device("Pump-7").chain[0].public_bytes(Encoding.DER)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)


def request(**changes: Any) -> RegisterDevice:
    fields: dict[str, Any] = {
        "organization_id": "org_1",
        "gateway": "gateway-1",
        "id_scope": "0ne00",
        "registration_id": "PUMP-7",
        "certificate_chain": [LEAF],
        "body": encode_registration("pump-7"),
        "remote_address": "192.0.2.1",
        **changes,
    }
    return RegisterDevice(**fields)


def applicant(**changes: Any) -> Applicant:
    found = read_applicant(request(**changes))
    assert isinstance(found, Applicant)
    return found


def test_a_certificate_names_the_device_as_it_spells_it() -> None:
    found = applicant()
    assert (found.registration_id, found.common_name, found.attestation) == ("pump-7", "Pump-7", Attestation.X509)
    assert (found.remote_address, found.gateway, found.token) == ("192.0.2.1", "gateway-1", b"")


def test_a_token_makes_a_bearer_of_whoever_presents_it_whatever_the_certificate() -> None:
    for chain in ([], [LEAF]):
        found = applicant(certificate_chain=chain, password=TOKEN)
        assert (found.attestation, found.common_name) == (Attestation.SYMMETRIC_KEY, "pump-7")
        assert (found.leaf_sha256, found.chain, found.token) == (None, (), TOKEN)


def test_a_token_does_not_show_in_a_representation() -> None:
    assert "sig=" not in repr(applicant(password=TOKEN))


@pytest.mark.parametrize(
    "password",
    [b"SharedAccessSignature ", b"SharedAccessSignature sr=a&sig=b&se=c", TOKEN + b"&sr=b", TOKEN + b"\xff"],
)
def test_what_is_no_token_is_refused_before_anything_is_looked_up(password: bytes) -> None:
    found = read_applicant(request(password=password))
    assert isinstance(found, Refusal)
    assert found.reason is RegistrationReason.TOKEN_INVALID
    assert "sig=" not in found.detail


@pytest.mark.parametrize("password", [None, b"", b"secret", b"sharedaccesssignature sr=a"])
def test_another_password_is_no_proof(password: bytes | None) -> None:
    assert applicant(password=password).attestation is Attestation.X509
    found = read_applicant(request(certificate_chain=[], password=password))
    assert isinstance(found, Refusal)
    assert found.reason is RegistrationReason.CERTIFICATE_MISSING


@pytest.mark.parametrize("password", [None, TOKEN])
def test_the_body_must_name_the_same_registration(password: bytes | None) -> None:
    found = read_applicant(request(body=encode_registration("pump-8"), password=password))
    assert isinstance(found, Refusal)
    assert found.reason is RegistrationReason.REGISTRATION_ID_MISMATCH


@given(JSON)
def test_a_payload_is_kept_as_it_means(payload: Any) -> None:
    found = applicant(body=json.dumps({"registrationId": "pump-7", "payload": payload}).encode())
    assert found.payload_bytes == len(found.payload.encode())
    expected = {k: v for k, v in payload.items() if k != "csr"} if isinstance(payload, dict) else payload
    if not found.payload:
        assert expected == {}
    else:
        assert json.loads(found.payload) == expected


def test_a_payload_is_kept_up_to_a_length_without_its_csr() -> None:
    csr = base64.b64encode(b"request").decode()
    longest = "x" * (KEPT_PAYLOAD_MAX_BYTES - len('{"a":""}'))
    for text, is_kept in ((longest, True), (longest + "x", False)):
        found = applicant(body=encode_registration("pump-7", payload={"a": text, "csr": csr}))
        assert found.csr == b"request"
        assert found.payload == (f'{{"a":"{text}"}}' if is_kept else "")
        assert found.payload_bytes == len(text) + 8


ENROLLMENT = EnrollmentId("enr_" + "0" * 26)


def test_an_approval_is_bound_to_everything_that_matters() -> None:
    one = applicant()
    bindings = {
        one.binding_sha256(ENROLLMENT, None),
        one.binding_sha256(ENROLLMENT, "a" * 64),
        one.binding_sha256(ENROLLMENT, "b" * 64),
        one.binding_sha256(EnrollmentId("enr_" + "1" * 26), "a" * 64),
        applicant(password=TOKEN).binding_sha256(ENROLLMENT, "a" * 64),
        Applicant(
            registration_id=RegistrationId("pump-8"),
            common_name="pump-8",
            leaf_sha256=one.leaf_sha256,
        ).binding_sha256(ENROLLMENT, "a" * 64),
        Applicant(
            registration_id=RegistrationId("pump-7"),
            common_name="pump-7",
            leaf_sha256="c" * 64,
        ).binding_sha256(ENROLLMENT, "a" * 64),
    }
    assert len(bindings) == 7
    assert applicant().binding_sha256(ENROLLMENT, "a" * 64) == one.binding_sha256(ENROLLMENT, "a" * 64)
