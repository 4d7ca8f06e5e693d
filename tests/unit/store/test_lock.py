from __future__ import annotations

import os
from pathlib import Path

import pytest

from vedette.store import StoreUnavailable
from vedette.store.lock import WriterLock


def test_a_second_lock_is_refused_with_the_holder_s_process(tmp_path: Path) -> None:
    first, second = WriterLock(tmp_path / "lock"), WriterLock(tmp_path / "lock")
    first.acquire()
    with pytest.raises(StoreUnavailable, match=f"process {os.getpid()}"):
        second.acquire()
    first.release()
    first.release()
    second.acquire()
    second.release()


def test_a_lock_file_left_behind_is_no_lock(tmp_path: Path) -> None:
    (tmp_path / "lock").write_text("999999999\n")
    lock = WriterLock(tmp_path / "lock")
    lock.acquire()
    assert (tmp_path / "lock").read_text() == f"{os.getpid()}\n"
    lock.release()
