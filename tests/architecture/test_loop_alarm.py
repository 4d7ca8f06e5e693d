"""Async tests raise an alarm when code of the house blocks the event loop."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from blockbuster import BlockingError

import vedette


def code_of_the_house() -> Callable[[], None]:
    """Return a function that blocks, and that seems to stand in a module of vedette."""
    path = Path(vedette.__file__).parent / "gateway" / "example.py"
    names: dict[str, Callable[[], None]] = {}
    exec(compile("import time\ndef block():\n    time.sleep(0.001)", str(path), "exec"), names)  # noqa: S102 - ours
    return names["block"]


@pytest.mark.anyio
async def test_blocking_code_of_the_house_is_caught_in_the_loop() -> None:
    with pytest.raises(BlockingError):
        code_of_the_house()()


@pytest.mark.anyio
async def test_blocking_code_may_run_in_a_thread() -> None:
    await asyncio.to_thread(code_of_the_house())


@pytest.mark.anyio
async def test_a_test_itself_may_block() -> None:
    time.sleep(0.001)


def test_without_a_loop_nothing_is_caught() -> None:
    code_of_the_house()()
