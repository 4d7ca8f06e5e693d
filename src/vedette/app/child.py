"""One child process: started, watched, started again when it dies, stopped in time."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
from collections import deque
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, ClassVar, Final

import msgspec

from vedette.app.lifeline import Announcement
from vedette.app.restart import RestartPolicy
from vedette.app.state import ProcessPhase, ProcessState
from vedette.kernel import Clock, Deadline, Problem

log = logging.getLogger(__name__)

_LINE_MAX_BYTES: Final = 16_384
_LAST_LINES: Final = 12
_DRAIN_S: Final = 1.0
_NOT_STARTED: Final = 127
_GREETING_S: Final = 2.0
_GREETING_PAUSE_S: Final = 0.03
_GREETING_MAX_BYTES: Final = 32_768
READY_DESCRIPTOR: Final = "{ready}"


class ProcessFailed(Problem):
    """A child process could not do its work."""

    code: ClassVar[str] = "app.process_failed"
    status: ClassVar[int] = 500


@dataclass(frozen=True, slots=True)
class Greeting:
    """How a foreign program shows that it is ready: it greets whoever connects."""

    host: str
    port: int
    begins: bytes

    async def wait(self) -> None:
        """Connect again and again until greeted; the caller sets the limit."""
        while True:
            try:
                async with asyncio.timeout(_GREETING_S):
                    reader, writer = await asyncio.open_connection(self.host, self.port, limit=_GREETING_MAX_BYTES)
                    try:
                        if (await reader.readline()).startswith(self.begins):
                            return
                    finally:
                        writer.close()
            except (OSError, TimeoutError, ValueError):
                pass
            await asyncio.sleep(_GREETING_PAUSE_S)


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """What to run, and how it behaves.

    Attributes:
        command: ``{ready}`` in an argument becomes the descriptor that the program announces itself on.
        environment: All of it; nothing of ours is inherited.
        stop_within_s: After a polite request to end it is killed.
        announces: Whether it says when it is ready; one that does not counts as ready once it runs.
        greeting: How to see that it is ready, when it does not say so itself.
    """

    name: str
    command: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict)
    stop_within_s: float = 8.0
    announces: bool = True
    greeting: Greeting | None = None


class Child:
    """Keeps one program running.

    Args:
        program: What to run.
        clock: For the pauses between restarts.
        policy: When to start again.
        on_line: Gets each line the program writes.
        on_change: Called after each change of ``state``.
    """

    def __init__(
        self,
        program: Program,
        *,
        clock: Clock,
        policy: RestartPolicy,
        on_line: Callable[[str, str], None],
        on_change: Callable[[], None],
    ) -> None:
        self.program = program
        self.state = ProcessState(name=program.name, phase="stopped")
        self.facts: dict[str, Any] = {}  # Any: what a child announces is JSON
        self.problem: dict[str, str] | None = None
        self.last_lines: deque[str] = deque(maxlen=_LAST_LINES)
        self._clock = clock
        self._policy = policy
        self._on_line = on_line
        self._on_change = on_change
        self._changed = asyncio.Event()
        self._stopping = asyncio.Event()
        self._process: asyncio.subprocess.Process | None = None

    async def run(self) -> None:
        """Keep the program running until ``stop``."""
        while not self._stopping.is_set():
            started_s = self._clock.monotonic_s()
            code = await self._run_once()
            if self._stopping.is_set():
                break
            restart = self._policy.died(started_s=started_s, now_s=self._clock.monotonic_s())
            self._tell(code, pause_s=restart.pause_s, is_crash_loop=restart.is_crash_loop)
            with suppress(TimeoutError):
                async with asyncio.timeout(restart.pause_s):
                    await self._stopping.wait()
        self._set("stopped", pid=None)

    async def run_to_end(self) -> dict[str, Any]:
        """Run a program that does one thing and ends; return the facts that it announced.

        Raises:
            ProcessFailed: It ended in another way than with exit code 0.
        """
        code = await self._run_once()
        self._set("stopped", pid=None)
        if code != 0:
            raise self.failure()
        return self.facts

    async def wait_until_ready(self) -> None:
        """Wait for the program's announcement.

        Raises:
            ProcessFailed: It died too often meanwhile.
        """
        while self.state.phase != "ready":
            if self.state.is_crash_loop:
                raise self.failure()
            self._changed.clear()
            await self._changed.wait()

    async def stop(self) -> None:
        """Ask the program to end, and kill it when it takes too long."""
        self._stopping.set()
        process = self._process
        if process is None or process.returncode is not None:
            return
        self._set("stopping")
        with suppress(ProcessLookupError):
            process.send_signal(signal.SIGTERM)
        try:
            async with Deadline(self.program.stop_within_s):
                await process.wait()
        except TimeoutError:
            log.warning("process did not stop in time and is killed", extra={"child": self.program.name})
            self.kill()

    def restart(self) -> None:
        """Ask the program to end; it is started again as after any end."""
        if self._process is not None and self._process.returncode is None:
            with suppress(ProcessLookupError):
                self._process.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """End the program at once."""
        self._stopping.set()
        if self._process is not None and self._process.returncode is None:
            with suppress(ProcessLookupError):
                self._process.kill()

    def failure(self) -> ProcessFailed:
        """Say why the program failed, in its own words where it left any."""
        if self.problem is not None:
            return ProcessFailed(
                f"{self.program.name}: {self.problem['detail']}",
                hint=self.problem.get("hint", ""),
                remote_code=self.problem.get("code", ""),
            )
        lines = "".join(f"\n  {line}" for line in self.last_lines)
        return ProcessFailed(
            f"{self.program.name} ended with {self.state.last_exit}" + (f"; its last lines:{lines}" if lines else ""),
            hint="set log.level to debug for more",
        )

    async def _run_once(self) -> int:
        self.problem = None
        # Pipes of our own: asyncio's would keep `wait` waiting for whatever the process left running.
        announcing, output = _Pipe(), _Pipe()
        try:
            command = [part.replace(READY_DESCRIPTOR, str(announcing.writing)) for part in self.program.command]
            self._process = process = await asyncio.create_subprocess_exec(
                *command,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=output.writing,
                stderr=asyncio.subprocess.STDOUT,
                env=dict(self.program.environment),
                cwd="/",
                pass_fds=(announcing.writing,),
                start_new_session=True,  # a Ctrl-C in the terminal is for the supervisor alone
                umask=0o077,
            )
        except OSError as error:
            announcing.close_reading()
            output.close_reading()
            self.problem = {"code": "app.process_failed", "detail": f"cannot be started: {error.strerror}"}
            self._set("waiting", pid=None, last_exit="could not be started")
            return _NOT_STARTED
        finally:
            announcing.close_writing()
            output.close_writing()
        self._set("starting" if self.program.announces else "ready", pid=process.pid)
        try:
            code = await self._attend(process, announcing, output)
        finally:
            if process.returncode is None:
                process.kill()
        self._set(self.state.phase, pid=None, last_exit=_describe(code))
        return code

    async def _attend(self, process: asyncio.subprocess.Process, announcing: _Pipe, output: _Pipe) -> int:
        """Read what a process says until it ends; what it started itself may hold its pipes open for longer."""
        name = self.program.name
        async with asyncio.TaskGroup() as group:
            tasks = [
                group.create_task(self._await_announcement(announcing), name=f"{name} announcement"),
                group.create_task(self._relay(output), name=f"{name} lines"),
            ]
            if self.program.greeting is not None:
                tasks.append(group.create_task(self._await_greeting(self.program.greeting), name=f"{name} greeting"))
            code = await process.wait()
            _, unfinished = await asyncio.wait(tasks, timeout=_DRAIN_S)
            for task in unfinished:
                task.cancel()
        return code

    async def _await_greeting(self, greeting: Greeting) -> None:
        await greeting.wait()
        self._set("ready")

    async def _await_announcement(self, pipe: _Pipe) -> None:
        async with pipe.open() as stream:
            try:
                line = await stream.readline()
                if not line:
                    return
                announcement = msgspec.json.decode(line, type=Announcement)
            except (ValueError, msgspec.DecodeError):
                log.warning("unreadable announcement", extra={"child": self.program.name})
                return
        self.facts = announcement.facts
        self.problem = announcement.problem
        if announcement.is_ready:
            self._set("ready")

    async def _relay(self, pipe: _Pipe) -> None:
        rest = b""
        async with pipe.open() as stream:
            while chunk := await stream.read(65_536):
                *lines, rest = (rest + chunk).split(b"\n")
                if len(rest) > _LINE_MAX_BYTES:
                    lines.append(rest)
                    rest = b""
                for line in lines:
                    self._line(line)
        if rest:
            self._line(rest)

    def _line(self, raw: bytes) -> None:
        text = raw[:_LINE_MAX_BYTES].decode("utf-8", "replace")
        self.last_lines.append(text[:400])
        self._on_line(self.program.name, text)

    def _tell(self, code: int, *, pause_s: float, is_crash_loop: bool) -> None:
        facts = {"child": self.program.name, "ended": _describe(code), "again_in_s": round(pause_s, 1)}
        if is_crash_loop:
            log.error("process dies again and again; it is started again, but somebody should look", extra=facts)
        else:
            log.warning("process died and is started again", extra=facts)
        self._set("waiting", restarts=self.state.restarts + 1, is_crash_loop=is_crash_loop)

    def _set(self, phase: ProcessPhase, **changes: object) -> None:
        if phase == "ready":
            changes["is_crash_loop"] = False
        self.state = msgspec.structs.replace(self.state, phase=phase, **changes)
        self._changed.set()
        self._on_change()


class _Pipe:
    """A pipe whose writing end goes to a child."""

    def __init__(self) -> None:
        self._reading, self.writing = os.pipe()

    @asynccontextmanager
    async def open(self) -> AsyncIterator[asyncio.StreamReader]:
        """Read from it."""
        stream = asyncio.StreamReader(limit=_LINE_MAX_BYTES)
        transport, _ = await asyncio.get_running_loop().connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(stream), os.fdopen(self._reading, "rb", buffering=0)
        )
        try:
            yield stream
        finally:
            transport.close()

    def close_reading(self) -> None:
        """Close our end, when nobody is going to read."""
        os.close(self._reading)

    def close_writing(self) -> None:
        """Close the child's end here, so that its death ends the stream."""
        os.close(self.writing)


def _describe(code: int) -> str:
    if code >= 0:
        return f"exit code {code}"
    try:
        return f"signal {-code} ({signal.Signals(-code).name})"
    except ValueError:
        return f"signal {-code}"
