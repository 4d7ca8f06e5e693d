"""The commands of roles, against a real platform."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from people_at_the_door import PeopleAtTheDoor
from running_platform import RunningPlatform

from vedette.cli.program import run
from vedette.kernel import SystemClock, to_rfc3339

Command = Callable[..., tuple[int, str]]


@pytest.fixture
def command(platform: RunningPlatform, capsys: pytest.CaptureFixture[str]) -> Command:
    def call(*arguments: str) -> tuple[int, str]:
        token = platform.data / "secrets" / "operator.token"
        code = run([*arguments, "--url", platform.url, "--token-file", str(token)])
        return code, capsys.readouterr().out

    return call


def _json(command: Command, *arguments: str) -> Any:
    code, out = command(*arguments, "--output", "json")
    assert code == 0, out
    return json.loads(out)


def test_roles_are_given_shown_and_withdrawn(command: Command, platform: RunningPlatform, api: httpx.Client) -> None:
    people = PeopleAtTheDoor(platform.url, api)
    person = people.come("auditor")
    who = person.who()["person_id"]
    assert {each["role"] for each in _json(command, "role", "kinds")["items"]} >= {"admin", "auditor"}
    assert _json(command, "role", "rights")["holdings"][0]["role"] == "admin"
    given = _json(command, "role", "grant", who, "operator", "--site", "north", "--eligible", "--reason", "on call")
    assert (given["sites"], given["mode"]) == (["north"], "eligible")
    code, out = command("role", "list", "--person", who)
    assert (code, "operator (eligible)" in out, "site north" in out) == (0, True, True)
    asked = {"grant_id": given["grant_id"], "minutes": 5, "reason": "loud"}
    begun = person.http.post("/v1/elevations", json=asked).raise_for_status().json()
    code, out = command("elevation", "list", "--person", who)
    assert (code, "lasts" in out) == (0, True)
    assert command("elevation", "end", begun["elevation_id"])[0] == 0
    assert command("role", "withdraw", given["grant_id"], "--yes")[0] == 0
    assert command("role", "withdraw", given["grant_id"], "--yes")[0] == 4
    assert command("role", "list", "--mine")[0] == 2
    people.close()


def test_a_review_is_begun_signed_and_exported(command: Command, platform: RunningPlatform, api: httpx.Client) -> None:
    people = PeopleAtTheDoor(platform.url, api)
    person = people.come("developer")
    due = to_rfc3339(SystemClock().now() + timedelta(days=1))
    review = _json(command, "review", "begin", "from the command line", "--due", due)["review_id"]
    lines = _json(command, "review", "show", review)["items"]
    (line,) = [each for each in lines if each["subject_id"] == person.who()["person_id"]]
    assert _json(command, "review", "sign", review, line["entry_id"], "withdrawn")["outcome"] == "withdrawn"
    code, out = command("review", "export", review)
    table = list(csv.DictReader(io.StringIO(out)))
    assert (code, len(table)) == (0, len(lines))
    exported = json.loads(command("review", "export", review, "--format", "json")[1])
    assert len(exported["items"]) == len(lines)
    assert command("review", "close", review, "--reason", "enough")[0] == 0
    people.close()


def test_listed_commands_are_added_and_removed(command: Command, tmp_path: Path) -> None:
    file = tmp_path / "schema.json"
    file.write_text('{"type": "object"}')
    arguments = ("command-schema", "add", str(file), "--name", "spin", "--class", "spindle", "--yes")
    made = _json(command, *arguments)
    assert made["command"] == "spin"
    assert command(*arguments)[0] == 1
    code, out = command("command-schema", "list")
    assert (code, made["schema_id"] in out) == (0, True)
    assert command("command-schema", "remove", made["schema_id"], "--reason", "x", "--yes")[0] == 0
    assert command("approval", "list")[0] == 0
    assert command("approval", "show", "apr_never")[0] == 4


def test_a_link_gives_the_role_that_is_asked_for(command: Command) -> None:
    assert "/login?token=" in _json(command, "login-link", "--role", "deployer", "--site", "north")["url"]
    assert command("login-link", "--role", "king")[0] == 2
