"""Logins that a command line keeps: for its person alone, and one for each platform."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from vedette.cli.problems import Denied
from vedette.cli.saved_login import SavedLogin, drop_login, find_login, keep_login, logins_file, read_logins


def test_the_newest_login_at_a_platform_is_kept_for_its_person_alone(tmp_path: Path) -> None:
    environment = {"XDG_CONFIG_HOME": str(tmp_path)}
    assert read_logins(environment) == []
    keep_login(environment, SavedLogin("https://a.example", "one"))
    keep_login(environment, SavedLogin("https://b.example", "two"))
    path = keep_login(environment, SavedLogin("https://a.example", "three"))
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    newest, at_b = find_login(environment), find_login(environment, "https://b.example/")
    assert newest is not None
    assert at_b is not None
    assert (newest.token, at_b.token) == ("three", "two")
    assert "three" not in repr(newest)
    drop_login(environment, "https://a.example")
    assert [each.url for each in read_logins(environment)] == ["https://b.example"]


def test_a_file_that_others_can_read_is_refused(tmp_path: Path) -> None:
    environment = {"XDG_CONFIG_HOME": str(tmp_path)}
    keep_login(environment, SavedLogin("https://a.example", "one")).chmod(0o640)
    with pytest.raises(Denied):
        find_login(environment)


@pytest.mark.parametrize("content", [b"", b"[]", b"{}", b'{"logins": 7}', b'{"logins": [{"x": 1}]}', b"\xff"], ids=str)
def test_a_file_that_holds_no_logins_is_refused(tmp_path: Path, content: bytes) -> None:
    environment = {"XDG_CONFIG_HOME": str(tmp_path)}
    path = logins_file(environment)
    path.parent.mkdir()
    path.write_bytes(content)
    path.chmod(0o600)
    with pytest.raises(Denied):
        read_logins(environment)
