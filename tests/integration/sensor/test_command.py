"""``vedette sensor read`` as people and programs start it, and where only the bare distribution is installed."""

from __future__ import annotations

import contextlib
import gzip
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import packets as build
import pytest

from vedette.sensor.capture.files import CHUNK_BYTES

READ = bytes.fromhex("0001 0000 0006 01 03 0001 0002")
ANSWER = bytes.fromhex("0001 0000 0007 01 03 04 0005 0006")

# What the extra `server` brings is not there.
BARE = """
import sys
for name in ("typer", "rich", "sqlalchemy", "fastapi", "uvicorn", "httpx", "click"):
    sys.modules[name] = None
from vedette.cli import main
sys.exit(main(sys.argv[1:]))
"""


@pytest.fixture
def capture(tmp_path: Path) -> Path:
    path = tmp_path / "plant.pcap"
    path.write_bytes(build.pcap(build.Talk(502).open().say(READ).answer(ANSWER).close().frames))
    return path


def vedette(*arguments: str, is_bare: bool = False) -> subprocess.CompletedProcess[str]:
    start = ["-c", BARE] if is_bare else ["-m", "vedette.cli"]
    return subprocess.run(
        [sys.executable, *start, "sensor", *arguments],
        capture_output=True, text=True, timeout=180, check=False, env={**os.environ, "NO_COLOR": "1"},
    )  # fmt: skip


@pytest.mark.parametrize("is_bare", [False, True], ids=["server", "bare"])
def test_a_capture_becomes_a_report(capture: Path, *, is_bare: bool) -> None:
    shown = vedette("read", str(capture), is_bare=is_bare)
    assert shown.returncode == 0, shown.stderr
    for text in ("Assets", "10.0.0.2", "controller", "modbus", "confirmed", "read_holding_registers", "Not parsed"):
        assert text in shown.stdout
    told = json.loads(vedette("read", str(capture), "--output", "json", is_bare=is_bare).stdout)
    assert told["capture"]["packets"] == 7
    assert [asset["ip_addresses"] for asset in told["assets"]] == [["10.0.0.1"], ["10.0.0.2"]]


def test_several_captures_are_one_and_logs_are_written(capture: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.pcapng"
    other.write_bytes(build.pcapng(build.Talk(502, client="10.0.0.3").open().say(READ).answer(ANSWER).frames))
    shown = vedette("read", str(capture), str(other), "--zeek", str(tmp_path / "logs"))
    assert shown.returncode == 0
    assert "10.0.0.3" in shown.stdout
    assert len((tmp_path / "logs" / "conn.log").read_text().splitlines()) == 2


def test_a_damaged_capture_is_read_up_to_there_and_fails(capture: Path) -> None:
    capture.write_bytes(capture.read_bytes()[:-5])
    shown = vedette("read", str(capture), is_bare=True)
    assert shown.returncode == 1
    assert "damaged" in shown.stdout
    assert "10.0.0.2" in shown.stdout


@pytest.mark.parametrize("is_bare", [False, True], ids=["server", "bare"])
def test_what_is_no_capture_is_a_problem_and_no_traceback(tmp_path: Path, *, is_bare: bool) -> None:
    path = tmp_path / "text"
    path.write_text("hello")
    shown = vedette("read", str(path), is_bare=is_bare)
    assert shown.returncode == 1
    assert "neither pcap nor pcapng" in shown.stderr
    assert "Traceback" not in shown.stderr


@pytest.mark.parametrize("is_bare", [False, True], ids=["server", "bare"])
def test_enrolling_without_a_word_on_the_platform_says_what_is_missing(tmp_path: Path, *, is_bare: bool) -> None:
    shown = vedette("enroll", "sensor-1", "--config", str(tmp_path / "sensor.toml"), is_bare=is_bare)
    assert shown.returncode == 1
    assert "trust-anchor.json" in shown.stderr
    assert "Traceback" not in shown.stderr
    assert not (tmp_path / "sensor.toml").exists()


def test_sending_without_settings_says_so(capture: Path, tmp_path: Path) -> None:
    shown = vedette("read", str(capture), "--send-as", str(tmp_path / "nowhere.toml"), is_bare=True)
    assert shown.returncode == 1
    assert "nowhere.toml" in shown.stderr
    assert "Traceback" not in shown.stderr


@pytest.mark.parametrize(
    ("start", "says"),
    [
        (b"\x28\xb5\x2f\xfd rest", "zstdcat"),
        (b"\xfd7zXZ\0 rest", "xzcat"),
        (b"PK\x03\x04 rest", "unzip"),
        (b"", "is empty"),
    ],
    ids=["zstd", "xz", "zip", "empty"],
)
def test_what_cannot_be_read_is_named_with_what_to_do(tmp_path: Path, start: bytes, says: str) -> None:
    path = tmp_path / "hall.pcap"
    path.write_bytes(start)
    shown = vedette("read", str(path), is_bare=True)
    assert shown.returncode == 1
    assert str(path) in shown.stderr
    assert says in shown.stderr


def test_a_file_that_is_missing_is_told_before_any_is_read(capture: Path, tmp_path: Path) -> None:
    for other in (tmp_path / "nowhere.pcap", tmp_path):
        shown = vedette("read", str(capture), str(other), is_bare=True)
        assert shown.returncode == 1
        assert str(other) in shown.stderr
        assert not shown.stdout


def test_a_compressed_capture_that_ends_between_packets_too_early_is_damaged(capture: Path) -> None:
    packed = capture.with_suffix(".gz")
    packed.write_bytes(gzip.compress(capture.read_bytes())[:-8])  # all of it is there but the sum
    shown = vedette("read", str(packed), is_bare=True)
    assert shown.returncode == 1
    assert "compressed data ends too early" in shown.stdout


def test_a_full_disk_keeps_back_nothing_but_the_logs(capture: Path, tmp_path: Path) -> None:
    logs = tmp_path / "logs"
    logs.mkdir()
    (logs / "conn.log").symlink_to("/dev/full")
    shown = vedette("read", str(capture), "--zeek", str(logs), is_bare=True)
    assert shown.returncode == 1
    assert "read_holding_registers" in shown.stdout
    assert "the logs end early" in shown.stderr
    assert "No space left" in shown.stderr
    assert "Traceback" not in shown.stderr


def test_logs_cannot_be_where_a_file_is(capture: Path) -> None:
    shown = vedette("read", str(capture), "--zeek", str(capture), is_bare=True)
    assert shown.returncode == 1
    assert "Traceback" not in shown.stderr
    assert "File exists" in shown.stderr


@pytest.mark.parametrize("is_bare", [False, True], ids=["server", "bare"])
def test_a_report_that_cannot_be_written_is_a_problem_and_no_traceback(capture: Path, *, is_bare: bool) -> None:
    start = ["-c", BARE] if is_bare else ["-m", "vedette.cli"]
    with Path("/dev/full").open("w") as full:
        shown = subprocess.run(
            [sys.executable, *start, "sensor", "read", str(capture)],
            stdout=full, stderr=subprocess.PIPE, text=True, timeout=180, check=False,
        )  # fmt: skip
    assert shown.returncode == 1
    assert "No space left" in shown.stderr
    assert "Traceback" not in shown.stderr


def test_an_interrupt_ends_reading_and_prints_what_was_read(capture: Path, tmp_path: Path) -> None:
    pipe = tmp_path / "long.pcap"
    os.mkfifo(pipe)
    reader = subprocess.Popen(
        [sys.executable, "-m", "vedette.sensor", "read", str(pipe), str(capture)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    talk = build.Talk(502).open().say(READ).answer(ANSWER).frames
    content = build.pcap(talk * (3 * CHUNK_BYTES // sum(len(frame) for frame in talk)))
    try:
        with contextlib.suppress(BrokenPipeError), pipe.open("wb") as writer:
            # What a pipe does not hold has been read: the first chunk, at least.
            writer.write(content[: 2 * CHUNK_BYTES])
            writer.flush()
            reader.send_signal(signal.SIGINT)
            writer.write(content[2 * CHUNK_BYTES :])
        shown, told = reader.communicate(timeout=180)
    finally:
        reader.kill()
    assert reader.returncode == 1, told
    assert shown.count("interrupted") == 2
    assert "read_holding_registers" in shown
    assert "Traceback" not in told
