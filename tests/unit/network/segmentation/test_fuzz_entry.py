"""The fuzz entry of MUD files on a few thousand mutated inputs; more with ``python -m tests.fuzz``."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

RUNNER = Path(__file__).parents[3] / "fuzz" / "__main__.py"


def _load_runner() -> ModuleType:
    spec = importlib.util.spec_from_file_location("vedette_fuzz_runner_of_segmentation", RUNNER)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_mutated_files_raise_nothing_but_a_refusal() -> None:
    failing = _load_runner().run("mud", runs=4_000, seed=20_261_123)
    assert failing is None, f"repeat with: python -m tests.fuzz mud --input {failing.hex()}"
