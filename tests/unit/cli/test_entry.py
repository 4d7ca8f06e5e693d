from __future__ import annotations

import subprocess
import sys

import pytest
from cpu_time import least_cpu_s

from vedette.cli import main

# Of CPU time; measured: 0.25. Nobody notices less than this, and a slow machine is no fault of the program.
START_WITHIN_S = 0.9


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "vedette.cli", *arguments], capture_output=True, text=True, timeout=120, check=False
    )


def test_help_is_there_before_a_person_notices() -> None:
    shown = []
    assert least_cpu_s(lambda: shown.append(run("--help")), enough_s=START_WITHIN_S) < START_WITHIN_S
    assert all(done.returncode == 0 for done in shown)


def test_help_loads_nothing_that_only_some_commands_need() -> None:
    code = (
        "import sys\n"
        "from vedette.cli import main\n"
        "main(['device', 'list', '--help'])\n"
        "heavy = {'httpx', 'rich', 'sqlalchemy', 'cryptography', 'asyncio', 'msgspec'}\n"
        "print(sorted((heavy | {'vedette.app', 'vedette.ledger'}) & set(sys.modules)))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


def test_the_version_is_one_line() -> None:
    done = run("--version")
    assert done.returncode == 0
    assert done.stdout.startswith("vedette ")
    assert done.stdout.count("\n") == 1


def test_a_bare_installation_says_what_to_install() -> None:
    code = "import sys\nsys.modules['typer'] = None\nfrom vedette.cli import main\nsys.exit(main(['status']))\n"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 1
    assert "vedette[server]" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        pytest.param(["--no-such-option"], id="unknown option"),
        pytest.param(["no-such-noun"], id="unknown noun"),
        pytest.param(["device", "no-such-verb"], id="unknown verb"),
        pytest.param(["device", "show"], id="missing argument"),
        pytest.param(["device", "list", "--limit", "many"], id="not a number"),
        pytest.param(["device", "list", "--output", "xml"], id="unknown format"),
        pytest.param(["demo", "--devices", "0"], id="below a limit"),
        pytest.param(["access-list", "remove", "ale_1"], id="missing reason"),
    ],
)
def test_a_misspelled_command_ends_with_2(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments) == 2
    assert capsys.readouterr().err


def test_the_program_alone_explains_itself(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 0
    shown = capsys.readouterr().out
    for noun in ("up", "demo", "status", "device", "enrollment", "authority", "access-list", "telemetry", "ledger"):
        assert f"\n  {noun}" in shown
    assert "3 denied, 4 not found" in shown


def test_no_platform_is_told_with_the_next_step(
    capsys: pytest.CaptureFixture[str], tmp_path_factory: pytest.TempPathFactory
) -> None:
    assert main(["status", "--data", str(tmp_path_factory.mktemp("empty"))]) == 1
    told = capsys.readouterr().err
    assert "no platform runs" in told
    assert "vedette up" in told
