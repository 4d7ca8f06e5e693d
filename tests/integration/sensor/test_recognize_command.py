"""``vedette sensor train`` and ``classify`` as people and programs start them."""

from __future__ import annotations

import csv
import io
import json
import subprocess
import sys
from pathlib import Path

import device_fleet
import pytest

# What the extra `server` brings is not there.
BARE = """
import sys
for name in ("typer", "rich", "sqlalchemy", "fastapi", "uvicorn", "httpx", "click"):
    sys.modules[name] = None
from vedette.cli import main
sys.exit(main(sys.argv[1:]))
"""


def vedette(*arguments: str, is_bare: bool = False) -> subprocess.CompletedProcess[str]:
    start = ["-c", BARE] if is_bare else ["-m", "vedette.cli"]
    return subprocess.run(
        [sys.executable, *start, "sensor", *arguments], capture_output=True, text=True, timeout=400, check=False
    )


@pytest.mark.parametrize("is_bare", [False, True], ids=["server", "bare"])
def test_types_are_learned_from_labelled_captures_and_recognised_again(tmp_path: Path, *, is_bare: bool) -> None:
    old, new = tmp_path / "old", tmp_path / "new"
    old.mkdir()
    new.mkdir()
    types = device_fleet.kinds(6)
    labels = device_fleet.write_fleet(old, types[:5], 5)
    expected = device_fleet.write_fleet(new, types, 6)
    model = tmp_path / "home.model"
    arguments = ["--labels", str(labels), "-o", str(model), "--folds", "5", "--trees", "60"]
    told = vedette("train", str(old), *arguments, is_bare=is_bare)
    assert told.returncode == 0, told.stderr
    assert "recognised" in told.stdout
    assert "AUROC" in told.stdout
    judged = vedette(
        "classify", str(new), "--model", str(model), "--labels", str(expected), "--output", "json", is_bare=is_bare
    )
    assert judged.returncode == 0, judged.stderr
    devices = json.loads(judged.stdout)["devices"]
    assert len(devices) == 36
    known = [each for each in devices if each["label"] != "type-05"]
    assert sum(each["type"] == each["label"] for each in known) >= 0.9 * len(known)
    assert {each["type"] for each in devices if each["label"] == "type-05"} == {"unknown"}
    assert all(each["reasons"] for each in devices)


def test_without_a_model_what_is_built_in_decides(tmp_path: Path) -> None:
    device_fleet.write_fleet(tmp_path, device_fleet.kinds(1), 1)
    shown = vedette("classify", str(tmp_path))
    assert shown.returncode == 0, shown.stderr
    assert "type-00-0.pcap" in shown.stdout


@pytest.mark.parametrize("is_bare", [False, True], ids=["server", "bare"])
def test_folders_teach_what_lies_in_them_and_verdicts_are_written_as_csv(tmp_path: Path, *, is_bare: bool) -> None:
    for number, kind in enumerate(device_fleet.kinds(3)):
        folder = tmp_path / "captures" / f"kind-{number}"
        folder.mkdir(parents=True)
        device_fleet.write_fleet(folder, [kind], 4)
    (tmp_path / "captures" / "kind-0" / "broken.pcap").write_bytes(b"")
    (tmp_path / "captures" / "kind-0" / "._one.pcap").write_bytes(b"Mac OS X")
    model = tmp_path / "home.model"
    told = vedette("train", str(tmp_path / "captures"), "-o", str(model), "--folds", "0", is_bare=is_bare)
    assert told.returncode == 0, told.stderr
    assert "broken.pcap is left out" in told.stderr
    assert "._one" not in told.stderr
    judged = vedette(
        "classify", str(tmp_path / "captures"), "--model", str(model), "--output", "csv", is_bare=is_bare
    )  # fmt: skip
    assert judged.returncode == 0, judged.stderr
    rows = list(csv.DictReader(io.StringIO(judged.stdout)))
    assert {"capture", "device", "type", "confidence", "reasons"} <= rows[0].keys()
    known = [row for row in rows if row["type"] != "unknown"]
    assert known
    assert all(f"/{row['type']}/" in row["capture"] and row["reasons"] for row in known)


def test_labels_that_fit_nothing_and_files_that_are_no_model_are_refused(tmp_path: Path) -> None:
    device_fleet.write_fleet(tmp_path, device_fleet.kinds(1), 1)
    labels = tmp_path / "other.csv"
    labels.write_text("capture,type\nmissing.pcap,plug\n")
    told = vedette("train", str(tmp_path), "--labels", str(labels), "-o", str(tmp_path / "model"))
    assert told.returncode == 1
    assert "fewer than two types" in told.stderr
    assert not (tmp_path / "model").exists()
    told = vedette("classify", str(tmp_path), "--model", str(labels))
    assert told.returncode == 1
    assert "no model" in told.stderr
