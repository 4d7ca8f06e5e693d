"""Clients that know nothing of hubs, in both versions: mosquitto's tools and paho, with nothing but a certificate."""

from __future__ import annotations

import asyncio
import json
import shutil
import ssl
from collections.abc import Callable
from queue import Empty, Queue
from typing import Any

import paho.mqtt.client as paho
import pytest
from gateway_site import Site
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from stand_in_control import Credential
from waiting import until

pytestmark = pytest.mark.anyio

EVENTS = "devices/pump-7/messages/events/"
COMMANDS = "devices/pump-7/messages/devicebound/#"
VERSIONS = ["mqttv311", "mqttv5"]
needs_mosquitto = pytest.mark.skipif(
    shutil.which("mosquitto_pub") is None, reason="mosquitto-clients are not installed"
)


def options(site: Site, credential: Credential, version: str, port: int) -> list[str]:
    """Return how to reach the gateway, without a user name."""
    return [
        *("-V", version, "-i", "pump-7", "-h", "localhost", "-p", str(port), "-q", "1"),
        *("--cafile", str(site.folder / "root.pem")),
        *("--cert", str(credential.certificate_file), "--key", str(credential.key_file)),
    ]


async def run(program: str, *arguments: str, within_s: float = 60) -> tuple[int, str]:
    """Run a program to its end; return its exit code and everything it said."""
    async with asyncio.timeout(within_s):
        process = await asyncio.create_subprocess_exec(
            program, *arguments, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
        )
        output, _ = await process.communicate()
    assert process.returncode is not None
    return process.returncode, output.decode()


@needs_mosquitto
@pytest.mark.parametrize("version", VERSIONS)
async def test_mosquitto_pub_sends_telemetry(site: Site, version: str) -> None:
    port = await site.start_gateway()
    credential, _ = site.new_device("pump-7")
    more = ["-D", "publish", "user-property", "level", "high", "-D", "publish", "content-type", "text/plain"]
    code, output = await run(
        "mosquitto_pub",
        *options(site, credential, version, port),
        *("-t", EVENTS + "unit=bar", "-m", "hello"),
        *(more if version == "mqttv5" else []),
    )
    assert code == 0, output
    (message,) = await site.stored()
    assert message.body == b"hello"
    if version == "mqttv5":
        assert (message.system, message.properties) == ({"ct": "text/plain"}, {"unit": "bar", "level": "high"})
    else:
        assert (message.system, message.properties) == ({}, {"unit": "bar"})


@needs_mosquitto
@pytest.mark.parametrize("version", VERSIONS)
async def test_mosquitto_sub_receives_commands(site: Site, version: str) -> None:
    port = await site.start_gateway()
    credential, record = site.new_device("pump-7")
    receiving = asyncio.create_task(
        run("mosquitto_sub", *options(site, credential, version, port), "-t", COMMANDS, "-C", "2", "-F", "%j")
    )
    await until(lambda: site.control.hub.opened != [])
    for body in (b"open", b"close"):
        site.control.hub.send(record.generation_id, body, ct="text/plain")
    code, output = await receiving
    assert code == 0, output
    received = [json.loads(line) for line in output.splitlines()]
    assert [each["payload"] for each in received] == ["open", "close"]
    assert all("devicebound/%24.to=" in each["topic"] for each in received)
    await until(lambda: site.control.hub.queues[record.generation_id] == [])


@needs_mosquitto
async def test_mosquitto_pub_prints_why_it_is_refused(site: Site) -> None:
    port = await site.start_gateway()
    credential, record = site.new_device("pump-7")
    site.control.set_enabled(record, is_enabled=False)
    code, output = await run("mosquitto_pub", *options(site, credential, "mqttv5", port), "-t", EVENTS, "-m", "x", "-d")
    assert code != 0
    assert "Server unavailable" in output


class PahoDevice:
    """Paho on a thread of its own, its callbacks as a queue."""

    def __init__(self, site: Site, credential: Credential, *, protocol: int = paho.MQTTv5) -> None:
        self.events: Queue[tuple[str, Any]] = Queue()
        self.client = paho.Client(client_id="pump-7", protocol=protocol)
        self.client.tls_set(
            str(site.folder / "root.pem"),
            str(credential.certificate_file),
            str(credential.key_file),
            tls_version=ssl.PROTOCOL_TLS_CLIENT,
        )
        self.client.on_connect = lambda _c, _u, _f, code, properties=None: self._put("connect", (code, properties))
        self.client.on_disconnect = lambda _c, _u, code, properties=None: self._put("disconnect", (code, properties))
        self.client.on_message = lambda _c, _u, message: self._put("message", message)
        self.client.on_publish = lambda _c, _u, number: self._put("publish", number)
        self.client.on_subscribe = lambda _c, _u, _n, codes, *_: self._put("subscribe", codes)

    def _put(self, name: str, fact: object) -> None:
        self.events.put((name, fact))

    async def next(self, name: str, within_s: float = 30) -> Any:  # paho has no types
        def wait() -> Any:  # same
            while True:
                found, fact = self.events.get(timeout=within_s)
                if found == name:
                    return fact

        try:
            return await asyncio.to_thread(wait)
        except Empty:
            raise AssertionError(f"paho never said {name}") from None

    async def start(self, port: int, properties: Properties | None = None) -> Any:  # same
        more = {} if properties is None else {"properties": properties}
        connect: Callable[[], object] = lambda: self.client.connect("localhost", port, 60, **more)  # noqa: E731 - a thread's
        await asyncio.to_thread(connect)
        self.client.loop_start()
        return await self.next("connect")

    async def stop(self) -> None:
        self.client.disconnect()
        await asyncio.to_thread(self.client.loop_stop)


def properties_of(packet: int, **values: object) -> Properties:
    properties = Properties(packet)
    for name, value in values.items():
        setattr(properties, name, value)
    return properties


async def test_paho_speaks_mqtt_5_with_the_hub(site: Site) -> None:
    port = await site.start_gateway()
    credential, record = site.new_device("pump-7")
    device = PahoDevice(site, credential)
    code, offered = await device.start(port, properties_of(PacketTypes.CONNECT, SessionExpiryInterval=60))
    assert code == 0
    assert (offered.MaximumQoS, offered.RetainAvailable, offered.TopicAliasMaximum) == (1, 0, 8)
    device.client.subscribe([(COMMANDS, paho.SubscribeOptions(qos=1)), ("#", paho.SubscribeOptions(qos=1))])
    granted = await device.next("subscribe")
    assert [each.value for each in granted] == [1, 0x87]
    sent = properties_of(PacketTypes.PUBLISH, ContentType="text/plain", UserProperty=[("a", "1"), ("b", "2")])
    sent.MessageExpiryInterval = 3_600
    device.client.publish(EVENTS, b"hello", qos=1, properties=sent)
    await device.next("publish")
    (message,) = await site.stored()
    assert message.properties == {"a": "1", "b": "2"}
    assert message.system["ct"] == "text/plain"
    assert message.system["exp"]
    site.control.hub.send(record.generation_id, b"open", mid="m1", ct="text/plain")
    command = await device.next("message")
    assert isinstance(command, paho.MQTTMessage)
    assert (command.payload, command.properties.ContentType) == (b"open", "text/plain")
    await until(lambda: site.control.hub.queues[record.generation_id] == [])
    await device.stop()


async def test_paho_is_told_why_its_session_ends(site: Site) -> None:
    port = await site.start_gateway()
    credential, record = site.new_device("pump-7")
    device = PahoDevice(site, credential)
    await device.start(port)
    site.control.set_enabled(record, is_enabled=False)
    code, properties = await device.next("disconnect")
    assert code.getName() == "Administrative action"
    assert properties.ReasonString == "disabled: the operator has disabled this identity"
    await device.stop()


async def test_paho_speaks_3_1_1_with_nothing_but_a_certificate(site: Site) -> None:
    port = await site.start_gateway()
    credential, _ = site.new_device("pump-7")
    device = PahoDevice(site, credential, protocol=paho.MQTTv311)
    code, _ = await device.start(port)
    assert code == 0
    device.client.publish(EVENTS, b"hello", qos=1)
    await device.next("publish")
    (message,) = await site.stored()
    assert message.body == b"hello"
    await device.stop()
