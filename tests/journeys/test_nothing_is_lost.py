"""An operator pulls plugs: what was acknowledged to devices and people is there afterwards, and all comes back."""

from __future__ import annotations

import asyncio
import os
import random
import shutil
import signal
import time
from pathlib import Path

import power_cut
import pytest
from journey import Platform, wait_until
from workload import Workload, check_nothing_is_lost, enroll, open_enrollment

from vedette.kernel import SystemClock
from vedette.simulation import Factory

SEED = 20_261_122
NAMES = [f"pump-{number}" for number in range(6)]
KILLS_S = 30.0
PROCESSES = 4
# On a slow machine fewer are killed in that time: it goes on until it was the turn of each.
KILLS_MOST_S = 240.0


def prepare(platform: Platform) -> Workload:
    factory = Factory("Acme", SystemClock())
    open_enrollment(platform, factory)
    for name in NAMES:
        asyncio.run(enroll(platform, factory, name))
    pinned = {"type": "self_signed", "primary_thumbprint": "f" * 64}
    platform.call("POST", "/v1/devices", {"device_id": "switched", "authentication": pinned})
    workload = Workload(platform, NAMES)
    workload.start()
    wait_until(lambda: workload.count() > 50, 120, "the first messages")
    return workload


def test_processes_are_killed_at_random_moments(platform: Platform) -> None:
    workload = prepare(platform)
    chance = random.Random(SEED)
    began_s = time.monotonic()
    kills: dict[str, int] = {}
    while (lasts_s := time.monotonic() - began_s) < KILLS_S or (len(kills) < PROCESSES and lasts_s < KILLS_MOST_S):
        time.sleep(chance.uniform(0.3, 2.5))
        pids = platform.pids()
        if not pids:  # all of them are being started again
            continue
        victim = chance.choice(sorted(pids))
        try:
            os.kill(pids[victim], signal.SIGKILL)
        except ProcessLookupError:
            continue
        kills[victim] = kills.get(victim, 0) + 1
    assert len(kills) == PROCESSES, kills
    before = {name: len(bodies) for name, bodies in workload.sent.items()}
    wait_until(
        lambda: all(len(workload.sent[name]) > before[name] + 5 for name in NAMES), 240, "every device sends again"
    )
    workload.stop()
    # A process that died again and again is started with growing pauses; devices go on meanwhile.
    wait_until(platform.answers, 240, "the API")
    check_nothing_is_lost(platform, workload)


@pytest.mark.skipif(bool(power_cut.missing()), reason=power_cut.missing())
def test_the_power_is_cut(tmp_path: Path) -> None:
    cuttable = power_cut.PowerCutFolder(tmp_path / "disk")
    platform = Platform("127.0.18.1", tmp_path, data_folder=cuttable.path / "data")
    after: Platform | None = None
    try:
        platform.start()
        workload = prepare(platform)
        time.sleep(random.Random(SEED).uniform(2, 4))
        platform.kill_all()
        workload.stop()
        remains = cuttable.cut()
        (tmp_path / "again").mkdir()
        shutil.copytree(remains / "data", tmp_path / "again" / "data")
        after = Platform("127.0.18.1", tmp_path / "again")
        after.start()
        check_nothing_is_lost(after, workload)
    finally:
        platform.stop()
        cuttable.close()
        if after is not None:
            after.stop()
