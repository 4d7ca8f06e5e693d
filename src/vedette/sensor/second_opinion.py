"""``vedette sensor second-opinion``: what tshark makes of the flows that the sensor is not sure of.

tshark runs as a program of its own, if one is installed, and gets only the packets of those flows, through one pipe.
Nothing in the inventory rests on what it says.
"""

from __future__ import annotations

import contextlib
import json
import resource
import shutil
import struct
import subprocess
import sys
import tempfile
import threading
from array import array
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from ipaddress import ip_address
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Final

import msgspec

from vedette.sensor import link as links
from vedette.sensor.capture import CaptureFile, CaptureProblem, Packet
from vedette.sensor.flows import Flow
from vedette.sensor.listener import Listener
from vedette.sensor.sensor import Sensor
from vedette.sensor.summary import table

if TYPE_CHECKING:
    import argparse

FLOWS_MAX: Final = 10_000
PACKETS_MAX: Final = 1_000_000
"""tshark is asked about no more; it reads some 40,000 packets a second."""
_LIMITS: Final = (
    (resource.RLIMIT_AS, 2 * 1024**3),
    (resource.RLIMIT_CPU, 600),
    (resource.RLIMIT_FSIZE, 0),
)
_SESSION_PACKETS: Final = 100_000
_FAILED: Final = 1
_RAW: Final = struct.pack("<IHHiIII", 0xA1B23C4D, 2, 4, 0, 0, 262_144, links.RAW)
_RECORD: Final = struct.Struct("<IIII").pack
_NS: Final = 1_000_000_000
_PLAIN: Final = frozenset({"raw", "ip", "ipv6", "tcp", "udp", "data", "tcp.segments", "_ws.malformed"})
"""What says nothing of who speaks above TCP and UDP."""


class Unsure(msgspec.Struct):
    """A flow of which the sensor does not know, or only assumes, the protocol."""

    transport: str
    client: str
    client_port: int
    server: str
    server_port: int
    protocol: str
    certainty: str
    packets: int = 0
    asked: int = 0
    """Packets that tshark was given."""
    malformed: int = 0
    names: Counter[str] = msgspec.field(default_factory=Counter)
    """What tshark called its packets, where it had a name."""

    @property
    def opinion(self) -> str:
        """Tshark's name for most of what it could name; empty: none."""
        return self.names.most_common(1)[0][0] if self.names else ""


class _Flows(Listener):
    """Keeps the flows that are not confirmed and in which something was said."""

    __slots__ = ("by_key", "left_out")

    def __init__(self) -> None:
        self.by_key: Final[dict[bytes, Unsure]] = {}
        self.left_out = 0

    def flow_closed(self, flow: Flow) -> None:
        """Keep it, both ways round."""
        sides = flow.from_client, flow.from_server
        if (
            flow.transport not in {"tcp", "udp"}
            or flow.certainty == "confirmed"
            or not any(x.payload_bytes for x in sides)
        ):
            return
        client, server = ip_address(flow.client).packed, ip_address(flow.server).packed
        number = b"\x06" if flow.transport == "tcp" else b"\x11"
        ports = flow.client_port.to_bytes(2, "big"), flow.server_port.to_bytes(2, "big")
        there = number + client + server + ports[0] + ports[1]
        found = self.by_key.get(there)
        if found is None:
            if len(self.by_key) >= 2 * FLOWS_MAX:
                self.left_out += 1
                return
            found = Unsure(
                transport=flow.transport,
                client=flow.client,
                client_port=flow.client_port,
                server=flow.server,
                server_port=flow.server_port,
                protocol=flow.protocol,
                certainty=flow.certainty,
            )
            self.by_key[there] = self.by_key[number + server + client + ports[1] + ports[0]] = found
        found.packets += sides[0].packets + sides[1].packets

    def unsure(self) -> list[Unsure]:
        """Return each flow once, those with most packets first."""
        return sorted({id(each): each for each in self.by_key.values()}.values(), key=lambda each: -each.packets)


def ask_again(paths: Sequence[Path], *, is_json: bool = False) -> int:
    """Read captures, ask tshark about the flows that stay unsure, print both answers; answer the exit code.

    Raises:
        CaptureProblem: A file can't be opened or is no capture, or tshark is missing or failed.
    """
    program = shutil.which("tshark")
    if program is None:
        raise CaptureProblem("tshark is not installed", hint="install it (Debian: apt install tshark), or do without")
    flows = _Flows()
    sensor = Sensor([lambda _assets, _raise_alert: flows], has_rules=False)
    for path in paths:
        sensor.read_file(path)
    sensor.finish()
    if flows.by_key:
        _ask(program, _packets_of(paths, flows.by_key))
    sys.stdout.write(_as_json(program, flows, sensor) if is_json else _as_text(flows))
    sys.stdout.flush()
    return _FAILED if sensor.damages else 0


def _packets_of(paths: Iterable[Path], wanted: dict[bytes, Unsure]) -> Iterator[tuple[Unsure, int, bytes]]:
    """Yield the flow, the time and the IP packet of each packet that belongs to a flow that is wanted."""
    count = 0
    for path in paths:
        with path.open("rb") as source:
            for packet in CaptureFile(source):
                found = _match(packet, wanted)
                if found is not None:
                    yield found[0], packet[0], found[1]
                    count += 1
                    if count >= PACKETS_MAX:
                        return


def _match(packet: Packet, wanted: dict[bytes, Unsure]) -> tuple[Unsure, bytes] | None:
    _, link, data, _ = packet
    if link not in links.LINKS:
        return None
    try:
        kind, start, end, *_ = links.lower(link, data)
        if kind == links.E_IPV4:
            header = (data[start] & 0x0F) * 4
            key = data[start + 9 : start + 10] + data[start + 12 : start + 20]
        elif kind == links.E_IPV6:
            header = 40
            key = data[start + 6 : start + 7] + data[start + 8 : start + 40]
        else:
            return None
    except (links.NotUnderstood, struct.error, IndexError):
        return None
    flow = wanted.get(key + data[start + header : start + header + 4])
    return None if flow is None else (flow, data[start:end])


def _ask(program: str, packets: Iterator[tuple[Unsure, int, bytes]]) -> None:
    """Give tshark the packets; note at each flow what it called them.

    Raises:
        CaptureProblem: It failed.
    """
    order: list[Unsure] = []
    places: dict[int, int] = {}
    asked = array("I")
    # No name is looked up, no preference and no script of this user's is read; memory and time have an end.
    with tempfile.TemporaryDirectory() as home:
        command = [program, "-n", "-r", "-", "-M", str(_SESSION_PACKETS), "-T", "fields", "-e", "frame.protocols"]
        process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={"HOME": home, "PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8"},
        )
        for limit, most in _LIMITS:
            resource.prlimit(process.pid, limit, (most, most))
        if process.stdin is None or process.stdout is None or process.stderr is None:
            raise AssertionError("the pipes were asked for")
        answers: list[bytes] = []
        complaint: list[bytes] = []
        readers = [
            threading.Thread(target=_collect, args=(process.stdout, answers), daemon=True),
            threading.Thread(target=_collect, args=(process.stderr, complaint), daemon=True),
        ]
        for reader in readers:
            reader.start()
        with contextlib.suppress(BrokenPipeError), process.stdin as pipe:
            pipe.write(_RAW)
            for flow, at_ns, data in packets:
                seconds, ns = divmod(max(0, at_ns), _NS)
                pipe.write(_RECORD(seconds & 0xFFFFFFFF, ns, len(data), len(data)) + data)
                place = places.setdefault(id(flow), len(order))
                if place == len(order):
                    order.append(flow)
                asked.append(place)
        for reader in readers:
            reader.join()
        code = process.wait()
    if code or len(answers) != len(asked):
        said = b"".join(complaint)[-300:].decode(errors="replace").strip()
        raise CaptureProblem(f"tshark failed: {said or f'exit code {code}'}", hint="run tshark on the file to see why")
    for place, answer in zip(asked, answers, strict=True):
        _note(order[place], answer.decode(errors="replace").strip().split(":"))


def _note(flow: Unsure, layers: list[str]) -> None:
    flow.asked += 1
    flow.malformed += "_ws.malformed" in layers
    # A capture in which IP is carried in something else is named by the innermost that has a name.
    named = [layer for layer in layers if layer not in _PLAIN]
    if named:
        flow.names[named[-1]] += 1


def _collect(source: IO[bytes], lines: list[bytes]) -> None:
    lines += iter(source.readline, b"")


def _as_json(program: str, flows: _Flows, sensor: Sensor) -> str:
    version = subprocess.run([program, "--version"], capture_output=True, text=True, check=False).stdout
    document: dict[str, Any] = {  # Any: JSON
        "program": version.partition("\n")[0],
        "flows_left_out": flows.left_out,
        "damaged_files": sensor.damages,
        "flows": [
            {"transport": each.transport, "client": each.client, "client_port": each.client_port,
             "server": each.server, "server_port": each.server_port, "packets": each.packets,
             "protocol": each.protocol, "certainty": each.certainty or "unknown",
             "second_opinion": each.opinion, "names": dict(each.names.most_common()), "malformed": each.malformed}
            for each in flows.unsure()
        ],
    }  # fmt: skip
    return json.dumps(document, indent=2) + "\n"


def _as_text(flows: _Flows) -> str:
    rows = [
        (
            f"{each.client}:{each.client_port}",
            f"{each.server}:{each.server_port}",
            each.transport,
            each.packets,
            f"{each.protocol} ({each.certainty})" if each.protocol else "unknown",
            each.opinion or "no name",
            each.malformed or "",
        )
        for each in flows.unsure()
    ]
    columns = ("client", "server", "over", "packets", "the sensor", "tshark", "malformed")
    shown = table("Flows that the sensor is not sure of", columns, rows)
    return shown or "The sensor is sure of every flow in which something was said.\n"


def add_second_opinion(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the verb to a command line."""
    verb = verbs.add_parser("second-opinion", help="what tshark makes of the flows that the sensor is not sure of")
    verb.add_argument("files", nargs="+", type=Path)
    verb.add_argument("--output", choices=("table", "json"), default="table")
