from __future__ import annotations

import os
from pathlib import Path

from vedette.store.reserve import DiskReserve

SIZE = 64 * 1024


def test_the_space_is_really_allocated_and_given_back(tmp_path: Path) -> None:
    path = tmp_path / "vedette.db.reserve"
    reserve = DiskReserve(path, SIZE)
    assert not reserve.is_held()
    assert reserve.hold()
    assert reserve.is_held()
    assert (path.stat().st_size, path.stat().st_mode & 0o777) == (SIZE, 0o600)
    assert path.stat().st_blocks * 512 >= SIZE
    assert reserve.hold()
    assert reserve.release()
    assert not path.exists()
    assert not reserve.release()
    assert not reserve.is_held()


def test_a_reserve_that_was_cut_short_is_made_whole(tmp_path: Path) -> None:
    path = tmp_path / "vedette.db.reserve"
    path.write_bytes(b"x")
    reserve = DiskReserve(path, SIZE)
    assert not reserve.is_held()
    assert reserve.hold()
    assert path.stat().st_size == SIZE


def test_it_is_not_made_when_the_disk_would_be_full_with_it(tmp_path: Path) -> None:
    free = os.statvfs(tmp_path)
    huge = free.f_bavail * free.f_frsize  # twice this is more than there is
    path = tmp_path / "vedette.db.reserve"
    assert not DiskReserve(path, huge).hold()
    assert not path.exists()
