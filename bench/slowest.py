"""Find the slowest packet: ``python -m bench.slowest`` floods a sensor in every way that makes it keep something new.

Each packet is measured for itself, by the CPU time of the thread from the packet to the next, whatever is done by the
way: sweeping, telling listeners, eviction, the collector. The whole pipeline listens, rules and baselines included.
Each flood is read twice, the same to the byte, and the smaller time of each packet counts: what another machine of the
host took is not the sensor's.
``--try`` leaves the page as it is.
"""

from __future__ import annotations

import argparse
import random
import struct
import sys
import time
from array import array
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final, NamedTuple

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "support")]

import packets as build  # noqa: E402 - found above
from bench.section import replace  # noqa: E402 - same
from bench.vedette_platform import describe_machine  # noqa: E402 - same

TARGET: Final = "10.0.0.2"
WARM: Final = 1_000
"""First packets that are not counted: imports, first look-ups."""
LIMIT_MS: Final = 10.0

Numbers = random.Random


class Slowest(NamedTuple):
    """What one flood cost."""

    flood: str
    packets: int
    per_s: float
    p999_ms: float
    most_ms: float


def _template(protocol: int, payload: bytes, *, fragment: int = 0) -> bytearray:
    return bytearray(build.ethernet(build.ipv4(payload, protocol, "1.2.3.4", TARGET, fragment=fragment), 0x0800))


def syn(numbers: Numbers) -> Iterator[bytes]:
    """Open connections from forged senders to any port."""
    frame = _template(6, struct.pack(">HHIIBBHHH", 1024, 80, 1, 0, 0x50, 2, 1000, 0, 0))
    while True:
        frame[26:30], frame[34:38] = numbers.randbytes(4), numbers.randbytes(4)
        yield bytes(frame)


def datagrams(numbers: Numbers) -> Iterator[bytes]:
    """Send datagrams of noise from forged senders to any port."""
    frame = _template(17, build.udp(b"x" * 20, 1024, 9))
    while True:
        frame[26:30], frame[34:38], frame[50:54] = numbers.randbytes(4), numbers.randbytes(4), numbers.randbytes(4)
        yield bytes(frame)


def arp(numbers: Numbers) -> Iterator[bytes]:
    """Ask for any address as any station."""
    frame = bytearray(build.ethernet(struct.pack(">HHBBH", 1, 0x0800, 6, 4, 1) + bytes(20), 0x0806))
    while True:
        mac = b"\2" + numbers.randbytes(5)
        frame[6:12] = frame[22:28] = mac
        frame[28:32], frame[38:42] = numbers.randbytes(4), numbers.randbytes(4)
        yield bytes(frame)


def icmp(numbers: Numbers) -> Iterator[bytes]:
    """Ping from forged senders."""
    frame = _template(1, struct.pack(">BBHHH", 8, 0, 0, 1, 1) + bytes(16))
    while True:
        frame[26:30], frame[38:42] = numbers.randbytes(4), numbers.randbytes(4)
        yield bytes(frame)


def fragments(numbers: Numbers) -> Iterator[bytes]:
    """Send first fragments that nothing follows."""
    frame = _template(17, bytes(64), fragment=0x2000)
    while True:
        frame[26:30], frame[18:20] = numbers.randbytes(4), numbers.randbytes(2)
        yield bytes(frame)


def names(numbers: Numbers) -> Iterator[bytes]:
    """Ask for names that nobody has, and be told so."""
    while True:
        number, name = numbers.randbytes(2), numbers.randbytes(8).hex().encode()
        question = b"\x10" + name + b"\7example\3com\0\0\1\0\1"
        source, port = f"10.0.{numbers.randrange(4)}.{numbers.randrange(256)}", numbers.randrange(1_024, 65_536)
        asked = number + struct.pack(">HHHHH", 0x0100, 1, 0, 0, 0) + question
        told = number + struct.pack(">HHHHH", 0x8183, 1, 0, 0, 0) + question
        yield build.ethernet(build.ipv4(build.udp(asked, port, 53), 17, source, TARGET), 0x0800)
        yield build.ethernet(build.ipv4(build.udp(told, 53, port), 17, TARGET, source), 0x0800)


def writers(numbers: Numbers) -> Iterator[bytes]:
    """Write to many controllers from forged masters, with a connection for each."""
    while True:
        source = ".".join(str(numbers.randrange(1, 255)) for _ in range(4))
        target = f"10.0.{numbers.randrange(16)}.{numbers.randrange(1, 255)}"
        talk = build.Talk(502, source, target, numbers.randrange(1_024, 65_536)).open()
        talk.say(struct.pack(">HHHBBHH", 1, 0, 6, 1, 6, numbers.randrange(65_536), 1))
        yield from talk.frames


FLOODS: Final[dict[str, Callable[[Numbers], Iterator[bytes]]]] = {
    "SYN from forged senders": syn, "UDP from forged senders": datagrams, "ARP from forged stations": arp,
    "ICMP from forged senders": icmp, "first fragments": fragments, "DNS names that nobody has": names,
    "Modbus writes from forged masters": writers,
}  # fmt: skip


def read(flood: str, count: int) -> tuple[array[int], float]:
    """Let a new sensor read a flood; return the CPU time of each packet in nanoseconds, and packets per CPU second."""
    from vedette.sensor import BaselineSettings, Sensor  # noqa: PLC0415 - after the collector was spared
    from vedette.sensor.capture import Packet  # noqa: PLC0415 - same
    from vedette.sensor.command import spare_the_collector  # noqa: PLC0415 - memory is not touched before

    spare_the_collector()
    made = FLOODS[flood](Numbers(flood))
    sensor = Sensor(baseline=BaselineSettings())
    took = array("Q", bytes(8 * count))

    def packets() -> Iterator[Packet]:
        at_ns = build.START_NS
        for turn in range(count):
            frame = next(made)
            at_ns += 10_000
            began = time.thread_time_ns()
            yield at_ns, 1, frame, len(frame)
            took[turn] = time.thread_time_ns() - began

    began_ns = time.thread_time_ns()
    sensor.read(packets())
    return took, count * 1e9 / (time.thread_time_ns() - began_ns)


def measure(flood: str, count: int) -> Slowest:
    """Read a flood twice; return its slowest packets."""
    (first, per_s), (second, _) = read(flood, count), read(flood, count)
    took = sorted(map(min, first[WARM:], second[WARM:]))
    return Slowest(flood, count, per_s, took[-max(count // 1_000, 1)] / 1e6, took[-1] / 1e6)


def main() -> None:
    """Measure every flood, print a table, and put it into its section of the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--packets", type=int, default=400_000)
    parser.add_argument("--try", dest="is_tried", action="store_true", help="leave the page as it is")
    given = parser.parse_args()
    lines = ["| flood | packets | p99.9 | slowest packet | goal |", "|---|---|---|---|---|"]
    for flood in FLOODS:
        found = measure(flood, given.packets)
        verdict = "met" if found.most_ms < LIMIT_MS else f"above {LIMIT_MS:.0f} ms"
        row = (found.flood, f"{found.packets:,}", f"{found.p999_ms:.2f} ms", f"{found.most_ms:.1f} ms", verdict)
        lines.append("| " + " | ".join(row) + " |")
        print(lines[-1], flush=True)
    text = "\n".join([*lines, "", describe_machine()])
    if not given.is_tried:
        replace("slowest", text)


if __name__ == "__main__":
    main()
