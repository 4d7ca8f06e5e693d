from __future__ import annotations

import stat
import subprocess
import sys
from pathlib import Path

import pytest

from vedette.app.data_directory import (
    DataDirectory,
    DataDirectoryInUse,
    DataDirectoryProblem,
    default_data_path,
    write_private,
)


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_what_is_private_is_open_to_nobody_else(tmp_path: Path) -> None:
    data = DataDirectory(tmp_path / "deep" / "data")
    data.create()
    for directory in (data.path, data.secrets, data.pki, data.offline, data.run, data.bus):
        assert mode_of(directory) == 0o700
    assert mode_of(data.public) == 0o755


def test_a_directory_that_others_may_read_is_narrowed(tmp_path: Path) -> None:
    data = DataDirectory(tmp_path / "data")
    data.create()
    data.secrets.chmod(0o755)
    data.create()
    assert mode_of(data.secrets) == 0o700


def test_a_file_in_its_place_is_refused(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("")
    with pytest.raises(DataDirectoryProblem, match="cannot make"):
        DataDirectory(tmp_path / "data").create()


def test_a_link_in_its_place_is_refused(tmp_path: Path) -> None:
    data = DataDirectory(tmp_path / "data")
    data.create()
    data.secrets.rmdir()
    (tmp_path / "elsewhere").mkdir()
    data.secrets.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(DataDirectoryProblem, match="is not a directory"):
        data.create()


def test_a_second_platform_is_kept_out_until_the_first_is_gone(tmp_path: Path) -> None:
    data = DataDirectory(tmp_path)
    data.create()
    code = (
        "import sys; from pathlib import Path; from vedette.app.data_directory import DataDirectory;"
        "d = DataDirectory(Path(sys.argv[1])); d.lock(); print('locked', flush=True); sys.stdin.read()"
    )
    holder = subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert holder.stdout is not None
    assert holder.stdout.readline() == b"locked\n"
    with pytest.raises(DataDirectoryInUse, match=f"process {holder.pid}"):
        data.lock()
    holder.kill()
    holder.communicate()
    data.lock()
    data.unlock()


def test_a_path_too_long_for_a_socket_is_told(tmp_path: Path) -> None:
    longest = 107 - len("/run/signer.sock")
    fits = str(tmp_path / "x").ljust(longest, "x")
    DataDirectory(Path(fits)).create()
    with pytest.raises(DataDirectoryProblem, match="too long"):
        DataDirectory(Path(fits + "x")).create()


def test_the_default_is_where_the_environment_says() -> None:
    assert default_data_path({"VEDETTE_DATA": "/srv/vedette"}) == Path("/srv/vedette")
    assert default_data_path({"XDG_DATA_HOME": "/x"}) == Path("/x/vedette")
    assert default_data_path({}) == Path("~/.local/share/vedette").expanduser()


def test_a_file_is_replaced_whole_and_private(tmp_path: Path) -> None:
    path = tmp_path / "token"
    write_private(path, b"old")
    write_private(path, b"new")
    assert path.read_bytes() == b"new"
    assert mode_of(path) == 0o600
    assert [each.name for each in tmp_path.iterdir()] == ["token"]


def test_a_link_planted_for_the_new_content_is_not_followed(tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_text("untouched")
    (tmp_path / ".token.new").symlink_to(victim)
    with pytest.raises(OSError, match="symbolic links"):
        write_private(tmp_path / "token", b"secret")
    assert victim.read_text() == "untouched"
