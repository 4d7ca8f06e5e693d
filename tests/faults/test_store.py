"""The database fails: a PostgreSQL server behind a way that is cut or long, and records that somebody changed."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from detour import Detour, LoopThread
from fault_doors import FaultDoors
from fault_drill import Drill
from faulty_platform import FaultyPlatform
from postgresql_server import PostgresqlServer, running_postgresql

DELAY_S = 0.2
PATIENCE_S = 50.0
_SOCKET = ".s.PGSQL.5432"


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresqlServer]:
    with running_postgresql() as running:
        yield running


@pytest.fixture(scope="module")
def database(server: PostgresqlServer) -> str:
    return server.create_database()


@pytest.fixture(scope="module")
def store_way(
    server: PostgresqlServer, beside: LoopThread, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Detour]:
    entrance = tmp_path_factory.mktemp("pg") / _SOCKET
    way = Detour(beside, Path(server.socket) / _SOCKET, entrance)
    yield way
    way.close()


@pytest.fixture(scope="module")
def platform(
    server: PostgresqlServer,
    database: str,
    store_way: Detour,
    beside: LoopThread,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[FaultyPlatform]:
    folder = tmp_path_factory.mktemp("faults")
    url = folder / "database.url"
    url.write_text(database.replace(str(server.socket), str(store_way.entrance.parent)))  # type: ignore[union-attr] # it has one
    url.chmod(0o600)
    running = FaultyPlatform(folder, beside, configuration=f'store.url_file = "{url}"\n')
    try:
        running.start()
        yield running
    finally:
        running.close()


@pytest.fixture(scope="module")
def doors(platform: FaultyPlatform) -> Iterator[FaultDoors]:
    made = FaultDoors(platform)
    yield made
    made.close()


@contextlib.contextmanager
def cut(way: Detour) -> Iterator[None]:
    way.cut()
    try:
        yield
    finally:
        way.mend()


@contextlib.contextmanager
def delayed(way: Detour, doors: FaultDoors) -> Iterator[None]:
    way.delay_s, former = DELAY_S, doors.patience_s
    doors.patience_s = PATIENCE_S
    try:
        yield
    finally:
        way.mend()
        doors.patience_s = former


@contextlib.contextmanager
def altered_record(platform: FaultyPlatform, url: str, device_id: str) -> Iterator[None]:
    """Change what is stored as the signed record of a device, and have control read it anew."""
    where = url.replace("postgresql+psycopg", "postgresql")

    def put(signed: bytes) -> bytes:
        with psycopg.connect(where, autocommit=True) as connection:
            found = connection.execute(
                "SELECT generation_id, signed FROM access_posture_records WHERE device_id = %s AND module_id = ''",
                (device_id,),
            ).fetchone()
            assert found is not None
            connection.execute(
                "UPDATE access_posture_records SET signed = %s WHERE generation_id = %s",
                (signed or os.urandom(64) + found[1][64:], found[0]),
            )
            return bytes(found[1])

    genuine = put(b"")
    platform.end("control")
    try:
        yield
    finally:
        put(genuine)


def test_the_store_is_down(platform: FaultyPlatform, drill: Drill, store_way: Detour) -> None:
    drill.play("store", "down", cut(store_way), is_told=lambda: platform.health().get("store") == "failed")


def test_the_store_is_slow(platform: FaultyPlatform, doors: FaultDoors, drill: Drill, store_way: Detour) -> None:
    told = lambda: platform.health().get("store") == "warning"  # noqa: E731 - a word for the call below
    drill.play("store", "slow", delayed(store_way, doors), is_told=told)


def test_a_stored_record_that_somebody_altered_lets_nobody_in(
    platform: FaultyPlatform, doors: FaultDoors, drill: Drill, database: str
) -> None:
    told = platform.listen_for("a stored posture record is not ours")

    def is_told() -> bool:
        if platform.processes()["control"]["restarts"]:
            doors.connect(doors.kept_out)
        return told()

    drill.play("store", "lying", altered_record(platform, database, doors.kept_out.name), is_told=is_told)
