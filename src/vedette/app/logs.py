"""What the processes write to standard error: one line per event, for people or as JSON."""

from __future__ import annotations

import logging
import sys
from typing import Any, Final, Literal, Protocol

import msgspec

from vedette.kernel import Clock, escape_terminal, to_rfc3339

LINE_MAX_CHARS: Final = 4_000

_STANDARD: Final = frozenset(vars(logging.LogRecord("", 0, "", 0, "", (), None))) | {"message", "asctime", "taskName"}


class LineSink(Protocol):
    """Where lines go: a file, or the relay."""

    def write(self, line: str, /) -> object:
        """Take a line with its end."""
        ...

    def flush(self) -> None:
        """Let nothing wait."""
        ...


def set_up_logging(
    process: str, *, level: str, form: Literal["text", "json"], clock: Clock, stream: LineSink | None = None
) -> None:
    """Send every log record of this process to standard error.

    Args:
        process: Stands at the head of each line.
        level: ``debug``, ``info``, ``warning`` or ``error``.
        form: ``text`` or ``json``.
        clock: For the time of each line.
        stream: Standard error by default.
    """
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(LineFormatter(process, form, clock))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    # Of the libraries, only what went wrong: their INFO is our DEBUG.
    for noisy in ("uvicorn", "httpx", "httpcore", "asyncio", "sqlalchemy", "alembic"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    logging.captureWarnings(capture=True)


class LineFormatter(logging.Formatter):
    """Writes a record and its ``extra`` as one line; text from outside cannot forge another one."""

    def __init__(self, process: str, form: Literal["text", "json"], clock: Clock) -> None:
        super().__init__()
        self._process = process
        self._form = form
        self._clock = clock

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        facts = {key: value for key, value in vars(record).items() if key not in _STANDARD}
        if record.exc_info:
            facts["exception"] = self.formatException(record.exc_info)
        return format_line(
            self._form,
            time=to_rfc3339(self._clock.now()),
            process=self._process,
            level=record.levelname,
            message=record.getMessage(),
            facts={"logger": record.name, **facts} if self._form == "json" else facts,
        )


def format_line(
    form: Literal["text", "json"], *, time: str, process: str, level: str, message: str, facts: dict[str, Any]
) -> str:
    """Write one line; used for our own records and for lines of foreign programs."""
    if form == "json":
        line = {"time": time, "process": process, "level": level, "message": message, **facts}
        return msgspec.json.encode(line, enc_hook=str, order="deterministic").decode("utf-8")
    exception = facts.pop("exception", "")
    told = "".join(f" {key}={value}" for key, value in facts.items())
    head = f"{time[11:23]} {process:<10} {level:<7} "
    text = head + escape_terminal(message + told, max_chars=LINE_MAX_CHARS)
    for line in exception.splitlines():
        text += f"\n{head}  {escape_terminal(line, max_chars=LINE_MAX_CHARS)}"
    return text
