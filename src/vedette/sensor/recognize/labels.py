"""What devices are, as people wrote it down: a table with the columns ``capture``, ``device`` and ``type``."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Final

import msgspec

from vedette.kernel import Problem
from vedette.sensor.assets import Asset

LABELS_MAX: Final = 200_000
_FILE_BYTES_MAX: Final = 32 * 1024 * 1024
_MAX_TYPE_CHARS: Final = 128
_COLUMNS: Final = {
    "capture": ("capture", "file", "filename", "path", "pcap"),
    "device": ("device", "mac", "ip", "address"),
    "type": ("type", "label", "device_type", "class"),
}


class InvalidLabels(Problem):
    """A table of labels that can't be read."""

    code = "sensor.invalid_labels"


class Label(msgspec.Struct, frozen=True):
    """One row."""

    capture: str
    """Name of a capture, the end of its path, or a folder that it lies in; empty: every capture."""
    device: str
    """MAC or IP address; empty: the device that the capture is about."""
    type: str

    def fits(self, capture: Path) -> bool:
        """Tell whether it speaks of a capture."""
        wanted = Path(self.capture).parts
        if not wanted or wanted == (capture.stem,):
            return True
        parts = capture.parts
        return parts[-len(wanted) :] == wanted or (len(wanted) == 1 and wanted[0] in parts[:-1])


def read_labels(path: Path) -> list[Label]:
    """Read a CSV file with a header; columns may also have names that are usual for them.

    Raises:
        InvalidLabels: No such file, no header, or a row without a type.
    """
    hint = "the first line names the columns: capture,device,type; capture or device may be left out"
    try:
        if path.stat().st_size > _FILE_BYTES_MAX:
            raise InvalidLabels(f"{path} has more than {_FILE_BYTES_MAX} bytes", hint=hint)
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = csv.DictReader(file)
            names = {(name or "").strip().lower(): name for name in rows.fieldnames or ()}
            columns = {
                column: next((names[alias] for alias in aliases if alias in names), None)
                for column, aliases in _COLUMNS.items()
            }
            if columns["type"] is None or (columns["capture"] is None and columns["device"] is None):
                raise InvalidLabels(f"{path} has no column for types, or none that says whose", hint=hint)
            found = [_label(row, columns, path, rows.line_num, hint) for row in rows]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InvalidLabels(f"{path} can't be read: {error}", hint=hint) from None
    if not found or len(found) > LABELS_MAX:
        raise InvalidLabels(f"{path} has {len(found)} labels; 1 to {LABELS_MAX} can be used", hint=hint)
    return found


def type_of(asset: Asset, capture: Path, labels: list[Label], *, is_subject: bool) -> str:
    """Return the type of a device in a capture; empty if nobody said it.

    Args:
        asset: The device.
        capture: Where it was seen.
        labels: All of them; the first that fits counts, those that name a device before those that don't.
        is_subject: Whether the capture is about this device.
    """
    for label in labels:
        if label.device and (label.device in asset.macs or label.device in asset.ips) and label.fits(capture):
            return label.type
    if is_subject:
        for label in labels:
            if not label.device and label.fits(capture):
                return label.type
    return ""


def _label(row: dict[str, str], columns: dict[str, str | None], path: Path, line: int, hint: str) -> Label:
    capture, device, type_ = ((row.get(name) or "").strip() if (name := columns[column]) else "" for column in _COLUMNS)
    if not type_ or len(type_) > _MAX_TYPE_CHARS or not (capture or device):
        raise InvalidLabels(f"{path}, line {line}: a row needs a type, and a capture or a device", hint=hint)
    device = device.lower()
    if device.count("-") == 5:
        device = device.replace("-", ":")
    return Label(capture, device, type_)
