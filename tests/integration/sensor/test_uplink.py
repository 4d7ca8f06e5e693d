"""A sensor and a real platform: it enrolls, what it kept arrives whatever is killed or cut, and it renews."""

from __future__ import annotations

import asyncio
import base64
import fcntl
import itertools
import json
import os
import random
import shutil
import signal
import socket
import stat
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import packets as build
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from detour import Detour, LoopThread
from running_platform import RunningPlatform, is_running, wait_for

from vedette.kernel import SystemClock
from vedette.protocols.sensor import AlertRecord, AssetRecord, Batch, LinkRecord, OperationRecord, Record, read_batch
from vedette.sensor.enrolling import OPERATIONAL, IdentityFiles
from vedette.sensor.spool import Spool
from vedette.sensor.spool_segment import read_segment
from vedette.sensor.uplink import Uplink
from vedette.sensor.uplink_run import Keeper
from vedette.sensor.uplink_settings import SensorSettings, read_settings

READ = bytes.fromhex("0001 0000 0006 01 03 0001 0002")
STOP = bytes.fromhex("0002 0000 0006 01 5a 01 41 ff 00")  # UMAS
ANSWER = bytes.fromhex("0001 0000 0007 01 03 04 0005 0006")

# Keeps and sends until it is killed: what a sensor does, with alerts that come faster than from any wire.
FEEDER = """
import asyncio, sys
from pathlib import Path
from vedette.kernel import RandomIds, SystemClock
from vedette.protocols.sensor import AlertRecord
from vedette.sensor.enrolling import IdentityFiles
from vedette.sensor.spool import Spool
from vedette.sensor.uplink import Uplink
from vedette.sensor.uplink_run import Keeper
from vedette.sensor.uplink_settings import read_settings

async def main():
    clock = SystemClock()
    settings = read_settings(Path(sys.argv[1]))
    spool = Spool(settings.state / "spool", max_bytes=64 * 1024 * 1024, segment_bytes=20_000)
    uplink = Uplink(settings, IdentityFiles(settings.state), spool, clock)
    boot = RandomIds(clock).new("boot")
    keeper = Keeper(spool, boot, uplink)
    async with asyncio.TaskGroup() as group:
        group.create_task(uplink.run())
        for number in range(1, 100_000):
            alert = AlertRecord(id=f"{boot}.{number}", rule="test", engine="policy", severity="low", title="x" * 200,
                                first_at=number, last_at=number)
            await asyncio.to_thread(keeper.keep, [[alert]])
            uplink.stir()
            await asyncio.sleep(0.005)

asyncio.run(main())
"""


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningPlatform]:
    permitted = "[pki]\nsymmetric_keys = true\n"
    running = RunningPlatform(tmp_path_factory.mktemp("platform"), configuration=permitted)
    running.start()
    try:
        yield running
    finally:
        running.stop()


@pytest.fixture(scope="module")
def way(platform: RunningPlatform) -> Iterator[Detour]:
    beside = LoopThread()
    detour = Detour(beside, ("127.0.0.1", platform.ports["gateway"]))
    try:
        yield detour
    finally:
        detour.close()
        beside.close()


def sensor(*arguments: str, **more: Any) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "vedette.sensor", *arguments],
        capture_output=True, text=True, timeout=240, check=False, **more,
    )  # fmt: skip


def enrolled(platform: RunningPlatform, way: Detour, name: str, folder: Path) -> Path:
    """Enroll a sensor as a person does; return the path of its settings."""
    config = folder / "sensor.toml"
    anchor = platform.data / "public" / "trust-anchor.json"
    facts = ("--config", str(config), "--anchor", str(anchor), "--host", "localhost", "--port", str(way.port))
    first = sensor("enroll", name, *facts)
    assert first.returncode == 1
    assert f"create-individual {name}" in first.stderr
    assert "not enrolled" in first.stderr
    pem = (folder / "sensor" / "onboarding-certificate.pem").read_bytes()
    pinned = x509.load_pem_x509_certificate(pem).fingerprint(hashes.SHA256()).hex()
    asked = {
        "name": name,
        "kind": "individual",
        "registration_id": name,
        "primary_sha256": pinned,
        "lifetime_s": 86_400,
    }
    with platform.client() as api:
        answer = api.post("/v1/enrollments", json=asked)
        assert answer.status_code == 201, answer.text
    second = sensor("enroll", "--config", str(config))
    assert second.returncode == 0, second.stderr
    return config


def told(platform: RunningPlatform, name: str) -> list[Batch]:
    """Read what the platform has on disk of a sensor."""
    found: list[Batch] = []
    query: dict[str, str | int] = {"device_id": name, "limit": 1000}
    with platform.client() as api:
        while True:
            page = api.get("/v1/telemetry", params=query).json()
            found += [read_batch(base64.b64decode(each["body"])) for each in page["items"]]
            if not page.get("next"):
                return found
            query["after"] = page["next"]


def records(platform: RunningPlatform, name: str) -> list[Record]:
    return [record for batch in told(platform, name) for record in batch.records]


def kept(spool: Path) -> set[tuple[str, int]]:
    """Return the batches that stand on a sensor's disk."""
    found = set()
    for segment in spool.glob("*.spool"):
        try:
            entries = read_segment(segment.read_bytes()).entries
        except FileNotFoundError:
            continue
        found |= {(batch.boot, batch.sequence) for batch in (read_batch(entry.payload) for entry in entries)}
    return found


def test_a_sensor_enrolls_like_any_device_and_keeps_its_key_to_itself(
    platform: RunningPlatform, way: Detour, tmp_path: Path
) -> None:
    config = enrolled(platform, way, "sensor-1", tmp_path)
    for name in ("onboarding.pem", "operational.pem"):
        assert stat.S_IMODE((tmp_path / "sensor" / name).stat().st_mode) == 0o600
    leaf = IdentityFiles(tmp_path / "sensor").leaf(OPERATIONAL)
    assert leaf.not_valid_after_utc - leaf.not_valid_before_utc < timedelta(days=2)
    capture = tmp_path / "plant.pcap"
    capture.write_bytes(build.pcap(build.Talk(502).open().say(READ).answer(ANSWER).close().frames))
    done = sensor("read", str(capture), "--send-as", str(config), "--output", "json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["capture"]["packets"] == 7
    found = records(platform, "sensor-1")
    assert {record.ips for record in found if isinstance(record, AssetRecord)} == {("10.0.0.1",), ("10.0.0.2",)}
    (link,) = [record for record in found if isinstance(record, LinkRecord)]
    assert (link.client, link.server, link.port, link.protocol, link.packets) == (
        "10.0.0.1", "10.0.0.2", 502, "modbus", 7,
    )  # fmt: skip
    (operation,) = [record for record in found if isinstance(record, OperationRecord)]
    assert (operation.service, operation.times, operation.failures) == ("read_holding_registers", 1, 0)


def test_a_sensor_without_a_certificate_of_its_maker_may_enroll_by_a_key(
    platform: RunningPlatform, way: Detour, tmp_path: Path
) -> None:
    until = (datetime.now(UTC) + timedelta(days=1)).isoformat()
    asked = {
        "name": "keyed", "kind": "individual", "attestation": "symmetric_key", "registration_id": "sensor-7",
        "symmetric_key_until": until, "lifetime_s": 86_400,
    }  # fmt: skip
    with platform.client() as api:
        answer = api.post("/v1/enrollments", json=asked)
        assert answer.status_code == 201, answer.text
    key = tmp_path / "key"
    key.write_text(answer.json()["keys"][0]["key"] + "\n")
    config, anchor = tmp_path / "sensor.toml", platform.data / "public" / "trust-anchor.json"
    facts = ("--anchor", str(anchor), "--host", "localhost", "--port", str(way.port), "--key-file", str(key))
    done = sensor("enroll", "sensor-7", "--config", str(config), *facts)
    assert done.returncode == 0, done.stderr
    assert IdentityFiles(tmp_path / "sensor").has(OPERATIONAL)
    key.write_text(base64.b64encode(bytes(32)).decode())
    again = sensor("enroll", "--config", str(config), "--key-file", str(key))
    assert again.returncode == 1
    assert "not enrolled" in again.stderr


def test_nothing_that_was_kept_is_lost_when_the_sensor_is_killed_and_the_link_is_cut(
    platform: RunningPlatform, way: Detour, tmp_path: Path
) -> None:
    config = enrolled(platform, way, "sensor-2", tmp_path)
    spool = tmp_path / "sensor" / "spool"
    chance = random.Random(6)
    seen: set[tuple[str, int]] = set()
    for turn in range(6):
        feeder = subprocess.Popen([sys.executable, "-c", FEEDER, str(config)])
        try:
            # Of each life enough to tell, however slow the machine is.
            wait_for(partial(gathered, spool, seen, len(seen) + 20), "something kept")
            time.sleep(chance.uniform(0.2, 1.5))
            if turn % 2:
                way.cut()
                time.sleep(chance.uniform(0.1, 0.5))
                if turn % 4 == 1:
                    way.mend()
        finally:
            feeder.send_signal(signal.SIGKILL)
            feeder.wait()
        seen |= kept(spool)
        way.mend()
    last = sensor("read", str(empty_capture(tmp_path)), "--send-as", str(config))
    assert last.returncode == 0, last.stderr
    arrived: dict[str, set[int]] = defaultdict(set)
    for batch in told(platform, "sensor-2"):
        arrived[batch.boot].add(batch.sequence)
    assert len(seen) > 100
    assert seen <= {(boot, number) for boot, numbers in arrived.items() for number in numbers}
    for boot, numbers in arrived.items():
        assert numbers == set(range(1, max(numbers) + 1)), f"{boot} has holes"


def gathered(spool: Path, seen: set[tuple[str, int]], count: int) -> bool:
    """Add what stands on a sensor's disk; tell whether there are so many by now."""
    seen |= kept(spool)
    return len(seen) >= count


def empty_capture(folder: Path) -> Path:
    path = folder / "empty.pcap"
    path.write_bytes(build.pcap([]))
    return path


@pytest.mark.parametrize(
    ("restrict", "permit"),
    [("disable", "enable"), ("quarantine", "quarantine/release")],
    ids=["refused at the door", "let in and not heard"],
)
def test_a_sensor_that_is_not_heard_keeps_what_it_sees_and_sends_it_afterwards(
    platform: RunningPlatform, way: Detour, tmp_path: Path, restrict: str, permit: str
) -> None:
    name = f"sensor-{restrict}"
    config = enrolled(platform, way, name, tmp_path)
    with platform.client() as api:
        assert api.post(f"/v1/devices/{name}/{restrict}", json={"reason": "drill"}).is_success
        feeder = subprocess.Popen([sys.executable, "-c", FEEDER, str(config)])
        try:
            wait_for(lambda: len(kept(tmp_path / "sensor" / "spool")) > 20, "a buffer that grows")
            assert told(platform, name) == []
            assert api.post(f"/v1/devices/{name}/{permit}", json={"reason": "drill"}).is_success
            wait_for(lambda: len(told(platform, name)) > 20, "what was kept")
        finally:
            feeder.kill()
            feeder.wait()
    numbers = [batch.sequence for batch in told(platform, name)]
    assert sorted(set(numbers)) == list(range(1, max(numbers) + 1))


class Ahead(SystemClock):
    """A clock that is nearly a day ahead."""

    def now(self) -> datetime:
        return super().now() + timedelta(hours=20)


def test_a_certificate_is_renewed_once_although_the_clock_is_wrong(
    platform: RunningPlatform, way: Detour, tmp_path: Path
) -> None:
    settings = read_settings(enrolled(platform, way, "sensor-4", tmp_path))
    files = IdentityFiles(settings.state)
    before = files.leaf(OPERATIONAL).serial_number
    spool = Spool(settings.state / "spool", max_bytes=1024 * 1024)

    def has_arrived() -> bool:
        return {batch.sequence for batch in told(platform, "sensor-4")} >= set(range(1, 20))

    serials = asyncio.run(send_for_a_while(settings, files, spool, has_arrived))
    assert len(serials - {before}) == 1


async def send_for_a_while(
    settings: SensorSettings, files: IdentityFiles, spool: Spool, has_arrived: Callable[[], bool]
) -> set[int]:
    """Send until the certificate is another one and all has arrived, and longer; return the serials that were seen."""
    uplink = Uplink(settings, files, spool, Ahead())
    keeper = Keeper(spool, "boot", uplink)
    serials = {(await asyncio.to_thread(files.leaf, OPERATIONAL)).serial_number}
    async with asyncio.timeout(120), asyncio.TaskGroup() as group:
        sending = group.create_task(uplink.run(), name="send")
        longer = 0
        for number in itertools.count(1):
            alert = AlertRecord(
                id=f"b.{number}", rule="r", engine="policy", severity="low", title="t", first_at=1, last_at=1
            )
            await asyncio.to_thread(keeper.keep, [[alert]])
            uplink.stir()
            await asyncio.sleep(0.1)
            serials.add((await asyncio.to_thread(files.leaf, OPERATIONAL)).serial_number)
            longer += number > 20 and len(serials) > 1 and (longer > 0 or await asyncio.to_thread(has_arrived))
            if longer > 15:  # a second renewal would be seen by now
                break
        sending.cancel()
    return serials


def test_two_sensors_do_not_share_a_folder(platform: RunningPlatform, way: Detour, tmp_path: Path) -> None:
    config = enrolled(platform, way, "sensor-5", tmp_path)
    lock = os.open(tmp_path / "sensor" / "lock", os.O_RDWR)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        done = sensor("read", str(empty_capture(tmp_path)), "--send-as", str(config))
    finally:
        os.close(lock)
    assert done.returncode == 1
    assert "another sensor runs" in done.stderr


@pytest.fixture
def wire() -> Iterator[tuple[str, str]]:
    """A pair of interfaces that nobody else uses: what is sent on the second arrives at the first."""
    here, away = f"vk{os.getpid()}h", f"vk{os.getpid()}a"
    if os.geteuid() != 0 or shutil.which("ip") is None:
        pytest.skip("needs root and iproute2 to make a pair of interfaces")
    made = ip("link", "add", here, "type", "veth", "peer", "name", away)
    if made.returncode:
        pytest.skip(f"no pair of interfaces can be made here: {made.stderr.strip()}")
    try:
        for each in (here, away):
            ip("link", "set", each, "addrgenmode", "none")
            ip("link", "set", each, "up")
        yield here, away
    finally:
        ip("link", "del", here)


def ip(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["ip", *arguments], capture_output=True, text=True, timeout=20, check=False)


def sent_on(interface: str) -> int:
    (found,) = json.loads(ip("-s", "-j", "link", "show", interface).stdout)
    return int(found["stats64"]["tx"]["packets"])


def children(pid: int) -> list[int]:
    return [int(text) for text in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def test_what_a_sensor_hears_is_told_within_a_second_and_its_parts_may_die(
    platform: RunningPlatform, way: Detour, wire: tuple[str, str], tmp_path: Path
) -> None:
    here, away = wire
    config = enrolled(platform, way, "sensor-6", tmp_path)
    command = [sys.executable, "-m", "vedette.sensor", "run", "-i", here, "--config", str(config)]
    quiet = sent_on(here)
    running = started(command, tmp_path / "log")
    try:
        wait_for(lambda: boots(platform, "sensor-6"), "the first status")
        with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as sender:
            sender.bind((away, 0))
            # A machine that others use may be late many times, but not each time.
            for number in range(2, 14):
                delay_s = until_told(platform, sender, f"10.0.0.{number}")
                if delay_s < 1.0:
                    break
        assert delay_s < 1.0
        wait_for(lambda: any(isinstance(each, AssetRecord) for each in records(platform, "sensor-6")), "assets")

        (listener,) = children(running.pid)
        os.kill(listener, signal.SIGKILL)
        wait_for(lambda: len(boots(platform, "sensor-6")) == 2, "another one that listens")
        (listener,) = children(running.pid)
        running.kill()
        wait_for(lambda: not is_running(listener), "the end of the one that listens", 60)
        running.wait()

        running = started(command, tmp_path / "log")
        wait_for(lambda: len(boots(platform, "sensor-6")) == 3, "a third boot")
        running.terminate()
        assert running.wait(120) == 0
    finally:
        running.kill()
        running.wait()
    assert sent_on(here) == quiet == 0
    assert "Traceback" not in (tmp_path / "log").read_text()


def started(command: list[str], log: Path) -> subprocess.Popen[bytes]:
    with log.open("ab") as file:
        return subprocess.Popen(command, stderr=file)


def until_told(platform: RunningPlatform, sender: socket.socket, controller: str) -> float:
    """Stop a controller; return how long it took from the first packet to the alert on the platform's disk."""
    began = time.time()
    for frame in build.Talk(502, server=controller).open().say(READ).answer(ANSWER).say(STOP).frames:
        sender.send(frame)
    wait_for(lambda: controller in stops(platform, "sensor-6"), "the alert")
    return stops(platform, "sensor-6")[controller] - began


def boots(platform: RunningPlatform, name: str) -> set[str]:
    return {batch.boot for batch in told(platform, name)}


def stops(platform: RunningPlatform, name: str) -> dict[str, float]:
    """Return the controllers that were stopped, and when the platform stored the first alert of it."""
    with platform.client() as api:
        items = api.get("/v1/telemetry", params={"device_id": name, "limit": 1000}).json()["items"]
    found: dict[str, float] = {}
    for item in items:
        for record in read_batch(base64.b64decode(item["body"])).records:
            if isinstance(record, AlertRecord) and record.rule == "ot.controller_stop":
                assert record.source == "10.0.0.1"
                found.setdefault(record.target, datetime.fromisoformat(item["enqueued_at"]).timestamp())
    return found
