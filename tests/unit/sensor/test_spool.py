from __future__ import annotations

import random
from collections import deque
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vedette.sensor.spool import Kept, Spool, SpoolProblem
from vedette.sensor.spool_segment import (
    ENTRY_BYTES_MAX,
    MAGIC,
    read_cursor,
    read_entry,
    read_segment,
    write_cursor,
    write_entry,
)

ROOMY = 1024 * 1024


def texts(found: list[Kept]) -> list[bytes]:
    return [each.payload for each in found]


def small(folder: Path, max_bytes: int = 2_000) -> Spool:
    return Spool(folder, max_bytes=max_bytes, segment_bytes=100)


def test_what_was_kept_comes_out_in_order_and_leaves_when_taken(tmp_path: Path) -> None:
    spool = Spool(tmp_path, max_bytes=ROOMY)
    spool.append([(b"a", 1), (b"b", 2)])
    spool.append([(b"c", 3)])
    assert spool.waiting == 6
    found = spool.read(2)
    assert texts(found) == [b"a", b"b"]
    assert texts(spool.read(9)) == [b"c"]
    assert spool.read(9) == []
    spool.take(found)
    assert spool.waiting == 3
    spool.rewind()
    assert texts(spool.read(9)) == [b"c"]


def test_a_killed_process_goes_on_with_all_that_was_not_taken(tmp_path: Path) -> None:
    spool = small(tmp_path)
    spool.append([(b"%03d" % number, 1) for number in range(40)])
    spool.take(spool.read(10))
    again = small(tmp_path)  # the first was never closed
    replayed = texts(again.read(99))
    assert replayed == [b"%03d" % number for number in range(40)][-len(replayed) :]
    assert 30 <= len(replayed) <= 40
    assert again.waiting == len(replayed)


def test_after_an_orderly_end_nothing_is_sent_twice(tmp_path: Path) -> None:
    spool = small(tmp_path)
    spool.append([(b"%03d" % number, 1) for number in range(40)])
    spool.take(spool.read(7))
    spool.close()
    again = small(tmp_path)
    assert again.waiting == 33
    assert texts(again.read(99)) == [b"%03d" % number for number in range(7, 40)]


def test_a_torn_tail_is_left_out_and_later_entries_follow(tmp_path: Path) -> None:
    spool = Spool(tmp_path, max_bytes=ROOMY)
    spool.append([(b"whole", 1), (b"torn away", 1)])
    (segment,) = tmp_path.glob("*.spool")
    segment.write_bytes(segment.read_bytes()[:-3])
    again = Spool(tmp_path, max_bytes=ROOMY)
    again.append([(b"later", 1)])
    assert again.waiting == 2
    assert texts(again.read(9)) == [b"whole", b"later"]


def test_damage_within_costs_the_rest_of_its_segment_only(tmp_path: Path) -> None:
    spool = small(tmp_path)
    spool.append([(b"x" * 40 + b"%d" % number, 1) for number in range(6)])
    first = min(tmp_path.glob("*.spool"))
    data = bytearray(first.read_bytes())
    data[30] ^= 1
    first.write_bytes(data)
    again = small(tmp_path)
    found = again.read(9)
    assert texts(found) == [b"x" * 40 + b"%d" % number for number in range(6)][-len(found) :]
    assert 4 <= len(found) < 6


def test_what_can_not_be_read_back_counts_as_lost(tmp_path: Path) -> None:
    spool = small(tmp_path)
    spool.append([(b"x" * 60, 5), (b"y" * 60, 7)])
    first = min(tmp_path.glob("*.spool"))
    data = bytearray(first.read_bytes())
    data[-1] ^= 1
    first.write_bytes(data)
    found = spool.read(9)
    assert texts(found) == [b"y" * 60]
    spool.take(found)
    assert (spool.lost, spool.waiting) == (5, 0)


def test_when_it_is_full_the_oldest_leave_and_are_counted(tmp_path: Path) -> None:
    spool = small(tmp_path)
    for number in range(100):
        spool.append([(b"%090d" % number, 2)])
        assert spool.size_bytes <= 2_000
    left = texts(spool.read(999))
    assert left == [b"%090d" % number for number in range(100)][-len(left) :]
    assert spool.lost + spool.waiting == 200
    assert spool.waiting == 2 * len(left)
    assert sum(path.stat().st_size for path in tmp_path.glob("*.spool")) == spool.size_bytes


def test_what_had_to_leave_on_its_way_and_arrived_is_not_lost(tmp_path: Path) -> None:
    spool = small(tmp_path)
    spool.append([(b"%090d" % 0, 1)])
    on_its_way = spool.read(1)
    spool.append([(b"%090d" % number, 1) for number in range(1, 60)])
    lost = spool.lost
    assert lost
    spool.take(on_its_way)
    assert spool.lost == lost - 1


def test_segments_that_were_taken_leave_the_disk(tmp_path: Path) -> None:
    spool = small(tmp_path)
    spool.append([(b"%090d" % number, 1) for number in range(10)])
    spool.take(spool.read(99))
    assert spool.waiting == 0
    assert len(list(tmp_path.glob("*.spool"))) == 1


def test_a_disk_that_takes_nothing_is_a_problem_and_a_loss_that_is_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spool = Spool(tmp_path, max_bytes=ROOMY)
    spool.append([(b"before", 1)])

    def full(_file: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr("os.fdatasync", full)
        with pytest.raises(SpoolProblem, match="No space"):
            spool.append([(b"during", 4)])
    assert spool.lost == 4
    spool.append([(b"after", 1)])
    found = texts(spool.read(9))
    assert found[0] == b"before"
    assert found[-1] == b"after"


def test_on_a_full_disk_the_oldest_make_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spool = small(tmp_path, 100_000)
    spool.append([(b"%090d" % number, 1) for number in range(10)])
    room = spool.size_bytes

    def full_above(_file: int) -> None:
        if sum(path.stat().st_size for path in tmp_path.glob("*.spool")) > room:
            raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fdatasync", full_above)
    spool.append([(b"%090d" % 10, 1)])
    found = texts(spool.read(99))
    assert found[-1] == b"%090d" % 10
    assert found[0] > b"%090d" % 0
    assert spool.lost > 0


def test_a_folder_that_is_none_is_a_problem(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(SpoolProblem):
        Spool(tmp_path / "file" / "spool", max_bytes=ROOMY)


def test_entries_have_a_limit(tmp_path: Path) -> None:
    assert read_entry(write_entry(bytes(ENTRY_BYTES_MAX), 1), 0) is not None
    assert read_entry(write_entry(bytes(ENTRY_BYTES_MAX + 1), 1), 0) is None
    with pytest.raises(ValueError, match="is the most"):
        Spool(tmp_path, max_bytes=ROOMY).append([(bytes(ENTRY_BYTES_MAX + 1), 1)])


@settings(deadline=None)
@given(st.lists(st.tuples(st.binary(max_size=40), st.integers(0, 2**32 - 1)), max_size=8), st.data())
def test_any_cut_and_any_flipped_bit_leaves_what_stands_before(
    entries: list[tuple[bytes, int]], data: st.DataObject
) -> None:
    written = [write_entry(payload, records) for payload, records in entries]
    whole = MAGIC + b"".join(written)
    reading = read_segment(whole)
    assert reading.is_whole
    assert [(entry.payload, entry.records) for entry in reading.entries] == entries
    at = data.draw(st.integers(0, len(whole) - 1))
    ends = [len(MAGIC) + sum(map(len, written[: number + 1])) for number in range(len(written))]
    before = [entry for entry, end in zip(entries, ends, strict=True) if end <= at]
    flipped = bytearray(whole)
    flipped[at] ^= 1 << data.draw(st.integers(0, 7))
    for damaged in (whole[:at], bytes(flipped)):
        found = [(entry.payload, entry.records) for entry in read_segment(damaged).entries]
        assert found == (before if at >= len(MAGIC) else [])


@settings(deadline=None)
@given(st.integers(0, 2**64 - 1), st.integers(0, 2**64 - 1), st.binary(max_size=30))
def test_a_damaged_cursor_is_the_beginning(segment: int, offset: int, other: bytes) -> None:
    written = write_cursor(segment, offset)
    assert read_cursor(written) == (segment, offset)
    assert read_cursor(written[:-1]) == (0, 0)
    assert read_cursor(other) == (0, 0) or other == write_cursor(*read_cursor(other))


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_whatever_happens_nothing_that_was_kept_is_lost_silently_or_out_of_order(
    tmp_path_factory: pytest.TempPathFactory, seed: int
) -> None:
    """Append, read, take, lose the link, be killed with a torn write: against a model of what must come out."""
    chance = random.Random(seed)
    folder = tmp_path_factory.mktemp("spool")
    spool = small(folder, 100_000)
    waiting: deque[bytes] = deque()
    on_its_way: list[Kept] = []
    for number in range(60):
        match chance.randrange(5):
            case 0 | 1:
                fresh = [b"%d-%d" % (number, each) for each in range(chance.randrange(4))]
                spool.append([(each, 1) for each in fresh])
                waiting.extend(fresh)
            case 2:
                on_its_way += spool.read(chance.randrange(4))
            case 3:
                count = chance.randrange(len(on_its_way) + 1)
                spool.take(on_its_way[:count])
                for each in on_its_way[:count]:
                    assert each.payload == waiting.popleft()
                del on_its_way[:count]
                if chance.random() < 0.5:
                    spool.rewind()
                    on_its_way.clear()
            case _:
                if segments := sorted(folder.glob("*.spool")):
                    segments[-1].write_bytes(segments[-1].read_bytes() + bytes(chance.randrange(20)))
                spool = small(folder, 100_000)
                on_its_way.clear()
                # What was taken since the cursor was last written comes again: the platform knows it by its number.
                replayed = texts(spool.read(9_999))
                assert replayed[len(replayed) - len(waiting) :] == list(waiting)
                waiting = deque(replayed)
                spool.rewind()
        assert spool.waiting == len(waiting)
    assert spool.lost == 0
