"""Fuzz a protocol core: ``python -m tests.fuzz mqtt_server --runs 1000000 --seed 7``, from the repository's root.

A failing input is printed with the command that repeats it. With ``--atheris``, if that package is installed, inputs
are guided by coverage instead.
"""

from __future__ import annotations

import argparse
import importlib.util
import sys
import time
import traceback
from pathlib import Path
from types import ModuleType

FOLDER = Path(__file__).parent


def load(name: str) -> ModuleType:
    """Load a file of this folder, which is no package."""
    spec = importlib.util.spec_from_file_location(f"vedette_fuzz_{name}", FOLDER / f"{name}.py")
    if spec is None or spec.loader is None:
        raise FileNotFoundError(name)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def targets() -> list[str]:
    """Name the cores that have an entry."""
    return sorted(path.stem.removeprefix("fuzz_") for path in FOLDER.glob("fuzz_*.py"))


def run(target: str, *, runs: int, seed: int) -> bytes | None:
    """Feed mutated seeds to a core; answer the first input that fails, after printing how."""
    core = load(f"fuzz_{target}")
    for data in load("mutation").mutations(core.SEEDS, seed=seed, runs=runs):
        try:
            core.fuzz_one(data)
        except Exception:  # noqa: BLE001 - whatever is raised is what we look for
            traceback.print_exc()
            return bytes(data)
    return None


def run_atheris(target: str) -> None:
    """Hand a core to atheris, which does not return."""
    atheris = importlib.import_module("atheris")
    with atheris.instrument_imports():
        core = load(f"fuzz_{target}")
    atheris.Setup([sys.argv[0]], core.fuzz_one)
    atheris.Fuzz()


def main() -> int:
    """Run from the command line: 0 when nothing failed."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("target", choices=targets())
    parser.add_argument("--runs", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--input", type=bytes.fromhex, help="one input, in hex, instead of mutated ones")
    parser.add_argument("--atheris", action="store_true")
    chosen = parser.parse_args()
    if chosen.atheris:
        run_atheris(chosen.target)
    if chosen.input is not None:
        load(f"fuzz_{chosen.target}").fuzz_one(chosen.input)
        return 0
    began = time.monotonic()
    failing = run(chosen.target, runs=chosen.runs, seed=chosen.seed)
    if failing is None:
        sys.stdout.write(f"{chosen.target}: {chosen.runs} inputs in {time.monotonic() - began:.1f} s, no failure\n")
        return 0
    sys.stdout.write(f"repeat with: python -m tests.fuzz {chosen.target} --input {failing.hex()}\n")
    return 1


if __name__ == "__main__":
    sys.exit(main())
