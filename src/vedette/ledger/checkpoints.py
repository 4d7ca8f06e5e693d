"""The checkpoint service: signs the head of each log that grew, keeps it, and exports it off the host."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

import sqlalchemy as sa

from vedette.kernel import Clock, Problem
from vedette.ledger import repository
from vedette.ledger.errors import InvalidCheckpoint, LedgerInconsistent
from vedette.ledger.merkle import Frontier, hash_leaf
from vedette.ledger.note import (
    NOTE_BYTES_MAX,
    Checkpoint,
    CheckpointSigner,
    VerifierKey,
    origin_of,
    parse_checkpoint,
    verify_checkpoint,
)
from vedette.ledger.repository import State, StoredCheckpoint
from vedette.store import Store

log = logging.getLogger(__name__)

LATEST: Final = "latest"


class CheckpointService:
    """Signs, at an interval, each log that grew, after checking that it continues the checkpoint before.

    Each directory gets, per organization, ``latest``, one file per day with that day's last checkpoint, and
    ``verifier-key``. At least one directory should be off the host: only a checkpoint kept elsewhere can show that the
    whole log was rewritten. What stands in the directories is held against the log before anything is signed, so that
    whoever can write to the database alone never gets a signature on another history.
    """

    def __init__(
        self,
        store: Store,
        signer: CheckpointSigner,
        *,
        clock: Clock,
        directories: Sequence[Path],
        interval: timedelta = timedelta(seconds=60),
    ) -> None:
        self._store = store
        self._signer = signer
        self._clock = clock
        self._directories = tuple(directories)
        self._interval = interval
        self._exported: dict[tuple[Path, str], int] = {}
        self._failure: Exception | None = None
        self._is_altered = False

    @property
    def failure(self) -> Exception | None:
        """Why the last round of ``run`` failed: ``LedgerInconsistent`` if a log was altered; ``None`` if it did not."""
        return self._failure

    @property
    def is_altered(self) -> bool:
        """Whether the last round that could tell found a log that was altered, or is older than what was exported."""
        return self._is_altered

    async def run(self) -> None:
        """Write checkpoints until cancelled."""
        while True:
            await self.write_round()
            await asyncio.sleep(self._interval.total_seconds())

    async def write_round(self) -> None:
        """Write checkpoints once; what fails is logged and told by ``failure``."""
        failure: Exception | None = None
        try:
            await self.write()
            self._is_altered = False
        except LedgerInconsistent as error:
            failure = error
            self._is_altered = True
            log.error("the ledger was altered: no checkpoint is signed", extra={"reason": str(error)})  # noqa: TRY400 - no trace wanted
        except (Problem, OSError) as error:
            failure = error
            log.warning("checkpoints wait for the store or the disk", extra={"reason": str(error)})
        self._failure = failure

    async def write(self) -> tuple[Checkpoint, ...]:
        """Sign every log that grew since its last checkpoint, and export what is not exported yet.

        Raises:
            LedgerInconsistent: A log does not continue its last checkpoint; the others are done all the same.
        """
        written = []
        altered: LedgerInconsistent | None = None
        sound: list[str] = []
        for each in await self._store.read(repository.read_states):
            try:
                checkpoint = await self._sign_if_grown(each.organization_id)
            except LedgerInconsistent as error:
                altered = error
                continue
            sound.append(each.organization_id)
            if checkpoint is not None:
                written.append(checkpoint)
        # What stands in the directories of an altered log convicts it: an older checkpoint must not take its place.
        await self._export(sound)
        if altered is not None:
            raise altered
        return tuple(written)

    async def latest(self, organization_id: str) -> str | None:
        """Return the newest signed checkpoint of a log, or None before the first."""
        stored = await self._latest(organization_id)
        return None if stored is None else stored.note

    async def add_cosignatures(self, note: str, *, witnesses: Sequence[VerifierKey] = ()) -> Checkpoint:
        """Take over the signatures that witnesses put on a checkpoint of ours; those of unknown keys are kept too.

        Raises:
            InvalidCheckpoint: It is not a checkpoint we signed, or a line by a given witness does not verify.
        """
        cosigned = parse_checkpoint(note)
        organization_id = cosigned.origin.removeprefix(origin_of(""))
        own = self._signer.verifier_key(origin_of(organization_id)) if organization_id.isidentifier() else None
        if own is None or own.name != cosigned.origin:
            raise InvalidCheckpoint(f"{cosigned.origin[:160]!r} is not the log of a Vedette organization")
        verify_checkpoint(cosigned, (own, *witnesses))
        return await self._store.write(lambda tx: _merge_signatures(tx.connection, organization_id, cosigned))

    async def _latest(self, organization_id: str) -> StoredCheckpoint | None:
        return await self._store.read(lambda connection: repository.read_latest_checkpoint(connection, organization_id))

    async def _sign_if_grown(self, organization_id: str) -> Checkpoint | None:
        # Read before the log, which then can only be further.
        exported = await asyncio.to_thread(self._read_exported, organization_id)
        previous = await self._latest(organization_id)
        state = await self._store.read(lambda connection: repository.read_state(connection, organization_id))
        if state is None:
            return None
        has_grown = previous is None or previous.size != state.size
        if not has_grown and (exported is None or exported.size <= state.size):
            return None
        await self._store.read(lambda connection: self._check_growth(connection, state, previous, exported))
        checkpoint = self._signer.sign(origin_of(organization_id), state.size, state.root)
        stored = StoredCheckpoint(organization_id, state.size, self._clock.now(), state.frontier, checkpoint.note())
        await self._store.write(lambda tx: _keep(tx.connection, stored))
        return checkpoint

    def _check_growth(
        self, connection: sa.Connection, state: State, previous: StoredCheckpoint | None, exported: Checkpoint | None
    ) -> None:
        """Build the tree from the last signed checkpoint on, and compare: what was altered is never signed."""
        frontier = Frontier()
        if previous is not None:
            frontier = self._frontier_of(state.organization_id, previous)
        is_same = exported is None or frontier.size != exported.size or frontier.root() == exported.root
        for row in repository.stream_entries(connection, state.organization_id, after=frontier.size, up_to=state.size):
            frontier.append(hash_leaf(row.body))
            if exported is not None and frontier.size == exported.size:
                is_same = is_same and frontier.root() == exported.root
        if exported is not None and (not is_same or exported.size > frontier.size):
            raise LedgerInconsistent(
                f"the log of {state.organization_id} does not continue its exported checkpoint of size {exported.size}",
                hint="run: vedette ledger verify",
            )
        if (frontier.size, frontier.root()) != (state.size, state.root):
            raise LedgerInconsistent(
                f"the log of {state.organization_id} does not continue its checkpoint of size "
                f"{0 if previous is None else previous.size}",
                hint="run: vedette ledger verify",
            )

    def _read_exported(self, organization_id: str) -> Checkpoint | None:
        """Return the largest checkpoint of ours in the directories; one that is away or damaged says nothing."""
        key = self._signer.verifier_key(origin_of(organization_id))
        found: Checkpoint | None = None
        for directory in self._directories:
            try:
                note = read_exported(directory, organization_id)
                if note is None:
                    continue
                checkpoint = parse_checkpoint(note)
                verify_checkpoint(checkpoint, (key,))
            except (OSError, InvalidCheckpoint) as error:
                log.warning(
                    "an exported checkpoint can not be used", extra={"in": str(directory), "reason": str(error)}
                )
                continue
            if found is None or checkpoint.size > found.size:
                found = checkpoint
        return found

    def _frontier_of(self, organization_id: str, previous: StoredCheckpoint) -> Frontier:
        """Return the tree of the last checkpoint, vouched for by our own signature on its root."""
        try:
            checkpoint = parse_checkpoint(previous.note)
            verify_checkpoint(checkpoint, (self._signer.verifier_key(origin_of(organization_id)),))
            frontier = Frontier(previous.size, previous.frontier)
        except (InvalidCheckpoint, ValueError) as error:
            raise LedgerInconsistent(
                f"the last checkpoint of {organization_id} was altered", hint="run: vedette ledger verify"
            ) from error
        if (frontier.size, frontier.root()) != (checkpoint.size, checkpoint.root):
            raise LedgerInconsistent(
                f"the last checkpoint of {organization_id} was altered", hint="run: vedette ledger verify"
            )
        return frontier

    async def _export(self, organization_ids: Sequence[str]) -> None:
        for organization_id in organization_ids:
            latest = await self._latest(organization_id)
            if latest is None:
                continue
            for directory in self._directories:
                if self._exported.get((directory, organization_id)) == latest.size:
                    continue
                key = str(self._signer.verifier_key(origin_of(organization_id)))
                await asyncio.to_thread(_export, directory / organization_id, latest, key)
                self._exported[directory, organization_id] = latest.size


def read_exported(directory: Path, organization_id: str) -> str | None:
    """Return the newest checkpoint of a log that was exported to a directory, or None; blocks.

    Raises:
        OSError: The directory does not answer.
    """
    try:
        raw = (directory / organization_id / LATEST).read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return None
    return raw[: NOTE_BYTES_MAX + 1].decode("utf-8", "replace")


def _keep(connection: sa.Connection, checkpoint: StoredCheckpoint) -> None:
    if repository.read_checkpoint(connection, checkpoint.organization_id, checkpoint.size) is None:
        repository.insert_checkpoint(connection, checkpoint)


def _merge_signatures(connection: sa.Connection, organization_id: str, cosigned: Checkpoint) -> Checkpoint:
    stored = repository.read_checkpoint(connection, organization_id, cosigned.size)
    if stored is None or parse_checkpoint(stored.note).text() != cosigned.text():
        raise InvalidCheckpoint(f"no checkpoint of size {cosigned.size} with that root is kept here")
    merged = parse_checkpoint(stored.note).with_signatures(cosigned.signatures)
    parse_checkpoint(merged.note())  # within the limits, signatures included
    repository.update_checkpoint(connection, organization_id, cosigned.size, merged.note())
    return merged


def _export(directory: Path, checkpoint: StoredCheckpoint, verifier_key: str) -> None:
    directory.mkdir(parents=True, exist_ok=True)
    _replace(directory / "verifier-key", f"{verifier_key}\n")
    _replace(directory / _day(checkpoint.at), checkpoint.note)
    _replace(directory / LATEST, checkpoint.note)


def _day(at: datetime) -> str:
    return at.strftime("%Y-%m-%d")


def _replace(path: Path, text: str) -> None:
    """Write a file whole or not at all, and have it on disk."""
    partial = path.with_name(f".{path.name}.partial")
    partial.unlink(missing_ok=True)
    # Made here and now: in a directory that others share, a link of that name would lead elsewhere.
    with partial.open("x", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)
