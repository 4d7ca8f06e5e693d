"""The configuration of the embedded server, judged by the server itself where it can be without starting it."""

from __future__ import annotations

import json
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from vedette.bus import BusServerProblem, BusServerSettings, NatsServer, UserKey, all_users, gateway_users
from vedette.bus.server import check_version, find_binary

GATEWAYS = ("gateway-1", "gateway-2")


def _server(directory: Path, **options: object) -> NatsServer:
    keys = {user.name: UserKey.generate().public for user in all_users(GATEWAYS)}
    settings = replace(BusServerSettings(directory=directory), **options)  # type: ignore[arg-type] # its own fields
    return NatsServer(settings, all_users(GATEWAYS), keys)


def test_configuration_is_one_the_server_accepts(tmp_path: Path) -> None:
    server = _server(tmp_path / 'a "quoted" dir')
    path = server.write_config()
    done = subprocess.run([find_binary(), "-t", "-c", str(path)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert path.stat().st_mode & 0o777 == 0o600


def test_configuration_holds_public_keys_only(tmp_path: Path) -> None:
    keys = {user.name: UserKey.generate() for user in all_users(GATEWAYS)}
    public = {name: key.public for name, key in keys.items()}
    text = NatsServer(BusServerSettings(directory=tmp_path), all_users(GATEWAYS), public).config_text()
    assert all(key.public in text and key.seed not in text for key in keys.values())


@pytest.mark.parametrize(("sync", "written"), [("always", "always"), ("interval", "2m")])
def test_sync_is_written_as_chosen(tmp_path: Path, sync: str, written: str) -> None:
    config = json.loads(_server(tmp_path, sync=sync).config_text())
    assert config["jetstream"]["sync_interval"] == written


def test_nobody_connects_without_a_key_and_nothing_is_watched(tmp_path: Path) -> None:
    config = json.loads(_server(tmp_path).config_text())
    assert config["host"] == "127.0.0.1"
    assert not {"no_auth_user", "http", "http_port", "monitor_port", "websocket", "mqtt", "cluster"} & config.keys()
    users = [user for account in config["accounts"].values() for user in account["users"]]
    assert len(users) == len(all_users(GATEWAYS))
    assert all(user.keys() == {"nkey", "permissions"} for user in users)
    assert all(user["permissions"]["publish"]["allow"] for user in users)
    assert all(">" not in user["permissions"]["subscribe"]["allow"] for user in users)


def test_only_control_may_reply(tmp_path: Path) -> None:
    assert [user.name for user in all_users(GATEWAYS) if user.may_reply] == ["control"]


@pytest.mark.parametrize("name", ["control", "migrator", "control-events"])
def test_gateway_cannot_take_the_name_of_another_process(name: str) -> None:
    with pytest.raises(ValueError, match=name):
        gateway_users(["gateway-1", name])


def test_user_without_a_key_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="gateway-1"):
        NatsServer(BusServerSettings(directory=tmp_path), gateway_users(["gateway-1"]), {})


def test_embedded_server_listens_on_loopback_only(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="loopback"):
        BusServerSettings(directory=tmp_path, host="0.0.0.0")  # noqa: S104 - that it is refused


def test_configured_binary_that_is_none_is_named(tmp_path: Path) -> None:
    with pytest.raises(BusServerProblem) as missing:
        find_binary(tmp_path / "absent")
    assert "absent" in str(missing.value)


def test_binary_that_does_not_run_or_is_too_old_is_refused(tmp_path: Path) -> None:
    for name, text in (("broken", "#!/bin/sh\nexit 1\n"), ("old", "#!/bin/sh\necho nats-server: v2.9.24\n")):
        program = tmp_path / name
        program.write_text(text)
        program.chmod(0o755)
        with pytest.raises(BusServerProblem):
            check_version(program)


def test_packaged_binary_is_found_and_new_enough() -> None:
    assert check_version(find_binary()) >= (2, 11)
