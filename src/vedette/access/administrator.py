"""The policy administrator: writes and signs posture records in the very transaction that changes their facts.

Other rooms tell facts as events; ``project`` notes whom they concern, and at the end of the group of transactions the
records are composed anew, numbered, signed and stored. After the commit they go to the enforcement points, in order.
"""

from __future__ import annotations

import logging
from collections import OrderedDict
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Final

import sqlalchemy as sa

from vedette.access import repository
from vedette.access.errors import PostureUnavailable
from vedette.access.facts import FactReader, compose_record
from vedette.access.hops import HopLog, Hops
from vedette.access.repository import NewRecord, State, StoredRecord
from vedette.health import SignalStamps
from vedette.kernel import Clock, GenerationId, InvalidId, OrganizationId, parse_device_id, parse_module_id
from vedette.ledger import Event
from vedette.store import Store, Transaction
from vedette.trust import SCHEMA_VERSION, Head, PostureRecord, RecordSigner, RecordVerifier, Untrusted, extend_root

log = logging.getLogger(__name__)

CACHE_MAX: Final = 50_000
ABSENT_MAX: Final = 4096
_NOT_OURS: Final = "a stored posture record is not ours"
ABSENT_S: Final = 1.0
REBUILD_CHUNK: Final = 500

# Events that change nothing a record is made of: composing it anew would cost more than what they tell of.
_OTHER_ROOMS: Final = ("messaging.", "operators.")
_OTHER_EVENTS: Final = frozenset({"registry.desired_properties_changed"})
_Name = tuple[str, str | None]
Publisher = Callable[[GenerationId, int, bytes], None]


class PolicyAdministrator:
    """The only writer and signer of posture records of one organization.

    Args:
        organization_id: Whose records these are.
        store: Where they are kept.
        signer: The administrator's key.
        facts: Reads what a record is made of.
        clock: For ``issued_at``.
        policy_hash: Of the policy manifest in force; every head names it.
    """

    def __init__(
        self,
        organization_id: OrganizationId,
        store: Store,
        signer: RecordSigner,
        facts: FactReader,
        *,
        clock: Clock,
        policy_hash: str,
    ) -> None:
        self._organization_id = organization_id
        self._store = store
        self._signer = signer
        self._verifier = RecordVerifier(signer.public_key)
        self._facts = facts
        self._clock = clock
        self._policy_hash = policy_hash
        self.hops = HopLog()
        self._published: State | None = None
        self._was_behind_at: State | None = None
        self._publisher: Publisher | None = None
        self._on_policies: Callable[[], None] | None = None
        self._may_vouch: Callable[[], bool] = _always
        # By name, written by the event loop only. Names nobody holds are kept apart and for a second, so that whoever
        # tries names cannot crowd out those that are held.
        self._cache: OrderedDict[_Name, PostureRecord] = OrderedDict()
        self._absent: OrderedDict[_Name, float] = OrderedDict()
        self._readings: dict[_Name, _Reading] = {}
        self._sequences: OrderedDict[str, int] = OrderedDict()

    def project(self, tx: Transaction, event: Event) -> None:
        """Note that an event bears on the records of identities; called in the event's own transaction."""
        if event.organization_id != self._organization_id:
            return
        if event.name.startswith(_OTHER_ROOMS) or event.name in _OTHER_EVENTS:
            return
        concerned = {event.generation_id} if event.generation_id else set()
        for field in ("blocked", "unblocked", "generation_ids"):
            concerned.update(getattr(event, field, ()))
        self.refresh(tx, concerned)

    def posture_changed(
        self, tx: Transaction, organization_id: OrganizationId, generation_ids: set[str], stamps: SignalStamps
    ) -> None:
        """Compose the records of identities anew of which signals told; see ``SignalService.on_posture``."""
        if organization_id == self._organization_id:
            self.refresh(tx, generation_ids, stamps)

    def refresh(self, tx: Transaction, generation_ids: set[str], stamps: SignalStamps | None = None) -> None:
        """Have the records of identities composed anew at the end of the transaction's group.

        Args:
            tx: The caller's.
            generation_ids: Whose records.
            stamps: When the cause was observed and came in; just now if not given.
        """
        if not generation_ids:
            return
        waiting = tx.state.get(self)
        if waiting is None:
            tx.state[self] = waiting = _Waiting(self._just_now("act"))
            tx.at_group_end(self, self._write)
            tx.on_commit(waiting.tell(self._committed))
        waiting.concerned.update(generation_ids)
        if stamps is not None:
            waiting.stamps.update(dict.fromkeys(generation_ids, stamps))

    def publish_to(self, publisher: Publisher) -> None:
        """Hand each committed record to ``publisher``, in the order of sequence; set before serving."""
        self._publisher = publisher

    def use_policies(self, policy_hash: str) -> None:
        """Name another policy manifest in every head from now on."""
        is_other = policy_hash != self._policy_hash
        self._policy_hash = policy_hash
        if is_other and self._on_policies is not None:
            self._on_policies()

    def vouch_while(self, may_vouch: Callable[[], bool]) -> None:
        """Sign heads only while ``may_vouch``: without one enforcement points open no session, and hold what they know.

        Facts that are known to be older than what was acted on, or altered, must let nobody in.
        """
        self._may_vouch = may_vouch

    def require_vouching(self) -> None:
        """Let pass while records may be vouched for.

        Raises:
            PostureUnavailable: What they are made of was altered.
        """
        if not self._may_vouch():
            raise PostureUnavailable(
                "the ledger was altered, or an older database was put back: nobody is let in on what it says",
                hint="see what: vedette ledger verify",
            )

    def on_policies(self, listener: Callable[[], None]) -> None:
        """Have ``listener`` called in the event loop when heads name another manifest; it must not block."""
        self._on_policies = listener

    async def start(self) -> None:
        """Read where the records stand; nothing is signed for enforcement points before."""
        self._published = await self._store.read(
            lambda connection: repository.read_state(connection, self._organization_id)
        )

    @property
    def published(self) -> State | None:
        """The state that enforcement points have been told of; ``None`` before ``start``."""
        return self._published

    def head(self) -> Head:
        """Return the head as of now: it covers what was published, never more.

        Raises:
            PostureUnavailable: What the records are made of was altered.
        """
        self.require_vouching()
        state = self._published or State()
        return Head(
            schema=SCHEMA_VERSION,
            organization_id=self._organization_id,
            epoch=state.epoch,
            sequence=state.sequence,
            root_hash=state.root_hash,
            policy_hash=self._policy_hash,
            issued_at=self._clock.now(),
        )

    def sequence_of(self, generation_id: str) -> int:
        """Return the sequence that covers an identity's last published change; the last of all if not remembered."""
        known = self._sequences.get(generation_id)
        return known if known is not None else (self._published or State()).sequence

    async def find(self, device_id: str, module_id: str | None) -> PostureRecord | None:
        """Return the record of the identity that holds a name, from memory where possible."""
        key = (device_id, module_id)
        known = self._cache.get(key)
        if known is not None:
            self._cache.move_to_end(key)
            return known
        if self._clock.monotonic_s() < self._absent.get(key, 0.0) or not _is_name(device_id, module_id):
            return None
        reading = self._readings.setdefault(key, _Reading())
        reading.readers += 1
        try:
            signed = await self._store.read(
                lambda connection: repository.find_by_name(connection, self._organization_id, device_id, module_id)
            )
        finally:
            reading.readers -= 1
            if not reading.readers and self._readings.get(key) is reading:
                del self._readings[key]
        if reading.is_overtaken:
            # A commit that came in meanwhile has put the newer record there.
            return self._cache.get(key)
        try:
            record = None if signed is None else self._verifier.record(signed)
        except Untrusted as untrusted:
            log.error(_NOT_OURS, extra={"reason": untrusted.detail})  # noqa: TRY400 - no trace
            raise
        self._remember(key, record)
        return record

    async def catch_up(self) -> int:
        """Tell what was committed without our hearing of it: by another control, or when a commit's outcome was lost.

        Call it at intervals of a second: what this process commits is told a moment later by itself, so only what was
        untold at the call before and still is counts as unheard.

        Returns:
            How many records were told.
        """
        before = self._published
        state = await self._store.read(lambda connection: repository.read_state(connection, self._organization_id))
        if before is None or self._published is not before or state.sequence <= before.sequence:
            self._was_behind_at = None
            return 0
        if self._was_behind_at is not before:
            self._was_behind_at = before
            return 0
        log.warning("records were committed unheard and are told now", extra={"after": before.sequence})
        count, after = 0, before.sequence
        while True:
            state, page = await self._store.read(lambda connection, after=after: self._untold(connection, after))  # type: ignore[misc] # a bound default
            if self._published is not before:
                return count
            for row in page:
                record = self._believe(row.signed)
                if record is not None:
                    self._tell(record, row.signed, is_deleted=row.is_deleted)
            count += len(page)
            if len(page) < REBUILD_CHUNK:
                self._published = state
                return count
            after = page[-1].sequence

    def _untold(self, connection: sa.Connection, after: int) -> tuple[State, list[StoredRecord]]:
        state = repository.read_state(connection, self._organization_id)
        return state, repository.list_after(connection, self._organization_id, after, REBUILD_CHUNK)

    async def rewrite_all(self, *, raise_epoch: bool = False) -> int:
        """Compose every record anew, after a restore under a higher epoch so that no older record is accepted again.

        Returns:
            How many identities were looked at.
        """
        if raise_epoch:
            await self._store.write(self._raise_epoch, restricting=True)
        count, after = 0, ""
        while True:
            page = await self._store.read(lambda connection, after=after: self._page(connection, after))  # type: ignore[misc] # a bound default
            if not page:
                return count
            await self._store.write(lambda tx, page=page: self.refresh(tx, set(page)), restricting=True)  # type: ignore[misc] # a bound default
            count, after = count + len(page), page[-1]

    def _raise_epoch(self, tx: Transaction) -> None:
        state = repository.lock_state(tx.connection, self._organization_id)
        raised = State(state.epoch + 1, state.sequence, state.root_hash)
        repository.save_state(tx.connection, self._organization_id, raised)

    def _page(self, connection: sa.Connection, after: str) -> list[str]:
        return repository.list_generations(connection, self._organization_id, after, REBUILD_CHUNK)

    def _write(self, connection: sa.Connection, transactions: Sequence[Transaction]) -> None:
        """Compose, number, sign and store; runs in the writer thread before the COMMIT."""
        waiting: list[_Waiting] = [transaction.state[self] for transaction in transactions]
        concerned = set().union(*(each.concerned for each in waiting))
        now = self._clock.now()
        facts = self._facts.read(connection, self._organization_id, concerned, now)
        # The modules of a device come with it.
        found = {identity.generation_id for identity in facts}
        former = repository.find_records(connection, self._organization_id, found)
        state = repository.lock_state(connection, self._organization_id)
        new: list[NewRecord] = []
        # Ends first: when a name passes to a new generation within one group, the new one has the last word.
        for identity in sorted(facts, key=lambda each: (not each.is_deleted, each.generation_id)):
            stored = former.get(identity.generation_id)
            before = None if stored is None else self._believe(stored.signed)
            # A name is freed by a record that says so, even of who was retired and disabled before.
            is_ending = identity.is_deleted and stored is not None and not stored.is_deleted
            base = self._base(state, now)
            record = compose_record(identity, before, self._organization_id, base, is_forced=is_ending)
            if record is None:
                continue
            signed = self._signer.sign_record(record)
            state = State(state.epoch, record.sequence, extend_root(state.root_hash, signed))
            new.append(
                NewRecord(
                    organization_id=self._organization_id,
                    generation_id=record.generation_id,
                    device_id=record.device_id,
                    module_id=record.module_id or "",
                    sequence=record.sequence,
                    is_deleted=identity.is_deleted,
                    signed=signed,
                )
            )
            waiting[0].written.append((record, signed, identity.is_deleted))
        waiting[0].state = state
        waiting[0].decided_ns = _nanoseconds(self._clock)
        for other in waiting[1:]:
            waiting[0].stamps = other.stamps | waiting[0].stamps
        repository.save_records(connection, new, replaced=former)
        repository.save_state(connection, self._organization_id, state)

    def _believe(self, signed: bytes | None) -> PostureRecord | None:
        """Read a former record; one that is not ours is written anew, since restricting must not wait for repairs."""
        if signed is None:
            return None
        try:
            return self._verifier.record(signed)
        except Untrusted as untrusted:
            log.error(_NOT_OURS, extra={"reason": untrusted.detail})  # noqa: TRY400 - no trace
            return None

    def _base(self, state: State, now: datetime) -> Head:
        return Head(
            schema=SCHEMA_VERSION,
            organization_id=self._organization_id,
            epoch=state.epoch,
            sequence=state.sequence,
            root_hash=state.root_hash,
            policy_hash=self._policy_hash,
            issued_at=now,
        )

    def _committed(self, waiting: _Waiting) -> None:
        """Tell what a committed group wrote; runs in the event loop, groups in their order."""
        if waiting.state is None:
            return
        for record, signed, is_deleted in waiting.written:
            self._tell(record, signed, is_deleted=is_deleted)
            self._note_hops(record, waiting)
        self._published = waiting.state
        waiting.state = None

    def _tell(self, record: PostureRecord, signed: bytes, *, is_deleted: bool) -> None:
        name = (record.device_id, record.module_id)
        if name in self._readings:
            self._readings.pop(name).is_overtaken = True
        self._remember(name, None if is_deleted else record)
        self._sequences[record.generation_id] = record.sequence
        if len(self._sequences) > CACHE_MAX:
            self._sequences.popitem(last=False)
        if self._publisher is not None:
            self._publisher(record.generation_id, record.sequence, signed)

    def _note_hops(self, record: PostureRecord, waiting: _Waiting) -> None:
        owner = record.device_generation_id or record.generation_id
        hops = Hops(
            sequence=record.sequence,
            epoch=record.epoch,
            generation_id=record.generation_id,
            device_id=record.device_id,
            module_id=record.module_id,
            stamps=waiting.stamps.get(record.generation_id) or waiting.stamps.get(owner) or waiting.asked,
            decided_at=record.issued_at,
            decided_ns=waiting.decided_ns,
            sent_at=self._clock.now(),
            sent_ns=_nanoseconds(self._clock),
        )
        self.hops.add(hops)

    def _just_now(self, cause: str) -> SignalStamps:
        now = self._clock.now()
        return SignalStamps(cause=cause, observed_at=now, ingested_at=now, ingested_ns=_nanoseconds(self._clock))

    def _remember(self, key: _Name, record: PostureRecord | None) -> None:
        if record is None:
            self._cache.pop(key, None)
            self._absent[key] = self._clock.monotonic_s() + ABSENT_S
            self._absent.move_to_end(key)
            if len(self._absent) > ABSENT_MAX:
                self._absent.popitem(last=False)
            return
        self._absent.pop(key, None)
        self._cache[key] = record
        self._cache.move_to_end(key)
        if len(self._cache) > CACHE_MAX:
            self._cache.popitem(last=False)


def _is_name(device_id: str, module_id: str | None) -> bool:
    """Tell whether anybody could hold a name at all; what could not is not worth a question to the database."""
    try:
        parse_device_id(device_id)
        if module_id is not None:
            parse_module_id(module_id)
    except InvalidId:
        return False
    return True


def _nanoseconds(clock: Clock) -> int:
    return int(clock.monotonic_s() * 1e9)


class _Reading:
    """Somebody reads the record of a name from the database; a commit in between overtakes what they find."""

    __slots__ = ("is_overtaken", "readers")

    def __init__(self) -> None:
        self.readers = 0
        self.is_overtaken = False


class _Waiting:
    """What one transaction asks for; the first of a group carries what the group wrote."""

    __slots__ = ("asked", "concerned", "decided_ns", "stamps", "state", "written")

    def __init__(self, asked: SignalStamps) -> None:
        self.asked = asked
        self.stamps: dict[str, SignalStamps] = {}
        self.decided_ns = 0
        self.concerned: set[str] = set()
        self.written: list[tuple[PostureRecord, bytes, bool]] = []
        self.state: State | None = None

    def tell(self, committed: Callable[[_Waiting], None]) -> Callable[[], None]:
        return lambda: committed(self)


def _always() -> bool:
    return True
