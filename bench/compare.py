"""Compare the sensor with tshark, field by field, on a folder of captures.

``python bench/compare.py FOLDER [--show PROTOCOL]``. A field counts as the same when both engines tell the same value
of the same packet. Where they differ, either may be right: ``--show`` prints the packets to look at.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from vedette.sensor import CaptureProblem, Listener, OtOp, Sensor

sys.path.insert(0, str(Path(__file__).resolve().parent))

from compare_fields import FIELDS

SUFFIXES: Final = frozenset({".pcap", ".pcapng", ".cap", ".ntar", ".trace"})
MAX_SHOWN: Final = 20
_TIMEOUT_S: Final = 600
_ABOVE: Final = {"cip": "enip", "umas": "modbus", "llmnr": "dns", "enip_io": "enip"}

Seen = set[tuple[int, str]]
"""When, in nanoseconds, and what."""


class Operations(Listener):
    """Keeps what the sensor says of each field."""

    def __init__(self) -> None:
        self.seen: defaultdict[int, Seen] = defaultdict(set)
        self.protocols: set[str] = set()

    def operations(self, operations: list[OtOp]) -> None:
        """Pick every field."""
        for op in operations:
            protocol = _ABOVE.get(op.protocol, op.protocol)
            self.protocols.add(protocol)
            for number, field in enumerate(FIELDS):
                if field.protocol == protocol:
                    told = field.pick(op)
                    for value in told if isinstance(told, tuple) else (told,):
                        if value is not None:
                            self.seen[number].add((op.at_ns, written(value, is_text=field.is_text)))


def written(value: object, *, is_text: bool) -> str:
    """Write a value in the one form that is compared."""
    text = str(value).strip()
    if is_text:
        return text.rstrip(".").lower()
    try:
        number = int(text, 0) if not text.startswith("0") or "x" in text else int(text)
    except ValueError:
        try:
            return f"{float(text):.6g}"
        except ValueError:
            return text
    return str(number)


def of_sensor(path: Path) -> Operations | None:
    """Read a capture with the sensor; None: it is no capture."""
    heard = Operations()
    sensor = Sensor([lambda _assets, _alert: heard], has_rules=False)
    try:
        sensor.read_file(path)
    except CaptureProblem:
        return None
    sensor.finish()
    return heard


def of_tshark(path: Path) -> dict[int, Seen]:
    """Read a capture with tshark, every field in one go."""
    names = sorted({field.shark for field in FIELDS} | {field.unless for field in FIELDS if field.unless})
    command = ["tshark", "-r", str(path), "-n", "-T", "fields", "-E", "aggregator=\x1f", "-E", "separator=\x1e"]
    command += ["-Y", "not mdns and not tcp.analysis.retransmission and not tcp.analysis.spurious_retransmission"]
    for name in ("frame.time_epoch", *names):
        command += ["-e", name]
    seen: defaultdict[int, Seen] = defaultdict(set)
    done = subprocess.run(command, capture_output=True, check=False, timeout=_TIMEOUT_S)
    for line in done.stdout.decode("utf-8", "replace").split("\n"):
        columns = line.split("\x1e")
        if len(columns) != len(names) + 1 or not columns[0]:
            continue
        seconds, _, fraction = columns[0].partition(".")
        at_ns = int(seconds) * 1_000_000_000 + int(fraction.ljust(9, "0")[:9])
        row = dict(zip(names, columns[1:], strict=True))
        for number, field in enumerate(FIELDS):
            if row[field.shark] and not (field.unless and row[field.unless]):
                for value in row[field.shark].split("\x1f"):
                    if value:
                        seen[number].add((at_ns, written(value, is_text=field.is_text)))
    return seen


def captures(folder: Path) -> Iterator[Path]:
    """Find captures."""
    for path in sorted(folder.rglob("*")) if folder.is_dir() else [folder]:
        if path.is_file() and path.suffix.lower() in SUFFIXES:
            yield path


class Table:
    """Counts of what both tell, and what only one does."""

    def __init__(self) -> None:
        self.both: Counter[int] = Counter()
        self.only_sensor: Counter[int] = Counter()
        self.only_tshark: Counter[int] = Counter()
        self.examples: defaultdict[int, list[str]] = defaultdict(list)

    def add(self, path: Path, ours: dict[int, Seen], theirs: dict[int, Seen]) -> None:
        """Compare what was told of one capture."""
        for number in ours.keys() | theirs.keys():
            mine, other = ours.get(number, set()), theirs.get(number, set())
            self.both[number] += len(mine & other)
            self.only_sensor[number] += len(mine - other)
            self.only_tshark[number] += len(other - mine)
            for who, left in (("sensor", mine - other), ("tshark", other - mine)):
                self.examples[number] += [
                    f"only {who}: {value[:80]} at {at_ns / 1e9:.6f} of {path}" for at_ns, value in sorted(left)[:3]
                ]

    def lines(self) -> Iterator[str]:
        """Write a row for each field that anybody saw."""
        yield f"{'protocol':12} {'field':22} {'same':>9} {'sensor only':>12} {'tshark only':>12} {'share':>8}"
        for number, field in enumerate(FIELDS):
            counts = self.both[number], self.only_sensor[number], self.only_tshark[number]
            if sum(counts):
                share = f"{counts[0] / sum(counts):.2%}"
                row = " ".join(f"{count:>{width}}" for count, width in zip(counts, (9, 12, 12), strict=True))
                yield f"{field.protocol:12} {field.what:22} {row} {share:>8}"

    def shown(self, protocol: str) -> Iterator[str]:
        """Name packets that the engines differ about."""
        for number, field in enumerate(FIELDS):
            if field.protocol == protocol:
                yield from (f"{field.what}: {example}" for example in self.examples[number][:MAX_SHOWN])


def compare(paths: Iterable[Path]) -> tuple[Table, int]:
    """Compare captures; answer the table and how many there were."""
    table, count = Table(), 0
    for path in paths:
        heard = of_sensor(path)
        if heard is not None:
            count += 1
            table.add(path, heard.seen, of_tshark(path))
    return table, count


def main() -> int:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folder", type=Path, nargs="+")
    parser.add_argument("--show", default="", metavar="PROTOCOL", help="print packets the engines differ about")
    chosen = parser.parse_args()
    if shutil.which("tshark") is None:
        print("tshark is not installed: apt-get install tshark", file=sys.stderr)
        return 1
    table, count = compare(path for folder in chosen.folder for path in captures(folder))
    print(f"{count} captures")
    print("\n".join(table.lines()))
    if chosen.show:
        print("\n".join(table.shown(chosen.show)))
    return 0 if count else 1


if __name__ == "__main__":
    sys.exit(main())
