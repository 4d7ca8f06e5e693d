"""Listeners: who may connect is decided before TLS, and what is open is what is declared."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator

import httpx
import pytest
from running_platform import RunningPlatform

LISTED = "127.0.88.1"
STRANGER = "127.0.88.2"
CONFIGURATION = f"""
server.private_only = true
gateway.allowed_networks = ["{LISTED}"]
service.allowed_networks = ["{LISTED}"]
api.allowed_networks = ["10.88.0.0/24"]
"""


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningPlatform]:
    folder = tmp_path_factory.mktemp("listeners")
    running = RunningPlatform(folder, configuration=CONFIGURATION)
    running.start()
    yield running
    running.stop()


def shakes_hands(port: int, source: str) -> bool:
    """Tell whether a TLS server answers somebody who comes from an address."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with socket.create_connection(("127.0.0.1", port), timeout=60, source_address=(source, 0)) as plain:
        try:
            with context.wrap_socket(plain, server_hostname="localhost") as secured:
                return secured.version() is not None
        except (ConnectionError, ssl.SSLError):
            return False


def check(platform: RunningPlatform) -> tuple[int, dict[str, object]]:
    command = [sys.executable, "-m", "vedette.cli", "listener", "check", "--output", "json"]
    command += ["--config", str(platform.configuration), "--data", str(platform.data)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=180)
    return done.returncode, json.loads(done.stdout)


@pytest.mark.parametrize("listener", ["gateway", "service"])
def test_an_address_that_is_not_listed_gets_no_handshake(platform: RunningPlatform, listener: str) -> None:
    assert shakes_hands(platform.ports[listener], LISTED)
    assert not shakes_hands(platform.ports[listener], STRANGER)


def test_a_refused_address_stands_in_the_decision_log(platform: RunningPlatform) -> None:
    for listener in ("gateway", "service"):
        assert not shakes_hands(platform.ports[listener], STRANGER)
    deadline_s = time.monotonic() + 90
    found: set[str] = set()
    with platform.client() as api:
        while len(found) < 2 and time.monotonic() < deadline_s:
            items = api.get("/v1/decisions", params={"reason": "address_not_allowed"}).json()["items"]
            found = {each["gateway"] for each in items if each["remote_address"] == STRANGER}
            time.sleep(0.2)
    assert found == {"gateway-1", "service"}


def test_this_machine_reaches_its_own_api_whatever_the_list_says(platform: RunningPlatform) -> None:
    assert httpx.get(f"{platform.url}/.well-known/authzen-configuration", timeout=60).status_code == 200


def test_what_is_open_is_what_is_declared_and_a_stranger_port_is_a_difference(platform: RunningPlatform) -> None:
    code, report = check(platform)
    assert (code, report["is_as_declared"]) == (0, True), report
    declared = platform.configuration.read_text()
    try:
        platform.configuration.write_text(declared.replace(f"api.port = {platform.ports['api']}", "api.port = 1"))
        code, report = check(platform)
    finally:
        platform.configuration.write_text(declared)
    assert code == 1
    assert isinstance(report["listeners"], list)
    standings = {(each["port"], each["standing"]) for each in report["listeners"]}
    assert {(1, "not open"), (platform.ports["api"], "not declared")} <= standings


@contextlib.contextmanager
def namespace(name: str, inner: str, outer: str) -> Iterator[None]:
    """Make a host of its own, joined to this one by a cable."""
    pair = f"vl{os.getpid() % 10_000}"
    commands = [
        f"ip netns add {name}",
        f"ip link add {pair}a type veth peer name {pair}b",
        f"ip link set {pair}b netns {name}",
        f"ip addr add {outer}/24 dev {pair}a",
        f"ip link set {pair}a up",
        f"ip netns exec {name} ip addr add {inner}/24 dev {pair}b",
        f"ip netns exec {name} ip link set {pair}b up",
        f"ip netns exec {name} ip link set lo up",
    ]
    try:
        for command in commands:
            done = subprocess.run(command.split(), capture_output=True, text=True, check=False)
            if done.returncode:
                pytest.skip(f"network namespaces are refused here: {command}: {done.stderr.strip()}")
        yield
    finally:
        subprocess.run(["ip", "netns", "delete", name], capture_output=True, check=False)
        subprocess.run(["ip", "link", "delete", f"{pair}a"], capture_output=True, check=False)


_REACH = """
import socket, sys
try:
    socket.create_connection((sys.argv[1], int(sys.argv[2])), timeout=30).close()
except OSError:
    sys.exit(7)
"""


def test_another_host_reaches_no_listener_of_a_platform_that_is_bound_to_this_machine(
    platform: RunningPlatform,
) -> None:
    name, outer = f"vedette-reach-{os.getpid()}", "10.88.77.1"
    with namespace(name, "10.88.77.2", outer):
        probe = socket.socket()
        probe.bind((outer, 0))
        probe.listen()
        command = ["ip", "netns", "exec", name, sys.executable, "-c", _REACH, outer]
        with probe:  # the cable works
            assert subprocess.run([*command, str(probe.getsockname()[1])], check=False, timeout=120).returncode == 0
        for listener, port in platform.ports.items():
            assert subprocess.run([*command, str(port)], check=False, timeout=120).returncode == 7, listener
