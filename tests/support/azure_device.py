"""Devices of the unmodified Azure IoT SDK for Python, and what an operator does to have them.

The SDK asks for TLS 1.2 by a name that Python has deprecated, and leaves sockets to the garbage collector: journeys
that use it ignore DeprecationWarning and ResourceWarning (``sdk_warnings``).
"""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any, Final

import pytest
from azure.iot.device import X509, IoTHubDeviceClient, ProvisioningDeviceClient
from cryptography import x509
from journey import Platform

from vedette.simulation import Factory, Identity, make_request

sdk_warnings: Final = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
]


def open_enrollment(platform: Platform, factory: Factory, **options: Any) -> str:
    authority = platform.call("POST", "/v1/authorities", {"name": "Acme", "certificate": factory.root_pem().decode()})
    proof = factory.prove_possession(authority["verification_code"]).decode()
    platform.call("POST", f"/v1/authorities/{authority['authority_id']}/verify", {"certificate": proof})
    group = {"name": "Acme pumps", "kind": "group", "authority_id": authority["authority_id"], **options}
    return str(platform.call("POST", "/v1/enrollments", group)["enrollment_id"])


def register(platform: Platform, identity: Identity, registration_id: str, folder: Path, payload: Any) -> Any:
    certificate, key = identity.write(folder, "factory")
    client = ProvisioningDeviceClient.create_from_x509_certificate(
        provisioning_host=platform.address,
        registration_id=registration_id,
        id_scope=platform.id_scope,
        x509=X509(cert_file=str(certificate), key_file=str(key)),
        server_verification_cert=platform.root_pem,
    )
    client.provisioning_payload = payload
    return client.register()


def enroll(platform: Platform, factory: Factory, name: str, folder: Path) -> Any:
    """Register with a CSR in the custom payload, as users of the released SDK do."""
    key, csr = make_request(name)
    result = register(platform, factory.make_device(name), name, folder, {"csr": base64.b64encode(csr).decode()})
    assert result.status == "assigned"
    assert result.registration_state.assigned_hub == platform.address
    assert result.registration_state.device_id == name
    chain = json.loads(result.registration_state.response_payload)["issuedCertificateChain"]
    certificates = tuple(x509.load_der_x509_certificate(base64.b64decode(der)) for der in chain)
    certificate_path, key_path = Identity(key, certificates).write(folder, "operational")
    return X509(cert_file=str(certificate_path), key_file=str(key_path))


def make_client(platform: Platform, name: str, credential: Any) -> IoTHubDeviceClient:
    return IoTHubDeviceClient.create_from_x509_certificate(
        x509=credential,
        hostname=platform.address,
        device_id=name,
        server_verification_cert=platform.root_pem,
        connection_retry_interval=2,
    )


def messages(platform: Platform, device: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = platform.call("GET", f"/v1/telemetry?device_id={device}&limit=100")["items"]
    return found


def refusals(platform: Platform, device: str) -> list[dict[str, Any]]:
    found = platform.call("GET", "/v1/decisions?limit=500")["items"]
    return [each for each in found if each["device_id"] == device and each["effect"] == "deny"]
