"""The PKI's fuzz entries on a few thousand mutated inputs; more with ``python -m tests.fuzz``."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

RUNNER = Path(__file__).parents[2] / "fuzz" / "__main__.py"


def load_runner() -> ModuleType:
    spec = importlib.util.spec_from_file_location("vedette_fuzz_runner_of_pki", RUNNER)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("target", ["csr", "chain", "signer", "vouch"])
def test_mutated_inputs_raise_nothing_but_the_peers_error(target: str) -> None:
    failing = load_runner().run(target, runs=4_000, seed=20_261_122)
    assert failing is None, f"repeat with: python -m tests.fuzz {target} --input {failing.hex()}"
