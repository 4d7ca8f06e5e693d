"""The ledger: append in the caller's transaction, read by position."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Final

import msgspec
import sqlalchemy as sa

from vedette.kernel import Clock, IdSource
from vedette.ledger import repository
from vedette.ledger.errors import InvalidProof
from vedette.ledger.merkle import Frontier, consistency_proof, hash_leaf, inclusion_proof
from vedette.ledger.model import Entry, Envelope, Event, PendingEntry, Record, StoredEntry
from vedette.ledger.repository import EntryFilter
from vedette.store import Store, Transaction

Projection = Callable[[Transaction, Event], None]

PAGE_MAX: Final = 1000
# Above it a proof costs seconds; an export proves any log.
PROOF_SIZE_MAX: Final = 1_000_000


class Ledger:
    """One append-only Merkle log per organization, written in the same transaction as the change it tells of."""

    def __init__(self, store: Store, *, clock: Clock, ids: IdSource) -> None:
        self._store = store
        self._clock = clock
        self._ids = ids
        self._projections: dict[str, Projection] = {}
        self._listeners: list[Callable[[], None]] = []

    def append(self, tx: Transaction, entry: Entry, *, event: Event | None = None) -> None:
        """Record an act, and tell it, in the caller's transaction; a rolled back transaction leaves neither.

        The position is assigned at the end of the group, in the order of commit. Projections of the event run now.

        Raises:
            InvalidEntry: Something is too large or can not be stored.
        """
        event_id = self._ids.new("evt") if event is not None else ""
        pending = PendingEntry(entry, at=self._clock.now(), event=event, event_id=event_id)
        waiting = tx.state.get(self)
        if waiting is None:
            waiting = tx.state[self] = []
            tx.at_group_end(self, self._flush)
            tx.on_commit(self._tell)
        waiting.append(pending)
        if event is not None:
            for projection in self._projections.values():
                projection(tx, event)

    def project(self, name: str, projection: Projection) -> None:
        """Have ``projection`` called with every appended event, in the same transaction; register before serving.

        Raises:
            ValueError: The name is taken.
        """
        if name in self._projections:
            raise ValueError(f"projection {name!r} is already registered")
        self._projections[name] = projection

    def on_growth(self, listener: Callable[[], None]) -> None:
        """Have ``listener`` called in the event loop after each commit that added entries; it must not block."""
        self._listeners.append(listener)

    async def entries(
        self, organization_id: str, *, after: int = 0, limit: int = 100, matching: EntryFilter | None = None
    ) -> tuple[Record, ...]:
        """Return up to ``limit`` entries after a position, oldest first; at most 1000."""
        rows = await self._store.read(
            lambda connection: repository.read_entries(
                connection,
                organization_id,
                after=after,
                limit=_page(limit),
                matching=matching or EntryFilter(),
            )
        )
        return tuple(msgspec.json.decode(row.body, type=Record) for row in rows)

    async def events(self, organization_id: str, *, after: int = 0, limit: int = 100) -> tuple[Envelope, ...]:
        """Return up to ``limit`` events after a ledger position, oldest first, as far back as the outbox keeps them."""

        def read(connection: sa.Connection) -> list[tuple[int, bytes]]:
            state = repository.read_state(connection, organization_id)
            size = 0 if state is None else state.size
            return repository.read_outbox(connection, organization_id, after=after, limit=_page(limit), up_to=size)

        rows = await self._store.read(read)
        return tuple(msgspec.json.decode(envelope, type=Envelope) for _, envelope in rows)

    async def size(self, organization_id: str) -> int:
        """Return how many entries a log has, which is the position of its last one."""
        states = await self._store.read(repository.read_states)
        return next((state.size for state in states if state.organization_id == organization_id), 0)

    async def prove_inclusion(self, organization_id: str, *, position: int, size: int) -> tuple[bytes, ...]:
        """Prove that an entry is in the log as it was with ``size`` entries, such as that of a checkpoint.

        Raises:
            InvalidProof: No such entry or size, or the log is too large to be proved here.
        """
        leaves = await self._leaves(organization_id, size)
        if not 1 <= position <= size:
            raise InvalidProof(f"position {position} is not in a log of {size} entries")
        return await asyncio.to_thread(inclusion_proof, leaves, position - 1)

    async def prove_consistency(self, organization_id: str, *, old_size: int, size: int) -> tuple[bytes, ...]:
        """Prove that a log of ``old_size`` entries only grew to become that of ``size``.

        Raises:
            InvalidProof: No such sizes, or the log is too large to be proved here.
        """
        leaves = await self._leaves(organization_id, size)
        if not 0 <= old_size <= size:
            raise InvalidProof(f"a log of {old_size} entries does not come before one of {size}")
        return await asyncio.to_thread(consistency_proof, leaves, old_size)

    async def _leaves(self, organization_id: str, size: int) -> list[bytes]:
        if not 1 <= size <= PROOF_SIZE_MAX:
            raise InvalidProof(
                f"logs of 1 to {PROOF_SIZE_MAX} entries are proved here", hint="vedette ledger export proves any"
            )
        leaves = await self._store.read(lambda c: repository.read_leaf_hashes(c, organization_id, up_to=size))
        if len(leaves) < size:
            raise InvalidProof(f"the log has {len(leaves)} entries, not {size}")
        return leaves

    def _tell(self) -> None:
        for listener in self._listeners:
            listener()

    def _flush(self, connection: sa.Connection, transactions: Sequence[Transaction]) -> None:
        """Give the group's entries their positions and write them; runs in the writer thread before the COMMIT."""
        by_organization: dict[str, list[PendingEntry]] = {}
        for transaction in transactions:
            for pending in transaction.state[self]:
                by_organization.setdefault(pending.entry.organization_id, []).append(pending)
        # Sorted, so that two writers on PostgreSQL lock state rows in the same order.
        for organization_id, appended in sorted(by_organization.items()):
            _extend(connection, organization_id, appended)


def _page(limit: int) -> int:
    return max(0, min(limit, PAGE_MAX))  # SQLite takes a negative limit for none


def _extend(connection: sa.Connection, organization_id: str, appended: Sequence[PendingEntry]) -> None:
    state = repository.lock_state(connection, organization_id)
    frontier = Frontier() if state is None else Frontier(state.size, state.frontier)
    rows = []
    envelopes = []
    for pending in appended:
        position = frontier.size + 1
        body = pending.body(position)
        leaf_hash = hash_leaf(body)
        frontier.append(leaf_hash)
        rows.append(_to_row(pending, position, body, leaf_hash))
        envelope = pending.envelope(position)
        if envelope is not None:
            envelopes.append(
                {"organization_id": organization_id, "position": position, "at": pending.at, "envelope": envelope}
            )
    repository.insert_entries(connection, rows)
    if envelopes:
        repository.insert_outbox(connection, envelopes)
    repository.save_state(connection, organization_id, frontier, is_new=state is None)


def _to_row(pending: PendingEntry, position: int, body: bytes, leaf_hash: bytes) -> StoredEntry:
    entry = pending.entry
    return StoredEntry(
        organization_id=entry.organization_id,
        position=position,
        at=pending.at,
        actor_kind=entry.actor.kind,
        actor_id=entry.actor.id,
        action=entry.action,
        target=entry.target,
        decision=entry.decision,
        body=body,
        leaf_hash=leaf_hash,
    )
