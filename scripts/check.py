"""Run every check that needs no server: one line for each, its output only when it fails.

``make check`` runs it. The slow one, mypy, works beside the others; the whole stays under a minute.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BIN = Path(sys.executable).parent
LIMIT_S = 60.0


@dataclass(frozen=True)
class Check:
    """One tool and what its failing means."""

    title: str
    command: Sequence[str]


@dataclass(frozen=True)
class Outcome:
    """What a tool said, and how long it took."""

    check: Check
    passed: bool
    output: str
    took_s: float


BESIDE = [Check("types", [str(BIN / "mypy"), "--no-error-summary"])]
IN_ORDER = [
    Check("format", [str(BIN / "ruff"), "format", "--check", "--quiet", "."]),
    Check("lint", [str(BIN / "ruff"), "check", "--quiet", "."]),
    Check("imports", [str(BIN / "lint-imports"), "--no-logo"]),
    Check(
        "architecture",
        [sys.executable, "-m", "pytest", "tests/architecture", "-q", "--no-header", "-p", "no:cacheprovider"],
    ),
]


CONSOLE = [
    Check("console types", ["npm", "--prefix", "console", "run", "--silent", "check"]),
    Check("console units", ["npm", "--prefix", "console", "run", "--silent", "test"]),
]


def console_checks() -> list[Check]:
    """Return the checks of the pages' sources; without Node there is nothing to run them with."""
    if not (ROOT / "console" / "node_modules").is_dir():
        print("  --    console        not checked: Node 20 is missing, or make console has not run yet")
        return []
    return CONSOLE


def run(check: Check) -> Outcome:
    """Run one tool to its end."""
    began = time.monotonic()
    done = subprocess.run(check.command, cwd=ROOT, capture_output=True, text=True, check=False)
    return Outcome(check, done.returncode == 0, (done.stdout + done.stderr).strip(), time.monotonic() - began)


def report(outcome: Outcome) -> bool:
    """Print one line, and what a failing tool said; answer whether it passed."""
    print(f"  {'ok  ' if outcome.passed else 'FAIL'}  {outcome.check.title:<14} {outcome.took_s:5.1f} s", flush=True)
    if not outcome.passed:
        print(outcome.output, flush=True)
    return outcome.passed


def main() -> int:
    """Run all checks; fail when one fails."""
    began = time.monotonic()
    with ThreadPoolExecutor(max_workers=1) as pool:
        beside: list[Future[Outcome]] = [pool.submit(run, check) for check in BESIDE]
        passed = [report(run(check)) for check in [*IN_ORDER, *console_checks()]]
        passed += [report(future.result()) for future in beside]
    took_s = time.monotonic() - began
    failed = passed.count(False)
    print(f"check: {'all passed' if not failed else f'{failed} failed'} in {took_s:.0f} s")
    if took_s > LIMIT_S:
        print(f"check: over the house's limit of {LIMIT_S:.0f} s; a loaded machine is excused, a slow check is not")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
