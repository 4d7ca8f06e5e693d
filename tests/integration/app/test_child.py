from __future__ import annotations

import asyncio
import os
import sys

import pytest

from vedette.app import child as child_module
from vedette.app.child import READY_DESCRIPTOR, Child, ProcessFailed, Program
from vedette.app.restart import RestartPolicy
from vedette.kernel import SystemClock

READY = """
import json, os, sys, time
print("hello from", os.getpid(), flush=True)
os.write(int(sys.argv[1]), json.dumps({"is_ready": True, "facts": {"pid": os.getpid()}}).encode() + b"\\n")
time.sleep(60)
"""
DEAF = """
import os, signal, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
os.write(int(sys.argv[1]), b'{"is_ready": true}\\n')
time.sleep(60)
"""
BROKEN = "import sys; print('no key', file=sys.stderr); sys.exit(3)"
REFUSING = """
import os, sys
os.write(int(sys.argv[1]), b'{"problem": {"code": "x.y", "detail": "the key is missing", "hint": "restore it"}}\\n')
sys.exit(1)
"""
DONE = """
import os, sys
os.write(int(sys.argv[1]), b'{"is_ready": true, "facts": {"answer": 42}}\\n')
"""
NOISY = "import sys; sys.stdout.write('x' * 1_000_000 + '\\n'); sys.stdout.write('end')"


class Watched:
    """A child and what it told."""

    def __init__(self, code: str, *, stop_within_s: float = 5.0, environment: dict[str, str] | None = None) -> None:
        self.lines: list[str] = []
        self.changes = 0
        self.restarted = asyncio.Event()
        program = Program(
            name="child",
            command=(sys.executable, "-c", code, READY_DESCRIPTOR),
            environment=environment or {},
            stop_within_s=stop_within_s,
        )
        self.child = Child(
            program,
            clock=SystemClock(),
            policy=RestartPolicy(lambda: 0.5),
            on_line=lambda _, line: self.lines.append(line),
            on_change=self._count,
        )

    def _count(self) -> None:
        self.changes += 1
        if self.child.state.restarts:
            self.restarted.set()


@pytest.fixture
def is_read_to_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """Read what a child said before its end however late we come to it: nothing holds its pipes open."""
    monkeypatch.setattr(child_module, "_DRAIN_S", 60.0)


@pytest.mark.anyio
@pytest.mark.usefixtures("is_read_to_the_end")
async def test_a_child_is_ready_when_it_says_so_and_stops_when_asked() -> None:
    watched = Watched(READY)
    async with asyncio.timeout(50), asyncio.TaskGroup() as group:
        group.create_task(watched.child.run(), name="child")
        await watched.child.wait_until_ready()
        assert watched.child.facts["pid"] == watched.child.state.pid
        await watched.child.stop()
    assert watched.child.state.phase == "stopped"
    assert watched.lines[0].startswith("hello from")
    assert watched.changes >= 4


@pytest.mark.anyio
async def test_a_killed_child_is_started_again() -> None:
    watched = Watched(READY)
    async with asyncio.timeout(50), asyncio.TaskGroup() as group:
        group.create_task(watched.child.run(), name="child")
        await watched.child.wait_until_ready()
        first = watched.child.state.pid
        assert first is not None
        os.kill(first, 9)
        await watched.restarted.wait()
        await watched.child.wait_until_ready()
        assert watched.child.state.pid not in {first, None}
        assert watched.child.state.last_exit == "signal 9 (SIGKILL)"
        await watched.child.stop()


@pytest.mark.anyio
async def test_a_child_that_does_not_listen_is_killed() -> None:
    watched = Watched(DEAF, stop_within_s=0.2)
    async with asyncio.timeout(50), asyncio.TaskGroup() as group:
        group.create_task(watched.child.run(), name="child")
        await watched.child.wait_until_ready()
        await watched.child.stop()
    assert watched.child.state.last_exit == "signal 9 (SIGKILL)"


@pytest.mark.anyio
@pytest.mark.usefixtures("is_read_to_the_end")
async def test_a_child_that_never_becomes_ready_is_told_with_its_last_words() -> None:
    watched = Watched(BROKEN)
    async with asyncio.timeout(90), asyncio.TaskGroup() as group:
        group.create_task(watched.child.run(), name="child")
        with pytest.raises(ProcessFailed, match="exit code 3") as caught:
            await watched.child.wait_until_ready()
        assert "no key" in caught.value.detail
        await watched.child.stop()


@pytest.mark.anyio
@pytest.mark.usefixtures("is_read_to_the_end")
async def test_the_words_of_a_child_that_refuses_are_passed_on() -> None:
    with pytest.raises(ProcessFailed, match="the key is missing") as caught:
        await Watched(REFUSING).child.run_to_end()
    assert caught.value.hint == "restore it"


@pytest.mark.anyio
@pytest.mark.usefixtures("is_read_to_the_end")
async def test_a_step_returns_what_it_announced() -> None:
    assert await Watched(DONE).child.run_to_end() == {"answer": 42}


@pytest.mark.anyio
async def test_a_program_that_is_not_there_is_told() -> None:
    watched = Watched(DONE)
    missing = Program(name="missing", command=("/does/not/exist",))
    child = Child(
        missing,
        clock=SystemClock(),
        policy=RestartPolicy(lambda: 0.5),
        on_line=lambda *_: None,
        on_change=lambda: None,
    )
    with pytest.raises(ProcessFailed, match="No such file"):
        await child.run_to_end()
    assert watched.child.state.phase == "stopped"


@pytest.mark.anyio
@pytest.mark.usefixtures("is_read_to_the_end")
async def test_a_child_inherits_nothing_but_its_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VEDETTE_SECRET", "s3cret")
    watched = Watched("import os; print(sorted(os.environ))", environment={"ONLY": "this"})
    await watched.child.run_to_end()
    assert "VEDETTE_SECRET" not in watched.lines[0]
    assert "ONLY" in watched.lines[0]


@pytest.mark.anyio
@pytest.mark.usefixtures("is_read_to_the_end")
async def test_an_endless_line_is_cut_and_the_rest_still_told() -> None:
    watched = Watched(NOISY)
    await watched.child.run_to_end()
    assert watched.lines[-1] == "end"
    assert max(len(line) for line in watched.lines) <= 16_384


@pytest.mark.anyio
async def test_what_a_child_leaves_behind_does_not_hold_us_up() -> None:
    code = "import subprocess, sys; subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])"
    async with asyncio.timeout(40):
        await Watched(code).child.run_to_end()
