"""The rooms of identity, once per test, on both databases; one signer process for all of them."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from identity_house import IdentityHouse, RunningSigner
from registry_house import RegistryHouse

from vedette.kernel import SystemClock
from vedette.simulation import ManualClock
from vedette.store import Store


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(SystemClock().now())


@pytest.fixture
async def house(store: Store, signer_process: RunningSigner, clock: ManualClock) -> AsyncIterator[IdentityHouse]:
    opened = IdentityHouse(store, signer_process, clock)
    await opened.administrator.start()
    yield opened
    await opened.close()


@pytest.fixture
async def registry(store: Store, signer_process: RunningSigner, clock: ManualClock) -> AsyncIterator[RegistryHouse]:
    """Open the registry without the rooms above it."""
    opened = RegistryHouse(store, signer_process, clock)
    yield opened
    await opened.close()
