"""One platform for all files, with detours between its processes, and drills that play a fault and judge it.

A file whose platform is another one has fixtures ``platform`` and ``doors`` of its own.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest
from detour import LoopThread
from fault_doors import FaultDoors
from fault_drill import Drill
from faulty_platform import FaultyPlatform


@pytest.fixture(scope="session")
def beside() -> Iterator[LoopThread]:
    made = LoopThread()
    yield made
    made.close()
    # Connections that faults left behind complain now, and not while the next file is parsed.
    gc.collect()


@pytest.fixture(scope="session")
def platform(beside: LoopThread, tmp_path_factory: pytest.TempPathFactory) -> Iterator[FaultyPlatform]:
    # Checkpoints each second, so that a ledger that was exchanged is noticed soon.
    configuration = "ledger.checkpoint_interval_s = 1\n"
    running = FaultyPlatform(tmp_path_factory.mktemp("faults"), beside, configuration=configuration)
    try:
        running.start()
        yield running
    finally:
        running.close()


@pytest.fixture(scope="session")
def doors(platform: FaultyPlatform) -> Iterator[FaultDoors]:
    made = FaultDoors(platform)
    yield made
    made.close()


@pytest.fixture
def drill(doors: FaultDoors) -> Drill:
    return Drill(doors)
