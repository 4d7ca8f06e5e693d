"""Networks of a plant in network namespaces, joined by a router that nftables may guard."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from typing import Any

Asked = tuple[str, str, int]
_ANSWER_S, _SILENT_S = 30.0, 0.6
_LISTEN = """
import asyncio, sys
async def main():
    for port in map(int, sys.argv[2:]):
        await asyncio.start_server(lambda r, w: answer(r, w), sys.argv[1], port)
        loop = asyncio.get_running_loop()
        await loop.create_datagram_endpoint(Echo, local_addr=(sys.argv[1], port))
    print("ready", flush=True)
    await asyncio.Event().wait()
class Echo(asyncio.DatagramProtocol):
    def connection_made(self, transport): self.transport = transport
    def datagram_received(self, data, address): self.transport.sendto(data, address)
async def answer(reader, writer):
    while data := await reader.read(64):
        writer.write(data); await writer.drain()
    writer.close()
asyncio.run(main())
"""
_ASK = """
import asyncio, json, sys
async def tcp(address, port):
    reader, writer = await asyncio.open_connection(address, port)
    writer.write(b"x"); await writer.drain()
    found = await reader.read(1); writer.close()
    return found == b"x"
async def udp(address, port):
    got = asyncio.get_running_loop().create_future()
    class Ask(asyncio.DatagramProtocol):
        def connection_made(self, transport): transport.sendto(b"x")
        def datagram_received(self, data, address): got.done() or got.set_result(True)
        def error_received(self, error): got.done() or got.set_result(False)
    await asyncio.get_running_loop().create_datagram_endpoint(Ask, remote_addr=(address, port))
    return await got
async def one(transport, address, port, patience_s):
    try:
        async with asyncio.timeout(patience_s):
            return await (tcp if transport == "tcp" else udp)(address, port)
    except (OSError, TimeoutError):
        return False
async def main():
    print(json.dumps(await asyncio.gather(*(one(*each) for each in json.loads(sys.argv[1])))))
asyncio.run(main())
"""
_HOLD = """
import socket, sys
held = socket.create_connection((sys.argv[1], int(sys.argv[2])), timeout=60)
for line in sys.stdin:
    held.settimeout(float(line))
    try:
        held.sendall(b"x")
        print("open" if held.recv(1) == b"x" else "closed", flush=True)
    except OSError:
        print("silent", flush=True)
"""


class RoutedPlant:
    """Hosts by name, each in a network of its own behind one router."""

    def __init__(self, hosts: dict[str, str]) -> None:
        self.hosts = hosts
        self._mark = f"vd{os.getpid() % 100_000}"
        self._processes: list[subprocess.Popen[str]] = []

    def open(self) -> None:
        """Make the namespaces, the cables and the routes."""
        _run("ip", "netns", "add", self._name("fw"))
        self._ip("fw", "link", "set", "lo", "up")
        for number, (host, address) in enumerate(self.hosts.items()):
            gateway = f"{address.rpartition('.')[0]}.1"
            _run("ip", "netns", "add", self._name(host))
            _run(
                *("ip", "link", "add", f"e{number}", "netns", self._name("fw"), "type", "veth"),
                *("peer", "name", "eth0", "netns", self._name(host)),
            )
            self._ip("fw", "addr", "add", f"{gateway}/24", "dev", f"e{number}")
            self._ip("fw", "link", "set", f"e{number}", "up")
            self._ip(host, "addr", "add", f"{address}/24", "dev", "eth0")
            self._ip(host, "link", "set", "eth0", "up")
            self._ip(host, "link", "set", "lo", "up")
            self._ip(host, "route", "add", "default", "via", gateway)
        self.inside("fw", "sysctl", "-qw", "net.ipv4.ip_forward=1")

    def close(self) -> None:
        """End what listens, and take the namespaces away."""
        for process in self._processes:
            process.kill()
            process.wait()
        for host in ("fw", *self.hosts):
            subprocess.run(["ip", "netns", "del", self._name(host)], check=False, capture_output=True)

    def listen(self, host: str, *ports: int) -> None:
        """Answer on TCP and UDP ports of a host."""
        process = self._start(host, _LISTEN, self.hosts[host], *map(str, ports))
        assert process.stdout is not None
        assert process.stdout.readline().strip() == "ready"

    def ask(self, host: str, *asked: Asked, silent: Collection[Asked] = ()) -> list[bool]:
        """Tell which of (transport, host, port) answer; where silence is expected, a moment of it will do."""
        calls = [
            (each[0], self.hosts.get(each[1], each[1]), each[2], _SILENT_S if each in silent else _ANSWER_S)
            for each in asked
        ]
        found: list[bool] = json.loads(self.inside(host, sys.executable, "-c", _ASK, json.dumps(calls)))
        return found

    def hold(self, host: str, target: str, port: int) -> subprocess.Popen[str]:
        """Open a connection that sends one byte for each line it is told, which is for how long an answer may take."""
        return self._start(host, _HOLD, self.hosts[target], str(port))

    def load(self, text: str) -> None:
        """Load a rule set, checked first, as an administrator would."""
        for more in (("-c",), ()):
            self.inside("fw", "nft", *more, "-f", "-", given=text)

    def listing(self, table: str) -> str:
        """Return a table as the firewall holds it."""
        return self.inside("fw", "nft", "list", "table", "inet", table)

    def counters(self, table: str) -> dict[str, int]:
        """Return the packets that rules with a comment counted, by comment."""
        found: dict[str, int] = {}
        listed: dict[str, Any] = json.loads(self.inside("fw", "nft", "-j", "list", "table", "inet", table))
        for each in listed["nftables"]:
            rule = each.get("rule", {})
            for part in rule.get("expr", ()):
                if "comment" in rule and "counter" in part:
                    found[rule["comment"]] = found.get(rule["comment"], 0) + int(part["counter"]["packets"])
        return found

    def inside(self, host: str, *command: str, given: str | None = None) -> str:
        """Run a command in a host's network."""
        return _run("ip", "netns", "exec", self._name(host), *command, given=given)

    def _start(self, host: str, script: str, *arguments: str) -> subprocess.Popen[str]:
        command = ["ip", "netns", "exec", self._name(host), sys.executable, "-c", script, *arguments]
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self._processes.append(process)
        return process

    def _ip(self, host: str, *arguments: str) -> None:
        _run("ip", "-n", self._name(host), *arguments)

    def _name(self, host: str) -> str:
        return f"{self._mark}-{host}"


@contextmanager
def routed_plant(hosts: dict[str, str]) -> Iterator[RoutedPlant]:
    """Open a plant of hosts: name → IPv4 address, each in a /24 of its own."""
    plant = RoutedPlant(hosts)
    try:
        plant.open()
        yield plant
    finally:
        plant.close()


def _run(*command: str, given: str | None = None) -> str:
    done = subprocess.run(
        command, input=given, capture_output=True, text=True, timeout=120, check=False, env={**os.environ, "TZ": "UTC"}
    )
    assert done.returncode == 0, f"{' '.join(command[:8])}: {done.stderr[:2000]}"
    return done.stdout
