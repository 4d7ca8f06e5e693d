from __future__ import annotations

import base64

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.types import CertificateIssuerPrivateKeyTypes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID
from in_force import in_force


def csr_for(name: str, key: CertificateIssuerPrivateKeyTypes | None = None) -> x509.CertificateSigningRequest:
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    builder = x509.CertificateSigningRequestBuilder().subject_name(subject)
    return builder.sign(key or ec.generate_private_key(ec.SECP256R1()), hashes.SHA256())


def pem_csr(name: str) -> str:
    return csr_for(name).public_bytes(Encoding.PEM).decode()


def test_a_certificate_is_issued_listed_and_revoked(api: httpx.Client, device: str) -> None:
    issued = api.post(f"/v1/devices/{device}/certificates", json={"csr": pem_csr(device), "reason": "first"})
    assert issued.status_code == 201, issued.text
    certificate = issued.json()["certificate"]
    chain = x509.load_pem_x509_certificates(issued.json()["chain_pem"].encode())
    assert chain[0].fingerprint(hashes.SHA256()).hex() == certificate["sha256"]
    assert chain[0].subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value == device
    chain[0].verify_directly_issued_by(chain[1])
    path = issued.headers["location"]
    assert api.get(path).json() == certificate
    assert api.get(f"/v1/devices/{device}/certificates").json()["items"] == [certificate]
    assert api.get(f"/v1/devices/{device}").json()["lifecycle"] == "onboarded"

    why = {"reason": "key_compromise", "comment": "found on a forum"}
    revoked = in_force(lambda: api.post(f"{path}/revoke", json=why))
    assert revoked["certificate"]["standing"] == "revoked"
    assert revoked["certificate"]["revocation_reason"] == "key_compromise"
    assert revoked["enforcement"]["enforced_at"]


def test_a_request_in_base64_is_taken_too(api: httpx.Client, device: str) -> None:
    der = base64.b64encode(csr_for(device).public_bytes(Encoding.DER)).decode()
    assert api.post(f"/v1/devices/{device}/certificates", json={"csr": der}).status_code == 201


def test_certificates_are_read_by_their_cursor(api: httpx.Client, device: str) -> None:
    for _ in range(3):
        api.post(f"/v1/devices/{device}/certificates", json={"csr": pem_csr(device)}).raise_for_status()
    first = api.get(f"/v1/devices/{device}/certificates", params={"limit": 2}).json()
    rest = api.get(f"/v1/devices/{device}/certificates", params={"limit": 2, "after": first["next"]}).json()
    assert (len(first["items"]), len(rest["items"]), rest["next"]) == (2, 1, None)


def test_weak_and_foreign_requests_are_refused(api: httpx.Client, device: str) -> None:
    weak_key = rsa.generate_private_key(65537, 1024)  # noqa: S505 - to be refused
    weak = csr_for(device, weak_key).public_bytes(Encoding.PEM).decode()
    for csr, code in (
        (weak, "pki.weak_key"),
        (pem_csr("somebody-else"), "pki.foreign_subject"),
        ("x", "pki.malformed_csr"),
    ):
        refused = api.post(f"/v1/devices/{device}/certificates", json={"csr": csr})
        assert refused.status_code in {400, 413}
        assert refused.json()["code"] == code


def test_a_key_serves_one_device_only(api: httpx.Client, device: str) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    other = f"{device}-other"
    api.post("/v1/devices", json={"device_id": other}).raise_for_status()
    csr = csr_for(device, key).public_bytes(Encoding.PEM).decode()
    api.post(f"/v1/devices/{device}/certificates", json={"csr": csr}).raise_for_status()
    copied = csr_for(other, key).public_bytes(Encoding.PEM).decode()
    refused = api.post(f"/v1/devices/{other}/certificates", json={"csr": copied})
    assert (refused.status_code, refused.json()["code"]) == (409, "pki.key_already_in_use")


def test_revoking_a_device_ends_all_its_certificates(api: httpx.Client, device: str) -> None:
    for _ in range(2):
        api.post(f"/v1/devices/{device}/certificates", json={"csr": pem_csr(device)}).raise_for_status()
    done = api.post(f"/v1/devices/{device}/revoke", json={"reason": "key_compromise"}).json()
    assert done["certificates_revoked"] == 2
    standings = {each["standing"] for each in api.get(f"/v1/devices/{device}/certificates").json()["items"]}
    assert standings == {"revoked"}


def test_a_certificate_of_another_device_is_not_found(api: httpx.Client, device: str) -> None:
    issued = api.post(f"/v1/devices/{device}/certificates", json={"csr": pem_csr(device)}).json()
    other = f"{device}-b"
    api.post("/v1/devices", json={"device_id": other}).raise_for_status()
    path = f"/v1/devices/{other}/certificates/{issued['certificate']['sha256']}"
    assert api.get(path).status_code == 404
    assert api.post(f"{path}/revoke", json={}).status_code == 404
    assert api.get(f"/v1/devices/{device}/certificates/{'x' * 64}").status_code == 422


@pytest.mark.parametrize("state", ["quarantined", "retired"])
def test_who_is_kept_out_is_given_no_certificate(api: httpx.Client, device: str, state: str) -> None:
    api.post(f"/v1/devices/{device}/lifecycle", json={"target": state, "reason": "test"}).raise_for_status()
    refused = api.post(f"/v1/devices/{device}/certificates", json={"csr": pem_csr(device)})
    assert refused.status_code == 409


def test_the_history_holds_certificates_and_acts(api: httpx.Client, device: str) -> None:
    api.post(f"/v1/devices/{device}/certificates", json={"csr": pem_csr(device)}).raise_for_status()
    api.post(f"/v1/devices/{device}/disable", json={"reason": "audit"}).raise_for_status()
    found = api.get(f"/v1/devices/{device}/history").json()
    assert len(found["certificates"]) == 1
    actions = [each["action"] for each in found["acts"]]
    assert actions[0] == "registry.create_device"
    assert actions[-1] == "registry.disable_device"
