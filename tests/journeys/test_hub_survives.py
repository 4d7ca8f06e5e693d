"""Processes die in the middle of twins, methods and commands: nothing acknowledged is lost, nobody gets another's."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import time
from typing import Final

from hub_workload import HubWorkload
from journey import Platform, wait_until
from workload import enroll, open_enrollment

from vedette.kernel import SystemClock
from vedette.simulation import Factory

SEED: Final = 20_261_123
NAMES: Final = [f"valve-{number}" for number in range(4)]
KILLS_S: Final = 30.0
PROCESSES: Final = 3
# On a slow machine fewer are killed in that time: it goes on until it was the turn of each.
KILLS_MOST_S: Final = 240.0


def test_processes_are_killed_in_the_middle_of_everything(platform: Platform) -> None:
    factory = Factory("Acme", SystemClock())
    open_enrollment(platform, factory)
    for name in NAMES:
        asyncio.run(enroll(platform, factory, name))
    workload = HubWorkload(platform, NAMES)
    workload.start()
    wait_until(lambda: workload.method_answers > 20, 120, "the first answers")
    wait_until(lambda: all(device.commands for device in workload.devices.values()), 120, "the first commands")
    chance = random.Random(SEED)
    began_s = time.monotonic()
    killed: set[str] = set()
    while (lasts_s := time.monotonic() - began_s) < KILLS_S or (len(killed) < PROCESSES and lasts_s < KILLS_MOST_S):
        time.sleep(chance.uniform(0.3, 3))
        pids = platform.pids()
        pids.pop("signer", None)
        if not pids:  # all of them are being started again
            continue
        victim = chance.choice(sorted(pids))
        try:
            os.kill(pids[victim], signal.SIGKILL)
        except ProcessLookupError:
            continue
        killed.add(victim)
    assert len(killed) == PROCESSES, killed
    answers = workload.method_answers
    wait_until(lambda: workload.method_answers > answers + 10, 240, "methods are answered again")
    wait_until(platform.answers, 240, "the API")
    workload.check()
    assert all(device.sessions > 1 for device in workload.devices.values())
    assert platform.cli("ledger", "verify", check=False).returncode == 0
