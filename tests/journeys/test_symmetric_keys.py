"""Legacy devices and modules with symmetric keys, by the unmodified SDKs: renewal, rotation, a key that is wrong."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from azure.iot.device import IoTHubDeviceClient, IoTHubModuleClient
from azure_device import messages, refusals, sdk_warnings
from journey import Platform, wait_until
from node_sdk import needs_node, node_device

pytestmark = sdk_warnings

ADDRESS = "127.0.23.1"


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    """A platform that accepts symmetric keys, which by itself none does."""
    running = Platform(
        ADDRESS, tmp_path_factory.mktemp("platform"), more_configuration="[pki]\nsymmetric_keys = true\n"
    )
    try:
        running.start()
        yield running
    finally:
        running.stop()


def create(platform: Platform, name: str) -> str:
    """Register a device with a symmetric key and return its primary one."""
    new = {"device_id": name, "authentication": {"type": "symmetric_key"}}
    return primary(platform.call("POST", "/v1/devices", new))


def primary(created: dict[str, Any]) -> str:
    return str(next(each["key"] for each in created["keys"] if each["slot"] == "primary"))


def connection_string(platform: Platform, name: str, key: str, module: str = "") -> str:
    identity = f"DeviceId={name}" + (f";ModuleId={module}" if module else "")
    return f"HostName={platform.address};{identity};SharedAccessKey={key}"


def make_client(platform: Platform, text: str, **options: Any) -> Any:
    return IoTHubDeviceClient.create_from_connection_string(
        text, server_verification_cert=platform.root_pem, connection_retry_interval=1, **options
    )


def connects(platform: Platform, name: str) -> int:
    found = platform.call("GET", f"/v1/decisions?device_id={name}&kind=connect&limit=100")["items"]
    return len(found)


def test_the_sdk_renews_its_token_and_loses_nothing(platform: Platform) -> None:
    key = create(platform, "hvac-1")
    # The SDK renews two minutes before the end: here after some seconds.
    client = make_client(platform, connection_string(platform, "hvac-1", key), sastoken_ttl=126)
    client.connect()
    try:
        commands: list[Any] = []
        client.on_message_received = commands.append
        client.send_message("before")
        wait_until(lambda: connects(platform, "hvac-1") >= 2, 120, "a connection with the new token")
        client.send_message("after")
        platform.call("POST", "/v1/devices/hvac-1/commands", {"body": "still subscribed"})
        wait_until(lambda: commands, 90, "a command over the new connection")
        assert [each["body"] for each in messages(platform, "hvac-1")] == ["before", "after"]
        assert refusals(platform, "hvac-1") == []
    finally:
        client.shutdown()


def test_rotating_the_key_cuts_whoever_uses_the_old_one(platform: Platform) -> None:
    key = create(platform, "hvac-2")
    client = make_client(platform, connection_string(platform, "hvac-2", key))
    client.connect()
    try:
        client.send_message("with the old key")
        platform.call("POST", "/v1/devices/hvac-2/keys/rotate", {"slot": "primary"})
        wait_until(lambda: not client.connected, 90, "the connection is cut")
        wait_until(lambda: refusals(platform, "hvac-2"), 90, "the old key is refused")
        assert {each["reason"] for each in refusals(platform, "hvac-2")} <= {
            "symmetric_key_not_permitted",
            "token_invalid",
        }
    finally:
        client.shutdown()


def test_a_wrong_key_is_refused_and_explained(platform: Platform) -> None:
    create(platform, "hvac-3")
    client = make_client(
        platform, connection_string(platform, "hvac-3", "d3Jvbmd3cm9uZ3dyb25nd3Jvbmd3cm9uZ3dyb25nISE=")
    )
    with pytest.raises(Exception, match=r"(?i)credential|unauthorized|refused"):
        client.connect()
    client.shutdown()
    wait_until(lambda: refusals(platform, "hvac-3"), 90, "the refusal")
    assert refusals(platform, "hvac-3")[0]["reason"] == "token_invalid"


def test_a_module_has_a_key_of_its_own(platform: Platform) -> None:
    create(platform, "edge-1")
    new = {"module_id": "camera", "authentication": {"type": "symmetric_key"}}
    key = primary(platform.call("POST", "/v1/devices/edge-1/modules", new))
    client = IoTHubModuleClient.create_from_connection_string(
        connection_string(platform, "edge-1", key, "camera"), server_verification_cert=platform.root_pem
    )
    client.connect()
    try:
        client.send_message_to_output("frame", "frames")
        wait_until(lambda: messages(platform, "edge-1"), 90, "the module's message")
        (stored,) = messages(platform, "edge-1")
        assert (stored["module_id"], stored["system"]["on"]) == ("camera", "frames")
    finally:
        client.shutdown()


@needs_node
def test_the_node_sdk_connects_with_a_key_and_a_module(platform: Platform) -> None:
    key = create(platform, "node-1")
    root = platform.data / "public" / "root.pem"
    with node_device(connection_string=connection_string(platform, "node-1", key), ca=str(root)) as device:
        device.ask("connect")
        device.ask("send", body="hello")
        twin = device.ask("twin")
        assert twin["reported"]["$version"] == 1
    assert [each["body"] for each in messages(platform, "node-1")] == ["hello"]
