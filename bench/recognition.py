"""How well devices are recognised, on captures of one's own: ``python -m bench.recognition FOLDER --labels FILE``.

The table names what the devices are: columns ``capture``, ``device`` and ``type`` as for ``vedette sensor train``, and
beside them, where known, ``vendor``, ``model``, ``name`` and ``system``. A wrong answer is worse than none, so they are
counted apart; "general" is a device of which no more is said than that it is small and connected. With ``--learn``,
half of the captures teach a model and the other half test it, several times, and each type is left out once: it should
be called unknown.
"""

from __future__ import annotations

import argparse
import csv
import importlib
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
    cross_validate,
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
_GENERAL: Final = "iot_device"
"""Says that something is small and connected: true, and no answer."""
_FOLDS: Final = 5
_TREES: Final = 100


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
    parser.add_argument("--oracle", action="store_true", help="compare with scikit-learn, if that is installed")
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
        sys.stdout.write("\n" + _learned(found, given.learn, has_oracle=given.oracle))


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
    lines = ["| field | labelled | right | general | wrong | missing |", "|---|---|---|---|---|---|"]
    for field in FIELDS:
        labelled = [each for each in found if each.row.get(field)]
        if labelled:
            counts = Counter(_outcome(field, each.row[field], each.said[field]) for each in labelled)
            shown = " | ".join(str(counts[outcome]) for outcome in ("right", "general", "wrong", "missing"))
            lines.append(f"| {field} | {len(labelled)} | {shown} |")
    return "\n".join(lines) + "\n"


def _outcome(field: str, wanted: str, said: str) -> str:
    if said in {"", UNKNOWN}:
        return "missing"
    if said == _GENERAL and said != wanted:
        return "general"
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


def _learned(found: Sequence[Judged], times: int, *, has_oracle: bool) -> str:
    lines = []
    for seed in range(times):
        taught, tested = _halves(found, seed)
        examples = _examples(taught)
        result = cross_validate(examples, window_s=WINDOW_S, max_windows=MAX_WINDOWS, folds=_FOLDS, trees=_TREES)
        model = learn(examples, window_s=WINDOW_S, max_windows=MAX_WINDOWS)
        known = [(each.row["type"], model.judge(each.words)) for each in tested]
        pairs = [(type_, verdict.nearest) for type_, verdict in known]
        right = sum(type_ == said for type_, said in pairs) / len(pairs)
        lines.append(f"half {seed + 1}: {len(pairs)} devices, macro-F1 {macro_f1(pairs):.3f}, right {right:.1%}")
        if has_oracle:
            lines.append(f"half {seed + 1}: the same by scikit-learn's forest, macro-F1 {_oracle(taught, tested):.3f}")
        foreign = _foreign(taught, tested)
        told = auroc_of([verdict.confidence for _, verdict in known], [verdict.confidence for verdict in foreign])
        refused = [sum(map(result.is_unknown, each)) / len(each) for each in ([pair[1] for pair in known], foreign)]
        lines.append(
            f"half {seed + 1}: unknown are {refused[0]:.1%} of known devices, and {refused[1]:.1%} of those whose "
            f"type was left out (AUROC {told or 0:.3f})"
        )
    return "\n".join(lines) + "\n"


def _foreign(taught: Sequence[Judged], tested: Sequence[Judged]) -> list[Verdict]:
    """Judge each type by a model that never met it."""
    verdicts: list[Verdict] = []
    for type_ in sorted({each.row["type"] for each in tested}):
        examples = _examples([each for each in taught if each.row["type"] != type_])
        model = learn(examples, window_s=WINDOW_S, max_windows=MAX_WINDOWS, trees=_TREES)
        verdicts += [model.judge(each.words) for each in tested if each.row["type"] == type_]
    return verdicts


def _oracle(taught: Sequence[Judged], tested: Sequence[Judged]) -> float:
    """Return the macro-F1 of a random forest of scikit-learn on the same words; it must be installed."""
    forest = importlib.import_module("sklearn.ensemble").RandomForestClassifier(500, random_state=1)
    table = importlib.import_module("sklearn.feature_extraction").DictVectorizer()
    rows = [(each.row["type"], words) for each in taught for words in each.words]
    forest.fit(table.fit_transform([dict.fromkeys(words, 1) for _, words in rows]), [type_ for type_, _ in rows])
    pairs = []
    for each in tested:
        if each.words:
            shares = forest.predict_proba(table.transform([dict.fromkeys(words, 1) for words in each.words])).mean(0)
            pairs.append((each.row["type"], str(forest.classes_[shares.argmax()])))
    return macro_f1(pairs)


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


def _examples(taught: Sequence[Judged]) -> list[Example]:
    return [Example(each.row["type"], words, str(number)) for number, each in enumerate(taught) for words in each.words]


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
