"""The inventory, once per test, on both databases; one signer process for all of them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest
from identity_house import RunningSigner, running_signer
from network_house import NetworkHouse

from vedette.kernel import OrganizationId, RandomIds, SystemClock
from vedette.simulation import ManualClock
from vedette.store import Store


@pytest.fixture(scope="session")
def signer_process() -> Iterator[RunningSigner]:
    with running_signer(OrganizationId(RandomIds(SystemClock()).new("org"))) as signer:
        yield signer


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(SystemClock().now())


@pytest.fixture
async def house(store: Store, signer_process: RunningSigner, clock: ManualClock) -> AsyncIterator[NetworkHouse]:
    opened = NetworkHouse(store, signer_process, clock)
    yield opened
    await opened.close()
