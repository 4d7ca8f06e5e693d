"""The ledger, a part of the database, takes no entries; or somebody changed it, or put an older one in its place."""

from __future__ import annotations

import contextlib
import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from fault_doors import FaultDoors, until
from fault_drill import Drill
from faulty_platform import FaultyPlatform

_FILES = ("vedette.db", "vedette.db-wal", "vedette.db-shm")


@contextlib.contextmanager
def database(platform: FaultyPlatform) -> Iterator[sqlite3.Connection]:
    connection = sqlite3.connect(platform.data / "vedette.db", timeout=60, isolation_level=None)
    try:
        yield connection
    finally:
        connection.close()


@contextlib.contextmanager
def closed(platform: FaultyPlatform) -> Iterator[None]:
    """Let every entry fail."""
    with database(platform) as connection:
        connection.execute(
            "CREATE TRIGGER drill BEFORE INSERT ON ledger_entries BEGIN SELECT RAISE(ABORT, 'a drill'); END"
        )
        try:
            yield
        finally:
            connection.execute("DROP TRIGGER drill")


@contextlib.contextmanager
def rewritten(platform: FaultyPlatform, *, by_another_entry: bool) -> Iterator[None]:
    """Change an entry of the middle: one byte of it, or the whole for what an earlier entry says."""
    with database(platform) as connection:
        earlier, genuine = (
            connection.execute("SELECT body FROM ledger_entries WHERE position = ?", (position,)).fetchone()[0]
            for position in (1, 3)
        )
        changed = earlier if by_another_entry else genuine[:-1] + bytes([genuine[-1] ^ 1])
        connection.execute("UPDATE ledger_entries SET body = ? WHERE position = 3", (changed,))
        try:
            yield
        finally:
            connection.execute("UPDATE ledger_entries SET body = ? WHERE position = 3", (genuine,))


@contextlib.contextmanager
def older(platform: FaultyPlatform, copy: Path) -> Iterator[None]:
    """Put an older database in the place of the present one."""
    present = platform.folder / "present"
    present.mkdir(exist_ok=True)
    with platform.gone("control"):
        for name in _FILES:
            if (platform.data / name).exists():
                shutil.move(platform.data / name, present / name)
        shutil.copy(copy, platform.data / "vedette.db")
    try:
        yield
    finally:
        with platform.gone("control"):
            for name in _FILES:
                (platform.data / name).unlink(missing_ok=True)
                if (present / name).exists():
                    shutil.move(present / name, platform.data / name)


def exported_size(platform: FaultyPlatform) -> int:
    """Return how many entries the exported checkpoint covers."""
    (note,) = (platform.data / "checkpoints").glob("*/latest")
    return int(note.read_text(encoding="utf-8").splitlines()[1])


def size_of(copy: Path) -> int:
    with contextlib.closing(sqlite3.connect(copy)) as connection:
        return int(connection.execute("SELECT max(position) FROM ledger_entries").fetchone()[0])


def take_copy(platform: FaultyPlatform) -> Path:
    path = platform.folder / "copy.db"
    with database(platform) as connection, contextlib.closing(sqlite3.connect(path)) as copy:
        connection.backup(copy)
    return path


def verify_fails(platform: FaultyPlatform) -> bool:
    """Run ``vedette ledger verify`` on the data directory."""
    done = subprocess.run(
        [sys.executable, "-m", "vedette.cli", "ledger", "verify", "--data", str(platform.data)],
        capture_output=True,
        env={**os.environ, "VEDETTE_DATA": str(platform.data)},
        check=False,
    )
    return done.returncode == 1


def test_the_ledger_takes_no_entries(platform: FaultyPlatform, doors: FaultDoors, drill: Drill) -> None:
    failed = platform.listen_for("a group of changes was not stored")
    is_first = True

    def told() -> bool:
        nonlocal is_first
        if not is_first:
            doors.api.patch(f"/v1/devices/{doors.good.name}/twin", json={"tags": {"drill": "x"}})
        is_first = False
        return failed()

    drill.play("ledger", "down", closed(platform), is_told=told)


def test_an_entry_was_altered(platform: FaultyPlatform, drill: Drill) -> None:
    drill.play("ledger", "lying", rewritten(platform, by_another_entry=False), is_told=lambda: verify_fails(platform))


def test_an_entry_was_put_in_the_place_of_another(platform: FaultyPlatform, drill: Drill) -> None:
    drill.play("ledger", "replayed", rewritten(platform, by_another_entry=True), is_told=lambda: verify_fails(platform))


def test_an_older_database_is_put_back(platform: FaultyPlatform, doors: FaultDoors, drill: Drill) -> None:
    later = doors.new_device()
    copy = take_copy(platform)
    doors.disable(later).raise_for_status()
    # What was never exported convicts nobody: the loss of an interval is what the setting allows.
    until(lambda: exported_size(platform) > size_of(copy), "the newest entry is in an exported checkpoint")
    drill.play(
        "store",
        "stale",
        older(platform, copy),
        is_told=lambda: platform.health().get("ledger") == "failed",
        also_forbidden=lambda: doors.connect(later),
    )
