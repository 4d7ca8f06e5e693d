"""Brokers that are there already: one with an HTTP plugin and a NATS server ask Vedette, and enforce its answers."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import hmac
import json
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote_plus

import httpx
import paho.mqtt.client as paho
import pytest
from other_nats import OtherNats
from running_bus import free_port
from running_platform import RunningPlatform, wait_for

DECLARED = "?tls_version=TLSv1.3&cipher=TLS_AES_128_GCM_SHA256"
BROKER = Path(__file__).parents[1] / "support/amqtt_broker.py"


class Amqtt:
    """An unmodified amqtt broker with its HTTP plugin, whose requests are those of mosquitto-go-auth."""

    def __init__(self, folder: Path, api: int, token: str) -> None:
        self.port = free_port()
        # It can send no header of its own: the token stands in the address, as RFC 7617's credentials do.
        shared = {"host": f"vedette:{token}@localhost", "port": api}
        settings = folder / "plugins.json"
        settings.touch(mode=0o600)
        settings.write_text(
            json.dumps(
                {
                    "amqtt.contrib.http.UserAuthHttpPlugin": {**shared, "user_uri": f"/hooks/mqtt/user{DECLARED}"},
                    "amqtt.contrib.http.TopicAuthHttpPlugin": {**shared, "topic_uri": f"/hooks/mqtt/acl{DECLARED}"},
                }
            )
        )
        with (folder / "amqtt.log").open("ab") as log:
            self._process = subprocess.Popen([sys.executable, BROKER, str(self.port), settings], stdout=log, stderr=log)
        wait_for(self._listens, "the broker listens")

    def _listens(self) -> bool:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), timeout=1):
            return True
        return False

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait(60)


class Client:
    """An MQTT client at that broker."""

    def __init__(self, broker: Amqtt, name: str, password: str) -> None:
        self.heard: list[str] = []
        self.code: int | None = None
        self.granted: list[int] = []
        self._client = paho.Client(name, clean_session=True, reconnect_on_failure=False)
        self._client.username_pw_set(name, password)
        self._client.on_connect = self._connected
        self._client.on_message = lambda _client, _data, message: self.heard.append(message.payload.decode())
        self._subscribed = threading.Event()
        self._client.on_subscribe = self._told
        self._client.connect("127.0.0.1", broker.port)
        self._client.loop_start()
        wait_for(lambda: self.code is not None, "the broker answers")

    def _connected(self, _client: object, _data: object, _flags: object, code: int) -> None:
        self.code = code

    def _told(self, _client: object, _data: object, _mid: int, granted: Any) -> None:
        self.granted = list(granted)
        self._subscribed.set()

    def subscribe(self, topic: str) -> bool:
        self._subscribed.clear()
        self._client.subscribe(topic, 1)
        assert self._subscribed.wait(90)
        return self.granted[0] < 128

    def publish(self, topic: str, text: str) -> None:
        self._client.publish(topic, text, 1)

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()


@pytest.fixture(scope="module")
def nats(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OtherNats]:
    running = OtherNats(tmp_path_factory.mktemp("nats"))
    yield running
    running.stop()


@pytest.fixture(scope="module")
def platform(nats: OtherNats, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningPlatform]:
    folder = tmp_path_factory.mktemp("platform")
    running = RunningPlatform(folder, configuration=f"pki.symmetric_keys = true\n{nats.configuration}")
    running.start()
    yield running
    running.stop()


@pytest.fixture
def api(platform: RunningPlatform) -> Iterator[httpx.Client]:
    with platform.client() as client:
        yield client


@pytest.fixture(scope="module")
def broker(platform: RunningPlatform, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Amqtt]:
    with platform.client() as client:
        body = {"name": "the broker that is there", "roles": ["enforcement-point"]}
        token = client.post("/v1/service-tokens", json=body).raise_for_status().json()["secret"]
    running = Amqtt(tmp_path_factory.mktemp("amqtt"), platform.ports["api"], token)
    yield running
    running.stop()


@pytest.fixture
def make_device(api: httpx.Client) -> Callable[[str], str]:
    """Return what registers a device with a symmetric key and returns a token of it."""

    def make(name: str) -> str:
        new = {"device_id": name, "authentication": {"type": "symmetric_key"}}
        made = api.post("/v1/devices", json=new).raise_for_status().json()
        key = next(each["key"] for each in made["keys"] if each["slot"] == "primary")
        scope, ends_at = quote_plus(f"localhost/devices/{name}"), int(time.time()) + 3600
        digest = hmac.new(base64.b64decode(key), f"{scope}\n{ends_at}".encode(), hashlib.sha256).digest()
        return f"SharedAccessSignature sr={scope}&sig={quote_plus(base64.b64encode(digest))}&se={ends_at}"

    return make


def test_a_broker_with_an_http_plugin_enforces_our_decisions(
    broker: Amqtt, api: httpx.Client, make_device: Callable[[str], str]
) -> None:
    password = make_device("press-1")
    make_device("press-2")
    wrong = Client(broker, "press-1", "wrong")
    assert wrong.code != 0
    wrong.close()
    device = Client(broker, "press-1", password)
    assert device.code == 0
    assert device.subscribe("devices/press-1/#")
    assert not device.subscribe("devices/press-2/#")
    device.publish("devices/press-2/up", "not mine")
    device.publish("devices/press-1/up", "mine")
    wait_for(lambda: device.heard == ["mine"], "its own message comes back")
    device.close()

    api.post("/v1/devices/press-1/quarantine", json={"reason": "a test"}).raise_for_status()
    narrowed = Client(broker, "press-1", password)
    assert narrowed.code == 0
    assert not narrowed.subscribe("devices/press-1/#")
    narrowed.close()
    api.post("/v1/devices/press-1/disable", json={"reason": "a test"}).raise_for_status()
    refused = Client(broker, "press-1", password)
    assert refused.code != 0
    refused.close()

    told = {"device_id": "press-1", "kind": "outside"}
    wait_for(
        lambda: (
            {"disabled", "permitted"}
            <= {each["reason"] for each in api.get("/v1/decisions", params=told).json()["items"]}
        ),
        "the answers are on record",
    )


def test_a_broker_without_its_token_or_with_another_is_told_nothing(platform: RunningPlatform) -> None:
    for host in ("", f"vedette:{platform.token}@", "vedette:vds_wrong@", f":vds_{'a' * 43}@"):
        url = f"http://{host}localhost:{platform.ports['api']}/hooks/mqtt/superuser"
        assert httpx.post(url, json={"username": "press-1"}, timeout=60).status_code == 401
    basic = httpx.BasicAuth("vedette", platform.token)
    assert httpx.get(f"{platform.url}/v1/devices", auth=basic, timeout=60).status_code == 401


def test_a_nats_server_enforces_our_decisions(
    nats: OtherNats, api: httpx.Client, make_device: Callable[[str], str]
) -> None:
    password = make_device("robot-1")
    publish, subscribe = "PUB devices.robot-1.events.a 2\r\nhi", "SUB devices.robot-1.commands.> 1"
    heard = nats.say("robot-1", password, publish, subscribe)
    assert ("PONG" in heard, "-ERR" in heard) == (True, False), heard
    assert "Permissions Violation for Publish" in nats.say("robot-1", password, "PUB devices.robot-2.events.a 2\r\nhi")
    assert "Authorization Violation" in nats.say("robot-1", "wrong")

    # Risk rises while a connection is open: it ends within the minute, and the next one is narrow.
    with nats.open("robot-1", password) as living:
        living.sendall(b"PING\r\n")
        signal = {"signal_class": "malware", "level": "high", "provenance": "observed", "source": "edr"}
        api.post("/v1/devices/robot-1/signals", json=signal).raise_for_status()
        narrowed = nats.say("robot-1", password, publish, subscribe)
        assert "Permissions Violation for Publish" in narrowed
        assert "Permissions Violation for Subscription" in narrowed
        api.post("/v1/devices/robot-1/disable", json={"reason": "a test"}).raise_for_status()
        assert "Authorization Violation" in nats.say("robot-1", password)
        living.settimeout(180)
        ended = b""
        while more := living.recv(4096):
            ended += more
    assert b"Expired" in ended
