from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import timedelta
from functools import partial

import pytest
import sqlalchemy as sa

from vedette.kernel import RandomIds, SystemClock
from vedette.ledger import Actor, Entry, EntryFilter, Event, InvalidEntry, Ledger, verify_database
from vedette.store import Store, StoreUnavailable, Transaction

Append = Callable[..., int]
pytestmark = pytest.mark.anyio


def fail_after(append: Append, tx: Transaction, number: int) -> None:
    append(tx, number)
    raise LookupError(number)


async def test_positions_follow_the_order_of_commit_without_gaps(
    store: Store, ledger: Ledger, append: Append, store_url: str
) -> None:
    work = [
        store.write(partial(fail_after, append, number=n) if n % 7 == 3 else partial(append, number=n))
        for n in range(60)
    ]
    results = await asyncio.gather(*work, return_exceptions=True)
    kept = [number for number, result in enumerate(results) if not isinstance(result, LookupError)]
    records = await ledger.entries("org_a")
    assert [record.position for record in records] == list(range(1, len(kept) + 1))
    assert [record.details["number"] for record in records] == kept
    assert await ledger.size("org_a") == len(kept)
    (report,) = await asyncio.to_thread(verify_database, store_url)
    assert report.is_intact


async def test_several_entries_of_one_transaction_keep_their_order(
    store: Store, ledger: Ledger, append: Append
) -> None:
    def work(tx: Transaction) -> None:
        for number in range(5):
            append(tx, number, tells=number % 2 == 0)

    await store.write(work)
    await store.write(work)
    records = await ledger.entries("org_a")
    assert [record.details["number"] for record in records] == [0, 1, 2, 3, 4] * 2
    events = await ledger.events("org_a")
    assert [event.position for event in events] == [1, 3, 5, 6, 8, 10]
    assert [event.subject for event in events[:3]] == ["dev_0", "dev_2", "dev_4"]
    assert {event.event_id for event in events} == {record.event.id for record in records if record.event}


async def test_each_organization_has_a_log_of_its_own(
    store: Store, ledger: Ledger, append: Append, store_url: str
) -> None:
    def work(tx: Transaction) -> None:
        for number in range(6):
            append(tx, number, "org_a" if number % 3 else "org_b")

    await store.write(work)
    assert [record.details["number"] for record in await ledger.entries("org_a")] == [1, 2, 4, 5]
    assert [record.position for record in await ledger.entries("org_b")] == [1, 2]
    reports = await asyncio.to_thread(verify_database, store_url)
    assert [(report.organization_id, report.size, report.is_intact) for report in reports] == [
        ("org_a", 4, True),
        ("org_b", 2, True),
    ]
    assert await ledger.entries("org_c") == ()
    assert await ledger.size("org_c") == 0


async def test_an_entry_that_is_refused_takes_its_change_with_it_and_no_other(
    store: Store, ledger: Ledger, append: Append
) -> None:
    def refuse(tx: Transaction) -> None:
        append(tx, 1)
        ledger.append(
            tx, Entry(organization_id="org_a", actor=Actor("system", "x"), action="a.b", target="t", reason="\0")
        )

    results = await asyncio.gather(
        store.write(partial(append, number=0)),
        store.write(refuse),
        store.write(partial(append, number=2)),
        return_exceptions=True,
    )
    assert isinstance(results[1], InvalidEntry)
    assert [record.details["number"] for record in await ledger.entries("org_a")] == [0, 2]


async def test_projections_run_in_the_transaction_that_appends(store: Store, ledger: Ledger, append: Append) -> None:
    table = sa.Table("projected", sa.MetaData(), sa.Column("subject", sa.String(64), primary_key=True))
    await store.write(lambda tx: table.create(tx.connection))

    def project(tx: Transaction, event: Event) -> None:
        if event.generation_id == "dev_2":
            raise LookupError("no projection of this one")
        tx.connection.execute(table.insert().values(subject=event.generation_id))

    ledger.project("posture", project)
    with pytest.raises(ValueError, match="already"):
        ledger.project("posture", project)
    results = await asyncio.gather(
        *(store.write(partial(append, number=n, tells=n != 3)) for n in range(4)), return_exceptions=True
    )
    assert isinstance(results[2], LookupError)
    assert await store.read(lambda connection: sorted(connection.execute(sa.select(table)).scalars())) == [
        "dev_0",
        "dev_1",
    ]
    assert [record.details["number"] for record in await ledger.entries("org_a")] == [0, 1, 3]


async def test_listeners_hear_of_each_commit_that_adds_and_of_no_other(
    store: Store, ledger: Ledger, append: Append
) -> None:
    heard: list[int] = []
    ledger.on_growth(lambda: heard.append(1))
    await store.write(lambda _: None)
    with pytest.raises(LookupError):
        await store.write(partial(fail_after, append, number=1))
    assert heard == []
    await store.write(partial(append, number=1))
    assert heard == [1]


async def test_lists_go_on_by_position_and_filter(store: Store, ledger: Ledger) -> None:
    def work(tx: Transaction) -> None:
        for number in range(20):
            ledger.append(
                tx,
                Entry(
                    organization_id="org_a",
                    actor=Actor("operator", f"person {number % 2}"),
                    action="room.act" if number % 4 else "room.other",
                    target=f"dev_{number % 5}",
                    decision="denied" if number == 7 else "allowed",
                ),
            )

    await store.write(work)
    seen: list[int] = []
    while page := await ledger.entries("org_a", after=seen[-1] if seen else 0, limit=7):
        seen.extend(record.position for record in page)
    assert seen == list(range(1, 21))

    async def positions(matching: EntryFilter) -> list[int]:
        return [record.position for record in await ledger.entries("org_a", matching=matching)]

    assert await positions(EntryFilter(target="dev_1")) == [2, 7, 12, 17]
    assert await positions(EntryFilter(actor_id="person 1", action="room.other")) == []
    assert await positions(EntryFilter(action="room.other")) == [1, 5, 9, 13, 17]
    assert await positions(EntryFilter(decision="denied")) == [8]
    now = SystemClock().now()
    assert len(await positions(EntryFilter(since=now - timedelta(hours=1), until=now + timedelta(hours=1)))) == 20
    assert await positions(EntryFilter(until=now - timedelta(hours=1))) == []
    assert await ledger.entries("org_a", limit=0) == ()


async def test_a_flush_that_fails_fails_the_group_and_the_log_stays_whole(
    store: Store, ledger: Ledger, append: Append, store_url: str
) -> None:
    await store.write(partial(append, number=0))
    # A row in the way of the next position, as only damage can put one there.
    copy = sa.text(
        "INSERT INTO ledger_entries SELECT organization_id, 2, at, actor_kind, actor_id, action, target, decision, "
        "body, leaf_hash FROM ledger_entries"
    )
    await store.write(lambda tx: tx.connection.execute(copy))
    with pytest.raises(StoreUnavailable):
        await store.write(partial(append, number=1))
    await store.write(lambda tx: tx.connection.execute(sa.text("DELETE FROM ledger_entries WHERE position = 2")))
    await store.write(partial(append, number=2))
    assert [record.details["number"] for record in await ledger.entries("org_a")] == [0, 2]
    (report,) = await asyncio.to_thread(verify_database, store_url)
    assert report.is_intact


async def test_two_control_processes_share_one_log(postgresql_url: str) -> None:
    clock = SystemClock()
    stores = [await asyncio.to_thread(Store.open, postgresql_url, clock=clock) for _ in range(2)]
    # Both migrate at once, as two processes that start together do.
    await asyncio.gather(*(asyncio.to_thread(store.migrate) for store in stores))
    ledgers = [Ledger(store, clock=clock, ids=RandomIds(clock)) for store in stores]

    def append(ledger: Ledger, number: int, tx: Transaction) -> None:
        entry = Entry(organization_id="org_a", actor=Actor("system", "x"), action="a.b", target=f"t_{number}")
        ledger.append(tx, entry)

    await asyncio.gather(
        *(store.write(partial(append, ledgers[which], n)) for n in range(40) for which, store in enumerate(stores))
    )
    records = await ledgers[0].entries("org_a")
    assert [record.position for record in records] == list(range(1, 81))
    (report,) = await asyncio.to_thread(verify_database, postgresql_url)
    assert report.is_intact
    for store in stores:
        await store.close()
