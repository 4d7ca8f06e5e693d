"""Compare the sensor's logs with those that Zeek and ICSNPP wrote of the same capture, column by column.

``python bench/compare_logs.py CAPTURE FOLDER [--log NAME]``, with logs in Zeek's own form or as JSON lines. A value
counts as the same when both have it in the same column of a row of the same time; where times are masked, as they are
in published baselines, in any row. Columns that only name rows (``uid``, links) are left out.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import msgspec

from vedette.sensor import Sensor

_LEFT_OUT: Final = frozenset({"ts", "uid", "id.orig_h", "id.orig_p", "id.resp_h", "id.resp_p", "op"})
_LINKS: Final = ("_link_id", "_frame_id", "_correlation_id", "fuid")
_NOT_COMPARED: Final = frozenset({"conn", "files", "packet_filter", "loaded_scripts", "analyzer", "weird", "notice"})
_NOTHING: Final = frozenset({"", "-", "(empty)"})
_MASK: Final = "XXXX"
_MAX_EXAMPLES: Final = 3

Row = dict[str, Any]  # Any: what a log holds


def rows_of(path: Path) -> list[Row]:
    """Read a log in Zeek's own form or as JSON lines."""
    names: list[str] = []
    found: list[Row] = []
    for line in path.read_text("utf-8", "replace").splitlines():
        if line.startswith("#fields"):
            names = line.split("\t")[1:]
        elif line.startswith("{"):
            found.append(msgspec.json.decode(line))
        elif line and not line.startswith("#") and names:
            found.append(dict(zip(names, line.split("\t"), strict=False)))
    return found


def written(value: object) -> str:
    """Write a value in the one form that is compared."""
    if value is None or (isinstance(value, str) and value in _NOTHING):
        return "-"
    if isinstance(value, bool):
        return "T" if value else "F"
    if isinstance(value, list):
        return ",".join(map(written, value)) or "-"
    text = str(value).strip()
    if "," in text:
        return ",".join(written(part) for part in text.split(","))
    try:
        return f"{float(text):.6g}"
    except ValueError:
        return text


def columns_of(theirs: list[Row], mine: list[Row]) -> Iterator[str]:
    """Yield the columns of their log that hold anything and name no rows."""
    for name in theirs[0]:
        is_named = name in _LEFT_OUT or name.endswith(_LINKS) or all(_MASK in str(row.get(name)) for row in theirs)
        if not is_named and any(written(row.get(name)) != "-" for row in (*theirs, *mine)):
            yield name


def compare(theirs: list[Row], mine: list[Row]) -> Iterator[str]:
    """Yield a line for each column that differs, with examples of what only one of them has."""
    is_masked = any(_MASK in str(row.get("ts", _MASK)) for row in theirs)

    def values(rows: list[Row], column: str) -> Counter[tuple[str, str]]:
        return Counter(
            ("" if is_masked else f"{float(row['ts']):.5f}", written(row.get(column)))
            for row in rows
            if _MASK not in str(row.get(column))
        )

    for column in columns_of(theirs, mine):
        other, ours = values(theirs, column), values(mine, column)
        same, only_other, only_ours = (other & ours).total(), other - ours, ours - other
        if only_other or only_ours:
            yield f"  {column:32} same {same:7} only theirs {only_other.total():7} only ours {only_ours.total():7}"
            for who, left in (("theirs", only_other), ("ours", only_ours)):
                told = Counter({value: 0 for _, value in left})
                for (_, value), count in left.items():
                    told[value] += count
                if told:
                    yield f"      {who}: " + "; ".join(
                        f"{each[:60]} ({n})" for each, n in told.most_common(_MAX_EXAMPLES)
                    )


def main() -> int:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("capture", type=Path)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--log", default="", metavar="NAME", help="compare this log only")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        sensor = Sensor(zeek=Path(directory), has_rules=False)
        sensor.read_file(chosen.capture)
        sensor.finish()
        ours = {path.stem: rows_of(path) for path in Path(directory).glob("*.log")}
    for path in sorted(chosen.folder.glob("*.log")):
        theirs = rows_of(path)
        if path.stem in _NOT_COMPARED or not theirs or (chosen.log and path.stem != chosen.log):
            continue
        mine = ours.get(path.stem, [])
        print(f"{path.stem}: {len(theirs)} rows of theirs, {len(mine)} of ours")
        print("\n".join(compare(theirs, mine)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
