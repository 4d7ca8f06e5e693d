"""The ledger's tables and SQL."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

import sqlalchemy as sa

from vedette.ledger.errors import LedgerInconsistent
from vedette.ledger.merkle import Frontier
from vedette.ledger.model import StoredEntry
from vedette.store import UtcDateTime, metadata

_ID: Final = 256  # characters; generated ids are shorter, text of an entry is cut nowhere

# SQLite gives `BIGINT PRIMARY KEY` no row id of its own, which is as wanted here: the key is (organization, position).
entries: Final = sa.Table(
    "ledger_entries",
    metadata,
    sa.Column("organization_id", sa.String(_ID), primary_key=True),
    sa.Column("position", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("at", UtcDateTime, nullable=False),
    sa.Column("actor_kind", sa.String(16), nullable=False),
    sa.Column("actor_id", sa.String(_ID), nullable=False),
    sa.Column("action", sa.String(_ID), nullable=False),
    sa.Column("target", sa.String(_ID), nullable=False),
    sa.Column("decision", sa.String(16), nullable=False),
    sa.Column("body", sa.LargeBinary, nullable=False),
    sa.Column("leaf_hash", sa.LargeBinary(32), nullable=False),
    sa.Index("ix_ledger_entries_target", "organization_id", "target", "position"),
    sa.Index("ix_ledger_entries_actor", "organization_id", "actor_id", "position"),
    sa.Index("ix_ledger_entries_action", "organization_id", "action", "position"),
)
states: Final = sa.Table(
    "ledger_states",
    metadata,
    sa.Column("organization_id", sa.String(_ID), primary_key=True),
    sa.Column("size", sa.BigInteger, nullable=False),
    sa.Column("frontier", sa.LargeBinary, nullable=False),
    sa.Column("root", sa.LargeBinary(32), nullable=False),
)
checkpoints: Final = sa.Table(
    "ledger_checkpoints",
    metadata,
    sa.Column("organization_id", sa.String(_ID), primary_key=True),
    sa.Column("size", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("at", UtcDateTime, nullable=False),
    sa.Column("frontier", sa.LargeBinary, nullable=False),
    sa.Column("note", sa.Text, nullable=False),
)
outbox: Final = sa.Table(
    "ledger_outbox",
    metadata,
    sa.Column("organization_id", sa.String(_ID), primary_key=True),
    sa.Column("position", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("at", UtcDateTime, nullable=False),
    sa.Column("envelope", sa.LargeBinary, nullable=False),
)
cursors: Final = sa.Table(
    "ledger_cursors",
    metadata,
    sa.Column("organization_id", sa.String(_ID), primary_key=True),
    sa.Column("reader", sa.String(64), primary_key=True),
    sa.Column("position", sa.BigInteger, nullable=False),
)

# Built once: these run in every group, and building costs as much as running.
_LOCK_STATE: Final = sa.select(states).where(states.c.organization_id == sa.bindparam("wanted")).with_for_update()
_UPDATE_STATE: Final = (
    states.update()
    .where(states.c.organization_id == sa.bindparam("wanted"))
    .values({name: sa.bindparam(name) for name in ("size", "frontier", "root")})
)
_INSERT_ENTRIES: Final = entries.insert()
_INSERT_OUTBOX: Final = outbox.insert()
_ENTRY_COLUMNS: Final = tuple(column.name for column in entries.columns)
_FETCH_ROWS: Final = 1000
_NEVER: Final = datetime.fromtimestamp(0, UTC)
# Columns as the driver returns them, so that what was altered is named and not stumbled over.
_RAW: Final[sa.types.TypeEngine[Any]] = sa.types.NullType()  # Any: whatever is there
_RAW_COLUMNS: Final = tuple(sa.type_coerce(column, _RAW).label(column.name) for column in entries.columns)
_RAW_CHECKPOINT: Final = tuple(sa.type_coerce(column, _RAW).label(column.name) for column in checkpoints.columns)
_STREAMED: Final = {"yield_per": _FETCH_ROWS}


@dataclass(frozen=True, slots=True)
class State:
    """The head of one organization's log."""

    organization_id: str
    size: int
    frontier: bytes
    root: bytes


@dataclass(frozen=True, slots=True)
class StoredCheckpoint:
    """A signed checkpoint as it is kept."""

    organization_id: str
    size: int
    at: datetime
    frontier: bytes
    note: str


@dataclass(frozen=True, slots=True)
class EntryFilter:
    """Which entries to list; an absent condition matches all."""

    target: str | None = None
    actor_id: str | None = None
    action: str | None = None
    decision: str | None = None
    since: datetime | None = None
    until: datetime | None = None

    def conditions(self) -> list[sa.ColumnElement[bool]]:
        """Return the filter as SQL conditions."""
        columns = entries.c
        found: list[sa.ColumnElement[bool]] = [
            columns[name] == value
            for name in ("target", "actor_id", "action", "decision")
            if (value := getattr(self, name)) is not None
        ]
        if self.since is not None:
            found.append(columns.at >= self.since)
        if self.until is not None:
            found.append(columns.at < self.until)
        return found


def lock_state(connection: sa.Connection, organization_id: str) -> State | None:
    """Return the head of a log, held against other writers until the transaction ends."""
    row = connection.execute(_LOCK_STATE, {"wanted": organization_id}).one_or_none()
    return None if row is None else State(*row)


def save_state(connection: sa.Connection, organization_id: str, frontier: Frontier, *, is_new: bool) -> None:
    """Write the head of a log."""
    values = {"size": frontier.size, "frontier": frontier.to_bytes(), "root": frontier.root()}
    if is_new:
        connection.execute(states.insert(), {"organization_id": organization_id, **values})
    else:
        connection.execute(_UPDATE_STATE, {"wanted": organization_id, **values})


def read_states(connection: sa.Connection) -> list[State]:
    """Return the heads of all logs."""
    return [State(*row) for row in connection.execute(sa.select(states).order_by(states.c.organization_id))]


def insert_entries(connection: sa.Connection, rows: Sequence[StoredEntry]) -> None:
    """Append rows."""
    connection.execute(_INSERT_ENTRIES, [{name: getattr(row, name) for name in _ENTRY_COLUMNS} for row in rows])


def read_entries(
    connection: sa.Connection, organization_id: str, *, after: int, limit: int, matching: EntryFilter
) -> list[StoredEntry]:
    """Return entries in the order of the log."""
    query = (
        sa.select(entries)
        .where(entries.c.organization_id == organization_id, entries.c.position > after, *matching.conditions())
        .order_by(entries.c.position)
        .limit(limit)
    )
    return [_to_entry(row) for row in connection.execute(query)]


def stream_entries(
    connection: sa.Connection, organization_id: str, *, after: int | None = None, up_to: int | None = None
) -> Iterator[StoredEntry]:
    """Yield the entries of a log by position; all of them without bounds.

    Raises:
        LedgerInconsistent: A row holds what the ledger never writes.
    """
    for row, malformed in stream_raw_entries(connection, organization_id, after=after, up_to=up_to):
        if malformed:
            raise LedgerInconsistent(
                f"the log of {organization_id} holds a row that was altered near position {row.position}",
                hint="run: vedette ledger verify",
            )
        yield row


def stream_raw_entries(
    connection: sa.Connection, organization_id: str, *, after: int | None = None, up_to: int | None = None
) -> Iterator[tuple[StoredEntry, tuple[str, ...]]]:
    """Yield the entries of a log by position, whatever they hold, each with the columns that are malformed.

    SQLite stores any type in any column and a time in many spellings, which would break whoever reads it, or compare
    in queries as something else than it reads as.
    """
    query = sa.select(*_RAW_COLUMNS).where(entries.c.organization_id == organization_id)
    if after is not None:
        query = query.where(entries.c.position > after)
    if up_to is not None:
        query = query.where(entries.c.position <= up_to)
    # One statement for all: pages would pass over rows of one position at a page's edge, where the key was dropped.
    for row in connection.execute(query.order_by(entries.c.position), execution_options=_STREAMED):
        yield _inspect(row)


def read_leaf_hashes(connection: sa.Connection, organization_id: str, *, up_to: int) -> list[bytes]:
    """Return the leaf hashes of a log by position."""
    c = entries.c
    query = sa.select(c.leaf_hash).where(c.organization_id == organization_id, c.position <= up_to).order_by(c.position)
    return list(connection.execute(query).scalars())


def stream_outbox(connection: sa.Connection, organization_id: str) -> Iterator[tuple[int, bytes]]:
    """Yield positions and encoded envelopes by position, whatever they hold: what is malformed becomes 0 and empty."""
    c = outbox.c
    query = sa.select(sa.type_coerce(c.position, _RAW), sa.type_coerce(c.envelope, _RAW)).where(
        c.organization_id == organization_id
    )
    for position, envelope in connection.execute(query.order_by(c.position), execution_options=_STREAMED):
        yield (
            position if isinstance(position, int) else 0,
            envelope if isinstance(envelope, bytes) else b"",
        )


def read_state(connection: sa.Connection, organization_id: str) -> State | None:
    """Return the head of a log; what is malformed becomes -1 and empty, which fits no log."""
    c = states.c
    query = sa.select(*(sa.type_coerce(column, _RAW) for column in (c.size, c.frontier, c.root)))
    row = connection.execute(query.where(c.organization_id == organization_id)).one_or_none()
    if row is None:
        return None
    size = _read_position(row[0])
    return State(organization_id, -1 if size is None else size, _read_bytes(row[1]) or b"", _read_bytes(row[2]) or b"")


def organizations(connection: sa.Connection) -> set[str]:
    """Return every organization that any of the ledger's tables names."""
    tables = (entries, states, checkpoints, outbox, cursors)
    queries = (sa.select(table.c.organization_id).distinct() for table in tables)
    return {name for name in connection.execute(sa.union(*queries)).scalars() if isinstance(name, str)}


def insert_checkpoint(connection: sa.Connection, checkpoint: StoredCheckpoint) -> None:
    """Keep a signed checkpoint."""
    connection.execute(
        checkpoints.insert().values(
            organization_id=checkpoint.organization_id,
            size=checkpoint.size,
            at=checkpoint.at,
            frontier=checkpoint.frontier,
            note=checkpoint.note,
        )
    )


def update_checkpoint(connection: sa.Connection, organization_id: str, size: int, note: str) -> None:
    """Replace the note of a checkpoint, to add cosignatures."""
    connection.execute(
        checkpoints.update()
        .where(checkpoints.c.organization_id == organization_id, checkpoints.c.size == size)
        .values(note=note)
    )


def read_checkpoint(connection: sa.Connection, organization_id: str, size: int) -> StoredCheckpoint | None:
    """Return the checkpoint of one tree size."""
    c = checkpoints.c
    query = sa.select(*_RAW_CHECKPOINT).where(c.organization_id == organization_id, c.size == size)
    row = connection.execute(query).one_or_none()
    return None if row is None else _to_checkpoint(row)


def read_checkpoints(connection: sa.Connection, organization_id: str) -> list[StoredCheckpoint]:
    """Return all checkpoints of a log by size."""
    c = checkpoints.c
    query = sa.select(*_RAW_CHECKPOINT).where(c.organization_id == organization_id).order_by(c.size)
    return [_to_checkpoint(row) for row in connection.execute(query)]


def read_latest_checkpoint(connection: sa.Connection, organization_id: str) -> StoredCheckpoint | None:
    """Return the checkpoint of the largest tree."""
    c = checkpoints.c
    query = sa.select(*_RAW_CHECKPOINT).where(c.organization_id == organization_id).order_by(c.size.desc()).limit(1)
    row = connection.execute(query).one_or_none()
    return None if row is None else _to_checkpoint(row)


def insert_outbox(connection: sa.Connection, rows: Sequence[dict[str, Any]]) -> None:  # Any: column values
    """Queue encoded envelopes."""
    connection.execute(_INSERT_OUTBOX, rows)


def read_outbox(
    connection: sa.Connection, organization_id: str, *, after: int, limit: int, up_to: int | None = None
) -> list[tuple[int, bytes]]:
    """Return positions and encoded envelopes in the order of the log."""
    query = sa.select(outbox.c.position, outbox.c.envelope).where(
        outbox.c.organization_id == organization_id, outbox.c.position > after
    )
    if up_to is not None:
        query = query.where(outbox.c.position <= up_to)
    query = query.order_by(outbox.c.position).limit(limit)
    return [(row.position, row.envelope) for row in connection.execute(query)]


def delete_outbox(connection: sa.Connection, organization_id: str, *, up_to: int, before: datetime, limit: int) -> int:
    """Delete delivered envelopes older than a moment, oldest first; return how many."""
    oldest = (
        sa.select(outbox.c.position)
        .where(outbox.c.organization_id == organization_id, outbox.c.position <= up_to, outbox.c.at < before)
        .order_by(outbox.c.position)
        .limit(limit)
    )
    deleted = connection.execute(
        outbox.delete().where(outbox.c.organization_id == organization_id, outbox.c.position.in_(oldest))
    )
    return deleted.rowcount


def read_cursors(connection: sa.Connection, reader: str) -> dict[str, int]:
    """Return how far a reader came in each log."""
    query = sa.select(cursors.c.organization_id, cursors.c.position).where(cursors.c.reader == reader)
    return {row.organization_id: row.position for row in connection.execute(query)}


def read_told(connection: sa.Connection, organization_id: str) -> int:
    """Return the position up to which events were told to whoever was told most; 0 before the first."""
    query = sa.select(sa.func.max(cursors.c.position)).where(cursors.c.organization_id == organization_id)
    told = connection.execute(query).scalar_one_or_none()
    return told if isinstance(told, int) else 0


def save_cursor(connection: sa.Connection, organization_id: str, reader: str, position: int) -> None:
    """Remember how far a reader came."""
    updated = connection.execute(
        cursors.update()
        .where(cursors.c.organization_id == organization_id, cursors.c.reader == reader)
        .values(position=position)
    )
    if updated.rowcount == 0:
        connection.execute(cursors.insert().values(organization_id=organization_id, reader=reader, position=position))


def _to_entry(row: sa.Row[Any]) -> StoredEntry:
    return StoredEntry(**row._asdict())


def _inspect(row: sa.Row[Any]) -> tuple[StoredEntry, tuple[str, ...]]:
    values = row._asdict()
    malformed = []
    for name, read in _READERS.items():
        found = read(values[name])
        if found is None:
            malformed.append(name)
            found = _STAND_INS[name]
        values[name] = found
    return StoredEntry(**values), tuple(malformed)


def _to_checkpoint(row: sa.Row[Any]) -> StoredCheckpoint:
    """Return a checkpoint as it is kept; what is malformed becomes 0 and empty, which no checkpoint is."""
    return StoredCheckpoint(
        organization_id=row.organization_id,
        size=_read_position(row.size) or 0,
        at=_read_time(row.at) or _NEVER,
        frontier=_read_bytes(row.frontier) or b"",
        note=_read_text(row.note) or "",
    )


def _read_position(value: object) -> int | None:
    return value if isinstance(value, int) else None


def _read_text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _read_bytes(value: object) -> bytes | None:
    return value if isinstance(value, bytes) else None


def _read_time(value: object) -> datetime | None:
    """Read a time as the driver returns it; on SQLite that is text, which must be spelled as we spell it."""
    if isinstance(value, datetime):
        return value.astimezone(UTC)
    try:
        moment = datetime.fromisoformat(str(value))
    except ValueError:
        return None
    is_ours = moment.tzinfo is None and moment.isoformat(sep=" ", timespec="microseconds") == value
    return moment.replace(tzinfo=UTC) if is_ours else None


_READERS: Final[dict[str, Callable[[object], object]]] = dict.fromkeys(_ENTRY_COLUMNS, _read_text) | {
    "position": _read_position,
    "at": _read_time,
    "body": _read_bytes,
    "leaf_hash": _read_bytes,
}
_STAND_INS: Final[dict[str, object]] = dict.fromkeys(_ENTRY_COLUMNS, "") | {
    "position": 0,
    "at": _NEVER,
    "body": b"",
    "leaf_hash": b"",
}
