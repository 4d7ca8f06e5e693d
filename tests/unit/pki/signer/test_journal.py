from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vedette.pki import JournalRecord, JournalUnavailable, read_journal
from vedette.pki.signer.journal import Journal, read_segment

NOW = datetime(2026, 1, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)


def record(number: int, at: datetime = NOW) -> JournalRecord:
    return JournalRecord(recorded_at=at, kind="device", request_id=f"op_{number}", sha256=f"{number:064x}")


def issued(directory: Path) -> list[str]:
    return [each.request_id for each in read_journal(directory) if each.kind == "device"]


def test_what_was_appended_is_read_back(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    state = journal.open(since=NOW)
    assert (state.last_at, state.recent, state.number) == (None, [], 0)
    journal.append([record(1), record(2)])
    journal.append([record(3, NOW + HOUR)])
    journal.close()
    assert issued(tmp_path) == ["op_1", "op_2", "op_3"]
    state = Journal(tmp_path).open(since=NOW + timedelta(seconds=1))
    assert state.last_at == NOW + HOUR
    assert state.recent == [("device", NOW + HOUR)]


def test_an_empty_append_writes_nothing(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    journal.open(since=NOW)
    journal.append([])
    assert list(tmp_path.iterdir()) == []


def test_each_start_begins_a_new_segment_and_touches_no_old_one(tmp_path: Path) -> None:
    for number in range(3):
        journal = Journal(tmp_path)
        journal.open(since=NOW)
        journal.append([record(number)])
        journal.close()
    assert [path.name for path in sorted(tmp_path.iterdir())] == [f"issued-0000000{n}.journal" for n in (1, 2, 3)]
    assert issued(tmp_path) == ["op_0", "op_1", "op_2"]


def test_a_full_segment_is_followed_by_another(tmp_path: Path) -> None:
    journal = Journal(tmp_path, segment_max_bytes=500)
    journal.open(since=NOW)
    for number in range(20):
        journal.append([record(number)])
    journal.close()
    assert len(list(tmp_path.iterdir())) > 3
    assert issued(tmp_path) == [f"op_{number}" for number in range(20)]


def test_the_number_of_revocation_lists_survives_in_every_new_segment(tmp_path: Path) -> None:
    journal = Journal(tmp_path, segment_max_bytes=1)
    journal.open(since=NOW)
    journal.append([JournalRecord(recorded_at=NOW, kind="crl", number=7)])
    journal.append([record(1, NOW + HOUR * 10)])
    journal.append([record(2, NOW + HOUR * 20)])
    journal.close()
    assert Journal(tmp_path).open(since=NOW + HOUR * 20).number == 7


def test_segments_from_before_the_window_are_not_read(tmp_path: Path) -> None:
    journal = Journal(tmp_path, segment_max_bytes=1)
    journal.open(since=NOW)
    for hours in range(5):
        journal.append([record(hours, NOW + HOUR * hours)])
    journal.close()
    first = min(tmp_path.iterdir())
    first.write_bytes(b"would be damaged, if anybody looked")
    first.chmod(0)
    state = Journal(tmp_path).open(since=NOW + HOUR * 3)
    assert [at for _, at in state.recent] == [NOW + HOUR * 3, NOW + HOUR * 4]


@given(cut=st.integers(1, 400))
def test_a_torn_tail_costs_only_what_was_torn(tmp_path_factory: pytest.TempPathFactory, cut: int) -> None:
    directory = tmp_path_factory.mktemp("journal")
    journal = Journal(directory)
    journal.open(since=NOW)
    journal.append([record(1), record(2), record(3)])
    journal.close()
    segment = next(directory.iterdir())
    content = segment.read_bytes()
    segment.write_bytes(content[: max(0, len(content) - cut)])
    whole = issued(directory)
    assert whole == [f"op_{number}" for number in range(1, len(whole) + 1)]
    journal = Journal(directory)
    journal.open(since=NOW)
    journal.append([record(4)])
    journal.close()
    assert issued(directory) == [*whole, "op_4"]


@pytest.mark.parametrize("garbage", [b"\x00" * 5, b"\x00" * 4096, b"\xff" * 64, os.urandom(300)])
def test_garbage_after_the_last_record_is_stepped_over(tmp_path: Path, garbage: bytes) -> None:
    journal = Journal(tmp_path)
    journal.open(since=NOW)
    journal.append([record(1)])
    journal.close()
    segment = next(tmp_path.iterdir())
    segment.write_bytes(segment.read_bytes() + garbage)
    assert [each.request_id for each in read_segment(segment) if each.kind == "device"] == ["op_1"]


def test_a_damaged_record_ends_the_segment_and_is_reported(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    journal = Journal(tmp_path)
    journal.open(since=NOW)
    journal.append([record(1), record(2)])
    journal.close()
    segment = next(tmp_path.iterdir())
    content = bytearray(segment.read_bytes())
    content[-1] ^= 1
    segment.write_bytes(content)
    assert issued(tmp_path) == ["op_1"]
    assert caplog.records[0].levelname == "WARNING"


def test_a_full_disk_is_a_problem_and_the_next_write_begins_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = Journal(tmp_path)
    journal.open(since=NOW)
    journal.append([record(1)])
    with monkeypatch.context() as patch:
        write = os.write

        def half(descriptor: int, payload: bytes) -> int:
            if len(payload) < 20:
                raise OSError(28, "No space left on device")
            return write(descriptor, payload[: len(payload) // 2])

        patch.setattr(os, "write", half)
        with pytest.raises(JournalUnavailable, match="No space left"):
            journal.append([record(2), record(3)])
    journal.append([record(4)])
    journal.close()
    assert len(list(tmp_path.iterdir())) == 2
    assert set(issued(tmp_path)) >= {"op_1", "op_4"}
