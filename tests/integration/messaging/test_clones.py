"""Clone alerts on real databases: one for each identity, merged, acknowledged, opened again by new evidence."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from identity_house import ACTOR
from messaging_room import GATEWAY, ORGANIZATION, MessagingRoom

from vedette.kernel import InvalidId
from vedette.messaging import CloneAlert, CloneAlertNotFound, IdentityNotFound, InvalidCursor, InvalidRequest
from vedette.registry import ReasonMissing
from vedette.simulation import ManualClock


async def only(room: MessagingRoom) -> CloneAlert:
    (alert,) = (await room.desk.clones.list(ORGANIZATION)).items
    return alert


@pytest.mark.anyio
async def test_reports_of_one_identity_become_one_alert(room: MessagingRoom, clock: ManualClock) -> None:
    pump = await room.create("pump-7")
    await room.report_clone(pump)
    first = await only(room)
    assert first.is_open
    assert (first.device_id, first.module_id, first.reports, first.takeovers) == ("pump-7", None, 1, 5)
    assert first.is_same_certificate
    clock.advance(timedelta(minutes=1))
    await room.report_clone(
        pump, gateway="gateway-2", takeovers=7, remote_addresses=["192.0.2.2", "192.0.2.3"], certificate_sha256=[]
    )
    merged = await only(room)
    assert merged.alert_id == first.alert_id
    assert merged.first_seen_at == first.first_seen_at
    assert merged.last_seen_at == clock.now()
    assert (merged.reports, merged.takeovers) == (2, 12)
    assert list(merged.gateways) == [GATEWAY, "gateway-2"]
    assert list(merged.remote_addresses) == ["192.0.2.1", "192.0.2.2", "192.0.2.3"]
    assert list(merged.certificate_sha256) == ["a" * 64]
    assert await room.events() == ["messaging.clone_suspected"]
    assert await room.acts() == ["messaging.suspect_clone"]
    assert await room.desk.clones.count_open(ORGANIZATION) == 1


@pytest.mark.anyio
async def test_evidence_is_bounded_and_the_latest_is_kept(room: MessagingRoom) -> None:
    pump = await room.create("pump-7")
    for number in range(10):
        addresses = [f"192.0.2.{number * 8 + each}" for each in range(8)]
        await room.report_clone(pump, remote_addresses=addresses)
    alert = await only(room)
    assert len(alert.remote_addresses) == 32
    assert alert.remote_addresses[-1] == "192.0.2.79"


@pytest.mark.anyio
async def test_an_acknowledged_alert_opens_again_on_new_evidence(room: MessagingRoom, clock: ManualClock) -> None:
    pump = await room.create("pump-7")
    await room.report_clone(pump)
    alert_id = (await only(room)).alert_id
    with pytest.raises(ReasonMissing):
        await room.desk.clones.acknowledge(ORGANIZATION, alert_id, actor=ACTOR, reason=" ")
    closed = await room.desk.clones.acknowledge(ORGANIZATION, alert_id, actor=ACTOR, reason="two of one image")
    assert not closed.is_open
    assert (closed.acknowledged_by, closed.acknowledged_reason) == ("operator:ops", "two of one image")
    assert closed.acknowledged_at == clock.now()
    again = await room.desk.clones.acknowledge(ORGANIZATION, alert_id, actor=ACTOR, reason="once more")
    assert again == closed
    assert await room.desk.clones.count_open(ORGANIZATION) == 0
    await room.report_clone(pump)
    opened = await room.desk.clones.get(ORGANIZATION, alert_id)
    assert opened.is_open
    assert opened.acknowledged_reason == "two of one image"  # what was said last stays to be read
    assert await room.acts() == [
        "messaging.suspect_clone",
        "messaging.acknowledge_clone_alert",
        "messaging.suspect_clone",
    ]
    told = [each for each in await room.ledger.events(ORGANIZATION) if each.name == "messaging.clone_suspected"]
    assert [each.data["is_reopened"] for each in told] == [False, True]


@pytest.mark.anyio
async def test_alerts_are_listed_youngest_first(room: MessagingRoom, clock: ManualClock) -> None:
    for number in range(3):
        await room.report_clone(await room.create(f"pump-{number}"))
        clock.advance(timedelta(seconds=1))
    first = await room.desk.clones.list(ORGANIZATION, limit=2)
    assert [each.device_id for each in first.items] == ["pump-2", "pump-1"]
    assert first.next == first.items[-1].alert_id
    last = await room.desk.clones.list(ORGANIZATION, after=first.next or "", limit=2)
    assert [each.device_id for each in last.items] == ["pump-0"]
    assert last.next is None
    await room.desk.clones.acknowledge(ORGANIZATION, first.items[0].alert_id, actor=ACTOR, reason="seen")
    is_open = {flag: await room.desk.clones.list(ORGANIZATION, is_open=flag) for flag in (True, False)}
    assert [each.device_id for each in is_open[True].items] == ["pump-1", "pump-0"]
    assert [each.device_id for each in is_open[False].items] == ["pump-2"]
    for after, limit in (("nonsense", 1), ("", 0), ("", 1001)):
        with pytest.raises(InvalidCursor):
            await room.desk.clones.list(ORGANIZATION, after=after, limit=limit)


@pytest.mark.anyio
async def test_an_alert_goes_with_its_identity(room: MessagingRoom) -> None:
    pump = await room.create("pump-7")
    logger = await room.create_module("pump-7", "logger")
    await room.report_clone(pump)
    await room.report_clone(logger)
    listed = (await room.desk.clones.list(ORGANIZATION)).items
    assert {(each.device_id, each.module_id) for each in listed} == {("pump-7", None), ("pump-7", "logger")}
    await room.delete("pump-7")
    assert not (await room.desk.clones.list(ORGANIZATION)).items
    for generation_id in (pump, logger):
        with pytest.raises(IdentityNotFound):
            await room.report_clone(generation_id)


OVER_A_LIMIT: list[dict[str, Any]] = [
    {"takeovers": -1},
    {"takeovers": 10**9},
    {"remote_addresses": ["192.0.2.1"] * 9},
    {"remote_addresses": ["x" * 65]},
    {"remote_addresses": ["\0"]},
    {"certificate_sha256": ["a" * 63]},
    {"certificate_sha256": ["A" * 64]},
    {"certificate_sha256": ["a" * 64] * 9},
    {"gateway": "g" * 65},
]


@pytest.mark.anyio
async def test_reports_are_held_against_their_limits(room: MessagingRoom) -> None:
    pump = await room.create("pump-7")
    for changes in OVER_A_LIMIT:
        with pytest.raises(InvalidRequest):
            await room.report_clone(pump, **changes)
    with pytest.raises(InvalidId):
        await room.report_clone("pump-7")
    assert not (await room.desk.clones.list(ORGANIZATION)).items


@pytest.mark.anyio
async def test_there_is_no_alert_of_another_id(room: MessagingRoom) -> None:
    for alert_id in ("", "\0", "nonsense", "aln_" + "0" * 26):
        with pytest.raises(CloneAlertNotFound):
            await room.desk.clones.get(ORGANIZATION, alert_id)
        with pytest.raises(CloneAlertNotFound):
            await room.desk.clones.acknowledge(ORGANIZATION, alert_id, actor=ACTOR, reason="seen")
