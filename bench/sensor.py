"""Measure the sensor: packets a second and memory on a generated file of small industrial packets.

``python bench/sensor.py [--packets 1000000] [--file FILE]``; with ``--tshark``, tshark's figures on the same file.
"""

from __future__ import annotations

import argparse
import resource
import shutil
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests" / "support"))

import packets as build  # noqa: E402 - found above


def rounds() -> Iterator[bytes]:
    """Yield one round of traffic: 40 controllers polled by 4 masters, some writes, ARP, a little UDP."""
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
    order = [frame for step in range(100) for talk in talks for frame in talk.frames[step : step + 1]]
    yield from order


def write(path: Path, count: int) -> int:
    """Write a capture of about ``count`` packets; sequence numbers go on from round to round."""
    frames = list(rounds())
    grown: dict[bytes, int] = {}
    size: dict[bytes, int] = {}
    for frame in frames:
        length = int.from_bytes(frame[16:18], "big") - 40
        size[frame[26:38]] = size.get(frame[26:38], 0) + length
    written, at_ns = 0, build.START_NS
    with path.open("wb") as file:
        file.write(build.pcap([]))
        while written < count:
            for frame in frames:
                at_ns += 10_000
                key = frame[26:38]
                seq = int.from_bytes(frame[38:42], "big") + grown.get(key, 0) & 0xFFFFFFFF
                seconds, ns = divmod(at_ns, 1_000_000_000)
                file.write(struct.pack("<IIII", seconds, ns // 1000, len(frame), len(frame)))
                file.write(frame[:38] + seq.to_bytes(4, "big") + frame[42:])
                written += 1
            for key, length in size.items():
                grown[key] = grown.get(key, 0) + length
    return written


def measure(path: Path, *, has_rules: bool = True) -> None:
    """Read the file with the whole pipeline, in this process."""
    from vedette.sensor import BaselineSettings, Sensor  # noqa: PLC0415 - memory is measured with it
    from vedette.sensor.command import spare_the_collector  # noqa: PLC0415 - same

    spare_the_collector()

    sensor = Sensor(has_rules=has_rules, baseline=BaselineSettings())
    began = time.perf_counter()
    cpu = time.process_time()
    sensor.read_file(path)
    sensor.finish()
    took, cpu = time.perf_counter() - began, time.process_time() - cpu
    count = sensor.engine.counters.packets
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"sensor: {count} packets in {took:.2f} s = {count / took:,.0f}/s ({count / cpu:,.0f} per CPU second)")
    print(f"        peak {peak:.0f} MB, {sensor.report.operations_count} operations, {len(sensor.assets)} assets")
    print(f"        not parsed: {sensor.engine.unparsed.as_dict()}")


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--packets", type=int, default=300_000)
    parser.add_argument("--file", type=Path)
    parser.add_argument("--tshark", action="store_true")
    parser.add_argument("--no-rules", action="store_true", help="without the rules that hold from the first packet")
    parser.add_argument("--write", type=Path, help="only write the file")
    chosen = parser.parse_args()
    if chosen.write is not None:
        write(chosen.write, chosen.packets)
        return
    with tempfile.TemporaryDirectory() as folder:
        path = chosen.file or Path(folder) / "bench.pcap"
        if chosen.file is None:
            # Written by another process, so that its memory does not count.
            command = [sys.executable, __file__, "--write", str(path), "--packets", str(chosen.packets)]
            subprocess.run(command, check=True)
        measure(path, has_rules=not chosen.no_rules)
        if chosen.tshark and shutil.which("tshark"):
            began = time.perf_counter()
            command = ["tshark", "-r", str(path), "-T", "fields", "-e", "frame.number", "-e", "modbus.func_code"]
            lines = subprocess.run(command, capture_output=True, check=False).stdout.count(b"\n")
            took = time.perf_counter() - began
            print(f"tshark: {lines} packets in {took:.2f} s = {lines / took:,.0f}/s")


if __name__ == "__main__":
    main()
