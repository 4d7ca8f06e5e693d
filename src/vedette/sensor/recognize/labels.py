"""What devices are, as people wrote it down: in a table, in a list of addresses and names, or in names of folders."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import msgspec

from vedette.kernel import Problem
from vedette.sensor.assets import Asset

LABELS_MAX: Final = 200_000
_FILE_BYTES_MAX: Final = 32 * 1024 * 1024
_MAX_TYPE_CHARS: Final = 128
_MAC: Final = re.compile(
    r"(?<![0-9A-Fa-f:-])(?:[0-9A-Fa-f]{2}([:-]))(?:[0-9A-Fa-f]{2}\1){4}[0-9A-Fa-f]{2}(?![0-9A-Fa-f:-])"
)
_BETWEEN: Final = re.compile(r"\t|,|;|\s{2,}")
_HEADER_CHARS: Final = 4096
_MAC_FILES: Final = "*mac*.txt"
_MAC_FILE_BYTES_MAX: Final = 4096
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
        if len(wanted) > 1 and parts[: len(wanted)] == wanted:
            return True
        return parts[-len(wanted) :] == wanted or (len(wanted) == 1 and wanted[0] in parts[:-1])


def read_labels(path: Path) -> list[Label]:
    """Read a table with a header, or a list without one.

    A table has the columns ``capture``, ``device`` and ``type``, or others that are usual for them. In a list each line
    has a MAC address and, before or behind it, what the device is; lines without one are passed over.

    Raises:
        InvalidLabels: No such file, nothing of this kind in it, or a row without a type.
    """
    hint = "the first line names the columns: capture,device,type; or each line has a MAC address and a type"
    try:
        if path.stat().st_size > _FILE_BYTES_MAX:
            raise InvalidLabels(f"{path} has more than {_FILE_BYTES_MAX} bytes", hint=hint)
        with path.open(encoding="utf-8-sig", newline="") as file:
            has_header = _MAC.search(_first_line(file.read(_HEADER_CHARS))) is None
            file.seek(0)
            found = _table(csv.DictReader(file), path, hint) if has_header else []
        if not found:
            with path.open(encoding="utf-8-sig") as file:
                found = list(_list(file))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InvalidLabels(f"{path} can't be read: {error}", hint=hint) from None
    if not found or len(found) > LABELS_MAX:
        what = (
            "no column for types, or none that says whose, and no list of MAC addresses"
            if not found
            else (f"{len(found)} labels; {LABELS_MAX} can be used")
        )
        raise InvalidLabels(f"{path} has {what}", hint=hint)
    return found


def labels_of_folders(paths: Sequence[Path], captures: Sequence[Path]) -> list[Label]:
    """Return a label for each folder that captures lie in: its name is what the captures in it are about.

    A text file in it with ``mac`` in its name, as some collections have, says by its one MAC address which device.

    Raises:
        InvalidLabels: The captures lie in no folders of their own.
    """
    tops = {path.resolve() for path in paths}
    folders = dict.fromkeys(capture.parent for capture in captures if capture.parent.resolve() not in tops)
    found = [
        Label(str(folder), _mac_in(folder), folder.name) for folder in folders if len(folder.name) <= _MAX_TYPE_CHARS
    ]
    if not found:
        raise InvalidLabels(
            "nothing says what the devices are",
            hint="put the captures of each type in a folder with the type's name, or give a table with --labels",
        )
    return found


def _mac_in(folder: Path) -> str:
    for file in sorted(folder.glob(_MAC_FILES)):
        try:
            with file.open(encoding="utf-8", errors="replace") as text:
                macs = {match[0].lower().replace("-", ":") for match in _MAC.finditer(text.read(_MAC_FILE_BYTES_MAX))}
        except OSError:
            continue
        if len(macs) == 1:
            return macs.pop()
    return ""


def _first_line(text: str) -> str:
    return text.lstrip().partition("\n")[0]


def _table(rows: csv.DictReader[str], path: Path, hint: str) -> list[Label]:
    """Return the rows of a table; nothing if its columns have other names."""
    names = {(name or "").strip().lower(): name for name in rows.fieldnames or ()}
    columns = {
        column: next((names[alias] for alias in aliases if alias in names), None)
        for column, aliases in _COLUMNS.items()
    }
    if columns["type"] is None or (columns["capture"] is None and columns["device"] is None):
        return []
    return [_label(row, columns, path, rows.line_num, hint) for row in rows]


def _list(lines: Iterator[str]) -> Iterator[Label]:
    """Yield what lines with a MAC address say: the words before it, else the first behind it."""
    for line in lines:
        match = _MAC.search(line)
        if match is None:
            continue
        before = line[: match.start()].strip(" \t,;:\"'")
        behind = _BETWEEN.split(line[match.end() :].strip(" \t,;:\n"))[0].strip(" \"'")
        type_ = " ".join((before or behind).split())
        if type_ and len(type_) <= _MAX_TYPE_CHARS:
            yield Label("", match[0].lower().replace("-", ":"), type_)


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
