"""The rooms of identity, once per test, on both databases; one signer process for all of them."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from identity_house import IdentityHouse, RunningSigner

from vedette.kernel import SystemClock
from vedette.simulation import Factory, ManualClock
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
async def keyed_house(store: Store, signer_process: RunningSigner, clock: ManualClock) -> AsyncIterator[IdentityHouse]:
    """A house that accepts symmetric keys."""
    opened = IdentityHouse(store, signer_process, clock, has_symmetric_keys=True)
    await opened.administrator.start()
    yield opened
    await opened.close()


@pytest.fixture
def factory() -> Factory:
    return Factory("Acme", SystemClock())
