"""The sensor's buffer on disk, and the frames between its processes: reading whatever they hold raises nothing."""

from __future__ import annotations

import contextlib
from typing import Final

from vedette.protocols.sensor import StatusRecord
from vedette.sensor.sending_frames import BadFrame, FrameReader, write_frames
from vedette.sensor.spool_segment import HEAD_BYTES, MAGIC, read_cursor, read_segment, write_cursor, write_entry

SEEDS: Final = (
    MAGIC + write_entry(b"first", 1) + write_entry(b"", 0) + write_entry(b"x" * 300, 9),
    MAGIC,
    write_cursor(7, 4_096),
    write_frames([StatusRecord(at=1, packets=2)])[0][0] * 2,
)


def fuzz_one(data: bytes) -> None:
    """Read the bytes as a segment, a cursor and frames; what is read stands within them, in order."""
    reading = read_segment(data)
    position = len(MAGIC)
    for entry in reading.entries:
        assert entry.start == position
        assert entry.end == position + HEAD_BYTES + len(entry.payload) <= len(data)
        position = entry.end
    segment, offset = read_cursor(data)
    assert (segment, offset) == (0, 0) or write_cursor(segment, offset) == data
    reader = FrameReader()
    with contextlib.suppress(BadFrame):
        for start in range(0, len(data), 7):
            reader.feed(data[start : start + 7])
