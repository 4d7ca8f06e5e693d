"""What an enforcement point believes: forged, replayed, older or missing statements never open a door."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from posture import NOW, POLICY_HASH, Administrator, asked, make_record

from vedette.kernel import DeviceId, OrganizationId
from vedette.simulation import ManualClock
from vedette.trust import CLOCK_SKEW_LIMIT, STALE_AFTER_S, PostureView, Replayed, Untrusted

SECOND = timedelta(seconds=1)


class Point:
    """A view with the administrator it believes, and a clock to move."""

    def __init__(self, **options: Any) -> None:
        self.clock = ManualClock(NOW)
        self.pa = Administrator()
        self.view = PostureView(self.pa.anchor(), POLICY_HASH, self.clock, **options)

    def tick(self) -> None:
        """Let a second pass and the head of it arrive."""
        self.clock.advance(SECOND)
        self.view.accept_head(self.pa.signed_head(self.clock.now()))


@pytest.fixture
def point() -> Point:
    started = Point()
    started.pa.change()
    started.tick()
    return started


def test_before_the_first_head_everything_is_stale() -> None:
    point = Point()
    assert point.view.is_stale()
    assert point.view.stale_for_s() == float("inf")
    point.tick()
    assert not point.view.is_stale()


def test_a_head_grows_stale_after_its_time(point: Point) -> None:
    point.clock.advance(timedelta(seconds=STALE_AFTER_S))
    assert not point.view.is_stale()
    point.clock.advance(timedelta(milliseconds=1))
    assert point.view.is_stale()


def test_a_wall_clock_that_jumps_makes_no_old_head_fresh(point: Point) -> None:
    point.clock.advance(timedelta(seconds=STALE_AFTER_S + 1))
    point.clock.jump(timedelta(seconds=-STALE_AFTER_S - 1))
    assert point.view.is_stale()


@pytest.mark.parametrize("drift", [CLOCK_SKEW_LIMIT, -CLOCK_SKEW_LIMIT])
def test_a_head_far_from_our_own_clock_is_not_believed(point: Point, drift: timedelta) -> None:
    one_more = SECOND if drift > timedelta() else -SECOND
    with pytest.raises(Untrusted):
        point.view.accept_head(point.pa.signed_head(point.clock.now() + drift + one_more))


@pytest.mark.parametrize(
    ("case", "changes"),
    [
        ("the very same", {}),
        ("an older time", {"issued_at": NOW}),
        ("a lower sequence", {"sequence": 0, "issued_at": NOW + 2 * SECOND}),
        ("a lower epoch", {"epoch": 0, "issued_at": NOW + 2 * SECOND}),
    ],
)
def test_a_head_is_believed_once_and_never_an_older_one(point: Point, case: str, changes: dict[str, Any]) -> None:
    with pytest.raises(Replayed):
        point.view.accept_head(point.pa.signed_head(point.clock.now(), **changes))


@pytest.mark.parametrize("read", ["accept_head", "accept_change"])
def test_statements_of_another_administrator_or_organization_are_not_believed(point: Point, read: str) -> None:
    other = Administrator()
    foreign = OrganizationId("org_" + "1" * 26)
    later = point.clock.now() + SECOND
    forged = {"accept_head": other.signed_head(later), "accept_change": other.change()}
    moved = {
        "accept_head": point.pa.signed_head(later, organization_id=foreign),
        "accept_change": point.pa.change(organization_id=foreign),
    }
    for statement in (forged[read], moved[read]):
        with pytest.raises(Untrusted):
            getattr(point.view, read)(statement)


def test_changes_in_their_order_leave_no_gap(point: Point) -> None:
    for _ in range(3):
        point.view.accept_change(point.pa.change())
    point.tick()
    assert (point.view.sequence, point.view.has_gap, point.view.is_stale()) == (4, False, False)


def test_a_change_is_applied_once(point: Point) -> None:
    change = point.pa.change()
    point.view.accept_change(change)
    with pytest.raises(Replayed):
        point.view.accept_change(change)


def test_a_change_of_a_lower_epoch_is_refused(point: Point) -> None:
    with pytest.raises(Replayed):
        point.view.accept_change(point.pa.change(epoch=0))


def test_a_missing_change_is_seen_at_the_next_one_and_is_stale(point: Point) -> None:
    point.pa.change()
    record = point.view.accept_change(point.pa.change())
    assert record.sequence == 3
    assert point.view.has_gap
    assert point.view.is_stale()


def test_a_missing_change_is_seen_at_the_next_head(point: Point) -> None:
    point.pa.change()
    point.tick()
    assert point.view.has_gap


def test_a_change_that_was_swapped_for_another_is_seen_by_the_root(point: Point) -> None:
    point.pa.change()
    hidden = Administrator(key=point.pa.key)
    hidden.sequence = 1
    point.view.accept_change(hidden.change(device_id=DeviceId("other")))
    assert not point.view.has_gap
    point.tick()
    assert point.view.has_gap


def test_a_resync_closes_the_gap(point: Point) -> None:
    point.pa.change()
    latest = point.pa.change()
    point.view.accept_change(latest)
    point.clock.advance(SECOND)
    head = point.pa.signed_head(point.clock.now())
    (record,) = point.view.accept_resync([latest], head, is_complete=True)
    assert record.sequence == 3
    assert (point.view.has_gap, point.view.is_stale(), point.view.sequence) == (False, False, 3)
    point.view.accept_change(point.pa.change())
    assert not point.view.has_gap


def test_a_resync_in_pages_stays_stale_until_the_last(point: Point) -> None:
    changes = [point.pa.change() for _ in range(4)]
    head = point.pa.signed_head(point.clock.now())
    point.view.accept_resync(changes[:2], head, is_complete=False)
    assert (point.view.is_stale(), point.view.sequence) == (True, 3)
    point.view.accept_resync(changes[2:], head, is_complete=True)
    assert (point.view.is_stale(), point.view.sequence) == (False, 5)


@pytest.mark.parametrize("wrong", ["forged record", "forged head", "older head"])
def test_a_resync_that_cannot_be_believed_leaves_the_gap(point: Point, wrong: str) -> None:
    old_head = point.pa.signed_head(point.clock.now(), sequence=0)
    point.pa.change()
    latest = point.pa.change()
    point.view.accept_change(latest)
    other = Administrator()
    records = [other.change()] if wrong == "forged record" else [latest]
    heads = {"forged head": other.signed_head(point.clock.now()), "older head": old_head}
    with pytest.raises(Untrusted):
        point.view.accept_resync(records, heads.get(wrong, point.pa.signed_head(point.clock.now())), is_complete=True)
    assert point.view.is_stale()


def raise_epoch(point: Point) -> list[bytes]:
    """Restore: every record is written anew under the next epoch."""
    point.pa.epoch += 1
    return [point.pa.change() for _ in range(4)]


def test_a_new_epoch_is_stale_until_everything_was_read_again(point: Point) -> None:
    rewritten = raise_epoch(point)
    point.tick()
    assert point.view.has_gap
    point.view.accept_resync(rewritten, point.pa.signed_head(point.clock.now()), is_complete=True)
    assert not point.view.is_stale()


def test_a_resync_in_pages_after_a_new_epoch_asks_on_where_the_last_page_ended(point: Point) -> None:
    rewritten = raise_epoch(point)
    head = point.pa.signed_head(point.clock.now())
    point.view.accept_resync(rewritten[:2], head, is_complete=False)
    assert point.view.head is not None
    assert (point.view.head.epoch, point.view.sequence) == (2, 3)
    point.view.accept_resync(rewritten[2:], head, is_complete=True)
    assert not point.view.is_stale()


def test_another_policy_bundle_than_ours_is_stale(point: Point) -> None:
    point.clock.advance(SECOND)
    point.view.accept_head(point.pa.signed_head(point.clock.now(), policy_hash="f" * 64))
    assert point.view.is_stale()


# --- heads that come late -----------------------------------------------------------------------------------------


def late_head(point: Point, *, by: timedelta) -> bytes:
    """Let a second pass; return the head that was said so long ago."""
    point.clock.advance(SECOND)
    return point.pa.signed_head(point.clock.now() - by)


def test_heads_that_all_come_late_leave_the_records_stale(point: Point) -> None:
    for _ in range(10):
        point.tick()
    point.clock.advance(timedelta(seconds=STALE_AFTER_S + 1))
    for _ in range(5):
        point.view.accept_head(late_head(point, by=timedelta(seconds=STALE_AFTER_S + 1)))
        assert point.view.is_late
        assert point.view.is_stale()
    point.tick()
    assert not point.view.is_late
    assert not point.view.is_stale()


def test_a_resync_that_comes_late_is_no_fresher(point: Point) -> None:
    old = point.pa.signed_head(point.clock.now())
    point.clock.advance(timedelta(seconds=STALE_AFTER_S + 1))
    point.view.accept_resync([], old, is_complete=True)
    assert (point.view.is_late, point.view.is_stale()) == (True, True)


def test_after_a_clock_was_set_back_an_answer_to_our_question_tells_the_new_measure(point: Point) -> None:
    back = timedelta(seconds=30)
    point.clock.advance(SECOND)
    point.view.accept_resync([], point.pa.signed_head(point.clock.now() - back), is_complete=True)
    assert point.view.is_late
    request = asked(asked_s=point.clock.monotonic_s())
    point.clock.advance(SECOND / 10)
    point.view.accept_opening(point.pa.opening(None, point.clock.now() - back), request)
    point.clock.advance(SECOND)
    point.view.accept_head(point.pa.signed_head(point.clock.now() - back))
    assert (point.view.is_late, point.view.is_stale()) == (False, False)


def test_an_answer_that_took_as_long_as_the_heads_excuses_nothing(point: Point) -> None:
    slow = timedelta(seconds=STALE_AFTER_S + 1)
    point.clock.advance(slow)
    point.view.accept_head(late_head(point, by=slow))
    request, said = asked(asked_s=point.clock.monotonic_s()), point.clock.now() + slow
    point.clock.advance(2 * slow)
    point.view.accept_opening(point.pa.opening(None, said), request)
    point.view.accept_head(late_head(point, by=slow))
    assert point.view.is_stale()


# --- openings ----------------------------------------------------------------------------------------------------


def test_an_answer_to_our_question_is_believed(point: Point) -> None:
    opening = point.view.accept_opening(point.pa.opening(make_record(), point.clock.now()), asked())
    assert opening.record == make_record()


def test_an_answer_that_there_is_no_such_identity_is_believed(point: Point) -> None:
    assert point.view.accept_opening(point.pa.opening(None, point.clock.now()), asked()).record is None


@pytest.mark.parametrize(
    ("case", "changes"),
    [
        ("another nonce", {"nonce": b"x" * 16}),
        ("another name", {"device_id": "pump-8"}),
        ("another module", {"module_id": "camera"}),
        ("a record of another name", {"record": make_record(device_id=DeviceId("pump-8"))}),
        ("a record of another module", {"record": make_record(module_id="camera")}),
        ("a record of another organization", {"record": make_record(organization_id="org_" + "1" * 26)}),
        ("a record of another epoch", {"record": make_record(epoch=2)}),
    ],
)
def test_an_answer_to_another_question_is_not_believed(point: Point, case: str, changes: dict[str, Any]) -> None:
    fields = {"record": make_record(), **changes}
    answer = point.pa.opening(fields.pop("record"), point.clock.now(), **fields)
    with pytest.raises(Untrusted):
        point.view.accept_opening(answer, asked())


def test_an_answer_with_an_older_head_than_one_seen_is_a_replay(point: Point) -> None:
    stale_answer = point.pa.opening(make_record(), point.clock.now())
    point.view.accept_change(point.pa.change())
    point.tick()
    with pytest.raises(Replayed):
        point.view.accept_opening(stale_answer, asked())


def test_an_answer_far_from_our_own_clock_is_not_believed(point: Point) -> None:
    old = point.pa.opening(make_record(), point.clock.now() - CLOCK_SKEW_LIMIT - SECOND)
    with pytest.raises(Untrusted):
        point.view.accept_opening(old, asked())


# --- the floor of an earlier run ---------------------------------------------------------------------------------


def test_nothing_older_than_the_kept_head_is_believed_after_a_restart(point: Point) -> None:
    again = PostureView(point.pa.anchor(), POLICY_HASH, point.clock, floor=point.view.head)
    assert again.is_stale()
    with pytest.raises(Replayed):
        again.accept_head(point.pa.signed_head(point.clock.now() + SECOND, sequence=0))
    point.clock.advance(SECOND)
    again.accept_head(point.pa.signed_head(point.clock.now()))
    assert not again.is_stale()
