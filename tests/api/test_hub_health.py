"""What the status tells of the hub: identities that several clients use, and keys that end soon."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
from credential_house import CredentialHouse
from identity_house import ACTOR, ManualClock, running_signer

from vedette.access import QuarantineService
from vedette.api.hub_health import HubHealth
from vedette.bus.contract import ReportClone
from vedette.kernel import OrganizationId, RandomIds, SystemClock
from vedette.messaging import CloneAlerts
from vedette.store import Store

pytestmark = pytest.mark.anyio


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[CredentialHouse]:
    clock = ManualClock(SystemClock().now())
    store = await asyncio.to_thread(Store.open, f"sqlite:///{tmp_path / 'hub.db'}", clock=clock, reserve_bytes=0)
    await asyncio.to_thread(store.migrate)
    with running_signer(OrganizationId(RandomIds(clock).new("org"))) as signer:
        house = CredentialHouse(store, signer, clock)
        await house.administrator.start()
        yield house
        await house.close()
        await store.close()


async def told(health: HubHealth) -> dict[str, tuple[str, str]]:
    return {each.name: (each.health, each.detail) for each in await health.read()}


async def test_keys_that_end_soon_and_copied_identities_are_told(house: CredentialHouse) -> None:
    alerts = CloneAlerts(house.store, house.ledger, clock=house.clock, ids=RandomIds(house.clock))
    ids = RandomIds(house.clock)
    quarantines = QuarantineService(house.store, house.ledger, house.register, house.guard, clock=house.clock, ids=ids)
    health = HubHealth(house.organization_id, alerts, house.keys, quarantines, clock=house.clock)
    device = (await house.device("meter-1")).device
    fine = ("ok", "")
    assert await told(health) == {"identities": fine, "quarantine": fine, "symmetric keys": fine}

    house.manual.advance(timedelta(days=77))
    state, detail = (await told(health))["symmetric keys"]
    assert state == "warning"
    assert detail.startswith("2 ended, or end within 14 days; the first at ")

    report = ReportClone(
        organization_id=house.organization_id,
        gateway="gateway-1",
        generation_id=device.generation_id,
        takeovers=10,
        window_s=10,
        remote_addresses=["127.0.0.1"],
        certificate_sha256=[],
    )
    await alerts.report(report)
    assert (await told(health))["identities"] == ("warning", "1 identity is used by several clients at once")
    (alert,) = (await alerts.list(house.organization_id)).items
    await alerts.acknowledge(house.organization_id, alert.alert_id, actor=ACTOR, reason="our own copy")
    assert (await told(health))["identities"] == ("ok", "")
    await quarantines.quarantine(house.organization_id, "meter-1", reason="odd", actor=ACTOR)
    assert (await told(health))["quarantine"] == ("ok", "")
    house.manual.advance(timedelta(days=7))
    assert (await told(health))["quarantine"] == ("warning", "1 device in quarantine is to be looked at again")
