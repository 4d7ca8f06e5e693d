"""Presence on its way to the registry: batched, the last word wins, what fails waits."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import pytest

from vedette.kernel import GenerationId, OrganizationId
from vedette.messaging.presence_feed import BATCH, PresenceFeed
from vedette.registry import PresenceChange
from vedette.simulation import ManualClock, SequentialIds
from vedette.store import StoreUnavailable

IDS = SequentialIds()
ORGANIZATION = OrganizationId(IDS.new("org"))
PUMP, METER = GenerationId(IDS.new("dev")), GenerationId(IDS.new("dev"))
NOW = ManualClock().now()


class Records:
    """Presence in memory, which can be away."""

    def __init__(self) -> None:
        self.batches: list[list[PresenceChange]] = []
        self.kept: list[set[str]] = []
        self.is_away = False

    async def note(self, organization_id: OrganizationId, changes: Sequence[PresenceChange]) -> None:
        if self.is_away:
            raise StoreUnavailable("away")
        self.batches.append(list(changes))

    async def keep_only(
        self, organization_id: OrganizationId, connected: Collection[GenerationId], *, reason: str
    ) -> int:
        if self.is_away:
            raise StoreUnavailable("away")
        self.kept.append(set(connected))
        return 1


def change(generation_id: str, *, is_connected: bool = True, reason: str = "", client: str = "") -> PresenceChange:
    return PresenceChange(
        generation_id=GenerationId(generation_id),
        is_connected=is_connected,
        gateway="gateway-1",
        changed_at=NOW,
        reason=reason,
        client=client,
    )


@pytest.mark.anyio
async def test_the_last_word_of_each_identity_is_written_once() -> None:
    records = Records()
    feed = PresenceFeed(ORGANIZATION, records)
    feed.note(change(PUMP, client="paho"))
    feed.note(change(METER))
    feed.note(change(PUMP, is_connected=False, reason="bye"))
    assert feed.pending == 2
    await feed.flush()
    assert records.batches == [[change(METER), change(PUMP, is_connected=False, reason="bye", client="paho")]]
    assert feed.pending == 0
    await feed.flush()
    assert len(records.batches) == 1


@pytest.mark.anyio
async def test_large_batches_are_parted() -> None:
    records = Records()
    feed = PresenceFeed(ORGANIZATION, records)
    for number in range(BATCH * 2 + 1):
        feed.note(change(f"dev_{number}"))
    await feed.flush()
    assert [len(batch) for batch in records.batches] == [BATCH, BATCH, 1]


@pytest.mark.anyio
async def test_what_cannot_be_written_waits_for_the_next_time() -> None:
    records = Records()
    feed = PresenceFeed(ORGANIZATION, records)
    feed.note(change(PUMP))
    feed.keep_only([PUMP])
    records.is_away = True
    for _ in range(2):
        with pytest.raises(StoreUnavailable):
            await feed.flush()
    feed.note(change(PUMP, is_connected=False))
    records.is_away = False
    await feed.flush()
    assert records.kept == [{PUMP}]
    assert records.batches == [[change(PUMP, is_connected=False)]]


@pytest.mark.anyio
async def test_survivors_are_counted_when_they_are_written() -> None:
    records = Records()
    feed = PresenceFeed(ORGANIZATION, records)
    connected = {PUMP: None}
    feed.keep_only(connected.keys())
    connected[METER] = None
    await feed.flush()
    await feed.flush()
    assert records.kept == [{PUMP, METER}]


@pytest.mark.anyio
async def test_nothing_more_is_written_of_what_was_deleted() -> None:
    records = Records()
    feed = PresenceFeed(ORGANIZATION, records)
    feed.note(change(PUMP))
    feed.forget(PUMP)
    feed.note(change(PUMP, is_connected=False))
    await feed.flush()
    assert not records.batches
