"""The peers: Mosquitto and nats-server's own MQTT listener, with mutual TLS on loopback."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Server:
    """Processes whose CPU and memory are counted together."""

    name: str
    pids: tuple[int, ...]
    port: int

    def cpu_s(self) -> float:
        """User and system CPU seconds of all processes so far."""
        return sum(process_cpu_s(pid) for pid in self.pids)

    def memory_kb(self) -> int:
        """Resident memory of all processes."""
        return sum(process_memory_kb(pid) for pid in self.pids)


def process_cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def process_memory_kb(pid: int) -> int:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS"):
            return int(line.split()[1])
    return 0


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_port(port: int, host: str = "127.0.0.1", timeout_s: float = 15) -> None:
    end = time.monotonic() + timeout_s
    while time.monotonic() < end:
        with socket.socket() as probe:
            probe.settimeout(0.5)
            if probe.connect_ex((host, port)) == 0:
                return
        time.sleep(0.05)
    raise TimeoutError(f"nothing listens on {host}:{port}")


@contextmanager
def mosquitto(folder: Path, root_pem: Path, certificate: Path, key: Path) -> Iterator[Server]:
    """Debian's Mosquitto: client certificates required; it acknowledges without storing anything."""
    binary = shutil.which("mosquitto") or "/usr/sbin/mosquitto"
    port = free_port()
    config = folder / "mosquitto.conf"
    config.write_text(
        f"listener {port} 127.0.0.1\ncafile {root_pem}\ncertfile {certificate}\nkeyfile {key}\n"
        "require_certificate true\nuse_identity_as_username true\nallow_anonymous false\n"
        "persistence false\nmax_inflight_messages 0\nuser root\n"
    )
    with _running([binary, "-c", str(config)], folder / "mosquitto.log", port) as pid:
        yield Server("mosquitto", (pid,), port)


@contextmanager
def nats_mqtt(folder: Path, binary: str, root_pem: Path, certificate: Path, key: Path) -> Iterator[Server]:
    """nats-server's MQTT listener on a JetStream that syncs each write."""
    port, client = free_port(), free_port()
    config = folder / "nats-mqtt.conf"
    config.write_text(
        f"listen: 127.0.0.1:{client}\nserver_name: bench\n"
        f'jetstream {{ store_dir: "{folder}/js-mqtt", sync_interval: always }}\n'
        f"mqtt {{ listen: 127.0.0.1:{port}\n"
        f"  tls {{ cert_file: {certificate}\n key_file: {key}\n"
        f"  ca_file: {root_pem}\n verify: true\n timeout: 30 }} }}\n"
    )
    with _running([binary, "-c", str(config)], folder / "nats-mqtt.log", port) as pid:
        yield Server("nats-server mqtt", (pid,), port)


@contextmanager
def _running(command: list[str], log: Path, port: int) -> Iterator[int]:
    with log.open("wb") as out:
        process = subprocess.Popen(command, stdout=out, stderr=out)
        try:
            wait_port(port)
            yield process.pid
        finally:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
