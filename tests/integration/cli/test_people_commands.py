"""Commands of people, passkeys and sessions against a server that answers as it is told."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest
from scripted_api import Asked, ScriptedApi, Told

from vedette.cli import main

EVIL = "\x1b[2J\x9b\u202e"
MOMENT = "2026-11-22T10:00:00.000Z"
PERSON: dict[str, Any] = {
    "person_id": "per_1",
    "name": f"Ada {EVIL}",
    "created_at": MOMENT,
    "is_disabled": False,
    "last_login_at": None,
    "passkeys": 1,
    "recovery_codes_left": 9,
    "revision": 1,
}
PASSKEY: dict[str, Any] = {
    "passkey_id": "pky_1",
    "person_id": "per_1",
    "name": EVIL,
    "is_synced": True,
    "transports": ["internal"],
    "created_at": MOMENT,
    "last_used_at": None,
}
SESSION: dict[str, Any] = {
    "session_id": "ses_1",
    "kind": "passkey",
    "person_id": "per_1",
    "name": f"Ada {EVIL}",
    "actor_id": "per_1",
    "created_at": MOMENT,
    "last_used_at": MOMENT,
    "expires_at": MOMENT,
    "user_agent": EVIL,
    "address": "192.0.2.7",
    "is_current": False,
}


def answer(asked: Asked) -> Told:
    path = asked.path.partition("?")[0]
    if asked.method == "DELETE":
        return Told(204)
    if asked.method == "POST":
        return Told.json(PERSON | {"is_disabled": path.endswith("/disable")})
    if path == "/v1/people/per_1":
        return Told.json(PERSON)
    item = {"/v1/people": PERSON, "/v1/passkeys": PASSKEY, "/v1/sessions": SESSION}[path]
    return Told.json({"items": [item], "next": None})


@pytest.fixture(autouse=True)
def _answers(api: ScriptedApi) -> None:
    api.answer = answer


@pytest.mark.parametrize(
    ("command", "word"), [(("person", "list"), "per_1"), (("passkey", "list"), "pky_1"), (("session", "list"), "ses_1")]
)
def test_lists_show_what_there_is_and_steer_no_terminal(
    arguments: list[str], capsys: pytest.CaptureFixture[str], command: tuple[str, ...], word: str
) -> None:
    assert main([*command, *arguments]) == 0
    shown = capsys.readouterr().out
    assert word in shown
    assert not {"\x1b", "\x9b", "\u202e"} & set(shown)
    assert main([*command, *arguments, "--output", "json"]) == 0
    assert word in str(json.loads(capsys.readouterr().out)["items"])


def test_lists_can_be_of_one_person(api: ScriptedApi, arguments: list[str]) -> None:
    for noun in ("passkey", "session"):
        assert main([noun, "list", "--person", "per_1", *arguments]) == 0
        assert "person_id=per_1" in api.asked[-1].path


def test_a_person_is_disabled_and_enabled(
    api: ScriptedApi, arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["person", "disable", "per_1", "--reason", "left", *arguments]) == 0
    assert (api.asked[-1].path, json.loads(api.asked[-1].body)) == ("/v1/people/per_1/disable", {"reason": "left"})
    assert "is disabled" in capsys.readouterr().out
    assert main(["person", "enable", "per_1", *arguments]) == 0
    assert (api.asked[-1].path, json.loads(api.asked[-1].body)) == ("/v1/people/per_1/enable", {"reason": ""})


def test_a_dry_run_disables_nobody(api: ScriptedApi, arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["person", "disable", "per_1", "--dry-run", *arguments]) == 0
    assert [asked.method for asked in api.asked] == ["GET"]
    assert "Nothing was changed" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("command", "path"),
    [
        (("person", "delete", "per_1", "--reason", "left"), "/v1/people/per_1?reason=left"),
        (("passkey", "remove", "pky_1"), "/v1/passkeys/pky_1"),
        (("passkey", "remove", "pky_1", "--reason", "lost"), "/v1/passkeys/pky_1?reason=lost"),
    ],
)
def test_what_cannot_be_undone_is_asked_about(
    api: ScriptedApi, arguments: list[str], monkeypatch: pytest.MonkeyPatch, command: tuple[str, ...], path: str
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(""))
    assert main([*command, *arguments]) == 2
    assert "DELETE" not in [asked.method for asked in api.asked]
    assert main([*command, "--yes", *arguments]) == 0
    assert (api.asked[-1].method, api.asked[-1].path) == ("DELETE", path)


def test_a_session_is_ended(api: ScriptedApi, arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["session", "end", "ses_1", "--reason", "lost", *arguments]) == 0
    assert (api.asked[-1].method, api.asked[-1].path) == ("DELETE", "/v1/sessions/ses_1?reason=lost")
    assert "ses_1 has ended" in capsys.readouterr().out
