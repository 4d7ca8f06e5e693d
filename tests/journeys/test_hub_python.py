"""The hub as a solution developer knows it, with the unmodified Azure IoT SDK for Python.

Twins, direct methods, commands and modules; subscriptions that outlive a gateway; two clients under one identity.
"""

from __future__ import annotations

import json
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import pytest
from azure.iot.device import X509, IoTHubDeviceClient, IoTHubModuleClient, MethodResponse
from azure_device import enroll, make_client, messages, open_enrollment, refusals, sdk_warnings
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from journey import Platform, wait_until

from vedette.simulation import Factory

pytestmark = sdk_warnings

PAYLOADS: Final = [None, "", "text", {}, {"speed": 3, "unit": "m/s"}, [1, "two"], 7, True]


@pytest.fixture(scope="module", autouse=True)
def enrollment(platform: Platform, factory: Factory) -> str:
    return open_enrollment(platform, factory)


class Heard:
    """What a client heard from the hub, by kind."""

    def __init__(self, client: Any) -> None:  # Any: the SDK misdescribes its handlers
        self.client = client
        self.commands: list[Any] = []
        self.desired: list[dict[str, Any]] = []
        self.methods: list[Any] = []
        self.answer: Callable[[Any], tuple[int, Any]] = lambda request: (200, request.payload)

    def take_commands(self) -> None:
        self.client.on_message_received = self.commands.append

    def take_desired(self) -> None:
        self.client.on_twin_desired_properties_patch_received = self.desired.append

    def take_methods(self) -> None:
        self.client.on_method_request_received = self._on_method

    def _on_method(self, request: Any) -> None:
        self.methods.append(request)
        status, payload = self.answer(request)
        self.client.send_method_response(MethodResponse.create_from_method_request(request, status, payload))


@contextmanager
def connected(platform: Platform, name: str, credential: Any) -> Iterator[Heard]:
    client = make_client(platform, name, credential)
    try:
        client.connect()
        yield Heard(client)
    finally:
        client.shutdown()


def digest_of(certificate: Path) -> str:
    return x509.load_pem_x509_certificate(certificate.read_bytes()).fingerprint(hashes.SHA256()).hex()


def test_a_twin_is_read_reported_and_told_of_changes(platform: Platform, factory: Factory, tmp_path: Path) -> None:
    credential = enroll(platform, factory, "twin-1", tmp_path)
    with connected(platform, "twin-1", credential) as device:
        twin = device.client.get_twin()
        assert twin == {"desired": {"$version": 1}, "reported": {"$version": 1}}

        device.client.patch_twin_reported_properties({"firmware": {"version": "1.2"}, "old": 1})
        device.client.patch_twin_reported_properties({"old": None})
        assert device.client.get_twin()["reported"] == {"firmware": {"version": "1.2"}, "$version": 3}

        device.take_desired()
        wait_until(lambda: _nudge(platform, "twin-1", device), 90, "a desired patch")
        shown = platform.call("GET", "/v1/devices/twin-1/twin")
        assert shown["reported"]["firmware"] == {"version": "1.2"}
        assert shown["desired"]["speed"] == device.desired[-1]["speed"]
        assert device.desired[-1]["$version"] == shown["desired_version"]


def _nudge(platform: Platform, name: str, device: Heard) -> bool:
    """Change a desired property until the subscription, which the SDK makes in the background, has taken."""
    if not device.desired:
        platform.call("PATCH", f"/v1/devices/{name}/twin", {"desired": {"speed": time.monotonic_ns() % 1000}})
        time.sleep(0.2)
    return bool(device.desired)


@pytest.mark.parametrize("payload", PAYLOADS, ids=repr)
def test_a_method_carries_any_payload_both_ways(
    platform: Platform, factory: Factory, tmp_path_factory: pytest.TempPathFactory, payload: Any
) -> None:
    name = f"method-{PAYLOADS.index(payload)}"
    credential = enroll(platform, factory, name, tmp_path_factory.mktemp(name))
    with connected(platform, name, credential) as device:
        device.take_methods()
        answer = platform.call(
            "POST", f"/v1/devices/{name}/methods/echo", {"payload": payload, "response_timeout_s": 50}
        )
        assert answer == {"status": 200, "payload": payload}
        assert device.methods[0].name == "echo"
        assert device.methods[0].payload == payload


def test_a_method_to_a_device_that_is_away_or_silent_says_so(
    platform: Platform, factory: Factory, tmp_path: Path
) -> None:
    credential = enroll(platform, factory, "silent-1", tmp_path)
    away = platform.api.post("/v1/devices/silent-1/methods/echo", json={"response_timeout_s": 5})
    assert away.status_code == 404
    assert "not connected" in away.json()["detail"]
    with connected(platform, "silent-1", credential) as device:
        device.client.on_method_request_received = device.methods.append
        began = time.monotonic()
        late = platform.api.post("/v1/devices/silent-1/methods/echo", json={"response_timeout_s": 5})
        assert late.status_code == 504
        assert time.monotonic() - began > 4.5
        wait_until(lambda: device.methods, 60, "the method at the device")
        assert len(device.methods) == 1


def test_commands_wait_for_a_device_that_is_away(platform: Platform, factory: Factory, tmp_path: Path) -> None:
    credential = enroll(platform, factory, "command-1", tmp_path)
    for number in range(3):
        platform.call(
            "POST",
            "/v1/devices/command-1/commands",
            {"body": f"open {number}", "message_id": f"m{number}", "properties": {"p": "a b"}, "ack": "full"},
        )
    with connected(platform, "command-1", credential) as device:
        device.take_commands()
        wait_until(lambda: len(device.commands) == 3, 90, "three commands")
        assert [each.data.decode() for each in device.commands] == ["open 0", "open 1", "open 2"]
        assert device.commands[0].message_id == "m0"
        assert device.commands[0].custom_properties["p"] == "a b"
        wait_until(lambda: not platform.call("GET", "/v1/devices/command-1/commands")["items"], 90, "an empty queue")
        path = "/v1/command-feedback?limit=100"
        wait_until(
            lambda: (
                {each["message_id"] for each in platform.call("GET", path)["items"] if each["device_id"] == "command-1"}
                == {"m0", "m1", "m2"}
            ),
            60,
            "feedback on each",
        )


def test_a_module_has_a_credential_twin_and_methods_of_its_own(
    platform: Platform, factory: Factory, tmp_path: Path
) -> None:
    enroll(platform, factory, "edge-1", tmp_path)
    identity = factory.make_device("edge-1/camera")
    certificate, key = identity.write(tmp_path, "module")
    platform.call(
        "POST",
        "/v1/devices/edge-1/modules",
        {
            "module_id": "camera",
            "authentication": {"type": "self_signed", "primary_thumbprint": digest_of(certificate)},
        },
    )
    client: Any = IoTHubModuleClient.create_from_x509_certificate(
        x509=X509(cert_file=str(certificate), key_file=str(key)),
        hostname=platform.address,
        device_id="edge-1",
        module_id="camera",
        server_verification_cert=platform.root_pem,
    )
    try:
        client.connect()
        client.send_message_to_output("a frame", "frames")
        client.patch_twin_reported_properties({"lens": "wide"})
        heard = Heard(client)
        heard.take_methods()
        answer = platform.call("POST", "/v1/devices/edge-1/modules/camera/methods/look", {"payload": {"up": 3}})
        assert answer == {"status": 200, "payload": {"up": 3}}
        shown = platform.call("GET", "/v1/devices/edge-1/modules/camera/twin")
        assert shown["reported"]["lens"] == "wide"
        found = [each for each in messages(platform, "edge-1") if each["module_id"] == "camera"]
        assert found[0]["body"] == "a frame"

        lost = threading.Event()
        client.on_connection_state_change = lambda: None if client.connected else lost.set()
        platform.call("POST", "/v1/devices/edge-1/disable", {"reason": "stolen"})
        assert lost.wait(60), "a module is cut with its device"
    finally:
        client.shutdown()


def test_a_gateway_dies_and_nobody_has_to_subscribe_again(platform: Platform, factory: Factory, tmp_path: Path) -> None:
    credential = enroll(platform, factory, "stay-1", tmp_path)
    with connected(platform, "stay-1", credential) as device:
        device.take_commands()
        device.take_methods()
        device.take_desired()
        wait_until(lambda: _nudge(platform, "stay-1", device), 90, "a desired patch")
        os.kill(platform.pids()["gateway-1"], signal.SIGKILL)
        platform.call("POST", "/v1/devices/stay-1/commands", {"body": "while you were out"})
        wait_until(lambda: device.commands, 240, "the command sent meanwhile")
        assert device.commands[0].data == b"while you were out"
        answer = platform.call(
            "POST", "/v1/devices/stay-1/methods/echo", {"payload": 1, "connect_timeout_s": 20, "response_timeout_s": 30}
        )
        assert answer == {"status": 200, "payload": 1}
        heard = len(device.desired)
        platform.call("PATCH", "/v1/devices/stay-1/twin", {"desired": {"after": True}})
        wait_until(lambda: len(device.desired) > heard, 90, "a desired patch after the restart")
        device.client.send_message("still here")
        assert messages(platform, "stay-1")[-1]["body"] == "still here"


def test_two_clients_under_one_identity_are_damped_and_raise_an_alert(
    platform: Platform, factory: Factory, tmp_path: Path
) -> None:
    credential = enroll(platform, factory, "twice-1", tmp_path)
    with connected(platform, "twice-1", credential), connected(platform, "twice-1", credential):
        wait_until(lambda: refusals(platform, "twice-1"), 180, "damped take-overs on record")
        wait_until(lambda: _alerts(platform, "twice-1"), 90, "a clone alert")
    (alert,) = _alerts(platform, "twice-1")
    assert alert["is_open"]
    assert alert["is_same_certificate"]
    assert {each["reason"] for each in refusals(platform, "twice-1")} == {"takeover_damped"}
    platform.call("POST", f"/v1/clone-alerts/{alert['alert_id']}/acknowledge", {"reason": "a test"})
    (alert,) = _alerts(platform, "twice-1")
    assert not alert["is_open"]


def _alerts(platform: Platform, device: str) -> list[dict[str, Any]]:
    return [each for each in platform.call("GET", "/v1/clone-alerts")["items"] if each["device_id"] == device]


def test_a_bag_of_system_and_user_properties_arrives_as_sent(
    platform: Platform, factory: Factory, tmp_path: Path
) -> None:
    credential = enroll(platform, factory, "bag-1", tmp_path)
    with connected(platform, "bag-1", credential) as device:
        assert isinstance(device.client, IoTHubDeviceClient)
        device.client.send_message(json.dumps({"a": 1}))
        (stored,) = messages(platform, "bag-1")
        assert json.loads(stored["body"]) == {"a": 1}
        wait_until(lambda: _presence(platform, "bag-1").get("is_connected") is True, 90, "presence")
    wait_until(lambda: _presence(platform, "bag-1").get("is_connected") is False, 90, "its end")


def _presence(platform: Platform, name: str) -> dict[str, Any]:
    found: dict[str, Any] | None = platform.call("GET", f"/v1/devices/{name}")["presence"]
    return found or {}
