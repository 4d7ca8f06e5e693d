"""The signer's journal: every issuance, on disk before it is answered.

A directory of segments that are only ever appended to; each start and each failed write begins a new one, so no byte
once written is touched again. A record is its length, its CRC-32 and MessagePack. A torn tail, what a power cut leaves
of records that were never answered, is stepped over and reported.
"""

from __future__ import annotations

import logging
import os
import re
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Annotated, Final, Literal

import msgspec

from vedette.pki.errors import JournalUnavailable
from vedette.pki.keyfiles import make_private_directory, sync_directory

log = logging.getLogger(__name__)

_HEADER: Final = struct.Struct(">II")
_SEGMENT: Final = re.compile(r"issued-(\d{8})\.journal")
_RECORD_MAX_BYTES: Final = 8192
_TORN: Final = "incomplete or damaged record"


class JournalRecord(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One act of the signer.

    Attributes:
        kind: What was signed; ``opened`` is the first record of a segment and carries over ``number``.
        number: The highest CRL number used up to here.
        sha256: Of the certificate or list, lower-case hex.
    """

    recorded_at: datetime
    kind: Literal["opened", "device", "server", "crl"]
    request_id: str = ""
    generation_id: str = ""
    subject_name: Annotated[str, msgspec.Meta(max_length=4096)] = ""
    sha256: str = ""
    serial: str = ""
    public_key_sha256: str = ""
    not_after: datetime | None = None
    number: int = 0


@dataclass(slots=True)
class JournalState:
    """What a journal says when it is opened.

    Attributes:
        last_at: Time of the youngest record; ``None`` in an empty journal.
        recent: Kind and time of every record since the given moment, oldest first.
        number: The highest CRL number used.
    """

    last_at: datetime | None = None
    recent: list[tuple[str, datetime]] = field(default_factory=list)
    number: int = 0


class Journal:
    """Appends records durably. Blocking and single-threaded: use it from one thread."""

    def __init__(self, directory: Path, *, segment_max_bytes: int = 33_554_432) -> None:
        self._directory = directory
        self._segment_max_bytes = segment_max_bytes
        self._descriptor: int | None = None
        self._size_bytes = 0
        self._number = 0
        self._encode = msgspec.msgpack.Encoder().encode

    def open(self, *, since: datetime) -> JournalState:
        """Read back what happened since a moment; segments that ended before it are not read.

        Raises:
            JournalUnavailable: The directory cannot be read or made.
        """
        try:
            make_private_directory(self._directory)
            return self._read_back(since)
        except OSError as error:
            raise _unavailable(error) from error

    def append(self, records: list[JournalRecord]) -> None:
        """Write records and wait until they are on disk; all of them are, or the caller gets an error.

        Raises:
            JournalUnavailable: The disk is full or failing. The segment is closed; the next call begins another.
        """
        if not records:
            return
        self._number = max(self._number, *(record.number for record in records))
        payload = b"".join(self._frame(record) for record in records)
        try:
            descriptor = self._segment(records[0].recorded_at)
            _write_all(descriptor, payload)
            os.fdatasync(descriptor)
        except OSError as error:
            self.close()
            raise _unavailable(error) from error
        self._size_bytes += len(payload)

    def close(self) -> None:
        """Close the segment; harmless when there is none."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def _frame(self, record: JournalRecord) -> bytes:
        payload = self._encode(record)
        return _HEADER.pack(len(payload), zlib.crc32(payload)) + payload

    def _segment(self, now: datetime) -> int:
        """Return the open segment, beginning a new one first when there is none or it is full."""
        if self._descriptor is not None and self._size_bytes < self._segment_max_bytes:
            return self._descriptor
        self.close()
        names = _segment_paths(self._directory)
        following = 1 + (int(_SEGMENT.fullmatch(names[-1].name)[1]) if names else 0)  # type: ignore[index]
        path = self._directory / f"issued-{following:08}.journal"
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC, 0o600)
        self._descriptor = descriptor
        opened = self._frame(JournalRecord(recorded_at=now, kind="opened", number=self._number))
        _write_all(descriptor, opened)
        self._size_bytes = len(opened)
        sync_directory(self._directory)
        return descriptor

    def _read_back(self, since: datetime) -> JournalState:
        state = JournalState()
        found: list[list[tuple[str, datetime]]] = []
        for path in reversed(_segment_paths(self._directory)):
            records = list(read_segment(path))
            if not records:
                continue
            state.number = max(state.number, *(record.number for record in records))
            last_at = max(record.recorded_at for record in records)
            state.last_at = last_at if state.last_at is None else max(state.last_at, last_at)
            found.append([(r.kind, r.recorded_at) for r in records if r.kind != "opened" and r.recorded_at >= since])
            if min(record.recorded_at for record in records) < since:
                break
        state.recent = [entry for entries in reversed(found) for entry in entries]
        self._number = state.number
        return state


def read_segment(path: Path) -> Iterator[JournalRecord]:
    """Yield the records of a segment up to its end or its torn tail."""
    content = path.read_bytes()
    decoder = msgspec.msgpack.Decoder(JournalRecord)
    position = 0
    while position < len(content):
        body = position + _HEADER.size
        if body > len(content):
            break
        length, checksum = _HEADER.unpack_from(content, position)
        payload = content[body : body + length]
        if length > _RECORD_MAX_BYTES or len(payload) < length or zlib.crc32(payload) != checksum:
            break
        try:
            record = decoder.decode(payload)
        except (msgspec.DecodeError, UnicodeDecodeError):
            break
        yield record
        position = body + length
    if position < len(content):
        log.warning(_TORN, extra={"segment": str(path), "offset": position, "bytes": len(content) - position})


def read_journal(directory: Path) -> Iterator[JournalRecord]:
    """Yield every record of a journal, oldest first."""
    for path in _segment_paths(directory):
        yield from read_segment(path)


def _segment_paths(directory: Path) -> list[Path]:
    return sorted(path for path in directory.iterdir() if _SEGMENT.fullmatch(path.name))


def _write_all(descriptor: int, payload: bytes) -> None:
    view = memoryview(payload)
    while view:
        view = view[os.write(descriptor, view) :]


def _unavailable(error: OSError) -> JournalUnavailable:
    return JournalUnavailable(
        f"the signer's journal cannot be written: {error.strerror}",
        hint="free some space on the disk of the data directory, then try again",
    )
