from __future__ import annotations

from pathlib import Path

import pytest

from vedette.sensor import Asset
from vedette.sensor.recognize import InvalidLabels, read_labels
from vedette.sensor.recognize.labels import type_of

ASSET = Asset(1, 0, 0, ips={"10.0.0.9"}, macs={"02:00:00:00:00:09"})


def table(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "labels.csv"
    path.write_text(text)
    return path


@pytest.mark.parametrize(
    ("row", "is_subject", "expected"),
    [
        ("a.pcap,,plug", True, "plug"),
        ("a,,plug", True, "plug"),
        ("plugs/a.pcap,,plug", True, "plug"),
        ("plugs,,plug", True, "plug"),
        ("a.pcap,,plug", False, ""),
        ("b.pcap,,plug", True, ""),
        (",02-00-00-00-00-09,plug", False, "plug"),
        ("a.pcap,10.0.0.9,plug", False, "plug"),
        ("b.pcap,10.0.0.9,plug", False, ""),
    ],
)
def test_a_label_names_a_capture_a_device_or_both(tmp_path: Path, row: str, *, is_subject: bool, expected: str) -> None:
    labels = read_labels(table(tmp_path, f"capture,device,type\n{row}\n"))
    assert type_of(ASSET, Path("/captures/plugs/a.pcap"), labels, is_subject=is_subject) == expected


def test_usual_names_of_columns_are_understood(tmp_path: Path) -> None:
    (label,) = read_labels(table(tmp_path, "mac,Label\n02:00:00:00:00:09,lamp\n"))
    assert (label.device, label.type, label.capture) == ("02:00:00:00:00:09", "lamp", "")


@pytest.mark.parametrize(
    "text",
    ["", "capture,type\n", "type\nplug\n", "capture,device\na,b\n", "capture,type\n,plug\n", "capture,type\na,\n"],
    ids=["empty", "no rows", "whose", "no type", "nobody", "nothing"],
)
def test_a_table_that_says_too_little_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(InvalidLabels):
        read_labels(table(tmp_path, text))


def test_a_table_that_is_not_there_or_no_text_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidLabels):
        read_labels(tmp_path / "missing.csv")
    path = tmp_path / "binary.csv"
    path.write_bytes(b"\xff\xfe\x00capture")
    with pytest.raises(InvalidLabels):
        read_labels(path)
