"""The auth callout against a real nats-server: it asks about each connection, and enforces what is answered."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import ssl
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from running_bus import free_port

from vedette.access import Answer, Asked
from vedette.app.auth_callout import AuthCallout, CalloutSettings
from vedette.bus import (
    AccountKey,
    BusConnection,
    BusConnectionSettings,
    CalloutRefused,
    UserKey,
)
from vedette.bus.server import find_binary
from vedette.kernel import SystemClock
from vedette.simulation import Factory

pytestmark = pytest.mark.anyio
SECRET = "right"


class OtherNats:
    """A NATS of somebody else, with our callout beside it."""

    def __init__(self, folder: Path, *, lasts_s: int = 300, verifies: bool = False) -> None:
        self.folder = folder
        self.port = free_port()
        self.issuer, self.user = AccountKey.generate(), UserKey.generate()
        self.asked: list[Asked] = []
        self.denied: set[str] = set()
        self.factory = Factory("Acme", SystemClock())
        self.lasts_s = lasts_s
        self.verify = str(verifies).lower()

    def write(self) -> Path:
        server = self.factory.make_device("localhost")
        certificate, key = server.write(self.folder, "server")
        (self.folder / "ca.pem").write_bytes(self.factory.root_pem())
        path = self.folder / "nats.conf"
        path.write_text(f"""
            listen: "127.0.0.1:{self.port}"
            accounts {{ AUTH {{ users: [ {{ nkey: {self.user.public} }} ] }}, DEVICES {{}} }}
            authorization {{ timeout: 60, auth_callout {{
              issuer: {self.issuer.public}, users: [ {self.user.public} ], account: AUTH }} }}
            tls {{ cert_file: "{certificate}", key_file: "{key}", ca_file: "{self.folder}/ca.pem",
              verify: {self.verify}, timeout: 60 }}
            allow_non_tls: true
            """)
        return path

    async def decide(self, asked: Asked, password: str) -> Answer:
        self.asked.append(asked)
        is_proven = password == SECRET or "certificateSha256" in asked.context
        is_permitted = is_proven and asked.action not in self.denied
        return Answer(is_permitted=is_permitted, reason="permitted" if is_permitted else "policy_denied")

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        path = await asyncio.to_thread(self.write)
        process = await asyncio.to_thread(self._spawn, path)
        try:
            settings = BusConnectionSettings(
                name="auth-callout",
                urls=(f"nats://127.0.0.1:{self.port}",),
                seed=self.user.seed,
                first_connect_s=60.0,
            )
            bus = await BusConnection.connect(settings, clock=SystemClock())
            own = CalloutSettings(
                account="DEVICES",
                publish=("devices.{device}.events.>", "devices.{device}.modules.{module}.events.>"),
                subscribe=("devices.{device}.commands.>",),
                lasts_s=self.lasts_s,
            )
            callout = AuthCallout(self.issuer, self.decide, lambda *_: None, own, clock=SystemClock())
            async with asyncio.TaskGroup() as group:
                serving = group.create_task(callout.serve(bus))
                # It subscribes as it begins; what follows on the same connection is answered after that.
                await asyncio.sleep(0)
                await bus.flush()
                yield
                serving.cancel()
            await bus.close()
        finally:
            process.kill()
            await asyncio.to_thread(process.wait)

    def _spawn(self, path: Path) -> subprocess.Popen[bytes]:
        with (self.folder / "nats.log").open("ab") as log:
            return subprocess.Popen([str(find_binary(None)), "-c", str(path)], stdout=log, stderr=log)

    async def say(self, options: dict[str, Any], *lines: str, tls: ssl.SSLContext | None = None) -> str:
        """Connect, say some lines, and return all that the server answers."""
        return await asyncio.to_thread(self._say, options, lines, tls)

    def _say(self, options: dict[str, Any], lines: tuple[str, ...], tls: ssl.SSLContext | None) -> str:
        with socket.create_connection(("127.0.0.1", self.port), timeout=60) as plain:
            info = _line(plain)
            assert info.startswith("INFO")
            connection = plain if tls is None else tls.wrap_socket(plain, server_hostname="localhost")
            said = [f"CONNECT {json.dumps({'verbose': False, 'protocol': 1, **options})}", *lines, "PING"]
            connection.sendall("".join(f"{each}\r\n" for each in said).encode())
            heard = ""
            while "PONG" not in heard and "Authorization" not in heard:
                more = connection.recv(4096).decode()
                if not more:
                    break
                heard += more
            return heard


def _tls(folder: Path, certificate: Path, key: Path) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=str(folder / "ca.pem"))
    context.check_hostname = False
    context.load_cert_chain(certificate, key)
    return context


def _line(connection: socket.socket) -> str:
    heard = b""
    while not heard.endswith(b"\r\n"):
        heard += connection.recv(1)
    return heard.decode()


async def test_a_module_is_neither_its_device_nor_another_module(tmp_path: Path) -> None:
    nats = OtherNats(tmp_path)
    async with nats.running():
        client = {"user": "pump-7/meter", "pass": SECRET}
        heard = await nats.say(client, "PUB devices.pump-7.modules.meter.events.a 2\r\nhi")
        assert "PONG" in heard
        assert "-ERR" not in heard
        for subject in ("devices.pump-7.events.a", "devices.pump-7.modules.other.events.a"):
            heard = await nats.say(client, f"PUB {subject} 2\r\nhi", "SUB devices.pump-7.commands.> 1")
            assert "Permissions Violation for Publish" in heard
            assert "Permissions Violation for Subscription" in heard


async def test_a_device_comes_in_by_its_token_and_stays_within_its_subjects(tmp_path: Path) -> None:
    nats = OtherNats(tmp_path)
    async with nats.running():
        client = {"user": "pump-7", "pass": SECRET}
        heard = await nats.say(client, "PUB devices.pump-7.events.a 2\r\nhi", "SUB devices.pump-7.commands.> 1")
        assert "PONG" in heard
        assert "-ERR" not in heard
        heard = await nats.say(client, "PUB devices.pump-8.events.a 2\r\nhi")
        assert "Permissions Violation for Publish" in heard
        heard = await nats.say(client, "SUB > 1")
        assert "Permissions Violation for Subscription" in heard
    assert {each.action for each in nats.asked} == {"connect", "sendTelemetry", "receiveCommand"}
    assert nats.asked[0].context["address"] == "127.0.0.1"


async def test_a_wrong_token_none_and_a_denied_connect_stay_out(tmp_path: Path) -> None:
    nats = OtherNats(tmp_path)
    async with nats.running():
        for client in ({"user": "pump-7", "pass": "wrong"}, {"user": "pump-7"}, {}):
            assert "Authorization Violation" in await nats.say(client)
        nats.denied.add("connect")
        assert "Authorization Violation" in await nats.say({"user": "pump-7", "pass": SECRET})


async def test_what_is_denied_is_not_given(tmp_path: Path) -> None:
    nats = OtherNats(tmp_path)
    nats.denied.add("sendTelemetry")
    async with nats.running():
        client = {"user": "pump-7", "pass": SECRET}
        heard = await nats.say(client, "PUB devices.pump-7.events.a 2\r\nhi", "SUB devices.pump-7.commands.> 1")
        assert "Permissions Violation for Publish" in heard
        assert "Subscription" not in heard


async def test_names_that_are_wildcards_elsewhere_give_nothing_more(tmp_path: Path) -> None:
    nats = OtherNats(tmp_path)
    async with nats.running():
        heard = await nats.say({"user": "*", "pass": SECRET}, "PUB devices.pump-8.events.a 2\r\nhi")
        assert "Permissions Violation for Publish" in heard


async def test_the_server_ends_a_connection_when_its_time_is_over(tmp_path: Path) -> None:
    nats = OtherNats(tmp_path, lasts_s=8)
    async with nats.running():

        def stay() -> str:
            with socket.create_connection(("127.0.0.1", nats.port), timeout=60) as connection:
                _line(connection)
                options = json.dumps({"verbose": False, "user": "pump-7", "pass": SECRET})
                connection.sendall(f"CONNECT {options}\r\nPING\r\n".encode())
                heard = ""
                while more := connection.recv(4096).decode():
                    heard += more
                return heard

        heard = await asyncio.to_thread(stay)
    assert "PONG" in heard
    assert "Expired" in heard


async def test_a_certificate_that_the_server_has_verified_is_the_credential(tmp_path: Path) -> None:
    nats = OtherNats(tmp_path, verifies=True)
    device = nats.factory.make_device("pump-7")
    certificate, key = await asyncio.to_thread(device.write, tmp_path, "pump")
    async with nats.running():
        context = await asyncio.to_thread(_tls, tmp_path, certificate, key)
        heard = await nats.say({}, "PUB devices.pump-7.events.a 2\r\nhi", tls=context)
    assert "-ERR" not in heard
    connects = [each for each in nats.asked if each.action == "connect"]
    assert connects[0].subject_id == "pump-7"
    assert connects[0].context["tlsVersion"] == "TLSv1.3"
    assert connects[0].context["keyAlgorithm"] == "EC"


async def test_what_no_server_signed_is_not_answered() -> None:
    nats_key = AccountKey.generate()

    async def never(_asked: Asked, _password: str) -> Answer:
        raise AssertionError("nobody is asked")

    settings = CalloutSettings(account="A", publish=(), subscribe=(), lasts_s=60)
    callout = AuthCallout(nats_key, never, lambda *_: None, settings, clock=SystemClock())
    for token in (b"", b"a.b.c", b"e30.e30.e30", b"x" * 70_000, b"eyJhbGciOiJub25lIn0.e30."):
        with pytest.raises(CalloutRefused):
            await callout.answer(token)
