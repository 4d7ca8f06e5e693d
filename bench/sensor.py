"""Measure the sensor: packets a second and memory on a generated file of small industrial packets, and live.

``python -m bench.sensor`` reads ten million packets, lets the peers that are installed read the same file (tshark,
Suricata, nfstream), listens at 100,000 packets a second while it sends to a platform, and rewrites its part of
docs/benchmarks.md; ``--quick`` only tries that everything works, and writes nothing.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import resource
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "support")]

import packets as build  # noqa: E402 - found above

MEASURES = 10
"""How often memory is looked at on the way through the file."""
NFSTREAM = """
import sys
from nfstream import NFStreamer
print(sum(flow.bidirectional_packets for flow in NFStreamer(source=sys.argv[1], n_meters=1)))
"""


@dataclass(frozen=True)
class Reading:
    """How one program read the file."""

    name: str
    packets: int
    wall_s: float
    cpu_s: float
    peak_mb: float
    note: str = ""

    @property
    def per_cpu_s(self) -> float:
        """Packets for each second of CPU, all its threads together."""
        return self.packets / self.cpu_s


def rounds() -> Iterator[bytes]:
    """Yield one round of traffic: 40 controllers polled by 4 masters, some writes."""
    talks = [
        build.Talk(502, client=f"10.0.{unit % 4}.1", server=f"10.0.10.{unit + 1}", client_port=40_000 + unit)
        for unit in range(40)
    ]
    transaction = 0
    for talk in talks:
        for turn in range(50):
            transaction = transaction + 1 & 0xFFFF
            head = struct.pack(">HHHB", transaction, 0, 6, 1)
            if turn % 10 == 9:
                pdu = struct.pack(">BHH", 6, 40, turn)
                talk.say(head + pdu).answer(head + pdu)
            else:
                talk.say(head + struct.pack(">BHH", 3, 100, 20))
                talk.answer(struct.pack(">HHHB", transaction, 0, 43, 1) + b"\x03\x28" + bytes(range(40)))
        talk.close()
    yield from [frame for step in range(100) for talk in talks for frame in talk.frames[step : step + 1]]


def endless() -> Iterator[bytes]:
    """Yield round after round; sequence numbers go on, so that nothing is a retransmission."""
    frames = list(rounds())
    grown: dict[bytes, int] = {}
    size: dict[bytes, int] = {}
    for frame in frames:
        length = int.from_bytes(frame[16:18], "big") - 40
        size[frame[26:38]] = size.get(frame[26:38], 0) + length
    while True:
        for frame in frames:
            seq = int.from_bytes(frame[38:42], "big") + grown.get(frame[26:38], 0) & 0xFFFFFFFF
            yield frame[:38] + seq.to_bytes(4, "big") + frame[42:]
        for key, length in size.items():
            grown[key] = grown.get(key, 0) + length


def write(path: Path, count: int) -> None:
    """Write a capture of ``count`` packets, 10 microseconds apart."""
    at_ns = build.START_NS
    with path.open("wb") as file:
        file.write(build.pcap([]))
        for _, frame in zip(range(count), endless(), strict=False):
            at_ns += 10_000
            seconds, ns = divmod(at_ns, 1_000_000_000)
            file.write(struct.pack("<IIII", seconds, ns // 1000, len(frame), len(frame)) + frame)


def measure(path: Path, count: int, *, has_rules: bool = True) -> None:
    """Read the file with the whole pipeline, in this process; print a :class:`Reading` as JSON."""
    from vedette.sensor import BaselineSettings, Sensor  # noqa: PLC0415 - memory is measured with it
    from vedette.sensor.capture import CaptureFile  # noqa: PLC0415 - same
    from vedette.sensor.command import spare_the_collector  # noqa: PLC0415 - same

    spare_the_collector()
    sensor = Sensor(has_rules=has_rules, baseline=BaselineSettings())
    began, cpu, sizes = time.perf_counter(), time.process_time(), []
    with path.open("rb") as source:
        packets = iter(CaptureFile(source))
        for _ in range(MEASURES):
            sensor.read(itertools.islice(packets, count // MEASURES))
            sizes.append(resident_mb())
        sensor.read(packets)
    sensor.finish()
    took, cpu = time.perf_counter() - began, time.process_time() - cpu
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    facts = f"{sensor.report.operations_count} operations, {len(sensor.assets)} assets; "
    facts += "MB on the way: " + ", ".join(f"{each:.0f}" for each in sizes)
    found = Reading("vedette sensor", sensor.engine.counters.packets, took, cpu, peak, facts)
    print(json.dumps(asdict(found)))


def resident_mb() -> float:
    """Memory of this process now."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def run_peer(name: str, command: list[str], count: int, note: str) -> Reading:
    """Let another program read the file; CPU and memory are those of the process and its children."""
    began = time.perf_counter()
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    took = time.perf_counter() - began
    if process.returncode:
        raise SystemExit(f"{name} failed: exit code {process.returncode}")
    return Reading(name, count, took, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024, note)


def peers(path: Path, count: int, folder: Path, nfstream: str | None) -> Iterator[Reading]:
    """Yield how those that are installed read the file."""
    if shutil.which("tshark"):
        fields = ["-T", "fields", "-e", "frame.number", "-e", "modbus.func_code"]
        yield run_peer("tshark", ["tshark", "-n", "-r", str(path), *fields], count, "two fields of each packet")
    if shutil.which("suricata"):
        logs = folder / "suricata"
        logs.mkdir()
        command = ["suricata", "-r", str(path), "-l", str(logs), "--runmode", "single", "-S", "/dev/null"]
        yield run_peer("suricata", command, count, "flows and its protocols, no rules")
    if nfstream:
        yield run_peer("nfstream", [nfstream, "-c", NFSTREAM, str(path)], count, "flows by nDPI, no operations")


def table(readings: list[Reading]) -> str:
    """Return the readings as Markdown."""
    lines = ["| on one file | packets | packets per CPU second | seconds | peak, MB | |", "|---|---|---|---|---|---|"]
    for each in readings:
        figures = f"{each.packets:,} | {each.per_cpu_s:,.0f} | {each.wall_s:.1f} | {each.peak_mb:.0f}"
        lines.append(f"| {each.name} | {figures} | {each.note} |")
    return "\n".join(lines)


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--packets", type=int, default=10_000_000)
    parser.add_argument("--peer-packets", type=int, default=100_000, help="how many the peers read, and we beside them")
    parser.add_argument("--nfstream", help="a Python that has nfstream")
    parser.add_argument("--no-rules", action="store_true", help="without the rules that hold from the first packet")
    parser.add_argument("--no-live", action="store_true", help="only files: listening needs root")
    parser.add_argument("--quick", action="store_true", help="try that everything works; write nothing")
    parser.add_argument("--write", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--read", type=Path, help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.write is not None:
        write(chosen.write, chosen.packets)
        return
    if chosen.read is not None:
        measure(chosen.read, chosen.packets, has_rules=not chosen.no_rules)
        return
    if chosen.quick:
        chosen.packets = chosen.peer_packets = 100_000
    report(chosen)


def report(chosen: argparse.Namespace) -> None:
    """Measure everything, and tell."""
    from bench.section import replace  # noqa: PLC0415 - the measured process needs none of it
    from bench.sensor_live import listen  # noqa: PLC0415 - same
    from bench.vedette_platform import describe_machine  # noqa: PLC0415 - same

    signal.signal(signal.SIGTERM, signal.default_int_handler)  # what was made is taken away however it ends
    machine = describe_machine()
    options = ["--no-rules"] if chosen.no_rules else []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)

        def read(count: int) -> tuple[Path, Reading]:
            path = folder / f"{count}.pcap"
            # Written and read by other processes, so that nothing but the sensor counts as its memory.
            sizes = ["--packets", str(count)]
            subprocess.run([sys.executable, __file__, "--write", str(path), *sizes], check=True)
            command = [sys.executable, __file__, "--read", str(path), *sizes, *options]
            return path, Reading(**json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout))

        path, found = read(chosen.peer_packets)
        readings = [found, *peers(path, chosen.peer_packets, folder, chosen.nfstream)]
        if chosen.packets != chosen.peer_packets:
            path.unlink()
            path, found = read(chosen.packets)
            readings.append(found)
            path.unlink()
    text = f"Machine: {machine}\n\n{table(readings)}"
    if not chosen.no_live:
        text += f"\n\n{listen(seconds=5 if chosen.quick else 60, rate=20_000 if chosen.quick else 100_000)}"
    print(text)
    if not chosen.quick:
        replace("sensor", text)


if __name__ == "__main__":
    main()
