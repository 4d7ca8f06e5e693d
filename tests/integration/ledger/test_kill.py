from __future__ import annotations

import random
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final, Protocol

import sqlalchemy as sa

from vedette.ledger import verify_database
from vedette.store import open_read_only

WRITER: Final = Path(__file__).with_name("writer_process.py")
ROUNDS: Final = 4


class Server(Protocol):
    """The PostgreSQL server of the session."""

    def stop(self) -> None: ...
    def start(self) -> None: ...


def write_until(url: str, first: int, after_s: float, end: Callable[[subprocess.Popen[str]], None]) -> set[int]:
    """Start the writer, end it or what it depends on at a moment, and return the numbers it had acknowledged."""
    command = [sys.executable, str(WRITER), url, str(first)]
    child = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    assert child.stdout is not None
    assert child.stdout.readline() == "ready\n"
    lines = [child.stdout.readline()]  # from here on it is at work
    reader = threading.Thread(target=lambda: lines.extend(child.stdout or ()))
    reader.start()
    time.sleep(after_s)
    end(child)
    child.wait(60)
    reader.join()
    child.stdout.close()
    # The last line may have been cut off in the middle of its number.
    return {int(line) for line in lines if line.endswith("\n")}


def kill(child: subprocess.Popen[str]) -> None:
    child.kill()


def test_nothing_acknowledged_is_lost_when_the_process_is_killed(store_url: str) -> None:
    acknowledged: set[int] = set()
    for number in range(ROUNDS):
        acknowledged |= write_until(store_url, number * 1_000_000, random.uniform(0.05, 0.6), kill)
        with open_read_only(store_url) as connection:
            stored = set(connection.execute(sa.text("SELECT id FROM numbers")).scalars())
            entered = {
                int(target) for target in connection.execute(sa.text("SELECT target FROM ledger_entries")).scalars()
            }
            told = connection.execute(sa.text("SELECT count(*) FROM ledger_outbox")).scalar_one()
        assert acknowledged <= stored
        assert stored == entered
        assert told == len(entered)
        (report,) = verify_database(store_url)
        assert report.is_intact, report.findings
        assert report.size >= len(entered)  # the server may have finished a commit whose caller was dead by then
    assert acknowledged


def test_nothing_acknowledged_is_lost_when_postgresql_is_killed(postgresql_server: Server, postgresql_url: str) -> None:
    # The writer ends by itself: its callers are told that the store is unavailable.
    acknowledged = write_until(postgresql_url, 0, 0.4, lambda _: postgresql_server.stop())
    postgresql_server.start()
    with open_read_only(postgresql_url) as connection:
        stored = set(connection.execute(sa.text("SELECT id FROM numbers")).scalars())
    assert acknowledged
    assert acknowledged <= stored
    (report,) = verify_database(postgresql_url)
    assert report.is_intact
    assert report.size == len(stored)
