"""The provisioning service's bodies."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vedette.protocols import RemoteProtocolError, dps

LIMITS = dps.RegistrationLimits()
DER = b"\x30\x03\x02\x01\x00"
CSR = base64.b64encode(DER).decode()

UNDERSTOOD = {
    "nothing but the id": ({"registrationId": "Dev1"}, ("dev1", b"", None, False)),
    "a payload": ({"registrationId": "dev1", "payload": {"a": [1]}}, ("dev1", b'{"a": [1]}', None, False)),
    "a payload of null": ({"registrationId": "dev1", "payload": None}, ("dev1", b"null", None, False)),
    "a payload of text": ({"registrationId": "dev1", "payload": "csr"}, ("dev1", b'"csr"', None, False)),
    "a csr": ({"registrationId": "dev1", "csr": CSR}, ("dev1", b"", DER, False)),
    "a csr in the payload": (
        {"registrationId": "dev1", "payload": {"csr": CSR}},
        ("dev1", json.dumps({"csr": CSR}).encode(), DER, True),
    ),
    "the same csr in both": (
        {"registrationId": "dev1", "csr": CSR, "payload": {"csr": CSR}},
        ("dev1", json.dumps({"csr": CSR}).encode(), DER, False),
    ),
    "a field from the future": ({"registrationId": "dev1", "new": 1}, ("dev1", b"", None, False)),
}


@pytest.mark.parametrize("case", UNDERSTOOD.values(), ids=UNDERSTOOD.keys())
def test_registration_is_understood(case: tuple[dict[str, object], tuple[str, bytes, bytes | None, bool]]) -> None:
    body, expected = case
    request = dps.decode_registration(json.dumps(body).encode(), LIMITS)
    assert (request.registration_id, request.payload, request.csr, request.is_csr_in_payload) == expected


REFUSED = {
    "empty": b"",
    "one space": b" ",
    "not JSON": b"{",
    "not an object": b"[]",
    "no id": b"{}",
    "an id that is no text": b'{"registrationId":1}',
    "an id that is not valid": b'{"registrationId":"a/b"}',
    "not UTF-8": b'{"registrationId":"d","payload":"\xff"}',
    "a number beyond measure": b'{"registrationId":"d","payload":1e999}',
    "trailing text": b'{"registrationId":"d"} x',
    "tpm": b'{"registrationId":"d","tpm":{"endorsementKey":"YQ=="}}',
    "tpm of null": b'{"registrationId":"d","tpm":null}',
    "a csr in PEM": b'{"registrationId":"d","csr":"-----BEGIN CERTIFICATE REQUEST-----"}',
    "a csr that is no text": b'{"registrationId":"d","csr":7}',
    "a csr in the payload that is no text": b'{"registrationId":"d","payload":{"csr":["YQ=="]}}',
    "an empty csr": b'{"registrationId":"d","csr":""}',
    "two different csr": b'{"registrationId":"d","csr":"YQ==","payload":{"csr":"Yg=="}}',
    "nesting without end": b'{"registrationId":"d","payload":' + b"[" * 90_000,
    "nesting that closes": b'{"registrationId":"d","payload":' + b"[" * 40_000 + b"]" * 40_000 + b"}",
}


@pytest.mark.parametrize("body", REFUSED.values(), ids=REFUSED.keys())
def test_malformed_registration_is_the_peers_error(body: bytes) -> None:
    with pytest.raises(RemoteProtocolError):
        dps.decode_registration(body, LIMITS)


BODY_LIMITS: dict[str, tuple[str, Callable[[int], bytes]]] = {
    "body": ("max_body_bytes", b'{"registrationId":"d"}'.ljust),
    "csr": (
        "max_csr_bytes",
        lambda n: b'{"registrationId":"d","csr":"' + base64.b64encode(b"c" * n) + b'"}',
    ),
    "csr in the payload": (
        "max_csr_bytes",
        lambda n: b'{"registrationId":"d","payload":{"csr":"' + base64.b64encode(b"c" * n) + b'"}}',
    ),
    "depth of arrays": (
        "max_depth",
        lambda n: b'{"registrationId":"d","payload":' + b"[" * n + b"]" * n + b"}",
    ),
    "depth of objects": (
        "max_depth",
        lambda n: b'{"registrationId":"d","payload":' + b'{"a":' * n + b"1" + b"}" * n + b"}",
    ),
}


@pytest.mark.parametrize("case", BODY_LIMITS.values(), ids=BODY_LIMITS.keys())
def test_registration_at_a_limit_passes_and_beyond_is_refused(case: tuple[str, Callable[[int], bytes]]) -> None:
    limit, build = case
    limits = dps.RegistrationLimits(**{limit: 40})
    dps.decode_registration(build(40), limits)
    with pytest.raises(RemoteProtocolError, match="40"):
        dps.decode_registration(build(41), limits)


def test_request_of_a_device_survives_the_round_trip() -> None:
    body = dps.encode_registration("dev1", payload={"model": "m"}, csr=DER)
    assert json.loads(body) == {"registrationId": "dev1", "payload": {"model": "m"}, "csr": CSR}
    assert dps.decode_registration(body, LIMITS).csr == DER
    assert json.loads(dps.encode_registration("dev1")) == {"registrationId": "dev1"}


def test_assigned_answer_is_exactly_the_contracts() -> None:
    body = dps.encode_body(
        dps.RegistrationOperation(
            operation_id="4.abc",
            status=dps.RegistrationStatus.ASSIGNED,
            registration_state=dps.RegistrationState(
                registration_id="dev1",
                status=dps.RegistrationStatus.ASSIGNED,
                assigned_hub="localhost",
                device_id="dev1",
                substatus=dps.RegistrationSubstatus.INITIAL_ASSIGNMENT,
                created_date_time_utc="2026-11-22T10:00:00.000Z",
                last_updated_date_time_utc="2026-11-22T10:00:00.000Z",
                etag="e",
                payload=msgspec.Raw(b'{"k":1}'),
                x509=dps.X509Result(certificate_info=dps.CertificateInfo(sha256_thumbprint="AB", version=3)),
                issued_certificate_chain=(CSR, CSR),
            ),
        )
    )
    assert json.loads(body) == {
        "operationId": "4.abc",
        "status": "assigned",
        "registrationState": {
            "registrationId": "dev1",
            "status": "assigned",
            "assignedHub": "localhost",
            "deviceId": "dev1",
            "substatus": "initialAssignment",
            "createdDateTimeUtc": "2026-11-22T10:00:00.000Z",
            "lastUpdatedDateTimeUtc": "2026-11-22T10:00:00.000Z",
            "etag": "e",
            "payload": {"k": 1},
            "x509": {"certificateInfo": {"sha256Thumbprint": "AB", "version": 3}},
            "issuedCertificateChain": [CSR, CSR],
        },
    }


def test_pending_answer_leaves_out_what_is_not_known() -> None:
    body = dps.encode_body(dps.RegistrationOperation(operation_id="4.abc", status=dps.RegistrationStatus.ASSIGNING))
    assert json.loads(body) == {"operationId": "4.abc", "status": "assigning"}


@pytest.mark.parametrize("status", [dps.RegistrationStatus.FAILED, dps.RegistrationStatus.DISABLED])
def test_refused_answer_says_why(status: dps.RegistrationStatus) -> None:
    state = dps.RegistrationState(registration_id="d", status=status, error_code=400209, error_message="no csr")
    operation = dps.RegistrationOperation(operation_id="4.a", status=status, registration_state=state)
    body = dps.encode_body(operation)
    assert json.loads(body)["registrationState"] == {
        "registrationId": "d",
        "status": status.value,
        "errorCode": 400209,
        "errorMessage": "no csr",
    }
    assert dps.decode_operation(body) == operation


def test_error_body_is_exactly_the_contracts() -> None:
    error = dps.ErrorBody(error_code=401002, tracking_id="t", message="m", timestamp_utc="2026-11-22T10:00:00.000Z")
    body = dps.encode_body(error)
    assert json.loads(body) == {
        "errorCode": 401002,
        "trackingId": "t",
        "message": "m",
        "info": {},
        "timestampUtc": "2026-11-22T10:00:00.000Z",
    }
    assert dps.decode_error(body) == error


@given(st.binary(max_size=100))
def test_any_bytes_are_a_body_or_the_peers_error(body: bytes) -> None:
    for decode in (lambda raw: dps.decode_registration(raw, LIMITS), dps.decode_operation, dps.decode_error):
        try:
            decode(body)
        except RemoteProtocolError:
            continue
