"""Two hosts in network namespaces of their own, and a platform that both can reach.

Making them needs the rights of root on the network; where those are missing, each host is a loopback address to
connect from, which is another address all the same.
"""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

_CLIENT = Path(__file__).with_name("paho_session.py")


@dataclass
class Host:
    """A place to connect from."""

    address: str
    namespace: str = ""

    def client(self, server: str, device: str, credential: Path, root: Path, *options: str) -> PahoSession:
        """Connect as a device with paho, from here."""
        command = [sys.executable, str(_CLIENT), server, device, str(credential), str(root), *options]
        if self.namespace:
            command = ["ip", "netns", "exec", self.namespace, *command]
        else:
            command += ["--from", self.address]
        return PahoSession(command)


class PahoSession:
    """An unmodified MQTT client in a process of its own; it writes what happens, a line each."""

    def __init__(self, command: list[str]) -> None:
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, bufsize=1
        )
        self.said: list[str] = []
        self._reader = threading.Thread(target=self._read, name="paho session", daemon=True)
        self._reader.start()

    def wait(self, words: str, timeout_s: float = 90) -> None:
        """Wait until it has said something."""
        end_s = time.monotonic() + timeout_s
        while words not in self.said and self._process.poll() is None and time.monotonic() < end_s:
            time.sleep(0.05)
        self._reader.join(1 if self._process.poll() is not None else 0)
        assert words in self.said, f"waited {timeout_s} s in vain for {words!r}; it said {self.said}"

    def says(self, words: str) -> bool:
        """Tell whether it has said something."""
        return words in self.said

    def tell(self, line: str) -> None:
        """Have it do something: ``publish TEXT`` or ``get-twin``."""
        assert self._process.stdin is not None
        self._process.stdin.write(line + "\n")

    def close(self) -> None:
        """Have it disconnect."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(60)
        self._reader.join(5)
        assert self._process.stdout is not None
        self._process.stdout.close()

    def __enter__(self) -> Self:
        """Begin."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """End."""
        self.close()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self.said.append(line.strip())


@dataclass
class TwoHosts:
    """Two hosts and the address of a server that both reach."""

    server: str
    hosts: list[Host]
    are_namespaces: bool
    _undo: list[list[str]] = field(default_factory=list)

    @classmethod
    def make(cls, number: int) -> TwoHosts:
        """Make them; ``number`` (1 to 250) keeps those of one run from those of another."""
        bridge, server = f"vedette{number}", f"10.213.{number}.1"
        made = cls(server, [], are_namespaces=True)
        try:
            made._do(["ip", "link", "add", bridge, "type", "bridge"], undo=["ip", "link", "del", bridge])
            made._do(["ip", "addr", "add", f"{server}/24", "dev", bridge])
            made._do(["ip", "link", "set", bridge, "up"])
            for host in (1, 2):
                made._join(number, host, bridge)
        except (OSError, subprocess.CalledProcessError):
            made.close()
            loopback = [Host(f"127.0.{number}.{host}") for host in (11, 12)]
            return cls(f"127.0.{number}.1", loopback, are_namespaces=False)
        return made

    def close(self) -> None:
        """Remove them."""
        for command in reversed(self._undo):
            subprocess.run(command, check=False, capture_output=True)
        self._undo.clear()

    def _join(self, number: int, host: int, bridge: str) -> None:
        name, address = f"vedette{number}-{host}", f"10.213.{number}.{10 + host}"
        outside, inside = f"vdt{number}o{host}", f"vdt{number}i{host}"
        self._do(["ip", "netns", "add", name], undo=["ip", "netns", "del", name])
        self._do(["ip", "link", "add", outside, "type", "veth", "peer", "name", inside, "netns", name])
        self._do(["ip", "link", "set", outside, "master", bridge, "up"])
        for command in (
            ["addr", "add", f"{address}/24", "dev", inside],
            ["link", "set", inside, "up"],
            ["link", "set", "lo", "up"],
        ):
            self._do(["ip", "-n", name, *command])
        self.hosts.append(Host(address, name))

    def _do(self, command: list[str], undo: list[str] | None = None) -> None:
        subprocess.run(command, check=True, capture_output=True)
        if undo is not None:
            self._undo.append(undo)
