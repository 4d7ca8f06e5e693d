"""The query language's fuzz entry on a few thousand mutated inputs; more with ``python -m tests.fuzz``."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

RUNNER = Path(__file__).parents[3] / "fuzz" / "__main__.py"


def load_runner() -> ModuleType:
    spec = importlib.util.spec_from_file_location("vedette_fuzz_runner_of_query", RUNNER)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.filterwarnings("ignore")
def test_mutated_queries_are_read_or_refused_at_a_place() -> None:
    failing = load_runner().run("query", runs=3_000, seed=20_261_122)
    assert failing is None, f"repeat with: python -m tests.fuzz query --input {failing.hex()}"
