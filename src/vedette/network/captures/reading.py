"""The process that reads a capture: started for one, watched, and ended with it.

It is a program of the sensor, told its orders as one argument; what it may not do it gives up by itself before it reads
anything. Here its answers are taken, each within a limit.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import BinaryIO, ClassVar, Final

import msgspec

from vedette.kernel import Problem
from vedette.network.captures.answers import (
    ReadSummary,
    SeenProduct,
    failure_of,
    products_of,
    progress_of,
    summary_of,
)
from vedette.network.captures.files import Findings
from vedette.network.captures.model import CaptureSettings

log = logging.getLogger(__name__)

FRAME_BYTES_MAX: Final = 1024 * 1024
REPORT_BYTES_MAX: Final = 128 * 1024 * 1024
BATCH_BYTES_MAX: Final = 1024 * 1024 * 1024
_HEAD_BYTES: Final = 5
_LEARN_FOR_S: Final = 86_400.0
_STDERR_BYTES: Final = 4_000
_CAUSE_CHARS: Final = 600
_GRACE_S: Final = 60
# What of our environment a program needs to start; nothing else is anything to it.
_ENVIRONMENT: Final = frozenset({"PATH", "PYTHONPATH", "PYTHONHOME", "LANG", "LC_ALL", "TZ", "LD_LIBRARY_PATH"})

OnProgress = Callable[[int, int], Awaitable[None]]
"""Told how many bytes and packets were read."""
OnAssets = Callable[[Sequence[SeenProduct]], Awaitable[None]]
"""Told what is known of some assets."""


class AnalysisFailed(Problem):
    """A capture could not be read."""

    code: ClassVar[str] = "network.analysis_failed"
    status: ClassVar[int] = 422


@dataclass(slots=True)
class _Ended:
    """What the process said in the end."""

    summary: ReadSummary | None = None
    failure: str = ""


class CaptureReader:
    """Starts the process and takes its answers.

    Args:
        command: Of the process.
        settings: What it may take.
    """

    def __init__(self, command: Sequence[str], settings: CaptureSettings) -> None:
        self._command: Final = tuple(command)
        self._settings: Final = settings

    async def read(
        self,
        name: str,
        source: BinaryIO,
        findings: Findings,
        *,
        must_tell: bool,
        on_progress: OnProgress,
        on_assets: OnAssets,
    ) -> ReadSummary:
        """Have a capture read; return its summary.

        Args:
            name: Of the run; its batches name it.
            source: The capture, open; the process is given nothing else.
            findings: Takes report and batches.
            must_tell: Whether batches are wanted.
            on_progress: Told from time to time.
            on_assets: Told of assets in the end.

        Raises:
            AnalysisFailed: It is no capture, or needs more than it may, or the process failed.
        """
        settings = self._settings
        orders = {
            "name": name,
            "memory_bytes": settings.memory_bytes,
            "cpu_s": settings.time_s,
            "unpacked_bytes": settings.unpacked_bytes,
            "learn_for_s": _LEARN_FOR_S,
            "must_tell": must_tell,
            "parent_pid": os.getpid(),
        }
        process = await self._start(msgspec.json.encode(orders).decode(), source)
        ended = _Ended()
        try:
            async with asyncio.timeout(settings.time_s + _GRACE_S):
                said = await self._follow(process, ended, findings, on_progress, on_assets)
                await process.wait()
        except TimeoutError:
            raise AnalysisFailed(
                f"reading it took longer than {settings.time_s // 60} minutes",
                hint="split the capture, or raise captures.analysis_minutes",
            ) from None
        finally:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()
        return self._conclude(process.returncode, ended, said)

    async def _follow(
        self,
        process: asyncio.subprocess.Process,
        ended: _Ended,
        findings: Findings,
        on_progress: OnProgress,
        on_assets: OnAssets,
    ) -> bytes:
        try:
            async with asyncio.TaskGroup() as group:
                errors = group.create_task(_last_words(process), name="what the reading process prints")
                await self._take(process, ended, findings, on_progress, on_assets)
        except ExceptionGroup as failed:
            raise _first(failed) from None
        return errors.result()

    async def _start(self, orders: str, source: BinaryIO) -> asyncio.subprocess.Process:
        try:
            return await asyncio.create_subprocess_exec(
                *self._command,
                orders,
                stdin=source,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
                env={name: value for name, value in os.environ.items() if name in _ENVIRONMENT},
            )
        except OSError as error:
            raise AnalysisFailed(
                f"the process that reads captures cannot be started: {error.strerror}",
                hint="is there memory left? then upload it again",
            ) from error

    async def _take(
        self,
        process: asyncio.subprocess.Process,
        ended: _Ended,
        findings: Findings,
        on_progress: OnProgress,
        on_assets: OnAssets,
    ) -> None:
        assert process.stdout is not None  # noqa: S101 - a pipe was asked for
        while (frame := await _frame(process.stdout)) is not None:
            kind, body = frame
            try:
                match kind:
                    case b"P":
                        told = progress_of(body)
                        await on_progress(told.read_bytes, told.packets)
                    case b"R" if findings.report_bytes + len(body) <= REPORT_BYTES_MAX:
                        await asyncio.to_thread(findings.add_report, body)
                    case b"B" if findings.batch_bytes + len(body) <= BATCH_BYTES_MAX:
                        await asyncio.to_thread(findings.add_batch, body)
                    case b"A":
                        await on_assets(products_of(body))
                    case b"E":
                        ended.summary = summary_of(body)
                    case b"F":
                        failure = failure_of(body)
                        ended.failure = ": ".join(filter(None, (failure.detail, failure.hint)))
                    case _:
                        raise AnalysisFailed("what was found in it is larger than a report may be")
            except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
                raise AnalysisFailed("the process that reads captures answers nonsense") from error

    def _conclude(self, code: int | None, ended: _Ended, said: bytes) -> ReadSummary:
        if code == 0 and ended.summary is not None:
            return ended.summary
        if ended.failure:
            raise AnalysisFailed(ended.failure[:_CAUSE_CHARS])
        log.warning(
            "the process that reads captures failed",
            extra={"exit_code": code, "said": said.decode("utf-8", "replace")[-_STDERR_BYTES:]},
        )
        if code in (-signal.SIGXCPU, -signal.SIGKILL):
            raise AnalysisFailed(
                f"reading it was ended: it may take {self._settings.time_s // 60} minutes of processor time and "
                f"{self._settings.memory_bytes >> 20} MB",
                hint="split the capture, or raise captures.analysis_minutes",
            )
        raise AnalysisFailed("the process that reads captures ended unexpectedly", hint="its last words are in the log")


async def _frame(stream: asyncio.StreamReader) -> tuple[bytes, bytes] | None:
    try:
        head = await stream.readexactly(_HEAD_BYTES)
        size = int.from_bytes(head[1:], "big")
        if size > FRAME_BYTES_MAX:
            raise AnalysisFailed("the process that reads captures answers nonsense")
        return head[:1], await stream.readexactly(size)
    except asyncio.IncompleteReadError:
        return None


async def _last_words(process: asyncio.subprocess.Process) -> bytes:
    assert process.stderr is not None  # noqa: S101 - a pipe was asked for
    kept = b""
    while read := await process.stderr.read(_STDERR_BYTES):
        kept = (kept + read)[-_STDERR_BYTES:]
    return kept


def _first(group: BaseExceptionGroup[Exception]) -> Exception:
    """Return the exception that made a group."""
    error: BaseException = group
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error if isinstance(error, Exception) else AnalysisFailed("reading it was ended")
