"""A transport that keeps what is written, for protocols driven by hand."""

from __future__ import annotations

import asyncio


class RecordedTransport(asyncio.Transport):
    """Takes writes until it is closed; ``taken`` returns and forgets them."""

    def __init__(self) -> None:
        super().__init__()
        self._written = bytearray()
        self.is_closed = False
        self.was_aborted = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self._written += data

    def is_closing(self) -> bool:
        return self.is_closed

    def close(self) -> None:
        self.is_closed = True

    def abort(self) -> None:
        self.is_closed = True
        self.was_aborted = True

    def taken(self) -> bytes:
        written, self._written = bytes(self._written), bytearray()
        return written
