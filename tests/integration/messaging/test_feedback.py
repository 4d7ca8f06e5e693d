"""Feedback on real databases: read by position, taken away in locked batches, bounded by age and number."""

from __future__ import annotations

from datetime import timedelta

import pytest
from identity_house import ACTOR
from messaging_room import ORGANIZATION, MessagingRoom

from vedette.messaging import Ack, CommandSettings, FeedbackLockLost, InvalidCursor, MessagingSettings, Outcome
from vedette.simulation import ManualClock
from vedette.store import Store

MINUTE = timedelta(minutes=1)


@pytest.fixture
async def room(store: Store, clock: ManualClock) -> MessagingRoom:
    limits = MessagingSettings(commands=CommandSettings(feedback_records=6, feedback_batch=2))
    opened = MessagingRoom(store, clock, settings=limits)
    await opened.create("pump-7")
    return opened


async def purge(room: MessagingRoom, *message_ids: str) -> None:
    for message_id in message_ids:
        await room.send("pump-7", message_id=message_id, ack=Ack.FULL)
    await room.desk.commands.purge(ORGANIZATION, "pump-7", actor=ACTOR)


async def listed(room: MessagingRoom, after: int = 0) -> list[tuple[int, str]]:
    page = await room.desk.feedback.list(ORGANIZATION, after=after)
    return [(each.position, each.message_id) for each in page.items]


@pytest.mark.anyio
async def test_pages_follow_each_other_by_position(room: MessagingRoom) -> None:
    await purge(room, "a", "b", "c")
    first = await room.desk.feedback.list(ORGANIZATION, limit=2)
    assert [each.message_id for each in first.items] == ["a", "b"]
    assert first.next == 2
    (last,) = (await room.desk.feedback.list(ORGANIZATION, after=2, limit=2)).items
    assert (last.message_id, last.outcome, last.device_id) == ("c", Outcome.PURGED, "pump-7")
    assert last.description
    assert not await listed(room, after=3)
    for after, limit in ((-1, 1), (2**63, 1), (0, 0), (0, 1001)):
        with pytest.raises(InvalidCursor):
            await room.desk.feedback.list(ORGANIZATION, after=after, limit=limit)


@pytest.mark.anyio
async def test_the_oldest_goes_when_there_is_too_much_and_no_position_is_used_twice(room: MessagingRoom) -> None:
    await purge(room, *"abcdef")
    await purge(room, "g", "h")
    assert await listed(room) == [(3, "c"), (4, "d"), (5, "e"), (6, "f"), (7, "g"), (8, "h")]


@pytest.mark.anyio
async def test_what_is_old_goes(room: MessagingRoom, clock: ManualClock) -> None:
    await purge(room, "a")
    clock.advance(timedelta(hours=47))
    await purge(room, "b")
    assert await room.desk._upkeep.sweep() == 0
    assert len(await listed(room)) == 2
    clock.advance(timedelta(hours=1, seconds=1))
    await room.desk._upkeep.sweep()
    assert await listed(room) == [(2, "b")]
    clock.advance(timedelta(days=3))
    await room.desk._upkeep.sweep()
    assert not await listed(room)
    await purge(room, "c")
    assert await listed(room) == [(3, "c")]


@pytest.mark.anyio
async def test_a_batch_belongs_to_one_consumer_until_its_time_is_over(room: MessagingRoom, clock: ManualClock) -> None:
    await purge(room, "a", "b", "c")
    first, second = await room.desk.feedback.take(ORGANIZATION), await room.desk.feedback.take(ORGANIZATION)
    assert first is not None
    assert second is not None
    assert [each.message_id for each in first.items] == ["a", "b"]
    assert [each.message_id for each in second.items] == ["c"]
    assert await room.desk.feedback.take(ORGANIZATION) is None
    await room.desk.feedback.complete(ORGANIZATION, second.lock)
    clock.advance(MINUTE)
    with pytest.raises(FeedbackLockLost):
        await room.desk.feedback.complete(ORGANIZATION, first.lock)
    again = await room.desk.feedback.take(ORGANIZATION)
    assert again is not None
    assert again.items == first.items
    assert again.lock != first.lock
    with pytest.raises(FeedbackLockLost):
        await room.desk.feedback.complete(ORGANIZATION, first.lock)
    await room.desk.feedback.complete(ORGANIZATION, again.lock)
    with pytest.raises(FeedbackLockLost):
        await room.desk.feedback.complete(ORGANIZATION, again.lock)
    assert await room.desk.feedback.take(ORGANIZATION) is None
    assert len(await listed(room)) == 3  # readers by position still see it


@pytest.mark.anyio
async def test_an_abandoned_batch_is_for_the_next(room: MessagingRoom) -> None:
    await purge(room, "a")
    first = await room.desk.feedback.take(ORGANIZATION)
    assert first is not None
    await room.desk.feedback.abandon(ORGANIZATION, first.lock)
    with pytest.raises(FeedbackLockLost):
        await room.desk.feedback.abandon(ORGANIZATION, first.lock)
    again = await room.desk.feedback.take(ORGANIZATION)
    assert again is not None
    assert again.items == first.items


@pytest.mark.anyio
async def test_what_is_no_lock_is_refused(room: MessagingRoom) -> None:
    for lock in ("", "a\0b", "x" * 100, "lck_" + "0" * 26):
        with pytest.raises(FeedbackLockLost):
            await room.desk.feedback.complete(ORGANIZATION, lock)
        with pytest.raises(FeedbackLockLost):
            await room.desk.feedback.abandon(ORGANIZATION, lock)
