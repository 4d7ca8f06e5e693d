"""Changes of posture reach live sessions at once, whatever gets lost, late, forged or replayed on the way."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from gateway_site import PATIENT_S, Site, be_stale_after
from mqtt_device import MqttDevice
from stand_in_control import make_certificate
from waiting import until

from vedette.bus.contract import Enforced, posture_head_subject, posture_subject
from vedette.trust import STALE_AFTER_S, FailureMode, RecordSigner

pytestmark = pytest.mark.anyio


async def test_a_disabled_device_is_cut_refused_and_comes_back_when_enabled(site: Site) -> None:
    await site.start_gateway()
    device, record = await site.connected("pump-7")
    other, _ = await site.connected("pump-8")
    changed = site.control.set_enabled(record, is_enabled=False)
    await device.wait_closed()
    again = await site.open(site.credentials["pump-7"])
    assert await again.connect("pump-7") == 3

    def told() -> list[Enforced]:
        found = [one for status in site.control.statuses for one in status.enforced]
        return [one for one in found if one.sequence == changed.sequence]

    await until(lambda: bool(told()))
    enforced = told()
    assert [(one.generation_id, one.sessions_cut) for one in enforced] == [(record.generation_id, 1)]
    assert 0 <= enforced[0].enforced_ns - enforced[0].received_ns < 20_000_000_000
    site.control.set_enabled(record, is_enabled=True)
    again = await site.open(site.credentials["pump-7"])
    assert await again.connect("pump-7") == 0
    await other.telemetry("pump-8", b"undisturbed")


async def test_a_revoked_certificate_is_cut_and_refused_for_good(site: Site) -> None:
    await site.start_gateway()
    device, record = await site.connected("pump-7")
    successor = make_certificate("pump-7", site.control.root).write(site.folder, "successor")
    site.control.permit(record, successor)
    await device.wait_closed()
    again = await site.open(site.credentials["pump-7"])
    assert await again.connect("pump-7") == 5
    again = await site.open(successor)
    assert await again.connect("pump-7") == 0


async def test_a_change_during_an_opening_wins_over_the_older_answer(site: Site) -> None:
    await site.start_gateway()
    credential, record = site.new_device("pump-7")
    site.control.hold_opening = asyncio.Event()
    device = await site.open(credential)
    connecting = asyncio.create_task(device.connect("pump-7"))
    await until(lambda: site.control.openings == 1)
    changed = site.control.set_enabled(record, is_enabled=False)
    await until(lambda: any(status.sequence >= changed.sequence for status in site.control.statuses))
    site.control.hold_opening.set()
    assert await connecting == 3


async def test_a_change_that_was_never_pushed_is_found_by_the_next_head(site: Site) -> None:
    await site.start_gateway()
    device, record = await site.connected("pump-7")
    site.control.set_enabled(record, is_enabled=False, is_pushed=False)
    await device.wait_closed()
    other, _ = await site.connected("pump-8")
    await other.telemetry("pump-8", b"x")


async def test_changes_made_while_the_bus_was_down_are_read_afterwards(site: Site) -> None:
    await site.start_gateway()
    device, record = await site.connected("pump-7")
    other, _ = await site.connected("pump-8")
    await site.bus.kill()
    site.control.set_enabled(record, is_enabled=False, is_pushed=False)
    await site.bus.start()
    await device.wait_closed()
    await other.telemetry("pump-8", b"undisturbed")


async def test_a_forged_or_replayed_record_changes_nothing(site: Site) -> None:
    await site.start_gateway()
    device, record = await site.connected("pump-7")
    control = site.control
    subject = posture_subject(control.organization_id, record.generation_id)
    enabled = control.signed[-1][2]
    forger = RecordSigner(Ed25519PrivateKey.generate())
    forged = msgspec.structs.replace(record, sequence=record.sequence + 1, expires_at=datetime.now(UTC))
    for bad in (
        forger.sign_record(forged),
        b"",
        b"\xff" * 100,
        b"x" * 200_000,
        control.signer.sign_head(control.head()),
    ):
        control.events.publish(subject, bad)
    control.events.publish(posture_head_subject(control.organization_id), forger.sign_head(control.head()))
    await device.telemetry("pump-7", b"still here")
    control.set_enabled(record, is_enabled=False)
    await device.wait_closed()
    control.events.publish(subject, enabled)
    again = await site.open(site.credentials["pump-7"])
    assert await again.connect("pump-7") == 3


async def test_a_gateway_asks_for_the_head_and_need_not_wait_for_the_next(site: Site) -> None:
    await site.stop_control()
    site.control.head_every_s = 600.0
    site.start_control()
    await site.start_gateway(within_s=60)
    device, _ = await site.connected("pump-7")
    await device.telemetry("pump-7", b"let in")


async def test_without_fresh_heads_nobody_new_comes_in_and_each_class_fails_in_its_way(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    await site.start_gateway()
    closed, _ = await site.connected("closed", failure_mode=FailureMode.FAIL_CLOSED)
    hold, _ = await site.connected("hold", failure_mode=FailureMode.HOLD_LAST, hold_s=1)
    essential, _ = await site.connected("essential", failure_mode=FailureMode.ESSENTIAL)
    be_stale_after(monkeypatch, STALE_AFTER_S)
    site.control.is_silent = True
    site.control.statuses.clear()
    await until(lambda: any(status.is_stale for status in site.control.statuses))
    await asyncio.gather(closed.wait_closed(), hold.wait_closed())
    await essential.telemetry("essential", b"x")
    stranger = await site.open(site.new_device("late")[0])
    assert await stranger.connect("late") == 3
    site.control.is_silent = False
    await site.wait_fresh()
    be_stale_after(monkeypatch, PATIENT_S)
    again = await site.open(site.credentials["closed"])
    assert await again.connect("closed") == 0


async def test_a_clock_that_was_set_back_locks_nobody_out_for_as_long(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    await site.start_gateway()
    device, _ = await site.connected("pump-7", hold_s=60)
    site.control.clock_ahead = timedelta(minutes=4)
    await site.wait_head_heard()
    be_stale_after(monkeypatch, STALE_AFTER_S)
    site.control.clock_ahead = timedelta()
    await asyncio.sleep(STALE_AFTER_S + 1)
    await site.wait_fresh()
    be_stale_after(monkeypatch, PATIENT_S)
    other, _ = await site.connected("pump-8")
    await other.telemetry("pump-8", b"x")
    await device.telemetry("pump-7", b"undisturbed")


async def test_no_session_opens_when_control_does_not_answer_or_answers_another_question(site: Site) -> None:
    site.open_timeout_s = 3.0
    await site.start_gateway()
    credential, record = site.new_device("pump-7")
    control = site.control
    honest = control.records[("pump-7", None)]
    control.records[("pump-7", None)] = msgspec.structs.replace(
        honest, device_id=control.add_device("pump-8", credential).device_id
    )
    device = await site.open(credential)
    assert await device.connect("pump-7") == 3
    control.records[("pump-7", None)] = record
    control.hold_opening = asyncio.Event()
    device = await site.open(credential)
    assert await device.connect("pump-7") == 3
    control.hold_opening.set()


async def test_an_answer_that_a_newer_head_overtook_is_asked_for_again(site: Site) -> None:
    await site.start_gateway()
    credential, _ = site.new_device("pump-7")
    site.control.hold_opening = asyncio.Event()
    device = await site.open(credential)
    connecting = asyncio.create_task(device.connect("pump-7"))
    await until(lambda: site.control.openings == 1)
    site.new_device("another")
    await site.wait_head_heard()
    site.control.hold_opening.set()
    assert await connecting == 0
    assert site.control.openings == 2


async def test_many_devices_are_cut_at_once_and_others_go_on(site: Site) -> None:
    await site.start_gateway()
    credential = make_certificate("fleet", site.control.root).write(site.folder, "fleet")
    names = [f"dev-{number}" for number in range(100)]
    records = [site.control.add_device(name, credential) for name in names]
    devices: list[MqttDevice] = []
    for name in names:
        device = await site.open(credential)
        assert await device.connect(name) == 0
        devices.append(device)
    other, _ = await site.connected("other")
    loop = asyncio.get_running_loop()
    begin = loop.time()
    for record in records:
        site.control.set_enabled(record, is_enabled=False)
    await asyncio.gather(*(device.wait_closed() for device in devices))
    assert loop.time() - begin < 20
    await other.telemetry("other", b"x")


async def test_a_restarted_gateway_believes_no_older_state(site: Site) -> None:
    await site.start_gateway()
    device, record = await site.connected("pump-7")
    site.control.set_enabled(record, is_enabled=False)
    await device.wait_closed()
    await site.wait_head_heard()  # it is the floor
    await site.stop_gateway()
    control = site.control
    control.sequence, control.records[("pump-7", None)] = 1, record
    with pytest.raises(TimeoutError):
        await site.start_gateway(within_s=2)
