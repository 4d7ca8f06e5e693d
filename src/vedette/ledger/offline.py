"""Verify and export a ledger from outside: beside a running server, without one, or from an exported file."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import IO, Final

import msgspec
import sqlalchemy as sa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from vedette.ledger import repository
from vedette.ledger.errors import InvalidCheckpoint, InvalidEntry, LedgerInconsistent
from vedette.ledger.merkle import hash_leaf
from vedette.ledger.model import ENTRY_BYTES_MAX, Record, StoredEntry
from vedette.ledger.note import CheckpointSigner, VerifierKey, origin_of, parse_checkpoint
from vedette.ledger.verification import UNREADABLE, LogVerifier, Report, verify_log
from vedette.store import open_read_only

_LINE_BYTES_MAX: Final = 2 * ENTRY_BYTES_MAX
_ORIGIN_PREFIX: Final = origin_of("")


@dataclass(frozen=True, slots=True)
class _End:
    """The end of an exported file as it was read.

    Attributes:
        note: The checkpoint of the last line, if it is one.
        organization_id: That it or the first entry names.
        lines: Of the file.
        size: Entries that the checkpoint covers.
    """

    note: str | None
    organization_id: str | None
    lines: int
    size: int | None


class _LastLine(msgspec.Struct, forbid_unknown_fields=True):
    """The end of an exported file."""

    checkpoint: str


def verify_database(
    url: str,
    *,
    checkpoint: str | None = None,
    organization_id: str | None = None,
    kept: Sequence[str] = (),
    public_key: Ed25519PublicKey | None = None,
    witnesses: Sequence[VerifierKey] = (),
) -> tuple[Report, ...]:
    """Verify every log in a database, on one snapshot.

    Args:
        url: The database; it may be in use.
        checkpoint: A checkpoint kept elsewhere; it applies to the log it names, which must be there.
        organization_id: A log that is reported even if nothing of it is there.
        kept: Checkpoints of that log that were exported to files, read before this is called; they apply likewise.
        public_key: The key that signs this ledger's checkpoints.
        witnesses: Keys of witnesses whose cosignatures count.

    Raises:
        InvalidCheckpoint: ``checkpoint`` is not one of a Vedette ledger.
        LedgerInconsistent: The tables themselves were altered.
        StoreUnavailable: The database is absent or does not answer.
    """
    outside: dict[str, list[str]] = {} if organization_id is None else {organization_id: list(kept)}
    if checkpoint is not None:
        outside.setdefault(_organization_of(checkpoint), []).append(checkpoint)
    try:
        with open_read_only(url) as connection:
            found = repository.organizations(connection) | outside.keys()
            return tuple(
                _verify_stored(connection, each, outside.get(each, ()), _keys(each, public_key, witnesses))
                for each in sorted(found)
            )
    except sa.exc.DBAPIError as error:
        raise LedgerInconsistent(
            f"the tables of the ledger are not as they were made: {str(error.orig)[:200]}",
            hint="restore the whole data directory from one backup",
        ) from error


def export(url: str, organization_id: str, out: IO[bytes], *, signer: CheckpointSigner | None = None) -> int:
    """Write a log as JSON lines, one entry each in its canonical bytes, and a checkpoint last; return the entries.

    SHA-256 of a zero byte and a line without its newline is the leaf hash, so that any tool can check the file.

    Args:
        url: The database; it may be in use.
        organization_id: Whose log.
        out: Where to.
        signer: Signs a checkpoint of exactly what is written; without it the newest stored one ends the file, and
            entries after it are left out: nothing would vouch for them.

    Raises:
        LedgerInconsistent: A row holds what the ledger never writes.
        StoreUnavailable: The database is absent or does not answer.
    """
    with open_read_only(url) as connection:
        note, size = _final_checkpoint(connection, organization_id, signer)
        count = 0
        for row in repository.stream_entries(connection, organization_id, up_to=size):
            out.write(row.body + b"\n")
            count += 1
    if note:
        out.write(msgspec.json.encode(_LastLine(note)) + b"\n")
    return count


def verify_export(
    file: IO[bytes],
    *,
    checkpoint: str | None = None,
    public_key: Ed25519PublicKey | None = None,
    witnesses: Sequence[VerifierKey] = (),
) -> Report:
    """Verify an exported file against the checkpoint at its end, and one kept elsewhere.

    Raises:
        InvalidEntry: The file is not an export.
        InvalidCheckpoint: ``checkpoint`` is not one of a Vedette ledger.
    """
    end = _read_end(file)
    organization_id = end.organization_id
    if organization_id is None and checkpoint is not None:
        organization_id = _organization_of(checkpoint)
    if organization_id is None:
        raise InvalidEntry("the file holds neither entries nor a checkpoint", hint="make one: vedette ledger export")
    verifier = LogVerifier(organization_id, origin_of(organization_id), _keys(organization_id, public_key, witnesses))
    if end.note is None:
        verifier.report_missing_end()
    else:
        verifier.expect(end.note)
    if checkpoint is not None:
        verifier.expect(checkpoint, is_outside=True)
    file.seek(0)
    for number, line in enumerate(_lines(file), start=1):
        if end.note is None or number < end.lines:
            verifier.add(_entry_of(line, organization_id, number))
    return verifier.finish_export(end.size)


def _verify_stored(
    connection: sa.Connection, organization_id: str, outside: Sequence[str], keys: Sequence[VerifierKey]
) -> Report:
    return verify_log(
        organization_id,
        origin_of(organization_id),
        repository.stream_raw_entries(connection, organization_id),
        state=repository.read_state(connection, organization_id),
        checkpoints=repository.read_checkpoints(connection, organization_id),
        envelopes=repository.stream_outbox(connection, organization_id),
        told=repository.read_told(connection, organization_id),
        outside=outside,
        keys=keys,
    )


def _keys(
    organization_id: str, public_key: Ed25519PublicKey | None, witnesses: Sequence[VerifierKey]
) -> tuple[VerifierKey, ...]:
    if public_key is None:
        return tuple(witnesses)
    return (VerifierKey(origin_of(organization_id), public_key.public_bytes_raw()), *witnesses)


def _organization_of(note: str) -> str:
    origin = parse_checkpoint(note).origin
    organization_id = origin.removeprefix(_ORIGIN_PREFIX)
    if not organization_id or organization_id == origin:
        raise InvalidCheckpoint(f"{origin[:160]!r} is not the log of a Vedette organization")
    return organization_id


def _final_checkpoint(
    connection: sa.Connection, organization_id: str, signer: CheckpointSigner | None
) -> tuple[str, int | None]:
    """Return the note that ends an export and the entries it covers; without any checkpoint no note, and all."""
    if signer is not None:
        state = repository.read_state(connection, organization_id)
        if state is not None:
            return signer.sign(origin_of(organization_id), state.size, state.root).note(), state.size
    latest = repository.read_latest_checkpoint(connection, organization_id)
    return ("", None) if latest is None else (latest.note, latest.size)


def _lines(file: IO[bytes]) -> Iterator[bytes]:
    while line := file.readline(_LINE_BYTES_MAX + 1):
        if len(line) > _LINE_BYTES_MAX:
            raise InvalidEntry(f"a line of the file is longer than {_LINE_BYTES_MAX} bytes", limit=_LINE_BYTES_MAX)
        yield line.rstrip(b"\n")


def _read_end(file: IO[bytes]) -> _End:
    organization_id = ""
    note = None
    lines = 0
    for line in _lines(file):
        lines += 1
        note = _last_line(line)
        if not organization_id and note is None:
            organization_id = _entry_of(line, "", 1).organization_id
    size = None
    if note is not None:
        try:
            size = parse_checkpoint(note).size
            organization_id = _organization_of(note)
        except InvalidCheckpoint:  # the verifier names it
            pass
    return _End(note, organization_id or None, lines, size)


def _last_line(line: bytes) -> str | None:
    if not line.startswith(b'{"checkpoint":'):
        return None
    try:
        return msgspec.json.decode(line, type=_LastLine).checkpoint
    except UNREADABLE:
        return None


def _entry_of(line: bytes, organization_id: str, number: int) -> StoredEntry:
    """Return a line as the row it came from; a line that can not be read keeps its place for the verifier to name."""
    common = {"body": line, "leaf_hash": hash_leaf(line)}
    try:
        record = msgspec.json.decode(line, type=Record)
        at = datetime.fromisoformat(record.at).astimezone(UTC)
    except (*UNREADABLE, ValueError, OverflowError):
        return StoredEntry(
            organization_id=organization_id,
            position=number,
            at=datetime.fromtimestamp(0, UTC),
            actor_kind="",
            actor_id="",
            action="",
            target="",
            decision="",
            **common,
        )
    return StoredEntry(
        organization_id=record.organization_id,
        position=record.position,
        at=at,
        actor_kind=record.actor.kind,
        actor_id=record.actor.id,
        action=record.action,
        target=record.target,
        decision=record.decision,
        **common,
    )
