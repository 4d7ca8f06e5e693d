"""Run the tests in stages, the cheap ones first; name the stages to run, or none for all.

``make test`` runs it. A stage that fails does not keep the later ones from telling what they know,
except the first two: when the house or its units are broken, the rest is noise. Those that wait more than they
compute run in three lanes side by side; what a stage of a lane printed comes when it ends.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

_is_stopping = threading.Event()
_running: set[int] = set()
"""Process groups of the stages that run now."""


@dataclass(frozen=True)
class Stage:
    """One folder of tests."""

    name: str
    options: tuple[str, ...] = ()
    is_ground: bool = False
    lane: int | None = None
    """Beside the stages of another lane, behind those of its own; ``None``: before all of them, alone."""
    limit_s: float = 600

    @property
    def folder(self) -> Path:
        """Return where its tests are."""
        return ROOT / "tests" / self.name


# A file at a time for each of two workers, in the order of tests/support/longest_files.py.
_BY_FILE = ("-n", "2", "--dist", "loadfile", "--no-loadscope-reorder")
STAGES = [
    Stage("architecture", ("-n", "2"), is_ground=True),
    Stage("unit", ("-n", "2"), is_ground=True),
    Stage("protocols", ("-n", "2")),
    Stage("fuzz"),
    Stage("integration", _BY_FILE, lane=0, limit_s=3600),
    Stage("console", _BY_FILE, lane=1, limit_s=3600),
    # Two files of journeys at a time: each has a loopback address of its own.
    Stage("journeys", _BY_FILE, lane=2, limit_s=3600),
    Stage("faults", _BY_FILE, lane=2, limit_s=1800),
    Stage("api", _BY_FILE, lane=2, limit_s=1800),
]
# Measured alone on two cores: the first lane 850 s, the second 800 s, the third 350 + 200 + 150 s, and each of them
# waits half of its time.
_LANES = 3


@dataclass(frozen=True)
class Outcome:
    """How a stage went."""

    stage: Stage
    has_passed: bool
    took_s: float

    def __str__(self) -> str:
        return f"  {'ok  ' if self.has_passed else 'FAIL'}  {self.stage.name:<14} {self.took_s:6.1f} s"


def run(stage: Stage, output: int | None = None) -> Outcome:
    """Run a stage. One that hangs is ended with all it started.

    Args:
        stage: Which one.
        output: A file to print to; ours if not given.
    """
    began = time.monotonic()
    command = [sys.executable, "-m", "pytest", str(stage.folder.relative_to(ROOT)), "-q", "--hypothesis-profile=whole"]
    command += stage.options
    with subprocess.Popen(
        command, cwd=ROOT, start_new_session=True, stdout=output, stderr=None if output is None else subprocess.STDOUT
    ) as running:
        _running.add(running.pid)
        try:
            code = running.wait(timeout=stage.limit_s)
        except subprocess.TimeoutExpired:
            print(f"test: {stage.name} took longer than {stage.limit_s:.0f} s and was ended", flush=True)
            code = 1
        finally:
            _running.discard(running.pid)
            end(running.pid)
    return Outcome(stage, code == 0, time.monotonic() - began)


def end(group: int) -> None:
    """End a process group, if there is any of it left."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(group, signal.SIGKILL)


def run_lane(stages: Iterable[Stage]) -> list[Outcome]:
    """Run stages one after the other; what each printed is shown when it ended."""
    outcomes = []
    for stage in stages:
        if _is_stopping.is_set():
            break
        print(f"== {stage.name} begins ==", flush=True)
        with tempfile.TemporaryFile() as output:
            outcomes.append(run(stage, output.fileno()))
            output.seek(0)
            said = output.read().decode(errors="replace")
        print(f"\n== {stage.name} ==\n{said}\n{outcomes[-1]}", flush=True)
    return outcomes


def choose(names: list[str]) -> list[Stage]:
    """Return the named stages, or all that have tests."""
    unknown = set(names) - {stage.name for stage in STAGES}
    if unknown:
        sys.exit(f"no such stage: {', '.join(sorted(unknown))}; there are {', '.join(s.name for s in STAGES)}")
    wanted = [stage for stage in STAGES if not names or stage.name in names]
    return [stage for stage in wanted if any(stage.folder.rglob("test_*.py"))]


def main() -> int:
    """Run the chosen stages and sum up; fail when one failed or there was nothing to run."""
    # A shell starts what runs in its background deaf to Ctrl-C, and that is inherited; tests press it.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    # Images of containers forbid what would be lost with them. Tests start hundreds of processes, and each would
    # compile a thousand modules anew.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    stages = choose(sys.argv[1:])
    if not stages:
        print("test: no tests there")
        return 1
    outcomes: list[Outcome] = []
    for stage in stages:
        if stage.lane is None:
            print(f"\n== {stage.name} ==", flush=True)
            outcomes.append(run(stage))
            if stage.is_ground and not outcomes[-1].has_passed:
                return sum_up(outcomes, "  the later stages were not run\n")
    lanes = [[stage for stage in stages if stage.lane == lane] for lane in range(_LANES)]
    with ThreadPoolExecutor(len(lanes)) as pool:
        running = [pool.submit(run_lane, lane) for lane in lanes]
        try:
            for lane in running:
                outcomes += lane.result()
        except KeyboardInterrupt:
            signal.signal(signal.SIGINT, signal.SIG_IGN)  # an impatient second one must not keep us from cleaning up
            _is_stopping.set()
            for group in list(_running):
                end(group)
            raise
    return sum_up(outcomes)


def sum_up(outcomes: list[Outcome], remark: str = "") -> int:
    """Say how the stages went; return the exit code."""
    failed = sum(not outcome.has_passed for outcome in outcomes)
    print("\n" + "\n".join(str(outcome) for outcome in outcomes) + "\n" + remark, end="")
    print(f"test: {'all stages passed' if not failed else f'{failed} of {len(outcomes)} stages failed'}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
