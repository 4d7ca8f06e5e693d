"""kill -9 in the middle of sending, taking and completing: nothing acknowledged is lost, and nothing comes back."""

from __future__ import annotations

import random
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import sqlalchemy as sa
from running_platform import wait_for

from vedette.store import open_read_only

SENDER: Final = Path(__file__).with_name("sending_process.py")
ROUNDS: Final = 3


@dataclass
class Told:
    """What was acknowledged, over all lives of the process."""

    sent: set[int] = field(default_factory=set)
    taken: dict[int, int] = field(default_factory=dict)
    done: set[int] = field(default_factory=set)

    def hear(self, line: str) -> None:
        match line.split():
            case ["sent", sequence]:
                assert int(sequence) not in self.sent, "a number was used twice"
                self.sent.add(int(sequence))
            case ["taken", sequence, count]:
                assert int(sequence) not in self.done, "an acknowledged command came back"
                assert int(count) >= self.taken.get(int(sequence), 0)
                self.taken[int(sequence)] = int(count)
            case ["done", sequence]:
                self.done.add(int(sequence))


def work_until_killed(url: str, after_s: float) -> list[str]:
    command = [sys.executable, str(SENDER), url]
    child = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    assert child.stdout.readline().startswith("ready ")
    lines: list[str] = []
    reader = threading.Thread(target=lambda: lines.extend(child.stdout or ()))
    reader.start()
    # However slow the machine is: killed in the middle of work, not before it.
    wait_for(lambda: any(line.startswith("done ") for line in list(lines)), "a command that is completed")
    time.sleep(after_s)
    child.kill()
    child.wait(60)
    reader.join()
    child.stdout.close()
    # The last line may have been cut off in the middle of its number.
    return [line for line in lines if line.endswith("\n")]


def test_acknowledged_commands_survive_and_completed_ones_stay_gone(store_url: str) -> None:
    told = Told()
    for _ in range(ROUNDS):
        for line in work_until_killed(store_url, random.uniform(0.1, 0.8)):
            told.hear(line)
        with open_read_only(store_url) as connection:
            if connection.dialect.name == "postgresql":  # its server may still finish what the dead one asked last
                connection.exec_driver_sql("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
            rows = connection.execute(sa.text("SELECT sequence, delivery_count FROM messaging_commands")).all()
            queued = {row.sequence: row.delivery_count for row in rows}
            last = connection.execute(
                sa.text("SELECT max(value) FROM messaging_counters WHERE name <> 'feedback'")
            ).scalar_one()
            ended = connection.execute(sa.text("SELECT count(*) FROM messaging_feedback")).scalar_one()
        # The device acknowledged it, but the process died before it could say so: those few may be gone as well.
        missing = told.sent - queued.keys() - told.done
        assert all(sequence in told.taken for sequence in missing), missing
        assert not told.done & queued.keys()
        for sequence, count in told.taken.items():
            assert queued.get(sequence, count) >= count
        assert last >= max(told.sent | queued.keys(), default=0)
        assert last == len(queued) + ended  # each number is a command that waits, or one whose end was told
    assert told.sent
    assert told.done
