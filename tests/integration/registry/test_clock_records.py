"""The time on record is the floor of the clock, across restarts."""

from __future__ import annotations

from datetime import timedelta

import pytest
from identity_house import ACTOR, IdentityHouse

from vedette.registry import ClockGuard, ClockJumped, NewDevice, ReasonMissing, accept_clock, observe_records
from vedette.simulation import ManualClock


async def restarted(house: IdentityHouse, clock: ManualClock) -> ClockGuard:
    guard = ClockGuard(clock)
    await observe_records(guard, house.ledger, house.organization_id)
    return guard


@pytest.mark.anyio
async def test_an_empty_ledger_holds_nothing(house: IdentityHouse, clock: ManualClock) -> None:
    (await restarted(house, clock)).check()


@pytest.mark.anyio
async def test_a_clock_set_back_while_control_was_down_is_held_at_the_next_start(
    house: IdentityHouse, clock: ManualClock
) -> None:
    await house.devices.create(house.organization_id, NewDevice(device_id="pump-7"), actor=ACTOR)
    clock.jump(timedelta(days=-1))
    with pytest.raises(ClockJumped):
        (await restarted(house, clock)).check()
    # A restricting act in the meantime must not lower the floor.
    await house.devices.disable(house.organization_id, "pump-7", actor=ACTOR, reason="lost")
    with pytest.raises(ClockJumped):
        (await restarted(house, clock)).check()
    clock.jump(timedelta(days=1))
    (await restarted(house, clock)).check()


@pytest.mark.anyio
async def test_an_operators_word_lowers_the_floor_for_good_and_is_on_record(
    house: IdentityHouse, clock: ManualClock
) -> None:
    clock.jump(timedelta(days=400))
    house.guard.accept()
    await house.devices.create(house.organization_id, NewDevice(device_id="pump-7"), actor=ACTOR)
    clock.jump(timedelta(days=-400))
    guard = await restarted(house, clock)
    with pytest.raises(ClockJumped):
        guard.check()
    with pytest.raises(ReasonMissing):
        await accept_clock(guard, house.store, house.ledger, house.organization_id, actor=ACTOR, reason="")
    await accept_clock(guard, house.store, house.ledger, house.organization_id, actor=ACTOR, reason="battery was dead")
    guard.check()
    (await restarted(house, clock)).check()
    entry = (await house.ledger.entries(house.organization_id))[-1]
    assert (entry.action, entry.reason, entry.actor) == ("registry.accept_clock", "battery was dead", ACTOR)
