"""Every fuzz entry on a few thousand mutated inputs; more with ``python -m tests.fuzz``."""

from __future__ import annotations

import importlib.util
import sys
import time
from pathlib import Path
from types import ModuleType

import pytest

RUNNER = Path(__file__).parent.parent / "fuzz" / "__main__.py"


def load_runner() -> ModuleType:
    spec = importlib.util.spec_from_file_location("vedette_fuzz_runner", RUNNER)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


runner = load_runner()


def test_every_core_has_an_entry() -> None:
    assert set(runner.targets()) >= {"mqtt_server", "mqtt_client", "hub", "dps"}


@pytest.mark.parametrize("target", runner.targets())
def test_mutated_inputs_raise_nothing_but_the_peers_error(target: str) -> None:
    began = time.process_time()
    failing = runner.run(target, runs=4_000, seed=20_261_122)
    assert failing is None, f"repeat with: {sys.executable} -m tests.fuzz {target} --input {failing.hex()}"
    assert time.process_time() - began < 120.0, "an input that hangs is a failure too"
