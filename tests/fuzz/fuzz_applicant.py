"""Fuzz a registration as control takes it apart: body, certificate and token from outside."""

from __future__ import annotations

import json
import warnings
from typing import Final

from cryptography.hazmat.primitives.serialization import Encoding

from vedette.bus.contract import RegisterDevice
from vedette.enrollment import Attestation
from vedette.enrollment.applicant import KEPT_PAYLOAD_MAX_BYTES, Applicant, read_applicant
from vedette.enrollment.decision import Refusal
from vedette.kernel import EnrollmentId, SystemClock
from vedette.protocols.hub import build_sas_token
from vedette.simulation import Factory

_leaf: Final = Factory("Fuzz", SystemClock()).make_device("dev1", days=30).chain[0].public_bytes(Encoding.DER)
_BODY: Final = b'{"registrationId":"dev1","payload":{"a":[1,null],"csr":"MDMCAQA="}}'
_TOKEN: Final = build_sas_token(
    "0ne00/registrations/dev1", b"k" * 32, 1_795_340_105, policy_name="registration"
).encode()

# Odd certificates make the parser warn, and the warning is the only thing that happens.
warnings.filterwarnings("ignore", module="vedette|cryptography")

SEEDS: Final = (
    _BODY,
    b'{"registrationId":"Dev1","payload":"\\u0000\\ud83d\\ude00"}',
    b'{"registrationId":"dev1","payload":{"csr":null}}',
    b'{"registrationId":"dev1","csr":"MDMCAQA=","payload":{"csr":"MDMCAQA="}}',
    _TOKEN,
    _leaf,
)


def fuzz_one(data: bytes) -> None:
    """Take the bytes for a body, for a certificate, for a password: an applicant, or why there is none."""
    for body, chain, password in ((data, [_leaf], None), (_BODY, [data], None), (_BODY, [], data), (data, [], _TOKEN)):
        found = read_applicant(
            RegisterDevice(
                organization_id="org_1",
                gateway="gateway-1",
                id_scope="0ne00",
                registration_id="dev1",
                certificate_chain=chain,
                body=body,
                remote_address="127.0.0.1",
                password=password,
            )
        )
        if isinstance(found, Applicant):
            _check(found)
        else:
            assert isinstance(found, Refusal)
            assert found.detail


def _check(found: Applicant) -> None:
    assert found.registration_id == "dev1"
    is_bearer = found.attestation is Attestation.SYMMETRIC_KEY
    assert bool(found.token) is is_bearer
    assert (found.leaf_sha256 is None) is is_bearer
    assert len(found.payload.encode()) <= KEPT_PAYLOAD_MAX_BYTES
    assert "\0" not in found.payload
    if found.payload:
        kept = json.loads(found.payload)
        assert not isinstance(kept, dict) or not isinstance(kept.get("csr"), str)
    assert len(found.binding_sha256(EnrollmentId("enr_1"), None)) == 64
