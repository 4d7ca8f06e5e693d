"""The inventory, once per test, on both databases; one signer process for all of them."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from identity_house import RunningSigner
from network_house import NetworkHouse

from vedette.kernel import SystemClock
from vedette.simulation import ManualClock
from vedette.store import Store


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(SystemClock().now())


@pytest.fixture
async def house(store: Store, signer_process: RunningSigner, clock: ManualClock) -> AsyncIterator[NetworkHouse]:
    opened = NetworkHouse(store, signer_process, clock)
    yield opened
    await opened.close()
