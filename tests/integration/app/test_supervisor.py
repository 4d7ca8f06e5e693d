from __future__ import annotations

import os
import signal
import socket
import ssl
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest
from cryptography import x509
from running_platform import RunningPlatform, is_running, wait_for

from vedette.trust import read_trust_anchor


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningPlatform]:
    running = RunningPlatform(tmp_path_factory.mktemp("platform"), configuration="gateway.processes = 2\n")
    yield running
    if running.process is not None and running.process.poll() is None:
        running.stop()


@pytest.fixture
def platform(house: RunningPlatform) -> RunningPlatform:
    """Return the platform of this file, running, whatever the test before did to it."""
    if house.process is None or house.process.poll() is not None:
        house.start()
    return house


def target_of(descriptor: Path) -> str:
    """Return what a descriptor leads to; nothing if it was closed meanwhile."""
    try:
        return str(descriptor.readlink())
    except FileNotFoundError:
        return ""


def everything_is_ready(platform: RunningPlatform, but: dict[str, int]) -> bool:
    """Tell whether each process is ready and none is the former one."""
    found = platform.processes()
    return all(
        name in found and found[name]["phase"] == "ready" and found[name]["pid"] not in {None, pid}
        for name, pid in but.items()
    )


def test_a_second_platform_on_the_same_data_is_refused(platform: RunningPlatform, tmp_path: Path) -> None:
    second = RunningPlatform(tmp_path)
    second.data = platform.data
    assert second.spawn().wait(90) == 1
    assert "app.data_directory_in_use" in second.log()
    assert str(platform.process.pid if platform.process else 0) in second.log()
    assert platform.state()["state"] == "ready"


def test_a_gateway_process_holds_no_sql_and_no_foreign_file(platform: RunningPlatform) -> None:
    pid = platform.processes()["gateway-1"]["pid"]
    maps = Path(f"/proc/{pid}/maps").read_text()
    assert "sqlite" not in maps
    assert "psycopg" not in maps
    environment = Path(f"/proc/{pid}/environ").read_text()
    assert "VEDETTE_" not in environment
    opened = [target_of(each) for each in Path(f"/proc/{pid}/fd").iterdir()]
    assert not any("vedette.db" in each or "/secrets/" in each or "/pki/" in each for each in opened)


def test_a_stop_is_orderly_and_a_second_start_is_the_same_platform(platform: RunningPlatform) -> None:
    told_before = len(platform.log())
    with platform.client() as api:
        api.post("/v1/devices", json={"device_id": "pump-7"}).raise_for_status()
        first = api.get("/v1/status").json()
        entries = api.get("/v1/ledger/entries").json()["items"]
    anchor = read_trust_anchor(platform.data / "public" / "trust-anchor.json")
    token = platform.token
    pids = [each["pid"] for each in platform.processes().values()]
    assert platform.stop() == 0
    assert not any(is_running(pid) for pid in pids)
    assert platform.state() == {}
    told = platform.log()[told_before:]
    assert "Traceback" not in told
    assert "SIGKILL" not in told

    platform.start()
    assert platform.token == token
    assert read_trust_anchor(platform.data / "public" / "trust-anchor.json") == anchor
    with platform.client() as api:
        second = api.get("/v1/status").json()
        assert second["id_scope"] == first["id_scope"]
        assert api.get("/v1/devices/pump-7").status_code == 200
        assert api.get("/v1/ledger/entries").json()["items"][: len(entries)] == entries


def test_every_process_that_is_killed_comes_back_and_the_platform_works(platform: RunningPlatform) -> None:
    before = {name: each["pid"] for name, each in platform.processes().items()}
    assert set(before) == {"nats-server", "signer", "control", "gateway-1", "gateway-2"}
    with platform.client() as api:
        api.post("/v1/devices", json={"device_id": "survivor"}).raise_for_status()
    for name, pid in before.items():
        os.kill(pid, signal.SIGKILL)
        wait_for(partial(everything_is_ready, platform, {name: pid}), f"{name} is back")
    assert everything_is_ready(platform, before)

    def healthy() -> bool:
        try:
            with platform.client() as api:
                found = api.get("/v1/status").json()
        except httpx.HTTPError:
            return False
        return bool(found["health"] == "ok")

    wait_for(healthy, "everything works again")
    with platform.client() as api:

        def disable() -> dict[str, Any]:
            done: dict[str, Any] = api.post("/v1/devices/survivor/disable", json={"reason": "test"}).json()
            return done

        assert disable()["device"]["is_enabled"] is False
        # An act waits for gateways a quarter of a second and tells of those that need longer; they follow all the same.
        wait_for(lambda: disable()["enforcement"]["pending"] == [], "both gateways enforce it")
        parts = {each["name"]: each["detail"] for each in api.get("/v1/status").json()["components"]}
        assert "signal 9 (SIGKILL)" in parts["control"]


def test_nothing_outlives_a_killed_supervisor(platform: RunningPlatform) -> None:
    pids = [each["pid"] for each in platform.processes().values()]
    platform.kill()
    wait_for(lambda: not any(is_running(pid) for pid in pids), "every child is gone")
    # and the next start is not kept out by what the dead one left
    platform.start()
    assert platform.state()["state"] == "ready"


@pytest.mark.parametrize("option", ["gateway", "api", "bus"])
def test_a_taken_port_is_told_before_anything_is_made(tmp_path: Path, option: str) -> None:
    platform = RunningPlatform(tmp_path)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", platform.ports[option]))
        taken.listen()
        assert platform.spawn().wait(90) == 1
    assert f"port {platform.ports[option]} on 127.0.0.1" in platform.log()
    assert f"{option}.port" in platform.log()
    assert not (platform.data / "identity.json").exists()


def test_a_start_that_cannot_succeed_ends_with_the_reason(tmp_path: Path) -> None:
    platform = RunningPlatform(tmp_path)
    (platform.data / "secrets").mkdir(parents=True)
    (platform.data / "secrets" / "policy-administrator.key").write_text("garbage")
    assert platform.spawn().wait(90) == 1
    assert "policy-administrator.key cannot be used" in platform.log()
    assert platform.state() == {}


def test_ctrl_c_during_the_start_ends_everything(tmp_path: Path) -> None:
    platform = RunningPlatform(tmp_path)
    process = platform.spawn()
    wait_for(lambda: "signer" in platform.processes(), "half of it runs")
    pids = [each["pid"] for each in platform.processes().values() if each["pid"]]
    process.send_signal(signal.SIGINT)
    assert process.wait(90) == 0
    assert not any(is_running(pid) for pid in pids)


@pytest.fixture
def tls_platform(tmp_path: Path) -> Iterator[RunningPlatform]:
    running = RunningPlatform(tmp_path, configuration='api.tls = "own"\n')
    running.start()
    yield running
    running.stop()


def test_the_api_speaks_tls_with_a_certificate_of_our_own(tls_platform: RunningPlatform) -> None:
    platform = tls_platform
    assert platform.state()["api_url"] == f"https://localhost:{platform.ports['api']}"
    root = platform.data / "public" / "root.pem"
    context = ssl.create_default_context(cafile=str(root))
    with httpx.Client(verify=context, base_url=platform.state()["api_url"], timeout=60) as api:
        assert api.get("/healthz").text == "ok\n"
        own = {"Authorization": f"Bearer {platform.token}"}
        # A part that stands still for a second is told as failed.
        wait_for(lambda: api.get("/v1/status", headers=own).json()["health"] != "failed", "all parts answer")
        answer = api.get("/v1/status", headers=own)
        assert "max-age" in answer.headers["strict-transport-security"]
        link = api.post("/v1/login-links", headers=own).json()["url"]
        cookie = api.get(link).headers["set-cookie"]
        assert cookie.startswith("__Host-vedette=")
        assert "secure" in cookie.lower()
    with pytest.raises(httpx.HTTPError):
        httpx.get(f"http://localhost:{platform.ports['api']}/healthz", timeout=5)
    certificate = x509.load_pem_x509_certificates((platform.data / "api" / "certificate.pem").read_bytes())[0]
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert "localhost" in names.get_values_for_type(x509.DNSName)
