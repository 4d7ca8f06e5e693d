"""Ids that repeat from run to run."""

from __future__ import annotations

import hashlib

from vedette.kernel import encode_uuid7


class SequentialIds:
    """An id source for tests: well-formed ids in order, deterministic "random" bytes."""

    def __init__(self, start_unix_ms: int = 1_767_225_600_000) -> None:
        self._count = 0
        self._start_unix_ms = start_unix_ms

    def new(self, prefix: str) -> str:
        """Return the next id of the sequence."""
        self._count += 1
        return f"{prefix}_{encode_uuid7(self._start_unix_ms + self._count, self._count.to_bytes(10, 'big'))}"

    def random_bytes(self, count: int) -> bytes:
        """Return the next ``count`` bytes of a fixed stream."""
        self._count += 1
        block = hashlib.shake_256(self._count.to_bytes(8, "big"))
        return block.digest(count)
