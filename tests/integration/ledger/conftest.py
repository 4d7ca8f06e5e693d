"""A ledger on a real database, and what tests append to it."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

import msgspec
import pytest

from vedette.kernel import RandomIds, SystemClock
from vedette.ledger import Actor, Entry, Ledger
from vedette.store import Store, Transaction


class DeviceDisabled(msgspec.Struct, frozen=True):
    name: ClassVar[str] = "registry.device_disabled"
    version: ClassVar[int] = 1
    organization_id: str
    generation_id: str


@pytest.fixture
def ledger(store: Store) -> Ledger:
    return Ledger(store, clock=SystemClock(), ids=RandomIds(SystemClock()))


@pytest.fixture
def append(ledger: Ledger) -> Callable[..., int]:
    """Append one entry with its event to the log of an organization."""

    def append(tx: Transaction, number: int, organization_id: str = "org_a", *, tells: bool = True) -> int:
        target = f"dev_{number}"
        entry = Entry(
            organization_id=organization_id,
            actor=Actor("operator", "ops"),
            action="registry.disable_device",
            target=target,
            details={"number": number},
        )
        ledger.append(tx, entry, event=DeviceDisabled(organization_id, target) if tells else None)
        return number

    return append
