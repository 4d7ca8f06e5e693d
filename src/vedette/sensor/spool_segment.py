"""The form of a spool on disk: segments of entries, each with its length and a checksum; bytes in, entries out."""

from __future__ import annotations

import zlib
from struct import Struct
from typing import Final, NamedTuple

MAGIC: Final = b"VSPOOL\x01\n"
ENTRY_BYTES_MAX: Final = 256 * 1024
"""Of one payload."""
_HEAD: Final = Struct(">III")
_LENGTHS: Final = Struct(">II")
HEAD_BYTES: Final = _HEAD.size


class Entry(NamedTuple):
    """One payload within a segment."""

    start: int
    """Where its head stands."""
    end: int
    records: int
    payload: bytes


class Reading(NamedTuple):
    """What a segment holds."""

    entries: list[Entry]
    is_whole: bool
    """Whether nothing follows the last entry; what follows is torn or damaged, and is not read."""


def write_entry(payload: bytes, records: int) -> bytes:
    """Return the bytes of an entry; ``records`` is what it counts for when it is lost."""
    lengths = _LENGTHS.pack(len(payload), records)
    return lengths + zlib.crc32(payload, zlib.crc32(lengths)).to_bytes(4, "big") + payload


def read_entry(data: bytes, start: int) -> Entry | None:
    """Read the entry that begins there; ``None`` if none does that is whole and undamaged."""
    begin = start + HEAD_BYTES
    if len(data) < begin:
        return None
    length, records, checksum = _HEAD.unpack_from(data, start)
    if length > ENTRY_BYTES_MAX or len(data) < begin + length:
        return None
    payload = data[begin : begin + length]
    if zlib.crc32(payload, zlib.crc32(data[start : start + _LENGTHS.size])) != checksum:
        return None
    return Entry(start, begin + length, records, payload)


def read_segment(data: bytes) -> Reading:
    """Read a segment up to its end, or to the first byte that is wrong; raises nothing."""
    if not data.startswith(MAGIC):
        return Reading([], is_whole=not data)
    entries: list[Entry] = []
    position = len(MAGIC)
    while position < len(data):
        entry = read_entry(data, position)
        if entry is None:
            return Reading(entries, is_whole=False)
        entries.append(entry)
        position = entry.end
    return Reading(entries, is_whole=True)


_CURSOR: Final = Struct(">QQ")


def write_cursor(segment: int, offset: int) -> bytes:
    """Return the bytes of a cursor: everything before it was taken."""
    body = _CURSOR.pack(segment, offset)
    return body + zlib.crc32(body).to_bytes(4, "big")


def read_cursor(data: bytes) -> tuple[int, int]:
    """Return a cursor's segment and offset; the very beginning if it is damaged: what was taken is sent once more."""
    body, checksum = data[: _CURSOR.size], data[_CURSOR.size :]
    if len(body) != _CURSOR.size or checksum != zlib.crc32(body).to_bytes(4, "big"):
        return 0, 0
    segment, offset = _CURSOR.unpack(body)
    return segment, offset
