"""The hub with the unmodified Azure IoT SDKs for Node: provisioning, twins, methods, commands, a module, a restart."""

from __future__ import annotations

import base64
import itertools
import os
import signal
import subprocess
import time
from pathlib import Path
from typing import Any, Final

import pytest
from azure_device import messages, open_enrollment, refusals
from cryptography import x509
from journey import Platform, wait_until
from node_sdk import NodeDevice, needs_node, node_device, node_register

from vedette.simulation import Factory, Identity, make_request

pytestmark = needs_node

PAYLOADS: Final = [None, "", "text", {}, {"speed": 3}, [1, "two"]]


@pytest.fixture(scope="module", autouse=True)
def enrollment(platform: Platform, factory: Factory) -> str:
    return open_enrollment(platform, factory)


def root_of(platform: Platform) -> Path:
    return platform.data / "public" / "root.pem"


def register(platform: Platform, factory: Factory, name: str, folder: Path) -> dict[str, Any]:
    """Register with a CSR in the custom payload; returns what a Node device is started with."""
    certificate, key = factory.make_device(name).write(folder, "factory")
    own_key, csr = make_request(name)
    result = node_register(
        root_of(platform),
        host=platform.address,
        id_scope=platform.id_scope,
        registration_id=name,
        cert=str(certificate),
        key=str(key),
        payload={"csr": base64.b64encode(csr).decode()},
    )
    assert "error" not in result, result
    assert result["device_id"] == name
    assert result["hub"] == platform.address
    chain = [
        x509.load_der_x509_certificate(base64.b64decode(der)) for der in result["payload"]["issuedCertificateChain"]
    ]
    operational, operational_key = Identity(own_key, tuple(chain)).write(folder, "operational")
    return {
        "connection_string": f"HostName={platform.address};DeviceId={name};x509=true",
        "cert": str(operational),
        "key": str(operational_key),
        "ca": str(root_of(platform)),
    }


def hear_desired(platform: Platform, device: NodeDevice, name: str) -> None:
    """Change a desired property until the subscription, which the SDK makes in the background, has taken."""
    device.event("desired")  # the whole twin, once, at registration
    said = itertools.count(1)

    def hears() -> bool:
        platform.call("PATCH", f"/v1/devices/{name}/twin", {"desired": {"heard": next(said)}})
        time.sleep(0.3)
        return any(each["event"] == "desired" for each in device.events)

    wait_until(hears, 90, "a desired change")
    last = platform.call("GET", f"/v1/devices/{name}/twin")["desired"]["heard"]
    while device.event("desired")["delta"].get("heard") != last:
        pass


def test_telemetry_twins_and_desired_changes(platform: Platform, factory: Factory, tmp_path: Path) -> None:
    settings = register(platform, factory, "node-1", tmp_path)
    with node_device(**settings) as device:
        device.ask("connect")
        device.ask("send", body="hello", message_id="n1", properties={"line": "a & b"})
        (stored,) = messages(platform, "node-1")
        assert (stored["body"], stored["properties"]) == ("hello", {"line": "a & b"})

        twin = device.ask("twin")
        assert twin["desired"]["$version"] == 1
        device.ask("report", patch={"firmware": "2.0"})
        shown = platform.call("GET", "/v1/devices/node-1/twin")
        assert shown["reported"]["firmware"] == "2.0"

        hear_desired(platform, device, "node-1")
        platform.call("PATCH", "/v1/devices/node-1/twin", {"desired": {"speed": 4}})
        assert device.event("desired")["delta"]["speed"] == 4


def test_a_patch_that_breaks_a_rule_is_an_error_in_the_sdk(
    platform: Platform, factory: Factory, tmp_path: Path
) -> None:
    settings = register(platform, factory, "node-2", tmp_path)
    with node_device(**settings) as device:
        device.ask("connect")
        device.ask("twin")
        answer = device.attempt("report", patch={"deep": _deep(12)})
        assert "error" in answer
        device.ask("report", patch={"fine": True})


def _deep(levels: int) -> Any:
    return {"d": _deep(levels - 1)} if levels else 1


def test_methods_with_any_payload(platform: Platform, factory: Factory, tmp_path: Path) -> None:
    settings = register(platform, factory, "node-3", tmp_path)
    with node_device(**settings) as device:
        device.ask("connect")
        for number, payload in enumerate(PAYLOADS):
            device.ask("method", name=f"echo{number}", status=200 + number, payload=payload)
        wait_until(lambda: _is_listening(platform, "node-3"), 120, "the method subscription")
        for number, payload in enumerate(PAYLOADS):
            answer = platform.call("POST", f"/v1/devices/node-3/methods/echo{number}", {"payload": payload})
            assert answer == {"status": 200 + number, "payload": payload}
            heard = device.event("method")
            while heard["name"] != f"echo{number}":
                heard = device.event("method")
            assert heard["payload"] == payload


def _is_listening(platform: Platform, name: str) -> bool:
    answer = platform.api.post(f"/v1/devices/{name}/methods/echo0", json={"response_timeout_s": 5})
    return answer.status_code == 200


def test_commands_and_a_gateway_that_dies(platform: Platform, factory: Factory, tmp_path: Path) -> None:
    settings = register(platform, factory, "node-4", tmp_path)
    with node_device(**settings) as device:
        device.ask("connect")
        device.ask("listen")
        device.ask("twin")
        hear_desired(platform, device, "node-4")
        platform.call(
            "POST", "/v1/devices/node-4/commands", {"body": "one", "message_id": "c1", "properties": {"p": "a b"}}
        )
        message = device.event("message")
        assert (message["id"], message["body"], message["properties"]["p"]) == ("c1", "one", "a b")

        os.kill(platform.pids()["gateway-1"], signal.SIGKILL)
        platform.call("POST", "/v1/devices/node-4/commands", {"body": "two"})
        # What the gateway had not told control when it died comes once more, before the next one.
        again = device.event("message", 240)
        assert (again if again["body"] != "one" else device.event("message"))["body"] == "two"
        # The Node SDK does not subscribe to desired properties again after a reconnect: the hub has kept it.
        platform.call("PATCH", "/v1/devices/node-4/twin", {"desired": {"after": 1}})
        while "after" not in (delta := device.event("desired")["delta"]):
            assert "heard" in delta  # what the gateway had not been told of when it died
        assert delta["after"] == 1


def test_a_node_device_that_is_disabled_is_refused_and_comes_back(
    platform: Platform, factory: Factory, tmp_path: Path
) -> None:
    settings = register(platform, factory, "node-5", tmp_path)
    with node_device(**settings) as device:
        device.ask("connect")
        device.ask("send", body="before")
        device.ask("listen")  # with a subscription the SDK comes back by itself
        platform.call("POST", "/v1/devices/node-5/commands", {"body": "are you there"})
        device.event("message")  # the subscription, which the SDK makes in the background, has taken
        platform.call("POST", "/v1/devices/node-5/disable", {"reason": "stolen"})
        wait_until(lambda: refusals(platform, "node-5"), 120, "the refusal on record")
        assert {each["reason"] for each in refusals(platform, "node-5")} == {"disabled"}
        platform.call("POST", "/v1/devices/node-5/enable", {"reason": "found"})
        device.ask("send", timeout_s=240, body="after")
    assert [each["body"] for each in messages(platform, "node-5")] == ["before", "after"]


def test_a_stock_command_line_client_speaks_the_same_topics(
    platform: Platform, factory: Factory, tmp_path: Path
) -> None:
    settings = register(platform, factory, "node-6", tmp_path)
    common = [
        *("-h", platform.address, "-p", "8883", "-i", "node-6", "-q", "1"),
        *("-u", f"{platform.address}/node-6/?api-version=2021-04-12"),
        *("--cafile", settings["ca"], "--cert", settings["cert"], "--key", settings["key"]),
    ]
    for version, topic in (
        ("mqttv311", "devices/node-6/messages/events/"),
        ("mqttv5", "devices/node-6/messages/events"),
    ):
        subprocess.run(["mosquitto_pub", *common, "-V", version, "-t", topic, "-m", version], check=True, timeout=120)
    assert {each["body"] for each in messages(platform, "node-6")} == {"mqttv311", "mqttv5"}
    platform.call("POST", "/v1/devices/node-6/commands", {"body": "for a stock client"})
    done = subprocess.run(
        [
            "mosquitto_sub",
            *common,
            "-V",
            "mqttv5",
            "-t",
            "devices/node-6/messages/devicebound/#",
            "-C",
            "1",
            "-W",
            "60",
        ],
        check=True,
        timeout=120,
        capture_output=True,
    )
    assert done.stdout.strip() == b"for a stock client"
