"""Quarantine on real databases: into it at once and in every state, out of it by people and step by step."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from identity_house import ACTOR, RunningSigner
from response_house import ResponseHouse

from vedette.access import (
    BlastRadius,
    InvalidQuarantine,
    NotQuarantined,
    PeopleOnly,
    Quarantined,
    QuarantineMode,
    QuarantineStep,
    RecheckFailed,
)
from vedette.kernel import SystemClock
from vedette.ledger import Actor
from vedette.registry import ClockJumped, PresenceChange, ReasonMissing, TransitionNotAllowed
from vedette.simulation import ManualClock
from vedette.store import Store
from vedette.trust import Lifecycle, PostureRecord, Provenance, Quarantine

pytestmark = pytest.mark.anyio

ROBOT = Actor("service", "playbook-1")
COLLEAGUE = Actor("operator", "colleague")
LIMITED, PROBATION, CUT = QuarantineMode.LIMITED, QuarantineMode.PROBATION, QuarantineMode.CUT


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(SystemClock().now())


@pytest.fixture
async def house(store: Store, signer_process: RunningSigner, clock: ManualClock) -> AsyncIterator[ResponseHouse]:
    opened = ResponseHouse(store, signer_process, clock, BlastRadius(share=0.5, floor=2, per_source=3))
    await opened.administrator.start()
    yield opened
    await opened.close()


async def put(
    house: ResponseHouse,
    name: str = "pump-7",
    mode: QuarantineMode = LIMITED,
    actor: Actor = ACTOR,
    *,
    is_override: bool = False,
) -> Quarantined:
    return await house.quarantines.quarantine(
        house.organization_id, name, reason="it beacons", actor=actor, mode=mode, is_override=is_override
    )


def section(record: PostureRecord) -> Quarantine:
    assert record.quarantine.value is not None
    return record.quarantine.value


async def test_a_quarantine_is_in_the_record_with_all_its_particulars(house: ResponseHouse, clock: ManualClock) -> None:
    await house.active()
    await put(house)
    found = section(house.published[-1])
    assert (found.is_quarantined, found.mode, found.reason, found.source) == (
        True,
        "limited",
        "it beacons",
        "operator:ops",
    )
    assert (found.since, found.review_at) == (clock.now(), clock.now() + timedelta(days=7))
    assert not found.is_cut
    assert (await house.devices.get(house.organization_id, "pump-7")).lifecycle is Lifecycle.QUARANTINED


async def test_it_is_never_lifted_by_the_clock(house: ResponseHouse, clock: ManualClock) -> None:
    await house.active()
    await put(house)
    clock.advance(timedelta(days=30))
    await house.administrator.rewrite_all()
    assert section(await house.record()).is_quarantined
    due = await house.quarantines.list(house.organization_id, is_due=True)
    assert [each.device_id for each in due.items] == ["pump-7"]


async def test_the_whole_way_back(house: ResponseHouse) -> None:
    await house.active()
    signal = (await house.tell()).signal
    await put(house, mode=CUT)
    assert section(house.published[-1]).is_cut
    step = house.quarantines.recover
    assert (await step(house.organization_id, "pump-7", actor=ACTOR, reason="cleaned")).mode is LIMITED
    with pytest.raises(RecheckFailed):
        await step(house.organization_id, "pump-7", actor=ACTOR, reason="cleaned")
    await house.signals.withdraw(house.organization_id, "pump-7", None, signal.signal_id, actor=ACTOR, reason="healed")
    with pytest.raises(QuarantineStep):
        await house.quarantines.sign_off(house.organization_id, "pump-7", actor=ACTOR, reason="fine")
    assert (await step(house.organization_id, "pump-7", actor=ACTOR, reason="cleaned")).mode is PROBATION
    assert section(house.published[-1]).mode == "probation"
    with pytest.raises(QuarantineStep):
        await step(house.organization_id, "pump-7", actor=ACTOR, reason="more")
    device = await house.quarantines.sign_off(
        house.organization_id, "pump-7", actor=COLLEAGUE, reason="a week of quiet"
    )
    assert device.lifecycle is Lifecycle.ACTIVE
    assert not section(house.published[-1]).is_quarantined
    names = [each.name for each in await house.events() if each.name.startswith("access.")]
    assert names == [
        "access.device_quarantined",
        "access.quarantine_eased",
        "access.quarantine_eased",
        "access.device_released",
    ]


async def test_probation_ends_at_once_when_the_worst_is_heard(house: ResponseHouse) -> None:
    await house.active()
    await put(house)
    await house.quarantines.recover(house.organization_id, "pump-7", actor=ACTOR, reason="cleaned")
    await house.tell()
    assert section(house.published[-1]).mode == "limited"
    with pytest.raises(QuarantineStep):
        await house.quarantines.sign_off(house.organization_id, "pump-7", actor=ACTOR, reason="fine")


async def test_what_anybody_could_say_does_not_keep_a_device_in(house: ResponseHouse) -> None:
    await house.active()
    await put(house)
    await house.tell(provenance=Provenance.SPOOFABLE)
    eased = await house.quarantines.recover(house.organization_id, "pump-7", actor=ACTOR, reason="cleaned")
    assert eased.mode is PROBATION


@pytest.mark.parametrize("lifecycle", [Lifecycle.MADE, Lifecycle.ACTIVE])
async def test_undoing_brings_a_device_back_to_where_it_was(house: ResponseHouse, lifecycle: Lifecycle) -> None:
    if lifecycle is Lifecycle.ACTIVE:
        await house.active()
    else:
        await house.device("pump-7")
    await put(house)
    device = await house.quarantines.release(house.organization_id, "pump-7", actor=ACTOR, reason="wrong device")
    assert device.lifecycle is lifecycle
    assert not section(await house.record()).is_quarantined
    with pytest.raises(NotQuarantined):
        await house.quarantines.get(house.organization_id, "pump-7")


async def test_no_program_leads_a_device_out(house: ResponseHouse) -> None:
    await house.active()
    await put(house, actor=ROBOT)
    for act in (house.quarantines.recover, house.quarantines.sign_off, house.quarantines.release):
        with pytest.raises(PeopleOnly):
            await act(house.organization_id, "pump-7", actor=ROBOT, reason="done")


async def test_widening_waits_for_a_clock_that_is_believed_and_restricting_does_not(
    house: ResponseHouse, clock: ManualClock
) -> None:
    await house.active()
    clock.jump(timedelta(hours=3))
    await put(house, mode=CUT)
    with pytest.raises(ClockJumped):
        await house.quarantines.recover(house.organization_id, "pump-7", actor=ACTOR, reason="cleaned")
    with pytest.raises(ClockJumped):
        await house.quarantines.release(house.organization_id, "pump-7", actor=ACTOR, reason="wrong")


async def test_a_quarantine_on_top_of_another_never_leaves_more(house: ResponseHouse) -> None:
    await house.active()
    await put(house, mode=CUT)
    assert (await put(house)).mode is CUT
    count = len(await house.acts())
    await put(house, mode=CUT)
    assert len(await house.acts()) == count


async def test_the_lifecycle_leads_there_and_back_too(house: ResponseHouse) -> None:
    await house.active()
    await house.devices.move(house.organization_id, "pump-7", Lifecycle.QUARANTINED, actor=ACTOR, reason="odd")
    found = section(house.published[-1])
    assert (found.is_quarantined, found.mode, found.reason, found.source) == (True, "limited", "odd", "lifecycle")
    await house.devices.move(house.organization_id, "pump-7", Lifecycle.ACTIVE, actor=ACTOR, reason="fine")
    assert not section(house.published[-1]).is_quarantined


async def test_modules_are_quarantined_with_their_device(house: ResponseHouse) -> None:
    await house.active()
    await house.module("camera")
    await put(house, mode=CUT)
    assert section(await house.record(module="camera")).is_cut


async def test_a_spent_budget_of_a_source_narrows_and_says_so(house: ResponseHouse) -> None:
    for number in range(4):
        await house.active(f"pump-{number}")
        done = await put(house, f"pump-{number}", CUT, ROBOT)
    assert done.mode is LIMITED
    assert "service:playbook-1" in done.narrowed_because
    assert section(house.published[-1]).mode == "limited"


async def test_the_budget_is_there_again_after_an_hour(house: ResponseHouse, clock: ManualClock) -> None:
    for number in range(3):
        await house.active(f"pump-{number}")
        await put(house, f"pump-{number}", CUT, ROBOT)
    clock.advance(timedelta(minutes=61))
    await house.active("pump-3")
    assert (await put(house, "pump-3", CUT, ROBOT)).mode is CUT


async def test_half_a_site_is_enough_unless_a_person_insists(house: ResponseHouse) -> None:
    for number in range(5):
        await house.active(f"pump-{number}", site="north")
    for number in range(2):
        assert (await put(house, f"pump-{number}", CUT)).mode is CUT
    assert (await put(house, "pump-2", CUT)).mode is LIMITED
    assert (await put(house, "pump-2", CUT, is_override=True)).mode is CUT


async def test_the_last_connected_gateway_of_a_site_is_narrowed(house: ResponseHouse, clock: ManualClock) -> None:
    generations = {}
    for name in ("gate-1", "gate-2"):
        generations[name] = (await house.active(name, site="north", device_class="gateway")).generation_id
    connected = [
        PresenceChange(generation_id=each, is_connected=True, gateway="gateway-1", changed_at=clock.now())
        for each in generations.values()
    ]
    await house.presence.note(house.organization_id, connected)
    assert (await put(house, "gate-1", CUT)).mode is CUT
    gone = PresenceChange(
        generation_id=generations["gate-1"], is_connected=False, gateway="gateway-1", changed_at=clock.now()
    )
    await house.presence.note(house.organization_id, [gone])
    done = await put(house, "gate-2", CUT)
    assert done.mode is LIMITED
    assert "last connected gateway" in done.narrowed_because


async def test_a_critical_device_is_cut_by_two_people(house: ResponseHouse) -> None:
    await house.active(device_class="critical")
    asked = await put(house, mode=CUT, is_override=True)
    assert (asked.mode, asked.waits_for_second_person) == (LIMITED, True)
    approve = house.quarantines.approve
    with pytest.raises(PeopleOnly):
        await approve(house.organization_id, "pump-7", actor=ACTOR, reason="yes")
    with pytest.raises(PeopleOnly):
        await approve(house.organization_id, "pump-7", actor=ROBOT, reason="yes")
    waiting = await house.quarantines.list(house.organization_id, waits_for_approval=True)
    assert [each.device_id for each in waiting.items] == ["pump-7"]
    assert (await approve(house.organization_id, "pump-7", actor=COLLEAGUE, reason="yes")).mode is CUT
    assert section(house.published[-1]).is_cut
    with pytest.raises(QuarantineStep):
        await approve(house.organization_id, "pump-7", actor=COLLEAGUE, reason="yes")


async def test_what_is_outside_its_limits_is_refused(house: ResponseHouse, clock: ManualClock) -> None:
    await house.active()
    where = {"reason": "odd", "actor": ACTOR}
    with pytest.raises(ReasonMissing):
        await house.quarantines.quarantine(house.organization_id, "pump-7", reason=" ", actor=ACTOR)
    for wrong in (
        {"mode": PROBATION},
        {"review_at": clock.now()},
        {"review_at": clock.now() + timedelta(days=366)},
        {"source": "a b"},
    ):
        with pytest.raises(InvalidQuarantine):
            await house.quarantines.quarantine(house.organization_id, "pump-7", **where, **wrong)  # type: ignore[arg-type] # what is refused
    await house.devices.retire(house.organization_id, "pump-7", actor=ACTOR, reason="old")
    with pytest.raises(TransitionNotAllowed):
        await put(house)


async def test_a_deleted_device_leaves_no_quarantine_to_its_namesake(house: ResponseHouse) -> None:
    await house.active()
    await put(house)
    await house.devices.delete(house.organization_id, "pump-7", actor=ACTOR, reason="sold")
    await house.active()
    assert not section(await house.record()).is_quarantined


async def test_who_is_quarantined_may_renew_unless_cut(house: ResponseHouse) -> None:
    device = await house.device("pump-7")
    await house.devices.move(house.organization_id, "pump-7", Lifecycle.ONBOARDED, actor=ACTOR, reason="")
    await put(house)
    assert not await house.devices.may_renew(house.organization_id, device.generation_id)
    assert await house.quarantines.may_renew(house.organization_id, device.generation_id)
    await put(house, mode=CUT)
    assert not await house.quarantines.may_renew(house.organization_id, device.generation_id)
