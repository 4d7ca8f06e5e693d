"""The unmodified Azure IoT SDKs behind a firewall that lets nothing but port 443 out."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from azure.iot.device import X509, IoTHubDeviceClient, Message, ProvisioningDeviceClient
from azure_device import messages, open_enrollment, sdk_warnings
from cryptography import x509
from journey import Platform, wait_until
from node_sdk import needs_node, node_device

from vedette.simulation import Factory, Identity, make_request

pytestmark = sdk_warnings


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    folder = tmp_path_factory.mktemp("platform")
    running = Platform("127.0.15.1", folder, more_configuration="[gateway]\nwebsocket_port = 443\n")
    try:
        running.start()
        yield running
    finally:
        running.stop()


@pytest.fixture(scope="module", autouse=True)
def enrollment(platform: Platform, factory: Factory) -> str:
    return open_enrollment(platform, factory)


def register(platform: Platform, factory: Factory, name: str, folder: Path) -> tuple[Path, Path]:
    """Register over WebSocket, with a CSR in the custom payload; return certificate and key."""
    key, csr = make_request(name)
    certificate_path, key_path = factory.make_device(name).write(folder, "factory")
    client = ProvisioningDeviceClient.create_from_x509_certificate(
        provisioning_host=platform.address,
        registration_id=name,
        id_scope=platform.id_scope,
        x509=X509(cert_file=str(certificate_path), key_file=str(key_path)),
        server_verification_cert=platform.root_pem,
        websockets=True,
    )
    client.provisioning_payload = {"csr": base64.b64encode(csr).decode()}
    result: Any = client.register()  # the SDK misdescribes its payload
    assert result.status == "assigned"
    chain = json.loads(result.registration_state.response_payload)["issuedCertificateChain"]
    certificates = tuple(x509.load_der_x509_certificate(base64.b64decode(der)) for der in chain)
    return Identity(key, certificates).write(folder, "operational")


def test_a_python_device_registers_and_lives_on_port_443(platform: Platform, factory: Factory, tmp_path: Path) -> None:
    certificate, key = register(platform, factory, "tunnel-1", tmp_path)
    client = IoTHubDeviceClient.create_from_x509_certificate(
        x509=X509(cert_file=str(certificate), key_file=str(key)),
        hostname=platform.address,
        device_id="tunnel-1",
        server_verification_cert=platform.root_pem,
        websockets=True,
    )
    commands: list[Message] = []
    try:
        client.connect()
        client.send_message(Message("hello"))
        client.send_message(Message("x" * 200_000))
        assert sorted(each["body"] for each in messages(platform, "tunnel-1")) == ["hello", "x" * 200_000]
        client.patch_twin_reported_properties({"speed": 7})
        assert client.get_twin()["reported"]["speed"] == 7
        client.on_message_received = commands.append
        platform.call("POST", "/v1/devices/tunnel-1/commands", {"body": "open"})
        wait_until(lambda: commands, 90, "a command")
        assert commands[0].data == b"open"
    finally:
        client.shutdown()
    assert platform.state()["ports"]["websocket"] == 443


@needs_node
def test_a_node_device_lives_on_port_443(platform: Platform, factory: Factory, tmp_path: Path) -> None:
    certificate, key = register(platform, factory, "tunnel-2", tmp_path)
    with node_device(
        connection_string=f"HostName={platform.address};DeviceId=tunnel-2;x509=true",
        cert=str(certificate),
        key=str(key),
        ca=str(platform.data / "public" / "root.pem"),
        websockets=True,
    ) as device:
        device.ask("connect")
        device.ask("send", body="hello")
        assert [each["body"] for each in messages(platform, "tunnel-2")] == ["hello"]
        assert device.ask("twin")["desired"]["$version"] == 1
        device.ask("listen")
        platform.call("POST", "/v1/devices/tunnel-2/commands", {"body": "open"})
        assert device.event("message")["body"] == "open"
