"""What strangers may try before they are anybody: garbage, half handshakes, silence, resumption, floods."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
from datetime import timedelta

import pytest
from gateway_site import Site
from mqtt_device import Closed, MqttDevice, client_context
from stand_in_control import make_certificate
from waiting import until

from vedette.gateway import GatewaySettings, SessionSettings, TlsSettings

pytestmark = pytest.mark.anyio


@pytest.fixture(params=["asyncio", "uvloop"])
def anyio_backend(request: pytest.FixtureRequest) -> tuple[str, dict[str, bool]]:
    """The stage is used on both loops."""
    return "asyncio", {"use_uvloop": request.param == "uvloop"}


async def dial(site: Site) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    return await asyncio.open_connection("127.0.0.1", site.ports["gateway-1"])


async def read_to_end(reader: asyncio.StreamReader) -> bytes:
    data = b""
    with contextlib.suppress(OSError):
        async with asyncio.timeout(30):
            while chunk := await reader.read(65_536):
                data += chunk
    return data


async def hang_up(*writers: asyncio.StreamWriter) -> None:
    """Close our ends too: a loop with open ones does not end."""
    for writer in writers:
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()


def client_hello(context: ssl.SSLContext) -> bytes:
    outgoing = ssl.MemoryBIO()
    with contextlib.suppress(ssl.SSLWantReadError):
        context.wrap_bio(ssl.MemoryBIO(), outgoing, server_hostname="localhost").do_handshake()
    return outgoing.read()


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3], ids=["1.2", "1.3"])
async def test_both_versions_of_tls_are_served(site: Site, version: ssl.TLSVersion) -> None:
    await site.start_gateway()
    credential, _ = site.new_device("pump-7")
    context = client_context(site.folder / "root.pem", credential, version=version)
    if version is ssl.TLSVersion.TLSv1_2:
        context.set_ciphers("ECDHE-ECDSA-AES256-GCM-SHA384")
    device = await MqttDevice.open(site.ports["gateway-1"], context)
    assert await device.connect("pump-7") == 0
    await device.telemetry("pump-7", b"x" * 100_000)


async def test_older_tls_and_weak_ciphers_are_refused(site: Site) -> None:
    await site.start_gateway()
    old = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    old.load_verify_locations(site.folder / "root.pem")
    old.maximum_version = ssl.TLSVersion.TLSv1_2
    old.set_ciphers("AES128-SHA:AES256-SHA:ECDHE-RSA-AES128-SHA:@SECLEVEL=0")
    with pytest.raises((ssl.SSLError, OSError)):
        await MqttDevice.open(site.ports["gateway-1"], old)
    refusal = await site.wait_decision("refuse", "tls_handshake_failed")
    assert refusal.detail == "no shared cipher"
    assert refusal.remote_address == "127.0.0.1"


def offer_session(
    port: int, context: ssl.SSLContext, session: ssl.SSLSession | None
) -> tuple[ssl.SSLSession | None, bool]:
    """Complete a handshake, offering a session; what the server gave for the next time, and whether it resumed."""
    with (
        socket.create_connection(("127.0.0.1", port), timeout=30) as raw,
        context.wrap_socket(raw, server_hostname="localhost", session=session) as connection,
    ):
        connection.sendall(b"\xc0\x00")  # not a CONNECT: the server closes; whatever tickets it has come before
        with contextlib.suppress(OSError):
            while connection.recv(100):
                pass
        return connection.session, bool(connection.session_reused)


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3], ids=["1.2", "1.3"])
async def test_an_offered_session_gets_a_full_handshake_and_a_revoked_certificate_no_entry(
    site: Site, version: ssl.TLSVersion
) -> None:
    await site.start_gateway()
    credential, record = site.new_device("pump-7")
    port = site.ports["gateway-1"]
    context = client_context(site.folder / "root.pem", credential, version=version)
    session, _ = await asyncio.to_thread(offer_session, port, context, None)
    site.control.permit(record)
    again, is_resumed = await asyncio.to_thread(offer_session, port, context, session)
    assert not is_resumed
    if version is ssl.TLSVersion.TLSv1_2:  # OpenSSL's 1.3 sends the name of a session that nobody keeps
        assert session is not None
        assert again is not None
        assert not session.has_ticket
        assert not again.has_ticket
    device = await MqttDevice.open(port, context)
    assert await device.connect("pump-7") == 5


async def test_garbage_is_refused_and_on_record(site: Site) -> None:
    await site.start_gateway()
    for garbage in (b"GET / HTTP/1.1\r\n\r\n", b"\x10\x12\x00\x04MQTT\x04", b"\x00" * 64, b"\x16\x03\x01\xff\xff" * 50):
        reader, writer = await dial(site)
        writer.write(garbage)
        writer.write_eof()
        await read_to_end(reader)
        writer.close()
    assert (await site.wait_decision("refuse", "tls_handshake_failed")).detail
    device, _ = await site.connected("pump-7")
    await device.telemetry("pump-7", b"x")


async def test_silent_and_half_open_connections_end_at_their_deadline(site: Site) -> None:
    site.settings = GatewaySettings(tls=TlsSettings(handshake_timeout_s=6.0, identify_timeout_s=0.5))
    await site.start_gateway()
    silent, half, mute = await dial(site), await dial(site), await site.open(None)
    half[1].write(client_hello(client_context(site.folder / "root.pem", None))[:-3])
    await asyncio.gather(read_to_end(silent[0]), read_to_end(half[0]), mute.wait_closed())
    await hang_up(silent[1], half[1])
    await site.wait_decision("refuse", "handshake_timeout")
    await site.wait_decision("refuse", "identify_timeout")


async def test_a_dripping_handshake_ends_at_its_deadline(site: Site) -> None:
    site.settings = GatewaySettings(tls=TlsSettings(handshake_timeout_s=0.6))
    await site.start_gateway()
    reader, writer = await dial(site)
    closing = asyncio.create_task(read_to_end(reader))
    for byte in client_hello(client_context(site.folder / "root.pem", None)):
        if closing.done():
            break
        with contextlib.suppress(OSError):
            writer.write(bytes([byte]))
            await writer.drain()
        await asyncio.sleep(0.01)
    await closing
    await hang_up(writer)
    await site.wait_decision("refuse", "handshake_timeout")


async def test_a_hello_over_its_limit_is_refused_at_once(site: Site) -> None:
    await site.start_gateway()
    reader, writer = await dial(site)
    writer.write(b"\x16\x03\x01\x3f\xff" + b"\x01" * 200_000)
    await read_to_end(reader)
    writer.close()
    assert (await site.wait_decision("refuse", "tls_handshake_too_large")).hint


async def lets_in(site: Site, context: ssl.SSLContext) -> bool:
    try:
        device = await MqttDevice.open(site.ports["gateway-1"], context)
        return await device.connect("pump-7") == 0
    except (OSError, Closed):
        return False


@pytest.mark.parametrize(("extra_bytes", "reason"), [(40_000, "certificate_chain_too_large"), (90_000, None)])
async def test_a_chain_over_its_limit_is_refused(site: Site, extra_bytes: int, reason: str | None) -> None:
    await site.start_gateway()
    issuer = make_certificate("fat", site.control.root, is_authority=True, extra_bytes=30_000)
    leaf = make_certificate("pump-7", issuer, extra_bytes=extra_bytes).write(site.folder, "fat")
    site.control.add_device("pump-7", leaf)
    context = client_context(site.folder / "root.pem", leaf, version=ssl.TLSVersion.TLSv1_2)
    assert not await lets_in(site, context)
    if reason is not None:
        await site.wait_decision("refuse", reason)
    other, _ = await site.connected("other")
    await other.telemetry("other", b"x")


async def test_a_chain_within_its_limit_is_taken_whole(site: Site) -> None:
    await site.start_gateway()
    issuer = make_certificate("stout", site.control.root, is_authority=True, extra_bytes=20_000)
    leaf = make_certificate("pump-7", issuer, extra_bytes=20_000).write(site.folder, "stout")
    site.control.add_device("pump-7", leaf)
    device = await site.open(leaf)
    assert await device.connect("pump-7") == 0


async def test_a_thousand_silent_connections_disturb_nobody(site: Site) -> None:
    site.settings = GatewaySettings(tls=TlsSettings(handshake_timeout_s=90))
    await site.start_gateway()
    device, _ = await site.connected("pump-7")
    hello = client_hello(client_context(site.folder / "root.pem", None))
    strangers = []
    for number in range(1000):
        strangers.append(await dial(site))
        if number % 2:
            strangers[-1][1].write(hello)  # half of them go on to a half-open handshake
    loop = asyncio.get_running_loop()
    begin = loop.time()
    await device.telemetry("pump-7", b"x")
    other, _ = await site.connected("pump-8")
    await other.telemetry("pump-8", b"x")
    assert loop.time() - begin < 20
    await hang_up(*(writer for _, writer in strangers))


async def test_a_full_house_lets_the_silent_give_way_to_devices(site: Site) -> None:
    site.settings = GatewaySettings(tls=TlsSettings(max_unidentified=20, pressed_handshake_s=0.3, max_handshakes=4))
    await site.start_gateway()
    strangers = [await dial(site) for _ in range(20)]
    hello = client_hello(client_context(site.folder / "root.pem", None))
    for _, writer in strangers[10:]:
        writer.write(hello)
    await asyncio.sleep(0.8)
    device, _ = await site.connected("pump-7")
    await device.telemetry("pump-7", b"x")
    await site.wait_decision("refuse", "gave_way")
    await hang_up(*(writer for _, writer in strangers))


async def test_one_source_has_limits(site: Site) -> None:
    limits = TlsSettings(max_connections_per_source=5, connects_burst_per_source=8, connects_per_source_s=0.1)
    site.settings = GatewaySettings(tls=limits)
    await site.start_gateway()
    strangers = [await dial(site) for _ in range(6)]
    await read_to_end(strangers[5][0])
    await site.wait_decision("refuse", "too_many_connections_of_source")
    await hang_up(*(writer for _, writer in strangers))
    async with asyncio.timeout(30):
        while not any(each.reason == "connects_too_fast" for each in await site.decisions("refuse")):
            reader, writer = await dial(site)
            writer.close()
            await read_to_end(reader)


async def test_a_packet_over_its_limit_before_connect_is_refused(site: Site) -> None:
    await site.start_gateway()
    device = await site.open(None)
    await device.send(b"\x10\xff\xff\x7f" + b"x" * 1000)
    await device.wait_closed()
    await site.wait_decision("refuse", "protocol_error")


async def test_equal_refusals_of_strangers_are_counted_not_repeated(site: Site) -> None:
    await site.start_gateway()
    for _ in range(30):
        reader, writer = await dial(site)
        writer.write(b"\x00" * 64)
        await read_to_end(reader)
        writer.close()
    await site.stop_gateway()
    found = [record for record in await site.decisions("refuse") if record.reason == "tls_handshake_failed"]
    assert sorted(record.repeated for record in found) == [1, 29]


async def test_a_peer_that_never_reads_is_closed(site: Site) -> None:
    unthrottled = SessionSettings(messages_per_s=1e6, messages_burst=1_000_000)
    site.settings = GatewaySettings(tls=TlsSettings(write_stall_s=0.5), session=unthrottled)
    await site.start_gateway()
    credential, _ = site.new_device("pump-7")
    device = await site.open(credential)
    assert await device.connect("pump-7") == 0
    device.writer.transport.pause_reading()  # type: ignore[attr-defined]  # a socket transport can
    topic = b"$iothub/twin/GET/?$rid=1"
    requests = (bytes((0x30, len(topic) + 2, 0, len(topic))) + topic) * 1000  # each answer is longer than its request
    async with asyncio.timeout(60):
        with contextlib.suppress(OSError):
            while not device.writer.transport.is_closing():
                device.writer.write(requests)
                await asyncio.wait_for(device.writer.drain(), 20)
    await site.wait_decision("refuse", "slow_reader")


def presented_serial(port: int, root: str) -> str:
    context = ssl.create_default_context(cafile=root)
    with (
        socket.create_connection(("127.0.0.1", port), timeout=30) as raw,
        context.wrap_socket(raw, server_hostname="localhost") as connection,
    ):
        certificate = connection.getpeercert()
        assert certificate is not None
        return str(certificate["serialNumber"])


async def test_a_server_certificate_is_renewed_in_time_without_ending_sessions(site: Site) -> None:
    site.control.server_valid_for = timedelta(seconds=1802)  # of a life that began an hour ago: due in a second
    await site.start_gateway()
    device, _ = await site.connected("pump-7")
    port, root = site.ports["gateway-1"], str(site.folder / "root.pem")
    first = await asyncio.to_thread(presented_serial, port, root)
    for _ in range(300):
        if await asyncio.to_thread(presented_serial, port, root) != first:
            break
        await asyncio.sleep(0.1)
    else:
        pytest.fail("the certificate was not renewed")
    await device.telemetry("pump-7", b"still here")


async def test_a_server_certificate_is_kept_across_restarts(site: Site) -> None:
    await site.start_gateway()
    first = (site.folder / "gateway-1" / "server.pem").read_bytes()
    await site.stop_gateway()
    await site.start_gateway()
    assert (site.folder / "gateway-1" / "server.pem").read_bytes() == first
    assert (site.folder / "gateway-1" / "server.key").stat().st_mode & 0o777 == 0o600
    await until(lambda: bool(site.control.statuses))
