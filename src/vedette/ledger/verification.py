"""Find any edit, deletion, reordering or gap in a log; with an outside checkpoint, a rewrite or a lost tail. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal

import msgspec

from vedette.kernel import to_rfc3339
from vedette.ledger.errors import InvalidCheckpoint
from vedette.ledger.merkle import HASH_BYTES, Frontier, hash_leaf
from vedette.ledger.model import Envelope, Record, StoredEntry, encode_canonical
from vedette.ledger.note import Checkpoint, VerifierKey, parse_checkpoint, verify_checkpoint
from vedette.ledger.repository import State, StoredCheckpoint

FINDINGS_MAX: Final = 100
UNREADABLE: Final = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)

FindingKind = Literal[
    "edited", "missing", "misplaced", "tail", "state", "checkpoint", "outside_checkpoint", "event", "signature"
]


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong with a log.

    Attributes:
        position: The entry it is about, or the first of several.
        kind: What sort of thing it is.
        detail: What is wrong, for a person.
    """

    position: int
    kind: FindingKind
    detail: str


@dataclass(frozen=True, slots=True)
class Report:
    """The result of verifying one log.

    Attributes:
        organization_id: Whose log it is.
        size: How many entries were read.
        root: The root of the tree they make, hexadecimal; of no meaning once entries are missing.
        findings: What is wrong, at most 100.
        findings_left_off: How many more there are.
        notes: What could not be checked, and why.
    """

    organization_id: str
    size: int
    root: str
    findings: tuple[Finding, ...]
    findings_left_off: int
    notes: tuple[str, ...]

    @property
    def is_intact(self) -> bool:
        """Tell whether nothing is wrong."""
        return not self.findings


@dataclass(frozen=True, slots=True)
class _Claim:
    """What a checkpoint says the tree was."""

    checkpoint: Checkpoint
    is_outside: bool


class LogVerifier:
    """Reads one log in order and collects what is wrong with it.

    The tree is built from the stored leaf hashes while each body is held against its own, so that an edited entry is
    named and does not hide the rest.
    """

    def __init__(self, organization_id: str, origin: str, keys: Sequence[VerifierKey]) -> None:
        self._organization_id = organization_id
        self._origin = origin
        self._keys = keys
        self._frontier = Frontier()
        self._last = 0
        self._is_broken = False
        self._claims: dict[int, list[_Claim]] = {}
        self._last_good = 0
        self._stored_mismatch = False
        self._findings: list[Finding] = []
        self._left_off = 0
        self._notes: list[str] = []
        self._told: int | None = None
        self._queued_since: datetime | None = None

    def expect_stored(self, stored: StoredCheckpoint) -> None:
        """Hold the log against a checkpoint kept beside it."""
        self.expect(stored.note)
        claims = self._claims.get(stored.size, ())
        if not any(_is_same(stored, claim.checkpoint) for claim in claims):
            self._find(stored.size, "checkpoint", f"the checkpoint kept as size {stored.size} does not match its note")

    def expect(self, note: str, *, is_outside: bool = False) -> None:
        """Hold the log against a checkpoint; call it before the first entry."""
        kind: FindingKind = "outside_checkpoint" if is_outside else "checkpoint"
        try:
            checkpoint = parse_checkpoint(note)
        except InvalidCheckpoint as error:
            self._find(0, kind, f"a checkpoint can not be read: {error.detail}")
            return
        if checkpoint.origin != self._origin:
            self._find(checkpoint.size, kind, f"a checkpoint is of another log, {checkpoint.origin[:160]!r}")
            return
        if self._keys:
            try:
                verify_checkpoint(checkpoint, self._keys)
            except InvalidCheckpoint as error:
                self._find(checkpoint.size, "signature", f"the checkpoint of size {checkpoint.size}: {error.detail}")
                return
        else:
            self._note("signatures of checkpoints were not checked: no public key was given")
        self._claims.setdefault(checkpoint.size, []).append(_Claim(checkpoint, is_outside))
        if checkpoint.size == 0:
            self._compare_claims()

    def expect_told(self, position: int) -> None:
        """Have queued events checked: those after ``position`` were not told yet. Call it before the first entry."""
        self._told = position

    def report_loose_events(self, positions: Sequence[int]) -> None:
        """Say that events are queued for positions that no entry can have."""
        which = f"position {positions[0]}" if len(positions) == 1 else f"{len(positions)} positions"
        self._find(positions[0], "event", f"events are queued for {which} outside the log")

    def report_missing_end(self) -> None:
        """Say that an exported file was cut off: it does not end in a checkpoint."""
        self._find(0, "tail", "the file does not end in a checkpoint: it was cut off, or no checkpoint existed yet")

    def add(self, row: StoredEntry, envelope: bytes | None = None, *, malformed: Sequence[str] = ()) -> None:
        """Read the next entry.

        Args:
            row: As stored.
            envelope: Its event's, if that is still kept.
            malformed: Columns that hold what the ledger never writes; the row has stand-ins for them.
        """
        expected = self._last + 1
        if row.position > expected:
            last_missing = row.position - 1
            which = f"entry {expected} is" if expected == last_missing else f"entries {expected} to {last_missing} are"
            self._find(expected, "missing", f"{which} missing")
            self._is_broken = True
        elif row.position < expected:
            self._find(row.position, "misplaced", f"position {row.position} comes after position {self._last}")
            self._is_broken = True
        self._last = max(self._last, row.position)
        for name in malformed:
            self._find(row.position, "edited", f"column {name} holds what the ledger never writes")
        self._check_row(row, envelope, malformed)
        if len(row.leaf_hash) != HASH_BYTES:
            self._is_broken = True
            return
        self._frontier.append(row.leaf_hash)
        self._compare_claims()

    def finish(self, state: State | None) -> Report:
        """Hold what was read against the log's recorded head, and report.

        Args:
            state: The stored head; None if there is none to compare with.
        """
        if state is not None:
            self._check_state(state)
            if self._told is not None and self._told > max(self._last, state.size):
                self._find(self._last, "event", f"events are on record as told up to {self._told}, beyond the log")
        for size in sorted(size for size in self._claims if size > self._last):
            for claim in self._claims[size]:
                kind: FindingKind = "outside_checkpoint" if claim.is_outside else "tail"
                self._find(
                    self._last + 1, kind, f"entries {self._last + 1} to {size} are missing: a checkpoint has them"
                )
        if self._is_broken and any(claim.is_outside for claims in self._claims.values() for claim in claims):
            self._note("the outside checkpoint could not be compared beyond the first missing or misplaced entry")
        return Report(
            organization_id=self._organization_id,
            size=self._last,
            root=self._frontier.root().hex(),
            findings=tuple(self._findings),
            findings_left_off=self._left_off,
            notes=tuple(self._notes),
        )

    def finish_export(self, size: int | None) -> Report:
        """Report on an exported file whose checkpoint covers ``size`` entries; it vouches for no others."""
        if size is not None and size < self._last:
            self._find(size + 1, "tail", f"entries {size + 1} to {self._last} come after what the checkpoint covers")
        return self.finish(None)

    def _check_row(self, row: StoredEntry, envelope: bytes | None, malformed: Sequence[str]) -> None:
        if "body" in malformed:
            return
        if hash_leaf(row.body) != row.leaf_hash and "leaf_hash" not in malformed:
            self._find(row.position, "edited", "the entry does not match its hash")
        try:
            record = msgspec.json.decode(row.body, type=Record)
        except UNREADABLE:
            self._find(row.position, "edited", "the entry can not be read")
            return
        if (record.organization_id, record.position) != (self._organization_id, row.position):
            self._find(
                row.position,
                "misplaced",
                f"position {row.position} holds the entry of position {record.position} of {record.organization_id!r}",
            )
        for name, is_equal in _COLUMNS.items():
            if name not in malformed and not is_equal(row, record):
                self._find(row.position, "edited", f"column {name} does not match the entry")
        if envelope is not None:
            self._check_envelope(row.position, record, envelope)
            if self._queued_since is None or row.at < self._queued_since:
                self._queued_since = row.at
        elif record.event is not None:
            self._check_that_it_was_told(row)

    def _check_that_it_was_told(self, row: StoredEntry) -> None:
        """Events leave the queue when they were told and are old, oldest first; others were taken out."""
        if self._told is None:
            return
        if row.position > self._told:
            self._find(row.position, "event", "the event was not told yet and is no longer queued")
        elif self._queued_since is not None and row.at >= self._queued_since:
            self._find(row.position, "event", "the event is no longer kept, but an older one is")

    def _check_envelope(self, position: int, record: Record, encoded: bytes) -> None:
        try:
            envelope = msgspec.json.decode(encoded, type=Envelope)
        except UNREADABLE:
            self._find(position, "event", "the event can not be read")
            return
        reference = record.event
        if reference is None:
            self._find(position, "event", "the entry tells no event, but one is queued for it")
            return
        expected = (reference.id, reference.name, reference.version, record.at, record.position, record.actor)
        found = (
            envelope.event_id,
            envelope.name,
            envelope.version,
            envelope.occurred_at,
            envelope.position,
            envelope.actor,
        )
        digest = hashlib.sha256(encode_canonical(envelope.data)).hexdigest()
        is_same = expected == found and digest == reference.sha256
        is_of_it = (envelope.organization_id, envelope.subject) == (
            record.organization_id,
            envelope.data.get("generation_id", envelope.subject),
        )
        # Byte for byte, so that nothing hides in members that are read by others only, or twice.
        if not is_same or not is_of_it or encode_canonical(envelope) != encoded:
            self._find(position, "event", "the queued event does not match the entry")

    def _compare_claims(self) -> None:
        if self._is_broken:
            return
        size = self._frontier.size
        for claim in self._claims.get(size, ()):
            is_same = claim.checkpoint.root == self._frontier.root()
            if claim.is_outside and not is_same:
                # Whoever rewrote the log may have made new checkpoints beside it: those narrow nothing down.
                self._find(1, "outside_checkpoint", f"something in entries 1 to {size} differs from the checkpoint")
            elif is_same:
                self._last_good = size
            elif not self._stored_mismatch:  # every later one fails for the same reason
                self._stored_mismatch = True
                first = self._last_good + 1
                self._find(first, "checkpoint", f"something in entries {first} to {size} differs from the checkpoint")

    def _check_state(self, state: State) -> None:
        if self._last < state.size:
            self._find(self._last + 1, "tail", f"entries {self._last + 1} to {state.size} are missing at the end")
        elif self._last > state.size:
            self._find(state.size + 1, "state", f"entries after {state.size} are not in the recorded head")
        elif not self._is_broken and (self._frontier.root(), self._frontier.to_bytes()) != (state.root, state.frontier):
            self._find(self._last, "state", "the recorded head is not the root of the entries")

    def _find(self, position: int, kind: FindingKind, detail: str) -> None:
        if len(self._findings) < FINDINGS_MAX:
            self._findings.append(Finding(position, kind, detail))
        else:
            self._left_off += 1

    def _note(self, text: str) -> None:
        if text not in self._notes:
            self._notes.append(text)


def verify_log(
    organization_id: str,
    origin: str,
    rows: Iterable[tuple[StoredEntry, Sequence[str]]],
    *,
    state: State | None,
    checkpoints: Iterable[StoredCheckpoint] = (),
    envelopes: Iterator[tuple[int, bytes]] = iter(()),  # noqa: B008 - empty for good
    told: int = 0,
    outside: Sequence[str] = (),
    keys: Sequence[VerifierKey] = (),
) -> Report:
    """Verify one log as it is stored.

    Args:
        organization_id: Whose log it is.
        origin: The log's name in checkpoints.
        rows: All its entries by position, each with the columns that are malformed.
        state: Its recorded head; absent is a finding when there are entries.
        checkpoints: The checkpoints kept beside it.
        envelopes: The events still queued or kept, by position.
        told: The position up to which events were told.
        outside: Checkpoints kept elsewhere, which alone can show a rewrite of everything or a lost tail.
        keys: The log's public key, and witnesses'; without any, signatures are not checked.
    """
    verifier = LogVerifier(organization_id, origin, keys)
    for checkpoint in checkpoints:
        verifier.expect_stored(checkpoint)
    for note in outside:
        verifier.expect(note, is_outside=True)
    verifier.expect_told(told)
    queue = _Queue(envelopes)
    for row, malformed in rows:
        verifier.add(row, queue.take(row.position), malformed=malformed)
    loose = queue.loose_ones()
    if loose:
        verifier.report_loose_events(loose)
    return verifier.finish(state if state is not None else State(organization_id, 0, b"", Frontier().root()))


class _Queue:
    """The queued events, read beside the entries; remembers those at positions that no entry can have."""

    def __init__(self, envelopes: Iterator[tuple[int, bytes]]) -> None:
        self._envelopes = envelopes
        self._next = next(envelopes, None)
        self._loose: list[int] = []

    def take(self, position: int) -> bytes | None:
        """Return the envelope at a position; those passed over on the way belong to missing entries."""
        while self._next is not None and self._next[0] < position:
            if self._next[0] < 1:
                self._loose.append(self._next[0])
            self._next = next(self._envelopes, None)
        if self._next is None or self._next[0] != position:
            return None
        found = self._next[1]
        self._next = next(self._envelopes, None)
        return found

    def loose_ones(self) -> list[int]:
        """Return positions before the first entry and behind the last; call it after the last."""
        while self._next is not None:
            self._loose.append(self._next[0])
            self._next = next(self._envelopes, None)
        return self._loose


def _is_same(stored: StoredCheckpoint, checkpoint: Checkpoint) -> bool:
    if stored.size < 0 or len(stored.frontier) != HASH_BYTES * stored.size.bit_count():
        return False
    return (stored.size, Frontier(stored.size, stored.frontier).root()) == (checkpoint.size, checkpoint.root)


# The columns that queries use, and how each follows from the entry itself.
_COLUMNS: Final[dict[str, Callable[[StoredEntry, Record], bool]]] = {
    "organization_id": lambda row, record: row.organization_id == record.organization_id,
    "at": lambda row, record: row.at.microsecond % 1000 == 0 and to_rfc3339(row.at) == record.at,
    "actor_kind": lambda row, record: row.actor_kind == record.actor.kind,
    "actor_id": lambda row, record: row.actor_id == record.actor.id,
    "action": lambda row, record: row.action == record.action,
    "target": lambda row, record: row.target == record.target,
    "decision": lambda row, record: row.decision == record.decision,
}
