"""A server on loopback that answers as it is told, and what points a command at it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from scripted_api import TOKEN, ScriptedApi


@pytest.fixture
def api() -> Iterator[ScriptedApi]:
    running = ScriptedApi()
    yield running
    running.close()


@pytest.fixture
def arguments(api: ScriptedApi, tmp_path: Path) -> list[str]:
    """What points a command at the server."""
    token = tmp_path / "operator.token"
    token.write_text(TOKEN)
    return ["--url", api.url, "--token-file", str(token)]
