"""ruff and mypy, as pyproject.toml sets them up, refuse what the house forbids."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
import run_tests
from cases import FIXTURES

ROOT = Path(__file__).resolve().parents[2]
BIN = Path(sys.executable).parent


def expected(path: Path) -> set[tuple[int, str]]:
    """Return what the fixture's ``# refused: CODE`` comments promise."""
    lines = enumerate(path.read_text().splitlines(), 1)
    return {(number, found[1]) for number, line in lines if (found := re.search(r"# refused: (\S+)$", line))}


@pytest.mark.parametrize("path", sorted((FIXTURES / "ruff").iterdir()), ids=lambda path: path.name)
def test_ruff_refuses(path: Path) -> None:
    command = [str(BIN / "ruff"), "check", "--no-cache", "--output-format", "json"]
    done = subprocess.run(
        [*command, "--stdin-filename", str(ROOT / "src" / "vedette" / "registry" / path.name), "-"],
        input=path.read_text(),
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    found = {(finding["location"]["row"], finding["code"]) for finding in json.loads(done.stdout)}
    assert expected(path) <= found
    assert done.returncode == 1


def test_ruff_refuses_a_line_the_formatter_would_write_differently() -> None:
    done = subprocess.run(
        [str(BIN / "ruff"), "format", "--check", "--stdin-filename", "src/vedette/x.py", "-"],
        input="x = {  'a':1 }\n",
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1


def test_mypy_refuses(tmp_path: Path) -> None:
    path = FIXTURES / "mypy" / "untyped.py"
    copy = tmp_path / path.name
    copy.write_text(re.sub(r"  # refused: \S+", "", path.read_text()))
    done = subprocess.run(
        [str(BIN / "mypy"), "--config-file", str(ROOT / "pyproject.toml"), "--cache-dir", str(tmp_path), str(copy)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    found = {(int(line), code) for line, code in re.findall(r":(\d+): error: .*\[([\w-]+)\]", done.stdout)}
    assert expected(path) <= found, done.stdout
    assert done.returncode == 1


def test_every_folder_of_tests_is_a_stage_of_make_test() -> None:
    folders = {path.relative_to(ROOT / "tests").parts[0] for path in (ROOT / "tests").rglob("test_*.py")}
    assert folders <= {stage.name for stage in run_tests.STAGES}
