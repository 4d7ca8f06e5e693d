"""The import contracts of pyproject.toml can fail: each is fed a small house that breaks it.

That they hold for the real house, ``lint-imports`` tells in ``make check``. That rooms are entered by their door alone
is a rule on Python files (``rules/doors.py``), since packages of ``protocols`` are doors of their own.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import pytest

ROOT = Path(__file__).resolve().parents[2]
CONTRACTS: Final = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
ROOMS: Final = re.findall(r"\w+", " ".join(next(c for c in CONTRACTS if c["id"] == "floors")["layers"]))

# What breaks each contract: the file, and the import that has no business there.
BREAKING: Final[dict[str, dict[str, Mapping[str, str]]]] = {
    "floors": {
        "a lower room imports a higher one": {"registry/service.py": "import vedette.access"},
        "a foundation imports a room": {"store/rows.py": "import vedette.pki"},
        "doors import each other": {"api/routes.py": "import vedette.gateway"},
        "a guest imports the house": {"agent/main.py": "import vedette.registry"},
        "a package stands on no floor": {"attic/__init__.py": ""},
    },
    "gateway": {
        "the gateway imports the store": {"gateway/session.py": "import vedette.store"},
        "the gateway imports a room through the bus": {
            "gateway/session.py": "import vedette.bus",
            "bus/__init__.py": "import vedette.store",
        },
    },
    "guests": {
        "a room imports a simulator": {"registry/service.py": "import vedette.simulation"},
        "a door imports the agent": {"api/routes.py": "import vedette.agent"},
    },
    "gateway-light": {
        "the gateway loads SQLAlchemy": {"gateway/rows.py": "import sqlalchemy"},
        "the gateway loads a web framework through trust": {
            "gateway/rows.py": "import vedette.trust.http",
            "trust/http.py": "import fastapi",
        },
    },
    "ground": {
        "the ground floor imports third-party code": {"kernel/tables.py": "import sqlalchemy"},
        "a codec imports a client": {"protocols/frames.py": "import httpx"},
    },
}
CASES = [
    pytest.param(contract, files, id=f"{contract}: {story}")
    for contract, stories in BREAKING.items()
    for story, files in stories.items()
]


def lay(house: Path, files: Mapping[str, str]) -> None:
    """Write a house with every room empty, then the given files."""
    for room in ["", *ROOMS]:
        (house / "vedette" / room).mkdir(parents=True, exist_ok=True)
        (house / "vedette" / room / "__init__.py").write_text("")
        if room:
            (house / "vedette" / room / "service.py").write_text("")
    for name, text in files.items():
        path = house / "vedette" / name
        path.parent.mkdir(exist_ok=True)
        (path.parent / "__init__.py").touch()
        path.write_text(text + "\n")


def lint(house: Path, *contracts: str) -> tuple[bool, str]:
    """Run import-linter with the real contracts over the house; answer whether they were kept, and its words."""
    chosen = [option for contract in contracts for option in ("--contract", contract)]
    command = [str(Path(sys.executable).parent / "lint-imports"), "--no-logo", "--no-cache", *chosen]
    done = subprocess.run(
        [*command, "--config", str(ROOT / "pyproject.toml")],
        cwd=house,
        env={**os.environ, "PYTHONPATH": str(house)},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode == 0, done.stdout + done.stderr


def test_an_empty_house_keeps_every_contract(tmp_path: Path) -> None:
    lay(tmp_path, {})
    kept, words = lint(tmp_path)
    assert kept, words


@pytest.mark.parametrize(("contract", "files"), CASES)
def test_a_contract_is_broken_by(contract: str, files: Mapping[str, str], tmp_path: Path) -> None:
    lay(tmp_path, files)
    kept, words = lint(tmp_path, contract)
    assert not kept
    assert "BROKEN" in words, words


def test_every_contract_has_something_that_breaks_it() -> None:
    assert {contract["id"] for contract in CONTRACTS} == set(BREAKING)
