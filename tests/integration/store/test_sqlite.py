from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from vedette.kernel import SystemClock
from vedette.simulation import ManualClock
from vedette.store import Store, StoreFull, StoreUnavailable, Transaction

_schema = sa.MetaData()
blobs = sa.Table("blobs", _schema, sa.Column("id", sa.Integer, primary_key=True), sa.Column("bytes", sa.LargeBinary))
pytestmark = pytest.mark.anyio

KIB = 1024


def open_store(url: str, **options: Any) -> Store:
    return Store.open(url, clock=SystemClock(), **options)


def add(tx: Transaction, size: int = 100) -> None:
    tx.connection.execute(blobs.insert().values(bytes=os.urandom(size)))


async def count(store: Store) -> int:
    return await store.read(
        lambda connection: connection.execute(sa.select(sa.func.count()).select_from(blobs)).scalar_one()
    )


async def test_commits_are_synced_and_the_log_is_written_ahead(tmp_path: Path) -> None:
    store = await asyncio.to_thread(open_store, f"sqlite:///{tmp_path}/vedette.db", reserve_bytes=0)
    pragmas = ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
    found = await store.write(
        lambda tx: [tx.connection.exec_driver_sql(f"PRAGMA {pragma}").scalar() for pragma in pragmas]
    )
    assert found == ["wal", 2, 1, 5000]
    await store.close()


async def test_the_database_is_readable_by_its_owner_only(tmp_path: Path) -> None:
    store = await asyncio.to_thread(open_store, f"sqlite:///{tmp_path}/a/vedette.db", reserve_bytes=4 * KIB)
    await store.write(lambda tx: _schema.create_all(tx.connection))
    modes = {path.name: path.stat().st_mode & 0o777 for path in (tmp_path / "a").iterdir()}
    assert set(modes) == {f"vedette.db{end}" for end in ("", "-wal", "-shm", ".lock", ".reserve")}
    assert set(modes.values()) == {0o600}
    await store.close()


async def test_a_path_with_characters_that_mean_something_in_a_uri_is_only_a_path(tmp_path: Path) -> None:
    folder = tmp_path / "a?mode=memory&b#c %41"
    store = await asyncio.to_thread(open_store, f"sqlite:///{str(folder).replace('?', '%3F')}/v.db", reserve_bytes=0)
    await store.write(lambda tx: _schema.create_all(tx.connection))
    await store.close()
    assert [path.name for path in tmp_path.rglob("*.db")] == ["v.db"]


async def test_a_second_process_is_refused_and_told_who_holds_the_database(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/vedette.db"
    store = await asyncio.to_thread(open_store, url, reserve_bytes=0)
    script = (
        "import sys; from vedette.store import Store; from vedette.kernel import SystemClock\n"
        "Store.open(sys.argv[1], clock=SystemClock())"
    )
    child = await asyncio.to_thread(
        subprocess.run, [sys.executable, "-c", script, url], capture_output=True, text=True, check=False
    )
    assert child.returncode == 1
    assert f"in use by process {os.getpid()}" in child.stderr
    await store.close()
    child = await asyncio.to_thread(subprocess.run, [sys.executable, "-c", script, url], check=False)
    assert child.returncode == 0


@pytest.mark.parametrize(
    "url",
    ["sqlite://", "sqlite:///:memory:", "sqlite:///x.db?mode=ro", "mysql://h/d", "not a url", "sqlite+aiosqlite:///x"],
)
def test_a_url_that_is_no_database_file_or_server_is_refused(url: str) -> None:
    with pytest.raises(StoreUnavailable) as refused:
        open_store(url)
    assert "sqlite:///" in refused.value.hint


async def test_a_file_that_is_no_database_is_said_to_be_none(tmp_path: Path) -> None:
    path = tmp_path / "vedette.db"
    path.write_bytes(b"something else entirely " * 100)
    store = await asyncio.to_thread(open_store, f"sqlite:///{path}", reserve_bytes=0)
    with pytest.raises(StoreUnavailable, match="not a database"):
        await asyncio.to_thread(store.migrate)
    with pytest.raises(StoreUnavailable, match="not a database"):
        await store.write(add)
    with pytest.raises(StoreUnavailable, match="not a database"):
        await count(store)
    await store.close()


def test_a_path_that_can_not_be_opened_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreUnavailable, match=str(tmp_path)):
        open_store(f"sqlite:///{tmp_path}/file/vedette.db")
    with pytest.raises(StoreUnavailable, match=str(tmp_path)):
        open_store(f"sqlite:///{tmp_path}")


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 4 MiB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = os.geteuid() == 0 and shutil.which("mount") is not None
    if mounted:
        command = ["mount", "-t", "tmpfs", "-o", "size=4m", "vedette-test", str(folder)]
        mounted = subprocess.run(command, check=False, capture_output=True).returncode == 0
    if not mounted:
        pytest.skip("mounting a small file system needs root")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


@pytest.fixture
async def crowded(small_disk: Path) -> AsyncIterator[tuple[Store, ManualClock, Path]]:
    """A store with 512 KiB in reserve on a disk that is full."""
    clock = ManualClock()
    url = f"sqlite:///{small_disk}/vedette.db"
    store = await asyncio.to_thread(Store.open, url, clock=clock, reserve_bytes=512 * KIB)
    await store.write(lambda tx: _schema.create_all(tx.connection))
    free = os.statvfs(small_disk)
    filler = small_disk / "filler"
    await asyncio.to_thread(filler.write_bytes, b"x" * (free.f_bavail * free.f_frsize - 16 * KIB))
    try:
        yield store, clock, filler
    finally:
        await store.close()


async def test_a_full_disk_refuses_widening_and_lets_restricting_through(
    crowded: tuple[Store, ManualClock, Path],
) -> None:
    store, clock, filler = crowded
    with pytest.raises(StoreFull):
        await store.write(lambda tx: add(tx, 100 * KIB))
    assert await count(store) == 0
    await store.write(lambda tx: add(tx, 100 * KIB), restricting=True)
    assert await count(store) == 1
    # The space set aside is given to restricting changes alone.
    with pytest.raises(StoreFull):
        await store.write(add)
    await store.write(add, restricting=True)
    assert await count(store) == 2

    await asyncio.to_thread(filler.unlink)
    with pytest.raises(StoreFull):
        await store.write(add)  # looked for space less than a second ago
    clock.advance(timedelta(seconds=1))
    await store.write(add)
    assert await count(store) == 3
    assert filler.with_name("vedette.db.reserve").stat().st_size == 512 * KIB


async def test_changes_that_shared_a_group_with_one_that_filled_the_disk_are_refused_or_retried(
    crowded: tuple[Store, ManualClock, Path],
) -> None:
    store, _, _ = crowded

    def fail(_: Transaction) -> None:
        raise LookupError

    results = await asyncio.gather(
        store.write(lambda tx: add(tx, 100 * KIB)),
        store.write(fail),
        store.write(lambda tx: add(tx, 100 * KIB), restricting=True),
        store.write(add),
        return_exceptions=True,
    )
    assert [type(result) for result in results] == [StoreFull, LookupError, type(None), StoreFull]
    assert await count(store) == 1


async def test_a_database_that_loses_its_file_system_reports_and_heals(tmp_path: Path) -> None:
    """SQLITE_FULL without a reserve: the group fails as a whole, the next one works."""
    store = await asyncio.to_thread(open_store, f"sqlite:///{tmp_path}/vedette.db", reserve_bytes=0)
    await store.write(lambda tx: _schema.create_all(tx.connection))

    def overflow(tx: Transaction) -> None:
        tx.connection.exec_driver_sql("PRAGMA max_page_count = 10")
        add(tx, 200 * KIB)

    with pytest.raises(StoreFull):
        await store.write(overflow)
    await store.write(add)
    assert await count(store) == 1
    await store.close()
