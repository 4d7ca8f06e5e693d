"""``vedette sensor train`` and ``classify``: learn types of devices from captures, and judge devices by them."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from vedette.kernel import escape_csv, escape_terminal
from vedette.sensor.recognize.captures import Device, captures_in, devices_of
from vedette.sensor.recognize.forest import TREES
from vedette.sensor.recognize.knowledge import recognize
from vedette.sensor.recognize.labels import InvalidLabels, Label, labels_of_folders, read_labels, type_of
from vedette.sensor.recognize.model import (
    MODEL_BYTES_MAX,
    UNKNOWN,
    Example,
    InvalidModel,
    TypeModel,
    Verdict,
    learn,
    read_model,
    words_of,
)
from vedette.sensor.recognize.observer import MAX_WINDOWS, WINDOW_S
from vedette.sensor.recognize.validation import FOLDS, cross_validate, report_of

_FAILED: Final = 1
_FORMATS: Final = ("table", "json", "csv")
_COLUMNS: Final = ("capture", "device", "ip_addresses", "type", "confidence", "vendor", "model", "reasons", "label")
_HINT: Final = "label at least two types, with two captures or devices of each"


def train(
    captures: Sequence[Path],
    labels: Path | None,
    model: Path,
    *,
    window_s: int = WINDOW_S,
    max_windows: int = MAX_WINDOWS,
    folds: int = FOLDS,
    trees: int = TREES,
    seed: int = 1,
) -> int:
    """Learn from labelled captures, test what was learned, print the test, write the model; answer the exit code.

    Args:
        captures: Files, or folders of them.
        labels: What the devices are; without it the folders that captures lie in say it by their names.
        model: Where the model goes.
        window_s: Length of a window.
        max_windows: From when a device is first seen.
        folds: Of the test; 0: none.
        trees: More are slower and steadier.
        seed: The same gives the same model.

    Raises:
        CaptureProblem: A file can't be opened, or is no capture.
        InvalidLabels: The table can't be read, or none of its labels fits a device.
        InvalidModel: Nothing can be learned from this.
    """
    files = captures_in(captures)
    known = read_labels(labels) if labels is not None else labels_of_folders(captures, files)
    examples = examples_of(files, known, window_s=window_s, max_windows=max_windows)
    if len({example.type for example in examples}) < 2:
        whose = f"{labels} names" if labels is not None else "the folders name"
        raise InvalidLabels(f"{whose} fewer than two types of devices that these captures show", hint=_HINT)
    learned = learn(examples, window_s=window_s, max_windows=max_windows, trees=trees, seed=seed)
    if folds:
        tested = cross_validate(
            examples, window_s=window_s, max_windows=max_windows, folds=folds, trees=trees, seed=seed
        )
        report = report_of(tested)
        learned = learned.with_test(tested.threshold, report, tested.thresholds)
        sys.stdout.write(_safe(report))
    model.write_bytes(learned.write())
    sys.stderr.write(f"{len(examples)} examples of {len(learned.types)} types; the model is in {model}\n")
    return 0


def classify(
    captures: Sequence[Path], *, model: Path | None = None, labels: Path | None = None, output: str = "table"
) -> int:
    """Judge every device of some captures and print a line for each; answer the exit code.

    Args:
        captures: Files, or folders of them.
        model: What was learned; without it, what is built in decides alone.
        labels: What they are, if that is known: only those are judged, and the share that is right is printed.
        output: ``table``, ``json`` or ``csv``.

    Raises:
        CaptureProblem: A file can't be opened, or is no capture.
        InvalidLabels: The table can't be read.
        InvalidModel: The file is no model.
    """
    learned = open_model(model) if model is not None else None
    known = read_labels(labels) if labels is not None else None
    rows: list[dict[str, object]] = []
    window_s, max_windows = (learned.window_s, learned.max_windows) if learned else (WINDOW_S, MAX_WINDOWS)
    for _, device in devices_of(captures_in(captures), window_s=window_s, max_windows=max_windows):
        label = type_of(device.asset, device.capture, known, is_subject=device.is_subject) if known else ""
        if known is None or label:
            rows.append(_row(device, learned, label))
    _show(rows, output=output if output in _FORMATS else "table", is_labelled=known is not None)
    return 0 if rows else _FAILED


def examples_of(captures: Sequence[Path], labels: list[Label], *, window_s: int, max_windows: int) -> list[Example]:
    """Return the windows of every device that a label names.

    Raises:
        CaptureProblem: A file can't be opened, or is no capture.
    """
    found: list[Example] = []
    for number, device in devices_of(captures_in(captures), window_s=window_s, max_windows=max_windows):
        if type_ := type_of(device.asset, device.capture, labels, is_subject=device.is_subject):
            group = f"{number}/{device.asset.number}"
            found += [Example(type_, words, group) for each in device.windows if (words := words_of(each))]
    return found


def open_model(path: Path) -> TypeModel:
    """Read a model from a file.

    Raises:
        InvalidModel: It can't be opened, or is none.
    """
    try:
        if path.stat().st_size > MODEL_BYTES_MAX:
            raise InvalidModel(f"{path} has more than {MODEL_BYTES_MAX} bytes", hint="is this a model?")
        return read_model(path.read_bytes())
    except OSError as error:
        raise InvalidModel(f"{path}: {error.strerror}", hint="make one with: vedette sensor train") from None


def _row(device: Device, learned: TypeModel | None, label: str) -> dict[str, object]:
    known = recognize(device.asset)
    verdict: Verdict | None = None
    if learned is not None:
        verdict = learned.judge([words for each in device.windows if (words := words_of(each))])
    row: dict[str, object] = {
        "capture": str(device.capture),
        "device": device.address,
        "ip_addresses": sorted(device.asset.ips),
        "vendor": known.vendor,
        "model": known.model,
        "type": verdict.type if verdict is not None else known.type,
        "confidence": verdict.confidence if verdict is not None else known.confidence / 100,
        "reasons": list(verdict.reasons if verdict is not None else known.reasons),
        "built_in": {"type": known.type, "vendor": known.vendor, "model": known.model, "confidence": known.confidence,
                     "reasons": list(known.reasons)},
    }  # fmt: skip
    if verdict is not None:
        row["nearest"] = verdict.nearest
    if label:
        row["label"] = label
    return row


def _show(rows: list[dict[str, object]], *, output: str, is_labelled: bool) -> None:
    right = sum(row["type"] == row.get("label") for row in rows)
    if output == "csv":
        _show_csv(rows)
        return
    if output == "json":
        document: dict[str, object] = {"devices": rows}
        if is_labelled:
            document["right"], document["unknown"] = right, sum(row["type"] == UNKNOWN for row in rows)
        sys.stdout.write(json.dumps(document, indent=2) + "\n")
        return
    for row in rows:
        reasons = row["reasons"]
        why = "; ".join(reasons) if isinstance(reasons, list) else ""
        said = f"  (labelled {row['label']})" if "label" in row else ""
        line = f"{Path(str(row['capture'])).name}  {row['device']}  {row['type']}  {row['confidence']:.2f}  {why}{said}"
        sys.stdout.write(escape_terminal(line) + "\n")
    if is_labelled and rows:
        unknown = sum(row["type"] == UNKNOWN for row in rows)
        sys.stdout.write(f"{right} of {len(rows)} right ({right / len(rows):.1%}), {unknown} unknown\n")


def _show_csv(rows: list[dict[str, object]]) -> None:
    sys.stdout.write(",".join(_COLUMNS) + "\n")
    for row in rows:
        values = (row.get(column, "") for column in _COLUMNS)
        texts = ("; ".join(map(str, value)) if isinstance(value, list) else str(value) for value in values)
        sys.stdout.write(",".join(map(escape_csv, texts)) + "\n")


def _safe(text: str) -> str:
    return "".join(escape_terminal(line) + "\n" for line in text.splitlines())
