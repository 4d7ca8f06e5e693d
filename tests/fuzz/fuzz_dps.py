"""Fuzz the provisioning service's texts and bodies."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Final

from vedette.protocols import RemoteProtocolError, dps

_LIMITS: Final = dps.RegistrationLimits(max_body_bytes=2_048, max_csr_bytes=256, max_depth=8)

SEEDS: Final = (
    b"0ne00ABCDEF/registrations/dev1/api-version=2019-03-31&ClientVersion=azure-iot-provisioning-device%2F1.9.1",
    b"$dps/registrations/PUT/iotdps-register/?$rid=1",
    b"$dps/registrations/GET/iotdps-get-operationstatus/?$rid=1&operationId=4.abc",
    b"$dps/registrations/res/202/?$rid=1&retry-after=3",
    b'{"registrationId":"dev1","payload":{"a":[1,2,{"b":null}],"csr":"MDMCAQA="}}',
    b'{"registrationId":"dev1","csr":"MDMCAQA=","payload":"x"}',
    b'{"registrationId":"dev1","tpm":{"endorsementKey":"YQ=="}}',
    (
        b'{"operationId":"4.a","status":"assigned","registrationState":{"registrationId":"dev1","status":"assigned",'
        b'"assignedHub":"localhost","deviceId":"dev1","issuedCertificateChain":["MDMCAQA="]}}'
    ),
    b'{"errorCode":401002,"trackingId":"t","message":"m","info":{},"timestampUtc":"2026-11-22T10:00:00.000Z"}',
)


def fuzz_one(data: bytes) -> None:
    """Read the bytes as each kind of text and body: a result, or the peer's error."""
    text = data.decode("utf-8", "replace")
    reads: tuple[Callable[[], object], ...] = (
        lambda: dps.parse_provisioning_user_name(text),
        lambda: dps.parse_response_topic(text),
        lambda: dps.decode_operation(data),
        lambda: dps.decode_error(data),
        lambda: _read_registration(data),
        lambda: _read_request_topic(text),
    )
    for read in reads:
        with contextlib.suppress(RemoteProtocolError):
            read()
    dps.is_provisioning(text)


def _read_registration(data: bytes) -> None:
    request = dps.decode_registration(data, _LIMITS)
    assert request.registration_id == request.registration_id.lower()
    assert request.csr is None or 0 < len(request.csr) <= _LIMITS.max_csr_bytes


def _read_request_topic(text: str) -> None:
    request = dps.parse_request_topic(text)
    if not isinstance(request, dps.ForeignRequest):
        assert dps.response_topic(200, request.request_id)
