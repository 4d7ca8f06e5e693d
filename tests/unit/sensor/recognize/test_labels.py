from __future__ import annotations

from pathlib import Path

import pytest

from vedette.sensor import Asset
from vedette.sensor.recognize import InvalidLabels, labels_of_folders, read_labels
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


LISTS = {
    "UNSW": "List of Devices\tMAC ADDRESS\tConnection Type\nSmart  Things\td0:52:a8:00:67:5e\tWired\n\n"
    "Amazon Echo\t44:65:0d:56:cc:d3\tWireless\n",
    "MAC first": "d0:52:a8:00:67:5e,Smart Things\n44-65-0D-56-CC-D3,Amazon Echo\n",
    "columns": "d0:52:a8:00:67:5e   Smart Things\n44:65:0d:56:cc:d3   Amazon Echo\n",
    "a program's own": '{\n  "Smart Things": "d0:52:a8:00:67:5e",\n  "Amazon Echo": "44:65:0d:56:cc:d3"\n}\n',
}


@pytest.mark.parametrize("text", LISTS.values(), ids=LISTS)
def test_a_list_of_mac_addresses_and_types_is_understood(tmp_path: Path, text: str) -> None:
    labels = read_labels(table(tmp_path, text))
    assert [(label.device, label.type.strip('"{ :')) for label in labels] == [
        ("d0:52:a8:00:67:5e", "Smart Things"),
        ("44:65:0d:56:cc:d3", "Amazon Echo"),
    ]
    assert not any(label.capture for label in labels)


def test_folders_name_the_types_of_their_captures(tmp_path: Path) -> None:
    captures = [tmp_path / "plug" / "one.pcap", tmp_path / "lamp" / "one.pcap"]
    for capture in captures:
        capture.parent.mkdir()
    (tmp_path / "plug" / "_iotdevice-mac.txt").write_text("02:00:00:00:00:09\n")
    (tmp_path / "lamp" / "macs.txt").write_text("02:00:00:00:00:07 02:00:00:00:00:08")
    labels = labels_of_folders([tmp_path], captures)
    assert [(label.type, label.device) for label in labels] == [("plug", "02:00:00:00:00:09"), ("lamp", "")]
    assert type_of(ASSET, captures[0], labels, is_subject=False) == "plug"
    assert type_of(ASSET, captures[1], labels, is_subject=True) == "lamp"


def test_captures_without_folders_of_their_own_need_a_table(tmp_path: Path) -> None:
    with pytest.raises(InvalidLabels):
        labels_of_folders([tmp_path], [tmp_path / "one.pcap"])
