"""Has papers printed by a process of its own, one at a time."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import sys
from typing import BinaryIO, ClassVar, Final, Literal

import msgspec

from vedette.kernel import Problem
from vedette.paper.model import Paper

log = logging.getLogger(__name__)

_COMMAND: Final = (sys.executable, "-P", "-c", "from vedette.paper.worker import main; main()")
_WITHIN_S: Final = 180.0
_TURN_WITHIN_S: Final = 60.0
_BYTES_MAX: Final = 256 * 1024 * 1024
_STDERR_CHARS: Final = 2_000
_ENVIRONMENT: Final = frozenset({"PATH", "PYTHONPATH", "PYTHONHOME", "LANG", "LC_ALL", "TZ", "LD_LIBRARY_PATH"})


class PrintingFailed(Problem):
    """A report could not be printed."""

    code: ClassVar[str] = "paper.printing_failed"
    status: ClassVar[int] = 503


class Printer:
    """Prints; whoever asks while another paper is printed waits a while for their turn."""

    def __init__(self) -> None:
        self._turn: Final = asyncio.Semaphore(1)

    async def paper(self, paper: Paper) -> bytes:
        """Return a paper as PDF.

        Raises:
            PrintingFailed: It took too long, or the process failed.
        """
        body = await asyncio.to_thread(msgspec.json.encode, paper)
        return await self._run({"source": "paper"}, body)

    async def capture(
        self, report: BinaryIO, *, form: Literal["pdf", "csv"], part: str = "", name: str = "", at: str
    ) -> bytes:
        """Return the report of a capture as PDF, or a part of it as CSV.

        Args:
            report: Open; the process reads it, nobody else does.
            form: Which.
            part: For CSV.
            name: Of the capture.
            at: When it is printed, RFC 3339.

        Raises:
            PrintingFailed: As ``paper``.
        """
        return await self._run({"source": "capture", "form": form, "part": part, "name": name, "at": at}, report)

    async def _run(self, order: dict[str, str], source: bytes | BinaryIO) -> bytes:
        try:
            async with asyncio.timeout(_TURN_WITHIN_S):
                await self._turn.acquire()
        except TimeoutError:
            raise PrintingFailed("other reports are being printed", hint="try again in a minute") from None
        try:
            async with asyncio.timeout(_WITHIN_S):
                return await self._print(order, source)
        except TimeoutError:
            raise PrintingFailed(
                f"the report was not printed within {_WITHIN_S:.0f} s", hint="export it as CSV or JSON"
            ) from None
        finally:
            self._turn.release()

    async def _print(self, order: dict[str, str], source: bytes | BinaryIO) -> bytes:
        try:
            process = await asyncio.create_subprocess_exec(
                *_COMMAND,
                msgspec.json.encode(order).decode(),
                stdin=asyncio.subprocess.PIPE if isinstance(source, bytes) else source,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
                env={name: value for name, value in os.environ.items() if name in _ENVIRONMENT},
            )
        except OSError as error:
            raise PrintingFailed(f"the process that prints cannot be started: {error.strerror}") from error
        try:
            printed, said = await process.communicate(source if isinstance(source, bytes) else None)
        finally:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()
        if process.returncode != 0 or not printed or len(printed) > _BYTES_MAX:
            log.warning(
                "a report could not be printed",
                extra={"exit_code": process.returncode, "said": said.decode("utf-8", "replace")[-_STDERR_CHARS:]},
            )
            raise PrintingFailed("the process that prints failed", hint="export it as CSV or JSON")
        return printed
