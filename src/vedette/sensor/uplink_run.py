"""A sensor with a platform: processes that listen, one that writes to disk and sends, and an orderly end.

Each interface has a process of its own and a boot of its own; what it tells is kept on disk before it is sent.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import logging
import os
import signal
import sys
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import ClassVar, Final

from vedette.kernel import Clock, Deadline, Problem, RandomIds
from vedette.protocols.sensor import Batch, InvalidBatch, Record, StatusRecord, write_batch
from vedette.sensor.capture import STANDARD_INPUT
from vedette.sensor.enrolling import OPERATIONAL, IdentityFiles
from vedette.sensor.sending_capture import TELL_ANEW
from vedette.sensor.sending_frames import BadFrame, FrameReader
from vedette.sensor.sending_records import with_buffer
from vedette.sensor.spool import Spool, SpoolProblem
from vedette.sensor.uplink import Uplink, wait_until_sent
from vedette.sensor.uplink_settings import SensorSettings

log = logging.getLogger(__name__)

_READ_BYTES: Final = 256 * 1024
_FIRST_DELAY_S: Final = 1.0
_MAX_DELAY_S: Final = 30.0
_STEADY_S: Final = 60.0
_LAST_WORDS_S: Final = 10.0
_LAST_SENDING_S: Final = 10.0


class SensorBusy(Problem):
    """Another process of this sensor runs, or it has no identity yet."""

    code: ClassVar[str] = "sensor.busy"


class CaptureFailed(Problem):
    """A process that listens ended before it had begun; it has said why."""

    code: ClassVar[str] = "sensor.capture_failed"


@contextmanager
def only_one(state: Path) -> Iterator[None]:
    """Hold a sensor's folder: two that send as one would look like a stolen key.

    Raises:
        SensorBusy: Somebody holds it, or it can't be made.
    """
    try:
        state.mkdir(parents=True, exist_ok=True, mode=0o700)
        file = os.open(state / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise SensorBusy(f"{state}: {error.strerror}", hint="the sensor must own its folder") from None
    try:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise SensorBusy(f"another sensor runs with {state}", hint="stop it, or give this one its own") from None
        yield
    finally:
        os.close(file)


class Keeper:
    """Turns what one boot tells into batches on disk.

    Args:
        spool: Where they wait.
        boot: Its name.
        uplink: Is told that there is more.
    """

    def __init__(self, spool: Spool, boot: str, uplink: Uplink | None = None) -> None:
        self._spool: Final = spool
        self._boot: Final = boot
        self._uplink: Final = uplink
        self._sequence = 0
        self._lost_at_start: Final = spool.lost
        self._lost_here = 0
        self._is_failing = False

    @property
    def lost(self) -> int:
        """How many records did not get as far as the platform, and never will."""
        refused = self._uplink.records_refused if self._uplink is not None else 0
        return self._spool.lost - self._lost_at_start + self._lost_here + refused

    def keep(self, groups: Sequence[Sequence[Record]]) -> None:
        """Write groups of records, each as one batch; when this returns, they are on disk, or counted as lost."""
        entries: list[tuple[bytes, int]] = []
        for records in groups:
            told = tuple(with_buffer(each, lost=self.lost, waiting=self._spool.waiting) for each in records)
            self._sequence += 1
            try:
                entries.append((write_batch(Batch(boot=self._boot, sequence=self._sequence, records=told)), len(told)))
            except InvalidBatch as problem:
                self._lost_here += len(told)
                log.warning("a batch can't be written", extra={"reason": str(problem)})
        try:
            self._spool.append(entries)
            self._is_failing = False
        except SpoolProblem as problem:
            if not self._is_failing:
                self._is_failing = True
                log.error("the buffer on disk takes nothing", extra={"reason": str(problem)})  # noqa: TRY400 - told


class Capturer:
    """Runs the process that listens on one interface, and starts it again when it ends.

    Args:
        settings_path: Of the sensor's settings, for the process.
        interface: Where it listens.
        spool: Where its records wait.
        uplink: Sends them.
        clock: For patience, and names of boots.
    """

    def __init__(self, settings_path: Path, interface: str, spool: Spool, uplink: Uplink, clock: Clock) -> None:
        self._settings_path: Final = settings_path
        self._interface: Final = interface
        self._spool: Final = spool
        self._uplink: Final = uplink
        self._clock: Final = clock
        self._ids: Final = RandomIds(clock)
        self._process: asyncio.subprocess.Process | None = None
        self._stopping: Final = asyncio.Event()
        self._has_begun = False
        self._is_stream: Final = interface == STANDARD_INPUT
        """It can be read once: nobody begins again in the middle."""

    async def run(self) -> None:
        """Listen until told to stop, or until standard input ends.

        Raises:
            CaptureFailed: The first process ended before it told anything, or in the middle of standard input.
        """
        delay_s = _FIRST_DELAY_S
        while not self._stopping.is_set():
            began_s = self._clock.monotonic_s()
            code = await self._run_once()
            if self._stopping.is_set():
                return
            if code == 0 and self._is_stream:
                return
            if not self._has_begun or self._is_stream:
                raise CaptureFailed(f"{self._interface}: nothing can be heard", hint="the line before tells why")
            log.warning("the process that listens has ended", extra={"interface": self._interface, "exit_code": code})
            was_steady = self._clock.monotonic_s() - began_s > _STEADY_S
            delay_s = _FIRST_DELAY_S if was_steady else min(delay_s * 2, _MAX_DELAY_S)
            with contextlib.suppress(TimeoutError):
                async with Deadline(delay_s):
                    await self._stopping.wait()

    def stop(self) -> None:
        """Let the process say its last words and end."""
        self._stopping.set()
        if self._process is not None and self._process.returncode is None:
            self._process.terminate()

    async def _run_once(self) -> int:
        boot = self._ids.new("boot")
        # Its standard input takes orders, so ours gets another number there.
        stream = os.dup(0) if self._is_stream else -1
        try:
            process = self._process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "vedette.sensor.sending_capture",
                str(self._settings_path), self._interface, boot, str(stream),
                stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
                pass_fds=(stream,) if self._is_stream else (),
            )  # fmt: skip
        finally:
            if self._is_stream:
                os.close(stream)
        if self._stopping.is_set():
            process.terminate()
        try:
            await self._read(process, Keeper(self._spool, boot, self._uplink))
            return await process.wait()
        finally:
            if process.returncode is None:
                with contextlib.suppress(ProcessLookupError):
                    process.kill()
                await process.wait()

    async def _read(self, process: asyncio.subprocess.Process, keeper: Keeper) -> None:
        assert process.stdout is not None  # noqa: S101 - asked for above
        frames = FrameReader()
        lost = keeper.lost
        while data := await process.stdout.read(_READ_BYTES):
            try:
                groups = frames.feed(data)
            except BadFrame as bad:
                log.warning("the process that listens told nonsense", extra={"reason": str(bad)})
                return
            if not groups:
                continue
            self._has_begun = True
            await asyncio.to_thread(keeper.keep, groups)
            self._uplink.stir()
            has_status = any(isinstance(record, StatusRecord) for group in groups for record in group)
            if has_status and keeper.lost > lost and self._spool.size_bytes < self._spool.max_bytes // 2:
                lost = keeper.lost
                self._tell_anew(process)

    def _tell_anew(self, process: asyncio.subprocess.Process) -> None:
        """Some of it was lost, and there is room again: totals and assets are to come once more."""
        if process.stdin is not None and not process.stdin.is_closing():
            process.stdin.write(TELL_ANEW)


@asynccontextmanager
async def _until_told() -> AsyncIterator[asyncio.Event]:
    """Yield an event that an interrupt or a termination sets."""
    told = asyncio.Event()
    loop = asyncio.get_running_loop()
    numbers = (signal.SIGINT, signal.SIGTERM)
    for number in numbers:
        loop.add_signal_handler(number, told.set)
    try:
        yield told
    finally:
        for number in numbers:
            loop.remove_signal_handler(number)


async def run_sensor(
    settings: SensorSettings,
    settings_path: Path,
    interfaces: Sequence[str],
    clock: Clock,
    *,
    for_s: float | None = None,
) -> None:
    """Listen and send until interrupted or terminated, for some time, or until all that is listened to has ended.

    Raises:
        CaptureFailed: An interface can't be listened to.
        SpoolProblem: The buffer can't be used.
        EnrollmentFailed: The sensor has not enrolled.
    """
    files = IdentityFiles(settings.state)
    files.leaf(OPERATIONAL)
    spool = await asyncio.to_thread(Spool, settings.state / "spool", max_bytes=settings.buffer_bytes)
    uplink = Uplink(settings, files, spool, clock)
    capturers = [Capturer(settings_path, interface, spool, uplink, clock) for interface in interfaces]
    going_on = len(capturers)
    try:
        async with _until_told() as told, asyncio.TaskGroup() as group:

            async def listen(capturer: Capturer) -> None:
                nonlocal going_on
                await capturer.run()
                going_on -= 1
                if not going_on:
                    told.set()

            sending = group.create_task(uplink.run(), name="send")
            listening = [
                group.create_task(listen(capturer), name=f"listen on {name}")
                for capturer, name in zip(capturers, interfaces, strict=True)
            ]
            with contextlib.suppress(TimeoutError):
                if for_s is None:
                    await told.wait()
                else:
                    async with Deadline(for_s):
                        await told.wait()
            for capturer in capturers:
                capturer.stop()
            await asyncio.wait(listening, timeout=_LAST_WORDS_S)
            if uplink.is_connected:
                await wait_until_sent(uplink, spool, clock, _LAST_SENDING_S)
            for task in (sending, *listening):
                task.cancel()
    except BaseExceptionGroup as several:
        raise several.exceptions[0] from None
    finally:
        await asyncio.to_thread(spool.close)


async def send_what_waits(settings: SensorSettings, spool: Spool, clock: Clock, *, within_s: float) -> bool:
    """Send until nothing waits any more; answer whether it came to that in time."""
    uplink = Uplink(settings, IdentityFiles(settings.state), spool, clock)
    try:
        async with asyncio.TaskGroup() as group:
            sending = group.create_task(uplink.run(), name="send")
            is_sent = await wait_until_sent(uplink, spool, clock, within_s)
            sending.cancel()
    except BaseExceptionGroup as several:
        raise several.exceptions[0] from None
    return is_sent
