"""What a process must not hold is not even loaded: importing its room leaves SQL and web frameworks out."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

HOUSE: Final = Path(__file__).resolve().parents[2] / "src" / "vedette"
SQL: Final = {"sqlalchemy", "psycopg", "alembic", "sqlite3", "vedette.store", "vedette.ledger", "vedette.registry"}
WEB: Final = {"fastapi", "starlette", "uvicorn", "typer"}
FOREIGN: Final = {
    "gateway": SQL | WEB,
    "pki": SQL | WEB | {"vedette.bus"},
    "simulation": SQL | WEB | {"vedette.bus", "vedette.gateway"},
    "bus": SQL | WEB,
    "trust": SQL | WEB | {"asyncio"},
    "protocols": SQL | WEB | {"asyncio", "cryptography"},
    "kernel": SQL | WEB | {"asyncio", "msgspec", "cryptography"},
}


def loaded_by(statement: str) -> set[str]:
    """Return the modules that a fresh interpreter holds after a statement."""
    code = f"{statement}\nimport json, sys\nprint(json.dumps(sorted(sys.modules)))"
    return set(json.loads(subprocess.check_output([sys.executable, "-c", code], text=True)))


@pytest.mark.parametrize("room", [room for room in FOREIGN if (HOUSE / room / "__init__.py").exists()])
def test_importing_a_room_loads_nothing_foreign(room: str) -> None:
    assert not FOREIGN[room] & loaded_by(f"import vedette.{room}")


def test_the_process_that_replays_loads_only_what_decides() -> None:
    loaded = loaded_by("import vedette.trust.replay.worker")
    assert {name.split(".")[1] for name in loaded if name.startswith("vedette.")} <= {"kernel", "protocols", "trust"}
    assert not (SQL | WEB | {"asyncio"}) & loaded


def test_something_foreign_would_be_seen() -> None:
    assert SQL & loaded_by("import vedette.kernel, sqlalchemy")
