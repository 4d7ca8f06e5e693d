"""How well devices are recognised, on captures of one's own: ``python -m bench.recognition FOLDER --labels FILE``.

The table names what the devices are: columns ``capture``, ``device`` and ``type`` as for ``vedette sensor train``, and
beside them, where known, ``vendor``, ``model``, ``name`` and ``system``. A wrong answer is worse than none, so they are
counted apart. With ``--learn``, half of the captures teach a model and the other half test it, several times; then
each type is left out once, and should be called unknown.
"""

from __future__ import annotations

import argparse
import csv
import random
import sys
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

import msgspec

from vedette.sensor import Attribute
from vedette.sensor.recognize import (
    UNKNOWN,
    Device,
    Example,
    Label,
    Verdict,
    auroc_of,
    captures_in,
    devices_of,
    learn,
    recognize,
    words_of,
)
from vedette.sensor.recognize.labels import type_of
from vedette.sensor.recognize.observer import MAX_WINDOWS, WINDOW_S

FIELDS: Final = ("type", "vendor", "model", "name", "system")
_ATTRIBUTES: Final = {
    "model": Attribute.MODEL,
    "name": Attribute.NAME,
    "system": Attribute.OPERATING_SYSTEM,
}
_REFUSED_SHARE: Final = 0.03


class Judged(msgspec.Struct):
    """One labelled device of one capture."""

    row: dict[str, str]
    said: dict[str, str]
    words: list[frozenset[str]]
    where: str


def main() -> None:
    """Judge, and print what was right."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", nargs="+", type=Path)
    parser.add_argument("--labels", type=Path, required=True, metavar="FILE")
    parser.add_argument("--learn", type=int, default=0, metavar="TIMES", help="how often halves are drawn")
    parser.add_argument("--wrong", action="store_true", help="name each device that was taken for something else")
    given = parser.parse_args()
    rows = _rows(given.labels)
    found = list(_judged(given.folder, rows))
    if not found:
        raise SystemExit("no device of these captures has a label")
    sys.stdout.write(f"{len(found)} devices in {len({each.where for each in found})} captures\n\n")
    sys.stdout.write(_fields(found) + "\n" + _types(found))
    if given.wrong:
        for each in found:
            if each.said["type"] != each.row["type"]:
                sys.stdout.write(f"{each.where}: {each.row['type']} was taken for {each.said['type']}\n")
    if given.learn:
        sys.stdout.write("\n" + _learned(found, given.learn))


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return [{key: (value or "").strip() for key, value in row.items() if key} for row in csv.DictReader(file)]


def _judged(folders: Sequence[Path], rows: Sequence[dict[str, str]]) -> Iterable[Judged]:
    # Each row is a label whose type is its number, so that the product's own rules say which row fits.
    labels = [
        Label(row.get("capture", ""), row.get("device", "").lower(), str(number)) for number, row in enumerate(rows)
    ]
    for _, device in devices_of(captures_in(folders)):
        number = type_of(device.asset, device.capture, labels, is_subject=device.is_subject)
        if number:
            words = [found for each in device.windows if (found := words_of(each))]
            yield Judged(rows[int(number)], _said(device), words, str(device.capture))


def _said(device: Device) -> dict[str, str]:
    known = recognize(device.asset)
    said = {name: " | ".join(device.asset.values(attribute)) for name, attribute in _ATTRIBUTES.items()}
    return {"type": known.type, "vendor": known.vendor, **said}


def _fields(found: Sequence[Judged]) -> str:
    lines = ["| field | labelled | right | wrong | missing |", "|---|---|---|---|---|"]
    for field in FIELDS:
        labelled = [each for each in found if each.row.get(field)]
        if labelled:
            counts = Counter(_outcome(field, each.row[field], each.said[field]) for each in labelled)
            shown = " | ".join(str(counts[outcome]) for outcome in ("right", "wrong", "missing"))
            lines.append(f"| {field} | {len(labelled)} | {shown} |")
    return "\n".join(lines) + "\n"


def _outcome(field: str, wanted: str, said: str) -> str:
    if said in {"", UNKNOWN}:
        return "missing"
    if field == "type":
        return "right" if said == wanted else "wrong"
    one, other = wanted.lower(), said.lower()
    return "right" if one in other or other in one else "wrong"


def _types(found: Sequence[Judged]) -> str:
    lines = ["| type | devices | right | unknown | taken for |", "|---|---|---|---|---|"]
    for type_ in sorted({each.row["type"] for each in found}):
        said = Counter(each.said["type"] for each in found if each.row["type"] == type_)
        others = ", ".join(f"{name} {count}" for name, count in said.most_common() if name not in {type_, UNKNOWN})
        lines.append(f"| {type_} | {said.total()} | {said[type_]} | {said[UNKNOWN]} | {others} |")
    return "\n".join(lines) + "\n"


def _learned(found: Sequence[Judged], times: int) -> str:
    known: list[tuple[str, Verdict]] = []
    lines = []
    for seed in range(times):
        taught, tested = _halves(found, seed)
        judged = _test(taught, tested)
        known += judged
        pairs = [(type_, verdict.nearest) for type_, verdict in judged]
        right = sum(type_ == said for type_, said in pairs) / len(pairs)
        lines.append(f"half {seed + 1}: {len(pairs)} devices, macro-F1 {macro_f1(pairs):.3f}, right {right:.1%}")
    foreign: list[float] = []
    for type_ in sorted({each.row["type"] for each in found}):
        taught, _ = _halves([each for each in found if each.row["type"] != type_], 0)
        left_out = [each for each in found if each.row["type"] == type_]
        foreign += [verdict.confidence for _, verdict in _test(taught, left_out)]
    ours = [verdict.confidence for _, verdict in known]
    threshold = sorted(ours)[int(len(ours) * _REFUSED_SHARE)]
    refused = sum(each < threshold for each in foreign) / max(len(foreign), 1)
    told = auroc_of(ours, foreign)
    lines.append(
        f"each type left out once: AUROC {told or 0:.3f}; at the threshold that calls {_REFUSED_SHARE:.0%} of known "
        f"devices unknown, {refused:.1%} of the foreign ones are"
    )
    return "\n".join(lines) + "\n"


def _halves(found: Sequence[Judged], seed: int) -> tuple[list[Judged], list[Judged]]:
    chance = random.Random(seed)  # reproducible on purpose
    taught: list[Judged] = []
    tested: list[Judged] = []
    for type_ in sorted({each.row["type"] for each in found}):
        own = [each for each in found if each.row["type"] == type_]
        chance.shuffle(own)
        taught += own[: len(own) // 2]
        tested += own[len(own) // 2 :]
    return taught, tested


def _test(taught: Sequence[Judged], tested: Sequence[Judged]) -> list[tuple[str, Verdict]]:
    examples = [
        Example(each.row["type"], words, str(number)) for number, each in enumerate(taught) for words in each.words
    ]
    model = learn(examples, window_s=WINDOW_S, max_windows=MAX_WINDOWS)
    return [(each.row["type"], model.judge(each.words)) for each in tested]


def macro_f1(pairs: Sequence[tuple[str, str]]) -> float:
    """Return the mean of the types' F1 scores, of pairs of what is and what was said."""
    scores = []
    for type_ in sorted({wanted for wanted, _ in pairs}):
        right = sum(wanted == said == type_ for wanted, said in pairs)
        wrong = sum((wanted == type_) != (said == type_) for wanted, said in pairs)
        scores.append(2 * right / (2 * right + wrong))
    return sum(scores) / len(scores)


if __name__ == "__main__":
    main()
