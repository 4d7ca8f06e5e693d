from __future__ import annotations

import asyncio
import hashlib
import io
from collections.abc import Callable
from functools import partial
from pathlib import Path

import msgspec
import pytest
import sqlalchemy as sa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from vedette.kernel import SystemClock
from vedette.ledger import (
    CheckpointService,
    CheckpointSigner,
    InvalidCheckpoint,
    InvalidEntry,
    Ledger,
    LedgerInconsistent,
    export,
    verify_database,
    verify_export,
)
from vedette.ledger.merkle import tree_root
from vedette.store import Store, StoreUnavailable

Append = Callable[..., int]
pytestmark = pytest.mark.anyio

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
SIGNER = CheckpointSigner(KEY)


@pytest.fixture
async def head(store: Store, append: Append) -> str:
    """Fill a log with ten entries, a checkpoint beside it at the sixth; return a checkpoint kept elsewhere."""
    service = CheckpointService(store, SIGNER, clock=SystemClock(), directories=())
    for number in range(1, 11):
        await store.write(partial(append, number=number))
        if number == 6:
            await service.write()
    root = await store.read(
        lambda connection: connection.execute(sa.text("SELECT root FROM ledger_states")).scalar_one()
    )
    return SIGNER.sign("vedette/org_a", 10, root).note()


async def run_sql(store: Store, *statements: str) -> None:
    await store.write(lambda tx: [tx.connection.execute(sa.text(statement)) for statement in statements])


async def verified(url: str, checkpoint: str | None = None) -> list[tuple[int, str]]:
    reports = await asyncio.to_thread(verify_database, url, checkpoint=checkpoint, public_key=KEY.public_key())
    return [(finding.position, finding.kind) for report in reports for finding in report.findings]


EDITS = {
    "organization_id": ("'org_b'", (5, "missing")),
    "at": ("'2020-01-01 00:00:00'", (5, "edited")),
    "actor_kind": ("'system'", (5, "edited")),
    "actor_id": ("'mallory'", (5, "edited")),
    "action": ("'room.other'", (5, "edited")),
    "target": ("'dev_9'", (5, "edited")),
    "decision": ("'denied'", (5, "edited")),
    "body": ("leaf_hash", (5, "edited")),
    "leaf_hash": ("body", (5, "edited")),
    "position": ("50", (5, "missing")),
}


@pytest.mark.parametrize("column", EDITS)
async def test_an_edit_of_any_column_is_found_and_named(store: Store, head: str, store_url: str, column: str) -> None:
    assert await verified(store_url, head) == []
    value, expected = EDITS[column]
    await run_sql(store, f"UPDATE ledger_entries SET {column} = {value} WHERE position = 5")  # noqa: S608 - ours
    assert expected in await verified(store_url)


async def test_every_column_of_the_log_has_an_edit_above(store: Store) -> None:
    columns = await store.read(
        lambda connection: {column["name"] for column in sa.inspect(connection).get_columns("ledger_entries")}
    )
    assert columns == set(EDITS)


# SQLite keeps whatever type it is given, in any column: `replace()` on a body leaves a text behind.
OTHER_TYPES = {
    "body": ("CAST(body AS TEXT)", (5, "edited")),
    "leaf_hash": ("'text'", (5, "edited")),
    "at": ("REPLACE(at, ' ', 'T')", (5, "edited")),
    "a time in another spelling": ("REPLACE(REPLACE(at, '-', ''), ' ', 'T')", (5, "edited")),
    "a time with an offset": ("at || '+00:00'", (5, "edited")),
    "no time": ("'soon'", (5, "edited")),
    "actor_id": ("CAST(actor_id AS BLOB)", (5, "edited")),
    "position": ("'five'", (5, "missing")),
    "a position between": ("5.5", (5, "missing")),
    "organization_id": ("CAST(organization_id AS BLOB)", (5, "missing")),
}
_COLUMN_OF = {"a time in another spelling": "at", "a time with an offset": "at", "no time": "at"}
_COLUMN_OF["a position between"] = "position"


@pytest.mark.parametrize("change", OTHER_TYPES)
async def test_another_type_in_any_column_is_found_and_named(
    store: Store, head: str, store_url: str, change: str
) -> None:
    if not store_url.startswith("sqlite"):
        pytest.skip("PostgreSQL keeps each column's type")
    value, expected = OTHER_TYPES[change]
    column = _COLUMN_OF.get(change, change)
    await run_sql(store, f"UPDATE ledger_entries SET {column} = {value} WHERE position = 5")  # noqa: S608 - ours
    assert expected in await verified(store_url)


async def test_another_type_in_the_head_or_a_checkpoint_is_found(store: Store, head: str, store_url: str) -> None:
    if not store_url.startswith("sqlite"):
        pytest.skip("PostgreSQL keeps each column's type")
    await run_sql(store, "UPDATE ledger_states SET size = 'ten'", "UPDATE ledger_checkpoints SET size = 'six'")
    assert {kind for _, kind in await verified(store_url)} == {"state", "checkpoint"}


async def test_a_table_that_is_gone_is_named(store: Store, head: str, store_url: str) -> None:
    await run_sql(store, "DROP TABLE ledger_outbox")
    with pytest.raises(LedgerInconsistent):
        await verified(store_url)


async def test_a_deletion_is_found_and_named(store: Store, head: str, store_url: str) -> None:
    await run_sql(store, "DELETE FROM ledger_entries WHERE position = 5")
    assert (5, "missing") in await verified(store_url)


async def test_two_swapped_rows_are_found_and_named(store: Store, head: str, store_url: str) -> None:
    await run_sql(
        store,
        "UPDATE ledger_entries SET position = 99 WHERE position = 3",
        "UPDATE ledger_entries SET position = 3 WHERE position = 7",
        "UPDATE ledger_entries SET position = 7 WHERE position = 99",
    )
    found = await verified(store_url)
    assert (3, "misplaced") in found
    assert (7, "misplaced") in found


async def test_a_cut_tail_is_found(store: Store, head: str, store_url: str) -> None:
    await run_sql(store, "DELETE FROM ledger_entries WHERE position > 8")
    assert (9, "tail") in await verified(store_url)


async def test_a_deleted_head_is_found(store: Store, head: str, store_url: str) -> None:
    await run_sql(store, "DELETE FROM ledger_states")
    assert (1, "state") in await verified(store_url)


async def clear(store: Store) -> None:
    tables = ("entries", "states", "checkpoints", "outbox", "cursors")
    await run_sql(store, *(f"DELETE FROM ledger_{table}" for table in tables))  # noqa: S608 - ours


async def rewrite(store: Store, ledger: Ledger, append: Append, count: int) -> None:
    """Replace everything by a fresh and consistent log, signed with the stolen key."""
    await clear(store)
    for number in range(101, 101 + count):
        await store.write(partial(append, number=number))
    await CheckpointService(store, SIGNER, clock=SystemClock(), directories=()).write()
    assert await ledger.size("org_a") == count


@pytest.mark.parametrize("count", [10, 12])
async def test_a_rewrite_of_everything_is_found_by_the_outside_checkpoint_alone(  # noqa: PLR0917 - fixtures
    store: Store, ledger: Ledger, append: Append, head: str, store_url: str, count: int
) -> None:
    await rewrite(store, ledger, append, count)
    assert await verified(store_url) == []
    assert await verified(store_url, head) == [(1, "outside_checkpoint")]


async def test_a_shorter_or_vanished_log_is_found_by_the_outside_checkpoint(
    store: Store, ledger: Ledger, append: Append, head: str, store_url: str
) -> None:
    await rewrite(store, ledger, append, 3)
    assert await verified(store_url, head) == [(4, "outside_checkpoint")]
    await clear(store)
    assert await verified(store_url) == []
    assert await verified(store_url, head) == [(1, "outside_checkpoint")]


async def test_a_log_that_is_gone_is_reported_where_it_is_known_and_found_by_what_was_exported(
    store: Store, head: str, store_url: str
) -> None:
    await clear(store)
    (report,) = await asyncio.to_thread(verify_database, store_url, organization_id="org_a")
    assert (report.organization_id, report.size) == ("org_a", 0)
    (report,) = await asyncio.to_thread(
        verify_database, store_url, organization_id="org_a", kept=[head, "damaged"], public_key=KEY.public_key()
    )
    assert [(each.position, each.kind) for each in report.findings] == [
        (0, "outside_checkpoint"),
        (1, "outside_checkpoint"),
    ]


async def test_an_edited_event_that_waits_for_the_bus_is_found(store: Store, head: str, store_url: str) -> None:
    other = "(SELECT envelope FROM ledger_outbox WHERE position = 4)"
    await run_sql(store, f"UPDATE ledger_outbox SET envelope = {other} WHERE position = 5")  # noqa: S608 - ours
    assert await verified(store_url) == [(5, "event")]


async def test_a_checkpoint_of_something_else_is_refused(head: str, store_url: str) -> None:
    for note in (
        "nonsense",
        SIGNER.sign("elsewhere", 1, bytes(32)).note(),
        SIGNER.sign("vedette/", 1, bytes(32)).note(),
    ):
        with pytest.raises(InvalidCheckpoint):
            verify_database(store_url, checkpoint=note)


async def test_an_export_verifies_and_its_lines_are_the_leaves(head: str, store_url: str) -> None:
    file = io.BytesIO()
    assert await asyncio.to_thread(export, store_url, "org_a", file, signer=SIGNER) == 10
    lines = file.getvalue().splitlines()
    leaves = [hashlib.sha256(b"\x00" + line).digest() for line in lines[:-1]]
    note = msgspec.json.decode(lines[-1])["checkpoint"]
    assert note == head
    assert f"{tree_root(leaves).hex()}" == verify_export(rewound(file), public_key=KEY.public_key()).root
    report = verify_export(rewound(file), checkpoint=head, public_key=KEY.public_key())
    assert report.is_intact
    assert (report.size, report.organization_id, report.notes) == (10, "org_a", ())


def rewound(file: io.BytesIO) -> io.BytesIO:
    file.seek(0)
    return file


async def test_an_export_without_the_key_ends_in_the_newest_checkpoint_there_is(head: str, store_url: str) -> None:
    file = io.BytesIO()
    await asyncio.to_thread(export, store_url, "org_a", file)
    assert b"\\n6\\n" in file.getvalue().splitlines()[-1]
    assert verify_export(rewound(file), public_key=KEY.public_key()).is_intact


ELEVENTH = (
    b'{"action":"room.act","actor":{"id":"eve","kind":"operator"},"at":"2026-11-22T10:00:00.000Z","decision":"allowed",'
    b'"details":{},"event":null,"organization_id":"org_a","position":11,"reason":"","target":"","target_name":""}\n'
)


async def test_what_no_checkpoint_covers_is_left_out_of_an_export(head: str, store_url: str) -> None:
    file = io.BytesIO()
    assert await asyncio.to_thread(export, store_url, "org_a", file) == 6


async def test_an_altered_export_is_found_out(head: str, store_url: str) -> None:
    file = io.BytesIO()
    await asyncio.to_thread(export, store_url, "org_a", file, signer=SIGNER)
    lines = file.getvalue().splitlines(keepends=True)
    altered = {
        "an edited line": [*lines[:4], lines[4].replace(b"dev_5", b"dev_6"), *lines[5:]],
        "a line that is no entry": [*lines[:4], b"nonsense\n", *lines[5:]],
        "a deleted line": [*lines[:4], *lines[5:]],
        "swapped lines": [*lines[:3], lines[4], lines[3], *lines[5:]],
        "a repeated line": [*lines[:4], lines[3], *lines[4:]],
        "a lost end": lines[:-1],
        "a cut tail": lines[:-3],
        "a cut tail under the old end": [*lines[:7], lines[-1]],
        "only the end": lines[-1:],
        "an end in the middle": [*lines[:5], lines[-1], *lines[5:-1]],
        "entries after what the end covers": [*lines[:-1], ELEVENTH, lines[-1]],
        "an end twice": [*lines, lines[-1]],
        "another end": [*lines[:-1], lines[-1].replace(b"10", b"11")],
    }
    for name, content in altered.items():
        assert not verify_export(io.BytesIO(b"".join(content)), public_key=KEY.public_key()).is_intact, name


def test_what_is_no_export_is_refused() -> None:
    for content in (b"", b"nonsense\n" * 2, b'{"details":{"a":' + b"[" * 60_000, b"x" * 200_000):
        with pytest.raises(InvalidEntry):
            verify_export(io.BytesIO(content))


def test_a_database_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(StoreUnavailable) as refused:
        verify_database(f"sqlite:///{tmp_path}/none.db")
    assert "none.db" in refused.value.detail
    assert list(tmp_path.iterdir()) == []
