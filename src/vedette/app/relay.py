"""Lines of all processes on their way to standard error, without ever making one of them wait for a terminal."""

from __future__ import annotations

import queue
import sys
import threading
from types import TracebackType
from typing import Final, Self, TextIO

MAX_WAITING_LINES: Final = 20_000


class LineRelay:
    """Writes lines in a thread of its own; when the reader stands still, further lines are dropped and counted.

    Args:
        stream: Where to; standard error by default.
        max_waiting: Lines kept for a reader that stands still.
    """

    def __init__(self, stream: TextIO | None = None, *, max_waiting: int = MAX_WAITING_LINES) -> None:
        self._stream = stream or sys.stderr
        self._waiting: queue.Queue[str | None] = queue.Queue(max_waiting)
        self._dropped = 0
        self._thread = threading.Thread(target=self._write, name="line relay", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self._waiting.put(None, timeout=0.5)
        except queue.Full:
            return
        self._thread.join(timeout=1.0)

    def write(self, line: str) -> None:
        """Hand over one line, without its end."""
        try:
            self._waiting.put_nowait(line)
        except queue.Full:
            self._dropped += 1

    def flush(self) -> None:
        """Do nothing: the thread flushes each line."""

    def _write(self) -> None:
        while (line := self._waiting.get()) is not None:
            if self._dropped:
                self._dropped, dropped = 0, self._dropped
                line = f"[{dropped} lines dropped: nobody read them]\n{line}"
            try:
                self._stream.write(line if line.endswith("\n") else line + "\n")
                self._stream.flush()
            except (OSError, ValueError):
                # Standard error is closed; the platform works on in silence.
                continue
