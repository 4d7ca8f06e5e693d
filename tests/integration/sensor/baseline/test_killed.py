"""A state survives a process that is killed at any moment."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

from vedette.sensor.baseline import read_state

KEEPER = """
import sys
from pathlib import Path
from vedette.sensor.baseline import Keeper, Saved
keeper = Keeper(Path(sys.argv[1]))
number = 1
while True:
    keeper.save(Saved(saved_ns=number, industrial={str(n): True for n in range(20_000)}))
    print(number, flush=True)
    number += 1
"""


def test_a_state_survives_kill_9(tmp_path: Path) -> None:
    command = [sys.executable, "-c", KEEPER, str(tmp_path / "state")]
    for _ in range(3):
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            told = [int(process.stdout.readline()) for _ in range(2)]
            os.kill(process.pid, signal.SIGKILL)
        saved = read_state((tmp_path / "state").read_bytes())
        assert saved.saved_ns >= told[-1]
