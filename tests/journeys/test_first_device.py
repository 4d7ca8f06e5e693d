"""A solution developer's first device, with the unmodified Azure IoT SDK for Python.

DPS with a CSR → operational certificate → telemetry on disk → disabled → cut and refused → enabled → back by itself.
"""

from __future__ import annotations

import base64
import json
import socket
import ssl
import threading
from pathlib import Path
from typing import Any

import pytest
from azure.iot.device import X509, IoTHubDeviceClient, Message, ProvisioningDeviceClient
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from journey import Platform, wait_until

from vedette.kernel import SystemClock
from vedette.simulation import Factory, Identity, make_request

# The SDK asks for TLS 1.2 by a name that Python has deprecated, and leaves sockets to the garbage collector.
pytestmark = [
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


@pytest.fixture(scope="module", autouse=True)
def enrollment(platform: Platform, factory: Factory) -> str:
    return open_enrollment(platform, factory)


def test_a_device_enrolls_sends_is_cut_and_comes_back_by_itself(
    platform: Platform, factory: Factory, tmp_path: Path
) -> None:
    credential = enroll(platform, factory, "pump-7", tmp_path)
    client: Any = make_client(platform, "pump-7", credential)  # Any: its types misdescribe handlers
    connected, gone = threading.Event(), threading.Event()

    def changed() -> None:
        (connected if client.connected else gone).set()

    client.on_connection_state_change = changed
    client.connect()
    try:
        message = Message(
            '{"pressure": 3.2}', message_id="m-1", content_encoding="utf-8", content_type="application/json"
        )
        message.custom_properties["line"] = "a & b"
        client.send_message(message)
        (stored,) = messages(platform, "pump-7")
        assert stored["body"] == '{"pressure": 3.2}'
        assert stored["properties"] == {"line": "a & b"}
        assert platform.call("GET", "/v1/devices/pump-7")["lifecycle"] in {"onboarded", "active"}

        connected.clear()
        answer = platform.call("POST", "/v1/devices/pump-7/disable", {"reason": "stolen"})
        assert answer["enforcement"]["enforced_at"] is not None
        assert gone.wait(2)
        assert not connected.wait(5)
        assert any(refusal["reason"] == "disabled" for refusal in refusals(platform, "pump-7"))

        platform.call("POST", "/v1/devices/pump-7/enable", {"reason": "found"})
        assert connected.wait(15)
        client.send_message("back")
        wait_until(lambda: len(messages(platform, "pump-7")) == 2, 5, "the second message")
    finally:
        client.shutdown()


def test_every_step_stands_in_a_ledger_that_verifies(platform: Platform, factory: Factory, tmp_path: Path) -> None:
    enroll(platform, factory, "pump-6", tmp_path)
    platform.call("POST", "/v1/devices/pump-6/disable", {"reason": "stolen"})
    platform.call("POST", "/v1/devices/pump-6/enable", {"reason": "found"})
    entries = platform.call("GET", "/v1/ledger/entries?limit=1000")["items"]
    actions = {entry["action"] for entry in entries}
    assert {"pki.issue_certificate", "registry.disable_device", "registry.enable_device"} <= actions
    assert platform.cli("ledger", "verify").returncode == 0


def test_a_registration_without_a_csr_fails_with_words_that_say_so(
    platform: Platform, factory: Factory, tmp_path: Path
) -> None:
    with pytest.raises(Exception, match="Unexpected failure") as caught:
        register(platform, factory.make_device("pump-8"), "pump-8", tmp_path, {})
    assert "failed registration status" in str(caught.value.__cause__)
    wait_until(lambda: refusals(platform, "pump-8"), 5, "the refusal on record")
    (refusal,) = refusals(platform, "pump-8")
    assert "csr" in (refusal["detail"] + refusal["hint"]).lower()


def test_the_factory_certificate_opens_no_hub_connection(platform: Platform, factory: Factory, tmp_path: Path) -> None:
    enroll(platform, factory, "pump-9", tmp_path)
    onboarding = X509(cert_file=str(tmp_path / "factory.pem"), key_file=str(tmp_path / "factory.key"))
    client = make_client(platform, "pump-9", onboarding)
    try:
        with pytest.raises(Exception, match=r"(?i)credential|unauthorized|refused"):
            client.connect()
    finally:
        client.shutdown()


def test_a_device_of_another_maker_is_refused_and_explained(platform: Platform, tmp_path: Path) -> None:
    stranger = Factory("Stranger", SystemClock())
    with pytest.raises(Exception, match="Unexpected failure") as caught:
        register(platform, stranger.make_device("pump-10"), "pump-10", tmp_path, {})
    assert "401" in str(caught.value.__cause__)
    wait_until(lambda: refusals(platform, "pump-10"), 5, "the refusal on record")
    (refusal,) = refusals(platform, "pump-10")
    assert "Stranger" in refusal["certificate_issuer"]
    assert refusal["hint"]


def test_a_certificate_is_a_device_identity_and_nothing_more(
    platform: Platform, factory: Factory, tmp_path: Path
) -> None:
    enroll(platform, factory, "pump-11", tmp_path)
    leaf = x509.load_pem_x509_certificate((tmp_path / "operational.pem").read_bytes())
    assert leaf.subject.rfc4514_string() == "CN=pump-11"
    usage = leaf.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert [each.dotted_string for each in usage] == ["1.3.6.1.5.5.7.3.2"]
    names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    (uri,) = names.get_values_for_type(x509.UniformResourceIdentifier)
    assert uri.startswith("urn:vedette:org_")
    assert leaf.public_bytes(serialization.Encoding.DER)


def test_the_gateway_offers_nothing_to_resume_a_session_with(
    platform: Platform, factory: Factory, tmp_path: Path
) -> None:
    enroll(platform, factory, "pump-12", tmp_path)
    context = ssl.create_default_context(cadata=platform.root_pem)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.load_cert_chain(tmp_path / "operational.pem", tmp_path / "operational.key")
    with (
        socket.create_connection((platform.address, 8883), timeout=5) as raw,
        context.wrap_socket(raw, server_hostname=platform.address) as connection,
    ):
        connection.sendall(b"\xc0\x00")  # PINGREQ before CONNECT: the gateway answers by closing
        while connection.recv(1024):
            pass
        assert connection.version() == "TLSv1.3"
        assert connection.session is None or not connection.session.has_ticket
