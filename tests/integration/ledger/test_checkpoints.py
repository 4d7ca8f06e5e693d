from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest
import sqlalchemy as sa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from waiting import until

from vedette.kernel import Clock, SystemClock
from vedette.ledger import (
    CheckpointService,
    CheckpointSigner,
    InvalidCheckpoint,
    LedgerInconsistent,
    VerifierKey,
    parse_checkpoint,
    verify_checkpoint,
    verify_database,
)
from vedette.ledger.note import cosign
from vedette.simulation import ManualClock
from vedette.store import Store

Append = Callable[..., int]
pytestmark = pytest.mark.anyio

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
WITNESS = Ed25519PrivateKey.from_private_bytes(bytes(range(1, 33)))
WITNESS_KEY = VerifierKey("witness.example/w1", WITNESS.public_key().public_bytes_raw(), 4)


def make(store: Store, *directories: Path, clock: Clock | None = None) -> CheckpointService:
    return CheckpointService(store, CheckpointSigner(KEY), clock=clock or SystemClock(), directories=directories)


async def run_sql(store: Store, statement: str) -> None:
    await store.write(lambda tx: tx.connection.execute(sa.text(statement)))


async def test_a_log_is_signed_when_it_grew_and_exported_to_every_directory(
    store: Store, append: Append, tmp_path: Path, store_url: str
) -> None:
    clock = ManualClock(SystemClock().now())  # all on one day
    service = make(store, tmp_path / "here", tmp_path / "outside", clock=clock)
    assert await service.write() == ()
    await store.write(partial(append, number=1))
    await store.write(partial(append, number=2, organization_id="org_b"))
    assert sorted(checkpoint.origin for checkpoint in await service.write()) == ["vedette/org_a", "vedette/org_b"]
    assert await service.write() == ()
    await store.write(partial(append, number=3))
    (checkpoint,) = await service.write()
    assert checkpoint.size == 2
    assert await service.latest("org_a") == checkpoint.note()
    assert await service.latest("org_c") is None
    for name in ("here", "outside"):
        folder = tmp_path / name / "org_a"
        day = clock.now().strftime("%Y-%m-%d")
        assert sorted(path.name for path in folder.iterdir()) == sorted([day, "latest", "verifier-key"])
        note = (folder / "latest").read_text(encoding="utf-8")
        key = VerifierKey.parse((folder / "verifier-key").read_text(encoding="utf-8"))
        assert note == checkpoint.note()
        assert verify_checkpoint(parse_checkpoint(note), (key,)) == (key,)
    reports = await asyncio.to_thread(verify_database, store_url, checkpoint=note, public_key=KEY.public_key())
    assert all(report.is_intact and not report.notes for report in reports)


async def test_a_new_service_signs_on_and_exports_again(store: Store, append: Append, tmp_path: Path) -> None:
    await store.write(partial(append, number=1))
    await make(store).write()
    await make(store, tmp_path).write()
    assert (tmp_path / "org_a" / "latest").exists()
    for number in range(2, 30):
        await store.write(partial(append, number=number))
    (checkpoint,) = await make(store, tmp_path).write()
    assert checkpoint.size == 29


TAMPERING = {
    "an entry after the last checkpoint": "UPDATE ledger_entries SET body = leaf_hash WHERE position = 4",
    "an entry was deleted": "DELETE FROM ledger_entries WHERE position = 4",
    "the head": "UPDATE ledger_states SET root = (SELECT leaf_hash FROM ledger_entries WHERE position = 1)",
    "the frontier of the checkpoint": (
        "UPDATE ledger_checkpoints SET frontier = (SELECT leaf_hash FROM ledger_entries WHERE position = 1)"
    ),
    "the note of the checkpoint": "UPDATE ledger_checkpoints SET note = 'nonsense'",
}


@pytest.mark.parametrize("statement", TAMPERING.values(), ids=TAMPERING)
async def test_a_log_that_was_altered_is_not_signed_but_the_others_are(
    store: Store, append: Append, tmp_path: Path, statement: str
) -> None:
    service = make(store, tmp_path)
    for number in (1, 2):
        await store.write(partial(append, number=number))
    await service.write()
    for number in (3, 4, 5):
        await store.write(partial(append, number=number))
    await run_sql(store, statement)
    await store.write(partial(append, number=6, organization_id="org_b"))
    with pytest.raises(LedgerInconsistent):
        await service.write()
    assert await service.latest("org_b") is not None
    assert "\n2\n" in (tmp_path / "org_a" / "latest").read_text(encoding="utf-8")


async def test_an_entry_of_another_type_is_not_signed_and_ends_nothing(
    store: Store, append: Append, store_url: str
) -> None:
    if not store_url.startswith("sqlite"):
        pytest.skip("PostgreSQL keeps each column's type")
    await store.write(partial(append, number=1))
    await run_sql(store, "UPDATE ledger_entries SET body = replace(body, 'dev_1', 'dev_2')")
    with pytest.raises(LedgerInconsistent):
        await make(store).write()


async def test_a_history_that_was_replaced_in_the_database_alone_is_not_signed(
    store: Store, append: Append, tmp_path: Path
) -> None:
    for number in range(4):
        await store.write(partial(append, number=number))
    await make(store, tmp_path).write()
    exported = (tmp_path / "org_a" / "latest").read_text(encoding="utf-8")
    for count in (3, 4, 5):
        for table in ("entries", "states", "checkpoints", "outbox"):
            await run_sql(store, f"DELETE FROM ledger_{table}")  # noqa: S608 - ours
        for number in range(count):
            await store.write(partial(append, number=100 + number))
        with pytest.raises(LedgerInconsistent, match="exported"):
            await make(store, tmp_path).write()
        assert await make(store).latest("org_a") is None
    assert (tmp_path / "org_a" / "latest").read_text(encoding="utf-8") == exported


async def test_an_end_that_was_cut_off_with_its_checkpoint_is_noticed(
    store: Store, append: Append, tmp_path: Path
) -> None:
    await store.write(partial(append, number=1))
    await make(store).write()
    before = await store.read(lambda c: c.execute(sa.text("SELECT frontier, root FROM ledger_states")).one())
    await store.write(partial(append, number=2))
    await make(store, tmp_path).write()
    await run_sql(store, "DELETE FROM ledger_entries WHERE position = 2")
    await run_sql(store, "DELETE FROM ledger_checkpoints WHERE size = 2")
    head = sa.text("UPDATE ledger_states SET size = 1, frontier = :frontier, root = :root")
    await store.write(lambda tx: tx.connection.execute(head, {"frontier": before.frontier, "root": before.root}))
    exported = (tmp_path / "org_a" / "latest").read_text(encoding="utf-8")
    service = make(store, tmp_path)
    for _ in range(3):
        with pytest.raises(LedgerInconsistent):
            await service.write()
    assert (tmp_path / "org_a" / "latest").read_text(encoding="utf-8") == exported, "an older one takes its place"


async def test_a_link_planted_in_a_shared_directory_leads_nowhere(store: Store, append: Append, tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_text("precious")
    shared = tmp_path / "share" / "org_a"
    shared.mkdir(parents=True)
    for name in (".latest.partial", "latest"):
        (shared / name).symlink_to(victim)
    await store.write(partial(append, number=1))
    (checkpoint,) = await make(store, tmp_path / "share").write()
    assert victim.read_text() == "precious"
    assert (shared / "latest").read_text(encoding="utf-8") == checkpoint.note()


async def test_a_damaged_export_holds_nothing_up(store: Store, append: Append, tmp_path: Path) -> None:
    (tmp_path / "org_a").mkdir()
    (tmp_path / "org_a" / "latest").write_bytes(b"\xff")
    await store.write(partial(append, number=1))
    (checkpoint,) = await make(store, tmp_path).write()
    assert (tmp_path / "org_a" / "latest").read_text(encoding="utf-8") == checkpoint.note()


async def test_witnesses_signatures_are_taken_over_and_kept(store: Store, append: Append, store_url: str) -> None:
    service = make(store)
    await store.write(partial(append, number=1))
    (checkpoint,) = await service.write()
    at = SystemClock().now()
    known = cosign(checkpoint, WITNESS_KEY.name, WITNESS, at)
    unknown = cosign(checkpoint, "unknown.example", Ed25519PrivateKey.generate(), at)
    await service.add_cosignatures(checkpoint.with_signatures([known]).note(), witnesses=[WITNESS_KEY])
    merged = await service.add_cosignatures(checkpoint.with_signatures([unknown]).note(), witnesses=[WITNESS_KEY])
    assert [signature.name for signature in merged.signatures] == [
        "vedette/org_a",
        "witness.example/w1",
        "unknown.example",
    ]
    assert await service.latest("org_a") == merged.note()
    (report,) = await asyncio.to_thread(
        verify_database, store_url, public_key=KEY.public_key(), witnesses=[WITNESS_KEY]
    )
    assert report.is_intact


async def test_what_we_did_not_sign_is_not_taken_over(store: Store, append: Append) -> None:
    service = make(store)
    await store.write(partial(append, number=1))
    (checkpoint,) = await service.write()
    signer = CheckpointSigner(KEY)
    wrong = {
        "nonsense": "nonsense",
        "by another key": CheckpointSigner(WITNESS).sign("vedette/org_a", 1, checkpoint.root).note(),
        "of another size": signer.sign("vedette/org_a", 2, checkpoint.root).note(),
        "of another root": signer.sign("vedette/org_a", 1, bytes(32)).note(),
        "of another log": signer.sign("elsewhere/org_a", 1, checkpoint.root).note(),
        "of no organization": signer.sign("vedette/", 1, checkpoint.root).note(),
        "a witness's bad line": checkpoint.with_signatures(
            [cosign(signer.sign("vedette/org_a", 9, bytes(32)), WITNESS_KEY.name, WITNESS, SystemClock().now())]
        ).note(),
    }
    for note in wrong.values():
        with pytest.raises(InvalidCheckpoint):
            await service.add_cosignatures(note, witnesses=[WITNESS_KEY])


def is_altered(service: CheckpointService) -> bool:
    return service.is_altered and isinstance(service.failure, LedgerInconsistent)


async def test_a_running_service_tells_that_the_log_was_altered_until_it_is_no_more(
    store: Store, append: Append, tmp_path: Path
) -> None:
    service = CheckpointService(
        store, CheckpointSigner(KEY), clock=SystemClock(), directories=[tmp_path], interval=timedelta(milliseconds=5)
    )
    await store.write(partial(append, number=1))
    await run_sql(store, "UPDATE ledger_entries SET position = 7")
    async with asyncio.TaskGroup() as group:
        running = group.create_task(service.run())
        async with asyncio.timeout(60):
            while not is_altered(service):  # noqa: ASYNC110 - another task finds out
                await asyncio.sleep(0.01)
            await run_sql(store, "UPDATE ledger_entries SET position = 1")
            while is_altered(service):  # noqa: ASYNC110 - same
                await asyncio.sleep(0.01)
        running.cancel()


async def test_a_running_service_writes_at_its_interval_and_survives_a_directory_that_is_away(
    store: Store, append: Append, tmp_path: Path
) -> None:
    away = tmp_path / "share"
    away.write_text("not a directory")
    service = CheckpointService(
        store, CheckpointSigner(KEY), clock=SystemClock(), directories=[away], interval=timedelta(milliseconds=20)
    )
    await store.write(partial(append, number=1))
    async with asyncio.TaskGroup() as group:
        running = group.create_task(service.run())
        async with asyncio.timeout(60):
            while await service.latest("org_a") is None:  # noqa: ASYNC110 - another task writes it
                await asyncio.sleep(0.01)
            away.unlink()
            await until((away / "org_a" / "latest").exists, within_s=60)
        running.cancel()
