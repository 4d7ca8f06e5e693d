"""The table of live sessions under changes, silence, stale records and jumping clocks."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from vedette.bus.contract import DesiredChanged, Enforced, InvokeMethod, SessionOpened
from vedette.gateway import SessionSettings
from vedette.gateway.clones import CloneWatch, Suspicion
from vedette.gateway.peer import Peer
from vedette.gateway.sessions import SessionTable
from vedette.kernel import DeviceId, GenerationId, OrganizationId
from vedette.simulation import ManualClock
from vedette.trust import (
    EMPTY_ROOT,
    SCHEMA_VERSION,
    Credentials,
    FailureMode,
    Head,
    Health,
    Lifecycle,
    Placement,
    PostureRecord,
    PostureView,
    Quarantine,
    RecordSigner,
    Registration,
    Section,
    TrustAnchor,
)

ORGANIZATION = OrganizationId("org_1")
START = datetime(2026, 1, 1, tzinfo=UTC)
SIGNER = RecordSigner(Ed25519PrivateKey.generate())


def new_record(name: str = "pump-7", sequence: int = 1, mode: FailureMode = FailureMode.HOLD_LAST) -> PostureRecord:
    registration = Registration(
        lifecycle=Lifecycle.ACTIVE, is_enabled=True, is_blocked=False, failure_mode=mode, hold_s=60
    )
    return PostureRecord(
        schema=SCHEMA_VERSION,
        organization_id=ORGANIZATION,
        generation_id=GenerationId(f"dev_{name}"),
        kind="device",
        device_id=DeviceId(name),
        module_id=None,
        epoch=1,
        sequence=sequence,
        issued_at=START,
        expires_at=None,
        registration=Section(owner="registry", revision=1, observed_at=START, value=registration),
        credentials=Section(owner="pki", revision=1, observed_at=START, value=Credentials()),
        placement=Section(owner="registry", revision=1, observed_at=START, value=Placement()),
        health=Section(owner="health", revision=1, observed_at=START, value=Health()),
        quarantine=Section(owner="access", revision=1, observed_at=START, value=Quarantine()),
        exceptions=Section(owner="access", revision=1, observed_at=START, value=()),
    )


class Session:
    """A session that notes what happens to it; it is permitted while ``is_permitted``."""

    def __init__(self, table: SessionTable, record: PostureRecord, *, session_id: str = "ses_1") -> None:
        self.record = record
        self.peer = Peer(remote_address=f"192.0.2.{session_id.removeprefix('ses_')}")
        self.generation_id: str = record.generation_id
        self.name: tuple[str, str | None] = (record.device_id, None)
        self.session_id = session_id
        self.opened_at_ms = 1000
        self.valid_until_s: float | None = None
        self.deadline_s: float | None = None
        self.is_permitted = True
        self.has_hours = False
        self.decided = 0
        self.refreshed = 0
        self.end = ""
        self._table = table
        table.add(self)

    def decide_again(self, record: PostureRecord | None, received_s: float | None) -> bool:
        del received_s
        self.record = record or self.record
        self.decided += 1
        if not self.is_permitted:
            self.cut("disabled")
        return self.is_permitted

    def is_time_bound(self) -> bool:
        return self.has_hours

    def refresh_deadline(self) -> None:
        self.refreshed += 1

    def cut(self, reason: str, hint: str = "") -> None:
        del hint
        self._close(f"cut: {reason}")

    def displace(self) -> None:
        self._close("displaced")

    def fall_silent(self) -> None:
        self._close("silent")

    def stop(self) -> None:
        self._close("stopped")

    def commands_ready(self) -> bool:
        return False

    def invoke(self, call: InvokeMethod) -> None:
        raise NotImplementedError

    def desired_changed(self, change: DesiredChanged) -> None:
        raise NotImplementedError

    def _close(self, end: str) -> None:
        self.end = end
        self._table.remove(self)


class Room:
    """A table with its clock, its view and what it said."""

    def __init__(self) -> None:
        self.clock = ManualClock(START)
        anchor = TrustAnchor(
            schema=1,
            organization_id=ORGANIZATION,
            hostnames=("localhost",),
            id_scope="0ne",
            administrator_key=SIGNER.public_key,
            root_certificate="",
        )
        self.view = PostureView(anchor, "policy", self.clock)
        self.enforced: list[Enforced] = []
        self.suspicions: list[Suspicion] = []
        self.clones = CloneWatch(SessionSettings(), self.clock, self.suspicions.append)
        self.table = SessionTable(SessionSettings(), self.clones, self.view, self.clock, self.enforced.append)
        self.beat()

    def beat(self) -> None:
        """Let a fresh head come in."""
        head = Head(
            schema=SCHEMA_VERSION,
            organization_id=ORGANIZATION,
            epoch=1,
            sequence=0,
            root_hash=EMPTY_ROOT,
            policy_hash="policy",
            issued_at=self.clock.now(),
        )
        self.view.accept_head(SIGNER.sign_head(head))

    def pass_time(self, seconds: int, *, with_heads: bool = True) -> None:
        for _ in range(seconds):
            self.clock.advance(timedelta(seconds=1))
            if with_heads:
                self.beat()
            self.table.sweep()


@pytest.fixture
def room() -> Room:
    return Room()


def test_a_change_decides_the_session_again_and_says_so(room: Room) -> None:
    session = Session(room.table, new_record())
    room.table.apply(new_record(sequence=2), received_s=room.clock.monotonic_s())
    assert (session.decided, session.record.sequence, session.end) == (1, 2, "")
    session.is_permitted = False
    room.table.apply(new_record(sequence=3), received_s=room.clock.monotonic_s())
    assert session.end == "cut: disabled"
    assert [(one.sequence, one.sessions_cut) for one in room.enforced] == [(2, 0), (3, 1)]


def test_an_older_record_decides_nothing(room: Room) -> None:
    session = Session(room.table, new_record(sequence=5))
    for sequence in (4, 5):
        room.table.apply(new_record(sequence=sequence), received_s=0)
    assert session.decided == 0
    raised = msgspec.structs.replace(new_record(sequence=1), epoch=2)
    room.table.apply(raised, received_s=0)
    assert session.decided == 1


def test_a_change_of_an_identity_without_session_is_acknowledged_too(room: Room) -> None:
    room.table.apply(new_record("other"), received_s=1)
    assert [(one.generation_id, one.sessions_cut) for one in room.enforced] == [("dev_other", 0)]


def test_one_identity_has_one_session(room: Room) -> None:
    first = Session(room.table, new_record(), session_id="ses_1")
    second = Session(room.table, new_record(), session_id="ses_2")
    assert (first.end, second.end, len(room.table)) == ("displaced", "", 1)
    room.table.remove(first)
    assert room.table.get("dev_pump-7") == second


def test_take_overs_are_damped_within_their_window_and_only_for_that_identity(room: Room) -> None:
    for number in range(11):
        assert not room.clones.is_damped(("pump-7", None))
        Session(room.table, new_record(), session_id=f"ses_{number}")
    assert room.clones.is_damped(("pump-7", None))
    assert not room.clones.is_damped(("pump-8", None))
    room.pass_time(11)
    assert not room.clones.is_damped(("pump-7", None))


def test_a_newer_session_elsewhere_ends_ours_and_an_older_one_does_not(room: Room) -> None:
    session = Session(room.table, new_record(), session_id="ses_5")
    now_ms = session.opened_at_ms = int(room.clock.now().timestamp() * 1000)

    def elsewhere(session_id: str, opened_at_ms: int) -> None:
        opened = SessionOpened(generation_id="dev_pump-7", session_id=session_id, opened_at_ms=opened_at_ms)
        room.table.opened_elsewhere(opened)

    elsewhere("ses_9", now_ms - 1)
    elsewhere("ses_4", now_ms)
    elsewhere("ses_5", now_ms)
    assert session.end == ""
    elsewhere("ses_6", now_ms)
    assert session.end == "displaced"
    elsewhere("ses_6", now_ms + 1)


def test_a_gateway_whose_clock_is_behind_takes_over_all_the_same(room: Room) -> None:
    session = Session(room.table, new_record(), session_id="ses_5")
    session.opened_at_ms = int(room.clock.now().timestamp() * 1000)
    room.pass_time(3)
    opened = SessionOpened(generation_id="dev_pump-7", session_id="ses_1", opened_at_ms=session.opened_at_ms - 600_000)
    room.table.opened_elsewhere(opened)
    assert session.end == "displaced"


def test_silence_and_the_end_of_validity_are_found_by_the_sweep(room: Room) -> None:
    quiet, ending = Session(room.table, new_record("quiet")), Session(room.table, new_record("ending"))
    quiet.deadline_s = room.clock.monotonic_s() + 2
    ending.valid_until_s = room.clock.monotonic_s() + 2
    room.pass_time(1)
    assert (quiet.end, ending.decided) == ("", 0)
    room.pass_time(2)
    assert (quiet.end, ending.decided) == ("silent", 2)


def test_stale_records_end_each_class_in_its_way(room: Room) -> None:
    closed = Session(room.table, new_record("closed", mode=FailureMode.FAIL_CLOSED))
    hold = Session(room.table, new_record("hold", mode=FailureMode.HOLD_LAST))
    essential = Session(room.table, new_record("essential", mode=FailureMode.ESSENTIAL))
    room.pass_time(3, with_heads=False)
    assert closed.end == ""
    room.pass_time(2, with_heads=False)
    assert (closed.end, hold.end) == ("cut: stale_posture", "")
    room.pass_time(60, with_heads=False)
    assert (hold.end, essential.end) == ("cut: stale_posture", "")
    room.pass_time(3600, with_heads=False)
    assert essential.end == ""


def test_fresh_heads_start_the_count_anew(room: Room) -> None:
    hold = Session(room.table, new_record("hold"))
    for _ in range(5):
        room.pass_time(50, with_heads=False)
        room.beat()
        room.pass_time(2)
    assert hold.end == ""


def test_a_jump_of_the_wall_clock_ends_nobody_until_it_has_stood_for_a_while(room: Room) -> None:
    session = Session(room.table, new_record())
    session.valid_until_s = room.clock.monotonic_s() + 10_000
    room.clock.jump(timedelta(days=365))
    room.pass_time(1, with_heads=False)
    assert (session.end, session.decided, session.refreshed) == ("", 0, 0)
    for _ in range(298):
        room.clock.advance(timedelta(seconds=1))
        room.beat()
        room.table.sweep()
    assert session.refreshed == 0
    room.pass_time(3)
    assert session.refreshed == 1


def test_a_slow_drift_is_no_jump(room: Room) -> None:
    session = Session(room.table, new_record())
    for _ in range(400):
        room.clock.jump(timedelta(milliseconds=500))
        room.pass_time(1)
    assert session.refreshed == 0


def test_stopping_ends_every_session(room: Room) -> None:
    sessions = [Session(room.table, new_record(f"dev-{number}")) for number in range(3)]
    room.table.stop()
    assert [session.end for session in sessions] == ["stopped"] * 3
    assert len(room.table) == 0


def test_at_the_turn_of_the_minute_only_those_are_asked_whom_the_hour_concerns(room: Room) -> None:
    bound, free = Session(room.table, new_record("bound")), Session(room.table, new_record("free"))
    bound.has_hours = True
    room.table.decide_all_again(lambda work: work(), time_bound_only=True)
    assert (bound.decided, free.decided) == (1, 0)
    room.table.decide_all_again(lambda work: work(), time_bound_only=False)
    assert (bound.decided, free.decided) == (2, 1)


def test_a_session_that_ended_while_its_turn_came_is_not_asked(room: Room) -> None:
    session = Session(room.table, new_record())
    turns: list[Callable[[], None]] = []
    room.table.decide_all_again(turns.append, time_bound_only=False)
    session.cut("disabled")
    for turn in turns:
        turn()
    assert session.decided == 0


def test_after_a_jump_of_the_clock_the_hour_ends_no_session(room: Room) -> None:
    session = Session(room.table, new_record())
    session.has_hours = True
    room.clock.jump(timedelta(hours=3))
    room.table.sweep()
    room.table.decide_all_again(lambda work: work(), time_bound_only=True)
    assert session.decided == 0
