"""Run the tests in stages, the cheap ones first; name the stages to run, or none for all.

``make test`` runs it. A stage that fails does not keep the later ones from telling what they know,
except the first two: when the house or its units are broken, the rest is noise.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class Stage:
    """One folder of tests."""

    name: str
    options: tuple[str, ...] = ()
    is_ground: bool = False
    limit_s: float = 300

    @property
    def folder(self) -> Path:
        """Return where its tests are."""
        return ROOT / "tests" / self.name


STAGES = [
    Stage("architecture", is_ground=True),
    Stage("unit", ("-n", "2"), is_ground=True),
    Stage("protocols"),
    Stage("fuzz"),
    Stage("integration", ("-n", "4", "--dist", "loadfile"), limit_s=1200),
    Stage("api", ("-n", "2", "--dist", "loadfile"), limit_s=600),
    Stage("faults", ("-n", "2", "--dist", "loadfile"), limit_s=600),
    Stage("console", ("-n", "3", "--dist", "loadfile"), limit_s=900),
    # Two files of journeys at a time: each has a loopback address of its own.
    Stage("journeys", ("-n", "2", "--dist", "loadfile"), limit_s=1200),
]


def run(stage: Stage) -> tuple[bool, float]:
    """Run a stage; answer whether it passed and the seconds it took. One that hangs is ended with all it started."""
    began = time.monotonic()
    command = [sys.executable, "-m", "pytest", str(stage.folder.relative_to(ROOT)), "-q", *stage.options]
    with subprocess.Popen(command, cwd=ROOT, start_new_session=True) as running:
        try:
            code = running.wait(timeout=stage.limit_s)
        except subprocess.TimeoutExpired:
            print(f"test: {stage.name} took longer than {stage.limit_s:.0f} s and was ended", flush=True)
            code = 1
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(running.pid, signal.SIGKILL)
    return code == 0, time.monotonic() - began


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
    stages = choose(sys.argv[1:])
    if not stages:
        print("test: no tests there")
        return 1
    lines: list[str] = []
    failed = 0
    for stage in stages:
        print(f"\n== {stage.name} ==", flush=True)
        passed, took_s = run(stage)
        lines.append(f"  {'ok  ' if passed else 'FAIL'}  {stage.name:<14} {took_s:6.1f} s")
        failed += not passed
        if stage.is_ground and not passed:
            lines.append("  the later stages were not run")
            break
    print("\n" + "\n".join(lines))
    print(f"test: {'all stages passed' if not failed else f'{failed} of {len(stages)} stages failed'}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
