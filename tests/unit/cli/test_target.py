from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from vedette.app import DataDirectory, RunState
from vedette.app.state import write_state
from vedette.cli.problems import Denied, Usage
from vedette.cli.target import Choice, find_target
from vedette.kernel import Problem

URL = "https://vedette.example:8480"


@pytest.fixture
def token_file(tmp_path: Path) -> Path:
    path = tmp_path / "token"
    path.write_text("vedette_operator_abc\n")
    return path


def running(path: Path, *, ca_file: str | None = None) -> DataDirectory:
    directory = DataDirectory(path)
    directory.create()
    directory.operator_token.write_text("local_token\n")
    state = RunState(
        version="1",
        pid=os.getpid(),
        state="ready",
        started_at="2026-11-22T10:00:00.000Z",
        api_url="https://localhost:8480",
        api_ca_file=ca_file,
        hostname="localhost",
        id_scope="0ne",
        ports={},
        processes=(),
    )
    write_state(directory.state_file, state)
    return directory


def test_the_platform_on_a_data_directory_is_found_with_its_token_and_its_own_authority(tmp_path: Path) -> None:
    running(tmp_path / "data", ca_file="/x/root.pem")
    target = find_target(Choice(data=tmp_path / "data"), {})
    assert (target.url, target.token, target.ca_file) == ("https://localhost:8480", "local_token", Path("/x/root.pem"))
    assert target.state is not None


def test_the_environment_names_the_data_directory(tmp_path: Path) -> None:
    running(tmp_path / "data")
    assert find_target(Choice(), {"VEDETTE_DATA": str(tmp_path / "data")}).token == "local_token"


def test_the_command_line_wins_over_the_environment(tmp_path: Path, token_file: Path) -> None:
    running(tmp_path / "data")
    environment = {"VEDETTE_URL": URL, "VEDETTE_TOKEN_FILE": str(token_file)}
    assert find_target(Choice(data=tmp_path / "data"), environment).url == "https://localhost:8480"
    assert find_target(Choice(), environment).url == URL
    other = tmp_path / "other"
    other.write_text("other_token")
    assert find_target(Choice(token_file=other), environment).token == "other_token"
    assert find_target(Choice(url="https://b.example"), environment).url == "https://b.example"


def test_a_platform_that_is_gone_is_told_with_the_next_step(tmp_path: Path) -> None:
    with pytest.raises(Problem, match="no platform runs"):
        find_target(Choice(data=tmp_path), {})


def test_a_data_directory_of_somebody_else_is_denied(tmp_path: Path) -> None:
    directory = running(tmp_path / "data")
    directory.run.chmod(0)
    code = (
        "import os, sys, vedette.app\n"
        "from pathlib import Path\n"
        "from vedette.cli.problems import Denied\n"
        "from vedette.cli.target import Choice, find_target\n"
        "if os.geteuid() == 0: os.seteuid(65534)\n"
        "try: find_target(Choice(data=Path(sys.argv[1])), {})\n"
        "except Denied as denied: print(denied)\n"
    )
    command = [sys.executable, "-c", code, str(directory.path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    assert "you may not read" in done.stdout


def test_whoever_started_the_demo_is_told_where_it_is(tmp_path: Path) -> None:
    running(tmp_path / "vedette-demo")
    with pytest.raises(Problem) as told:
        find_target(Choice(), {"XDG_DATA_HOME": str(tmp_path)})
    assert f"--data {tmp_path}/vedette-demo" in told.value.hint


@pytest.mark.parametrize(
    "url",
    [
        pytest.param("http://vedette.example", id="plain HTTP to another machine"),
        pytest.param("http://10.0.0.1:8480", id="plain HTTP to another address"),
        pytest.param("http://localhost.example", id="a name that only begins like loopback"),
        pytest.param("ftp://localhost", id="another scheme"),
        pytest.param("localhost:8480", id="no scheme"),
        pytest.param("https://", id="no host"),
        pytest.param("https://user:secret@host", id="credentials"),
        pytest.param("https://host:99999", id="no such port"),
        pytest.param("https://[::1", id="broken address"),
        pytest.param("https://host/?a=b", id="a query"),
    ],
)
def test_a_url_that_would_leak_or_lead_nowhere_is_refused(url: str, token_file: Path) -> None:
    with pytest.raises(Usage):
        find_target(Choice(url=url, token_file=token_file), {})


@pytest.mark.parametrize("url", ["http://localhost:8480", "http://127.0.0.9:1/", "http://[::1]:8480", URL])
def test_loopback_and_tls_may_see_the_token(url: str, token_file: Path) -> None:
    assert find_target(Choice(url=url, token_file=token_file), {}).url == url.rstrip("/")


def test_a_platform_elsewhere_needs_a_token() -> None:
    with pytest.raises(Denied, match="no token"):
        find_target(Choice(url=URL), {})


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"\n", id="blank"),
        pytest.param(b"a b", id="two words"),
        pytest.param(b"a\nb", id="two lines"),
        pytest.param("ä".encode(), id="not ASCII"),
        pytest.param(b"a" * 5_000, id="too long"),
        pytest.param(b"a\x00b", id="not printable"),
    ],
)
def test_a_file_that_holds_no_token_is_refused_without_showing_it(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "token"
    path.write_bytes(content)
    with pytest.raises(Denied, match="does not hold a token"):
        find_target(Choice(url=URL, token_file=path), {})


def test_a_missing_token_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(Denied, match="nowhere"):
        find_target(Choice(url=URL, token_file=tmp_path / "nowhere"), {})
