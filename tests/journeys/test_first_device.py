"""A solution developer's first device, with the unmodified Azure IoT SDK for Python.

DPS with a CSR → operational certificate → telemetry on disk → disabled → cut and refused → enabled → back by itself.
"""

from __future__ import annotations

import socket
import ssl
import threading
from pathlib import Path
from typing import Any

import pytest
from azure.iot.device import X509, Message
from azure_device import enroll, make_client, messages, open_enrollment, refusals, register, sdk_warnings
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from journey import Platform, wait_until

from vedette.kernel import SystemClock
from vedette.simulation import Factory

pytestmark = sdk_warnings


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
        # The answer waits for a moment; a gateway that takes longer is named.
        assert answer["enforcement"]["enforced_at"] is not None or answer["enforcement"]["pending"] == ["gateway-1"]
        assert gone.wait(90)
        wait_until(
            lambda: any(
                each["reason"] == "disabled" and each["kind"] == "refuse" for each in refusals(platform, "pump-7")
            ),
            90,
            "a refused attempt",
        )
        assert not connected.wait(5)

        platform.call("POST", "/v1/devices/pump-7/enable", {"reason": "found"})
        assert connected.wait(180)
        client.send_message("back")
        wait_until(lambda: len(messages(platform, "pump-7")) == 2, 90, "the second message")
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
    wait_until(lambda: refusals(platform, "pump-8"), 90, "the refusal on record")
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
    wait_until(lambda: refusals(platform, "pump-10"), 90, "the refusal on record")
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
        socket.create_connection((platform.address, 8883), timeout=60) as raw,
        context.wrap_socket(raw, server_hostname=platform.address) as connection,
    ):
        connection.sendall(b"\xc0\x00")  # PINGREQ before CONNECT: the gateway answers by closing
        while connection.recv(1024):
            pass
        assert connection.version() == "TLSv1.3"
        assert connection.session is None or not connection.session.has_ticket
