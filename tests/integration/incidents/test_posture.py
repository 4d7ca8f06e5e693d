"""From an alert to the posture of the devices behind it: they are narrowed at once, and never cut by an alert alone."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime, timedelta

import pytest
from alert_house import AlertHouse
from identity_house import ACTOR, RunningSigner
from response_house import ResponseHouse

from vedette.access import QuarantineMode
from vedette.incidents import ALARM, NOTICE, Effect, NewException, Pattern, Verdict
from vedette.kernel import SystemClock
from vedette.simulation import ManualClock
from vedette.store import Store
from vedette.trust import (
    PolicyEngine,
    PostureRecord,
    PresentedCredential,
    SessionContext,
    decide_action,
    decide_session,
    default_bundle,
)

pytestmark = pytest.mark.anyio

HELD_BACK = ("sendTelemetry", "receiveCommand", "receiveMethod", "uploadFile", "releaseKey")
ENGINE = PolicyEngine(default_bundle())
SESSION = SessionContext(tls_version="TLSv1.3", remote_address="10.0.0.9")
LEFT = ("renewCertificate", "reportHealth", "reportProperties", "readTwin", "downloadUpdate")


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(SystemClock().now())


@pytest.fixture
async def house(store: Store, signer_process: RunningSigner, clock: ManualClock) -> AsyncIterator[AlertHouse]:
    opened = ResponseHouse(store, signer_process, clock)
    await opened.administrator.start()
    yield AlertHouse(opened)
    await opened.close()


def allowed(record: PostureRecord, now: datetime) -> set[str]:
    """Return what a live session may do under the policies of a new installation; a session that ended may nothing."""
    presented = PresentedCredential(
        sha256="a" * 64,
        sha1="",
        not_before=now - timedelta(days=1),
        not_after=now + timedelta(days=1),
        key_algorithm="EC",
        key_bits=256,
    )
    decision = decide_session(ENGINE, record, presented, SESSION, now)
    if decision.grant is None:
        return set()
    grant = decision.grant
    return {"connect"} | {each for each in (*HELD_BACK, *LEFT) if decide_action(ENGINE, grant, each).is_permitted}


async def test_a_spoofed_neighbour_keeps_its_session(house: AlertHouse, clock: ManualClock) -> None:
    """Whoever writes a neighbour's address into frames may get it narrowed for an hour, and never cut off."""
    await house.manage("10.0.0.9", "station-1")
    assert allowed(await house.house.record("station-1"), clock.now()) == {"connect", *HELD_BACK, *LEFT}
    for number in range(40):
        await house.raised(id=f"a-{number}", severity="critical", engine="malware", rule=f"malware.r{number}")
    record = await house.house.record("station-1")
    assert allowed(record, clock.now()) == {"connect", *LEFT}
    health = record.health.known(clock.now())
    assert health is not None
    assert (health.risk_level, [each.finding_class for each in health.findings]) == ("medium", [ALARM])
    assert not (await house.house.quarantines.list(house.organization_id)).items
    clock.advance(timedelta(minutes=61))
    await house.house.signals.end_expired(house.organization_id)
    assert allowed(await house.house.record("station-1"), clock.now()) == {"connect", *HELD_BACK, *LEFT}


async def test_a_stopped_controller_and_who_stopped_it_are_narrowed_at_once(
    house: AlertHouse, clock: ManualClock
) -> None:
    await house.manage("10.0.0.9", "station-1")
    await house.manage("10.0.0.2", "plc-2")
    alert = await house.raised()
    assert alert.signaled_at == clock.now()
    for name in ("station-1", "plc-2"):
        assert allowed(await house.house.record(name), clock.now()) == {"connect", *LEFT}
    # The operator is offered the cut, and takes it.
    await house.house.quarantines.quarantine(
        house.organization_id, "station-1", reason="it was taken over", actor=ACTOR, mode=QuarantineMode.CUT
    )
    assert allowed(await house.house.record("station-1"), clock.now()) == set()


async def test_who_is_scanned_has_done_nothing(house: AlertHouse, clock: ManualClock) -> None:
    await house.manage("10.0.0.9", "station-1")
    await house.manage("10.0.0.2", "plc-2")
    await house.raised(rule="scan.ports", technique="T0846", engine="anomaly", severity="medium")
    [signal] = (await house.house.signals.report(house.organization_id, "station-1")).signals
    assert (signal.signal_class, signal.detail["rule"]) == (NOTICE, "scan.ports")
    assert allowed(await house.house.record("station-1"), clock.now()) == {"connect", *HELD_BACK, *LEFT}
    assert not (await house.house.signals.report(house.organization_id, "plc-2")).signals


async def test_what_is_hidden_or_authorized_narrows_nobody(house: AlertHouse, clock: ManualClock) -> None:
    await house.manage("10.0.0.9", "station-1")
    hiding = NewException(
        pattern=Pattern(rules=("ot.controller_stop",)),
        effect=Effect.MUTE,
        reason="tests",
        owner="line 4",
        ends_at=clock.now() + timedelta(hours=1),
    )
    await house.exceptions.make(house.organization_id, hiding, actor=ACTOR)
    await house.raised()
    assert not (await house.house.signals.report(house.organization_id, "station-1")).signals


async def test_an_alert_that_goes_on_is_told_again_before_its_signal_ends(
    house: AlertHouse, clock: ManualClock
) -> None:
    await house.manage("10.0.0.9", "station-1")
    await house.raised()
    for times in range(2, 9):
        clock.advance(timedelta(minutes=12))
        await house.hear(house.record(times=times, last_at=int(clock.now().timestamp() * 1000)))
        await house.house.signals.end_expired(house.organization_id)
    assert allowed(await house.house.record("station-1"), clock.now()) == {"connect", *LEFT}


async def test_closing_the_last_alert_as_harmless_can_give_a_device_its_rights_back(
    house: AlertHouse, clock: ManualClock
) -> None:
    await house.manage("10.0.0.9", "station-1")
    first, second = await house.raised(), await house.raised(id="a-2")
    closed = []
    for alert, withdrawn in ((first, 0), (second, 1)):
        closed = await house.alerts.close(
            house.organization_id, [alert.alert_id], verdict=Verdict.FALSE_POSITIVE, actor=ACTOR, reason="a test"
        )
        assert await house.alerts.restore(house.organization_id, closed, actor=ACTOR, reason="a test") == withdrawn
    assert allowed(await house.house.record("station-1"), clock.now()) == {"connect", *HELD_BACK, *LEFT}


async def test_a_device_that_is_deleted_leaves_its_alerts(house: AlertHouse) -> None:
    end = await house.manage("10.0.0.9", "station-1")
    alert = await house.raised()
    await house.house.devices.delete(house.organization_id, "station-1", actor=ACTOR, reason="gone")
    left = await house.alerts.get(house.organization_id, alert.alert_id)
    assert (left.source.generation_id, left.source.device_id) == ("", "station-1")
    again = await house.raised(id="a-2")
    assert again.source == end, "an inventory that is behind loses no alert"
