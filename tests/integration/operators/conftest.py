"""The operators' room, once per test, on both databases."""

from __future__ import annotations

import pytest
from operators_house import OperatorsHouse

from vedette.kernel import SystemClock
from vedette.simulation import ManualClock
from vedette.store import Store


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(SystemClock().now())


@pytest.fixture
async def house(store: Store, clock: ManualClock) -> OperatorsHouse:
    return OperatorsHouse(store, clock)
