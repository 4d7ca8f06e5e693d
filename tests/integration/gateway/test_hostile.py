"""What an attacker tried who holds a device's certificate, or nothing at all, and a network to reach the gateway."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
import time
from pathlib import Path

import pytest
from gateway_site import Site
from mqtt_device import MqttDevice, client_context
from stand_in_control import Credential, make_certificate
from waiting import until

from vedette.gateway import DpsSettings, GatewaySettings, TlsSettings
from vedette.protocols import mqtt

pytestmark = pytest.mark.anyio

_KEPT: list[MqttDevice] = []  # a writer that is let go of closes its connection


def connect_narrow(port: int, context: ssl.SSLContext, device_id: str) -> ssl.SSLSocket:
    """Connect with a receive buffer so small that unread answers soon wait at the gateway; blocks."""
    raw = socket.socket()
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
    raw.settimeout(30)
    raw.connect(("127.0.0.1", port))
    connection = context.wrap_socket(raw, server_hostname="localhost")
    client = mqtt.ClientConnection(mqtt.Limits())
    user_name = f"localhost/{device_id}/?api-version=2021-04-12"
    client.connect(mqtt.Connect(client_id=device_id, clean_session=False, keep_alive_s=60, user_name=user_name))
    connection.sendall(client.bytes_to_send())
    assert connection.recv(4) == b"\x20\x02\x00\x00"
    return connection


def count_descriptors() -> int:
    """Count this process's open files: the gateway's sockets are among them."""
    return len(list(Path("/proc/self/fd").iterdir()))


async def test_a_connection_that_is_closing_ends_although_its_peer_takes_nothing(site: Site) -> None:
    site.settings = GatewaySettings(tls=TlsSettings(write_stall_s=6.0, socket_buffer_bytes=4_096))
    await site.start_gateway()
    credential, _ = site.new_device("pump-7")
    context = client_context(site.folder / "root.pem", credential)
    peer = await asyncio.to_thread(connect_narrow, site.ports["gateway-1"], context, "pump-7")
    topic = b"$iothub/twin/GET/?$rid=1"
    await asyncio.to_thread(peer.sendall, (bytes((0x30, len(topic) + 2, 0, len(topic))) + topic) * 200)
    await asyncio.sleep(0.3)
    before = count_descriptors()
    await asyncio.to_thread(peer.sendall, b"\xe0\x00")
    await until(lambda: count_descriptors() < before)
    peer.close()


async def test_hellos_that_trickle_in_take_no_slot_from_a_device(site: Site) -> None:
    # Whoever gets a slot here keeps it: a device that had to wait for one would not come in.
    limits = TlsSettings(max_handshakes=2, handshake_timeout_s=90, pressed_handshake_s=90)
    site.settings = GatewaySettings(tls=limits)
    await site.start_gateway()
    strangers = [await asyncio.open_connection("127.0.0.1", site.ports["gateway-1"]) for _ in range(10)]
    for _, writer in strangers:
        writer.write(b"\x16\x03\x01\x01\x00\x01\x00")
    await asyncio.sleep(0.2)
    device, _ = await site.connected("pump-7")
    await device.telemetry("pump-7", b"x")
    for _, writer in strangers:
        writer.close()


async def test_a_will_that_cannot_be_stored_is_refused_at_connect(site: Site) -> None:
    await site.start_gateway()
    credential, _ = site.new_device("pump-7")
    for bag in ("=", "%ff=1", "&".join(f"k{number}=1" for number in range(129))):
        device = await site.open(credential)
        will = mqtt.Will(f"devices/pump-7/messages/events/{bag}", b"gone", 0, False)
        assert await device.connect("pump-7", will=will) == 5
    refusal = await site.wait_decision("refuse", "bad_will")
    assert "property bag" in refusal.detail


async def test_properties_that_grow_when_stored_cost_no_other_device_its_batch(site: Site) -> None:
    await site.start_gateway()
    device, _ = await site.connected("pump-7")
    other, _ = await site.connected("pump-8")
    bag = "a=" + "\N{GRINNING FACE}" * 4_000  # four bytes for each character counted
    topic = f"devices/pump-7/messages/events/{bag}"
    for _ in range(300):
        device.mqtt.publish(topic, b"", qos=1)
    packets = device.mqtt.bytes_to_send()
    device.writer.write(packets)
    for number in range(50):
        await other.telemetry("pump-8", b"%d" % number)
    for _ in range(300):
        assert isinstance(await device.next_event(), mqtt.Puback)


async def test_a_name_that_passes_on_during_a_connect_lets_nobody_in_by_its_former_record(site: Site) -> None:
    await site.start_gateway()
    credential, former = site.new_device("pump-7")
    device = await site.open(credential)
    site.control.hold_opening = asyncio.Event()
    connecting = asyncio.create_task(device.connect("pump-7"))
    await until(lambda: site.control.openings == 1)
    site.control.is_silent = True  # no newer head shows the answer to be old
    site.control.set_enabled(former, is_enabled=False)
    site.new_device("pump-7")
    await until(lambda: any(one.sequence >= site.control.sequence for one in site.control.statuses))
    site.control.hold_opening.set()
    assert await connecting == 3


async def provision(site: Site, address: str = "127.0.0.1", credential: Credential | None = None) -> int:
    """Open a provisioning connection, keep it, and return CONNACK's code."""
    reader, writer = await asyncio.open_connection(
        "127.0.0.1",
        site.ports["gateway-1"],
        local_addr=(address, 0),
        ssl=client_context(site.folder / "root.pem", credential),
        server_hostname="localhost",
    )
    user_name = "0ne00TEST/registrations/pump-7/api-version=2019-03-31"
    device = MqttDevice(reader, writer)
    _KEPT.append(device)
    return await device.connect("pump-7", user_name=user_name, keep_alive_s=0)


async def test_strangers_of_one_source_do_not_keep_others_from_provisioning(site: Site) -> None:
    site.settings = GatewaySettings(dps=DpsSettings(max_connections=3, pressed_idle_s=90))
    await site.start_gateway()
    assert [await provision(site, "127.0.0.2") for _ in range(4)] == [0, 0, 0, 3]
    assert await provision(site, "127.0.0.3") == 0
    await site.wait_decision("register", "gave_way")


async def test_idle_provisioning_connections_give_way_when_places_run_out(site: Site) -> None:
    site.settings = GatewaySettings(dps=DpsSettings(max_connections=2, pressed_idle_s=0.2))
    await site.start_gateway()
    assert [await provision(site) for _ in range(2)] == [0, 0]
    await asyncio.sleep(0.3)
    assert await provision(site) == 0


async def test_a_connection_has_one_registration_judged_at_a_time(site: Site) -> None:
    await site.start_gateway()
    credential = make_certificate("pump-7").write(site.folder, "own")
    assert await provision(site, credential=credential) == 0
    device = _KEPT[-1]
    for number in range(3):
        device.mqtt.publish(f"$dps/registrations/PUT/iotdps-register/?$rid={number}", b"{}")
    await device.flush()
    answers = [await device.next_event() for _ in range(3)]
    topics = sorted(answer.topic for answer in answers if isinstance(answer, mqtt.Publish))
    assert [topic.split("/")[3] for topic in topics] == ["200", "429", "429"]
    assert len(site.control.registrations) == 1


@pytest.mark.parametrize("packet", [b"\xc0\x00", b"\x40\x02\x00\x01", b"\xa2\x05\x00\x01\x00\x01a"])
async def test_a_flood_of_tiny_packets_holds_up_nobody(site: Site, packet: bytes) -> None:
    await site.start_gateway()
    credential, _ = site.new_device("pump-7")
    context = client_context(site.folder / "root.pem", credential)
    peer = await asyncio.to_thread(connect_narrow, site.ports["gateway-1"], context, "pump-7")
    worst_s = 0.0

    async def look() -> None:
        nonlocal worst_s
        while True:
            before_s = time.thread_time()
            await asyncio.sleep(0)
            worst_s = max(worst_s, time.thread_time() - before_s)

    looking = asyncio.create_task(look())
    with contextlib.suppress(OSError):
        await asyncio.to_thread(peer.sendall, packet * (1_000_000 // len(packet)))
    await asyncio.sleep(0.3)
    looking.cancel()
    peer.close()
    assert worst_s < 0.15
