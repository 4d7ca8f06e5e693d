"""Hops outlive the process that saw them, are bounded, and are compared within one boot only."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
import sqlalchemy as sa

from vedette.access import HopKeeper, HopLog, Hops
from vedette.access import hop_keeper as module
from vedette.access.hop_repository import hops as table
from vedette.bus.contract import Enforced
from vedette.health import SignalStamps
from vedette.kernel import DeviceId, GenerationId, ModuleId, OrganizationId, RandomIds, SystemClock
from vedette.store import Store

pytestmark = pytest.mark.anyio

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
GENERATION = GenerationId("mod_" + "0" * 26)


def change(sequence: int) -> Hops:
    stamps = SignalStamps(cause="sig_1", observed_at=NOW, ingested_at=NOW, ingested_ns=1_000)
    return Hops(
        sequence=sequence,
        epoch=1,
        generation_id=GENERATION,
        device_id=DeviceId("pump-7"),
        module_id=ModuleId("filter"),
        stamps=stamps,
        decided_at=NOW,
        decided_ns=2_000,
        sent_at=NOW,
        sent_ns=3_000,
    )


def enforced(sequence: int) -> Enforced:
    return Enforced(generation_id=GENERATION, sequence=sequence, sessions_cut=1, received_ns=4_000, enforced_ns=5_000)


@pytest.fixture
def organization_id() -> OrganizationId:
    return OrganizationId(RandomIds(SystemClock()).new("org"))


async def restarted(store: Store, organization_id: OrganizationId, boot_id: str = "boot-a") -> HopLog:
    log = HopLog()
    await HopKeeper(organization_id, log, store, boot_id=boot_id).load()
    return log


async def test_hops_outlive_a_restart_with_what_gateways_told_later(
    store: Store, organization_id: OrganizationId
) -> None:
    log = HopLog()
    keeper = HopKeeper(organization_id, log, store, boot_id="boot-a")
    assert await keeper.load() == 0
    log.add(change(7))
    assert await keeper.keep() == 1
    log.note("gateway-1", "boot-a", enforced(7), NOW)
    assert await keeper.keep() == 1
    assert await keeper.keep() == 0
    after = await restarted(store, organization_id)
    assert after.get(7) == log.get(7)
    assert after.latest_of(GENERATION) == log.get(7)
    after.note("gateway-2", "boot-a", enforced(7), NOW)
    found = after.get(7)
    assert found is not None
    assert list(found.enforced) == ["gateway-1", "gateway-2"]


async def test_stamps_of_a_former_boot_take_no_more_of_this_one(store: Store, organization_id: OrganizationId) -> None:
    log = HopLog()
    log.add(change(7))
    await HopKeeper(organization_id, log, store, boot_id="boot-a").keep()
    after = await restarted(store, organization_id, boot_id="boot-b")
    after.note("gateway-1", "boot-b", enforced(7), NOW)
    found = after.get(7)
    assert found is not None
    assert found.enforced == {}


async def test_only_the_latest_are_kept(
    store: Store, organization_id: OrganizationId, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "CHANGES_MAX", 3)
    log = HopLog()
    keeper = HopKeeper(organization_id, log, store, boot_id="boot-a")
    for sequence in range(1, 8):
        log.add(change(sequence))
        await keeper.keep()
    query = sa.select(table.c.sequence).where(table.c.organization_id == organization_id).order_by(table.c.sequence)
    assert await store.read(lambda connection: list(connection.execute(query).scalars())) == [5, 6, 7]
    assert list((await restarted(store, organization_id)).changes) == [5, 6, 7]


async def test_what_cannot_be_read_is_passed_over(store: Store, organization_id: OrganizationId) -> None:
    rows = [{"organization_id": organization_id, "sequence": 1, "hops": b"\xff nonsense"}]
    await store.write(lambda tx: tx.connection.execute(table.insert(), rows))
    assert list((await restarted(store, organization_id)).changes) == []
