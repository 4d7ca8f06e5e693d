"""The watch over a new bundle, on a real log: what was foretold is expected, what was not takes the bundle back."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from policy_house import ANNA, House, laxer, open_policy_house, stricter
from running_bus import RunningBus

from vedette.access import PolicyWatch, Stage
from vedette.access.policy_repository import find_slices
from vedette.bus import CONTROL_USER, BusConnection
from vedette.bus.contract import DECISIONS_STREAM, DecisionRecord, decision_subject
from vedette.kernel import RandomIds, SystemClock, to_rfc3339
from vedette.messaging import DecisionReader, DecisionSearch
from vedette.registry import NewGroup
from vedette.store import Store
from vedette.trust import PostureRecord, describe_identity

FACTS: dict[str, str | int | bool] = {
    "credential": "issued",
    "credentialAgeHours": 24,
    "keyAlgorithm": "EC",
    "keyBits": 256,
    "tlsVersion": "TLSv1.3",
    "cipher": "TLS_AES_256_GCM_SHA384",
    "address": "192.0.2.7",
    "protocol": "mqtt",
    "gateway": "gateway-1",
    "isSecondLocation": False,
}


@dataclass
class Site:
    house: House
    watch: PolicyWatch
    gateway: BusConnection
    decisions: DecisionReader

    async def decide(self, record: PostureRecord, bundle: str, *, is_allowed: bool, **more: Any) -> None:
        """Store a decision as a gateway does."""
        now = SystemClock().now()
        fields: dict[str, Any] = {
            "decision_id": RandomIds(SystemClock()).new("evt"),
            "organization_id": self.house.organization_id,
            # Told in whole milliseconds: not before the change of stage that it follows.
            "decided_at": to_rfc3339(now + timedelta(milliseconds=1)),
            "gateway": "gateway-1",
            "kind": "connect" if is_allowed else "refuse",
            "effect": "allow" if is_allowed else "deny",
            "reason": "permitted" if is_allowed else "policy_denied",
            "generation_id": record.generation_id,
            "device_id": record.device_id,
            "policies": ["a-policy"],
            "bundle_sha256": bundle,
            "facts": FACTS,
            "slice_sha256": describe_identity(record, now).sha256,
            **more,
        }
        await self.gateway.jetstream_publish_wait(
            decision_subject(self.house.organization_id, record.generation_id, fields["kind"]),
            msgspec.msgpack.encode(DecisionRecord(**fields)),
            stream=DECISIONS_STREAM,
            msg_id=fields["decision_id"],
            deadline_s=30,
        )


@pytest.fixture
async def site(store: Store, tmp_path: Path, anyio_backend: str) -> AsyncIterator[Site]:
    bus = RunningBus(tmp_path)
    try:
        await bus.start_with_streams()
        control = await bus.connect(CONTROL_USER)
        decisions = DecisionReader(control)
        async with open_policy_house(store, decisions) as house:
            watch = PolicyWatch(
                house.organization_id,
                decisions,
                bundles=house.bundles,
                life=house.life,
                simulations=house.simulations,
                administrator=house.administrator,
                store=store,
                clock=SystemClock(),
            )
            async with asyncio.TaskGroup() as group:
                running = group.create_task(watch.run(), name="watch")
                yield Site(house, watch, await bus.connect("gateway-1"), decisions)
                running.cancel()
    finally:
        await bus.close()


async def until(condition: Callable[[], Any], within_s: float = 60.0) -> None:
    async with asyncio.timeout(within_s):
        while not await condition():  # noqa: ASYNC110 - another program's state
            await asyncio.sleep(0.05)


@pytest.mark.anyio
async def test_a_jump_of_refusals_takes_a_bundle_back_by_itself(site: Site) -> None:
    house = site.house
    north = [record for record in await house.add_fleet(north=8, south=2) if record.device_id.startswith("north")]
    draft = await house.bundles.add(stricter(), name="south is closed", actor=ANNA)
    assert (await house.simulate("2")).totals.newly_denied == 2
    await house.life.promote("2", actor=ANNA)
    for record in north[:3]:
        await site.decide(record, draft.stored.sha256, is_allowed=False)

    async def is_back() -> bool:
        return (await house.bundles.get("2")).stage is Stage.FORMER

    await until(is_back)
    (rolled,) = [
        entry
        for entry in await house.ledger.entries(house.organization_id, limit=1000)
        if entry.action == "access.roll_back_policies"
    ]
    assert rolled.actor.kind == "system"
    assert rolled.details["automatic"] is True
    assert "3 devices" in rolled.reason


@pytest.mark.anyio
async def test_a_canary_is_withdrawn_and_the_stable_bundle_stays(site: Site) -> None:
    house = site.house
    north = await house.add_fleet(north=4, south=0)
    await house.groups.create(house.organization_id, NewGroup(name="brave"), actor=ANNA)
    draft = await house.bundles.add(stricter(), name="south is closed", actor=ANNA)
    await house.simulate("2")
    await house.life.canary("2", "brave", actor=ANNA)
    for record in north[:3]:
        await site.decide(record, draft.stored.sha256, is_allowed=False)

    async def is_withdrawn() -> bool:
        return not (await house.bundles.staging()).canary

    await until(is_withdrawn)
    assert (await house.bundles.get("1")).stage is Stage.STABLE


@pytest.mark.anyio
async def test_refusals_that_were_foretold_take_nothing_back(site: Site) -> None:
    house = site.house
    fleet = await house.add_fleet(north=2, south=6)
    south = [record for record in fleet if record.device_id.startswith("south")]
    draft = await house.bundles.add(stricter(), name="south is closed", actor=ANNA)
    await house.simulate("2")
    await house.life.promote("2", actor=ANNA)
    for record in south:
        await site.decide(record, draft.stored.sha256, is_allowed=False)
        await site.decide(record, draft.stored.sha256, is_allowed=False)

    async def has_counted() -> bool:
        counts = site.watch.counts.get(draft.stored.sha256)
        return counts is not None and counts.denied == 12

    await until(has_counted)
    assert site.watch.counts[draft.stored.sha256].unforeseen == 0
    assert (await house.bundles.get("2")).stage is Stage.STABLE


@pytest.mark.anyio
@pytest.mark.parametrize("is_canary", [False, True])
async def test_what_was_refused_before_too_takes_nothing_back(site: Site, *, is_canary: bool) -> None:
    """Somebody who makes devices look bad must not be able to undo a policy by it."""
    house = site.house
    north = [record for record in await house.add_fleet(north=8, south=2) if record.device_id.startswith("north")]
    draft = await house.bundles.add(stricter(), name="south is closed", actor=ANNA)
    await house.simulate("2")
    if is_canary:
        await house.groups.create(house.organization_id, NewGroup(name="brave"), actor=ANNA)
        await house.life.canary("2", "brave", actor=ANNA)
    else:
        await house.life.promote("2", actor=ANNA)
    for record in north[:6]:
        await site.decide(record, draft.stored.sha256, is_allowed=False, facts={**FACTS, "tlsVersion": "TLSv1.1"})

    async def has_counted() -> bool:
        counts = site.watch.counts.get(draft.stored.sha256)
        return counts is not None and counts.denied == 6

    await until(has_counted)
    assert site.watch.counts[draft.stored.sha256].unforeseen == 0
    assert (await house.bundles.get("2")).stage is (Stage.CANARY if is_canary else Stage.STABLE)
    # The same devices, refused by the new policy alone, do.
    for record in north[:3]:
        await site.decide(record, draft.stored.sha256, is_allowed=False)

    async def is_back() -> bool:
        return (await house.bundles.get("2")).stage not in {Stage.CANARY, Stage.STABLE}

    await until(is_back)


@pytest.mark.anyio
async def test_the_shadow_counts_what_it_would_have_said(site: Site) -> None:
    house = site.house
    (record,) = await house.add_fleet(north=1, south=0)
    draft = await house.bundles.add(stricter(), name="x", actor=ANNA)
    stable = (await house.bundles.staging()).stable
    await house.life.shadow("2", actor=ANNA)
    await site.decide(record, stable, is_allowed=True, shadow="deny")

    async def has_counted() -> bool:
        counts = site.watch.counts.get(draft.stored.sha256)
        return counts is not None and counts.shadow_denies == 1

    await until(has_counted)
    assert site.watch.counts[draft.stored.sha256].samples == ["north-0"]
    page = await site.decisions.list_decisions(
        house.organization_id, search=DecisionSearch(is_shadow_different=True, policy="a-policy", bundle=stable[:8])
    )
    assert len(page.items) == 1
    nothing = DecisionSearch(since=SystemClock().now(), effect="deny")
    assert (await site.decisions.list_decisions(house.organization_id, search=nothing)).items == []


@pytest.mark.anyio
async def test_decisions_of_the_log_are_made_again_as_identities_were_then(site: Site) -> None:
    house = site.house
    fleet = await house.add_fleet(north=2, south=2)
    stable = (await house.bundles.staging()).stable
    digests = {describe_identity(record, SystemClock().now()).sha256 for record in fleet}
    for _ in range(3):
        for record in fleet:
            await site.decide(record, stable, is_allowed=True)

    async def has_slices() -> bool:
        found = await house.store.read(lambda connection: find_slices(connection, house.organization_id, list(digests)))
        return set(found) == digests

    await until(has_slices)
    await house.bundles.add(stricter(), name="south is closed", actor=ANNA)
    report = await house.simulate("2")
    assert report.assumed == 0
    assert (report.log.replayed, report.log.newly_denied, report.log.skipped) == (12, 6, 0)
    assert report.samples[0].facts["address"] == "192.0.2.7"
    await house.bundles.add(laxer(), name="laxer", actor=ANNA)
    assert (await house.simulate("3")).changed == 0
