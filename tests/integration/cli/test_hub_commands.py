"""Commands of twins, modules, methods, messages, groups and queries against a server that answers as it is told."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from scripted_api import Asked, ScriptedApi, Told

from vedette.cli import main

EVIL = "\x1b[2J\x9b\u202e"
MOMENT = "2026-11-22T10:00:00.000Z"
TWIN: dict[str, Any] = {
    "device_id": "pump-1",
    "module_id": None,
    "generation_id": "dev_1",
    "tags": {"line": "A"},
    "desired": {"interval_s": 30, "mode": EVIL, "old": 1},
    "desired_version": 4,
    "desired_metadata": {},
    "reported": {"interval_s": 10, "firmware": EVIL},
    "reported_version": 7,
    "reported_metadata": {},
    "updated_at": MOMENT,
    "revision": 9,
}
MODULE: dict[str, Any] = {
    "device_id": "pump-1",
    "module_id": "filter",
    "generation_id": "mod_1",
    "authentication": {"type": "symmetric_key", "primary_thumbprint": None, "secondary_thumbprint": None},
    "is_flagged": True,
    "is_enabled": True,
    "managed_by": EVIL,
    "tags": {EVIL: EVIL},
    "created_at": MOMENT,
    "updated_at": MOMENT,
    "last_connected_at": None,
    "presence": None,
    "revision": 2,
}
KEY = {"key_id": "key_1", "slot": "primary", "key": "c2VjcmV0", "expires_at": MOMENT}
COMMAND: dict[str, Any] = {
    "command_id": "cmd_1",
    "sequence": 3,
    "device_id": "pump-1",
    "message_id": EVIL,
    "state": "delivered",
    "delivery_count": 2,
    "correlation_id": None,
    "user_id": None,
    "content_type": None,
    "content_encoding": None,
    "properties": {EVIL: EVIL},
    "ack": "full",
    "size_bytes": 4,
    "enqueued_at": MOMENT,
    "expires_at": MOMENT,
}
GROUP: dict[str, Any] = {
    "group_id": "grp_1",
    "name": "north pumps",
    "kind": "dynamic",
    "condition": "tags.site = 'north'",
    "description": EVIL,
    "member_count": 12,
    "feeds_policies": True,
    "progress": {"examined": 40, "total": 100},
    "created_at": MOMENT,
    "updated_at": MOMENT,
    "revision": 1,
}
ALERT: dict[str, Any] = {
    "alert_id": "aln_1",
    "device_id": "pump-1",
    "module_id": None,
    "generation_id": "dev_1",
    "is_open": True,
    "first_seen_at": MOMENT,
    "last_seen_at": MOMENT,
    "reports": 1,
    "takeovers": 12,
    "gateways": ["gateway-1"],
    "remote_addresses": ["10.0.0.1", EVIL],
    "certificate_sha256": ["ab" * 32],
    "is_same_certificate": True,
    "acknowledged_at": None,
    "acknowledged_by": "",
    "acknowledged_reason": "",
}

Run = Callable[..., int]


class Terminal(io.StringIO):
    """A person at the keyboard."""

    def isatty(self) -> bool:
        return True


@pytest.fixture
def run(arguments: list[str]) -> Run:
    return lambda *words: main([*words, *arguments])


def page(*items: Any) -> Told:
    return Told.json({"items": list(items), "next": None})


@pytest.mark.parametrize(
    ("command", "answer"),
    [
        pytest.param(["twin", "show", "pump-1"], TWIN, id="twin"),
        pytest.param(["twin", "patch", "pump-1", "--desired", '{"mode": null}', "--yes"], TWIN, id="twin patch"),
        pytest.param(["module", "show", "pump-1", "filter"], MODULE, id="module"),
        pytest.param(["module", "list", "pump-1"], {"items": [MODULE], "next": None}, id="modules"),
        pytest.param(["command", "list", "pump-1"], {"items": [COMMAND], "next": None}, id="commands"),
        pytest.param(["group", "show", "grp_1"], GROUP, id="group"),
        pytest.param(["group", "list"], {"items": [GROUP], "next": None}, id="groups"),
        pytest.param(["clone-alert", "list"], {"items": [ALERT], "next": None}, id="clone alerts"),
        pytest.param(["method", "invoke", "pump-1", "x"], {"status": 200, "payload": {EVIL: [EVIL]}}, id="method"),
        pytest.param(
            ["query", "SELECT x FROM devices"],
            {"kind": "raw", "items": [{EVIL: EVIL}], "next": None},
            id="query",
        ),
    ],
)
def test_text_of_a_device_cannot_steer_the_terminal(
    command: list[str], answer: Any, api: ScriptedApi, run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    api.answer = lambda _: Told.json(answer, ETag='"9"')
    assert run(*command) == 0
    shown = capsys.readouterr()
    assert not {"\x1b", "\x9b", "\u202e"} & set(shown.out + shown.err)
    assert "\\x9b" in shown.out


def test_a_twin_shows_where_a_device_is_not_as_it_should_be(
    api: ScriptedApi, run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    api.answer = lambda _: Told.json(TWIN)
    assert run("twin", "show", "pump-1") == 0
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert ["interval_s", "30", "10", "differs"] in lines
    assert ["old", "1"] in [line[:2] for line in lines]


def test_a_patch_is_shown_as_a_difference_before_it_is_asked_for(
    api: ScriptedApi, run: Run, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    api.answer = lambda _: Told.json(TWIN, ETag='"9"')
    monkeypatch.setattr("sys.stdin", Terminal("n\n"))
    words = ["twin", "patch", "pump-1", "--desired", '{"interval_s": 10, "old": null, "new": "30"}', "--tag", "line=B"]
    assert run(*words) == 1
    asked = capsys.readouterr().err
    assert "~ desired.interval_s: 30 → 10" in asked
    assert "- desired.old: 1" in asked
    assert '+ desired.new: "30"' in asked
    assert '~ tags.line: "A" → "B"' in asked
    assert {each.method for each in api.asked} == {"GET"}


def test_a_difference_is_coloured_for_people_only(
    api: ScriptedApi, run: Run, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    api.answer = lambda _: Told.json(TWIN, ETag='"9"')
    words = ["twin", "patch", "pump-1", "--desired", '{"old": null}', "--dry-run"]
    assert run(*words) == 0
    assert "\x1b" not in capsys.readouterr().out
    screen = Terminal()
    monkeypatch.setattr("sys.stdout", screen)
    assert run(*words) == 0
    assert "\x1b[31m  - desired.old: 1\x1b[0m" in screen.getvalue()
    monkeypatch.setenv("NO_COLOR", "1")
    screen.truncate(0)
    assert run(*words) == 0
    assert "\x1b[31m" not in screen.getvalue()


def test_a_patch_that_nobody_can_be_asked_about_needs_a_yes(
    api: ScriptedApi, run: Run, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    api.answer = lambda _: Told.json(TWIN, ETag='"9"')
    monkeypatch.setattr("sys.stdin", io.StringIO(""))
    words = ["twin", "patch", "pump-1", "--desired", '{"interval_s": 10}']
    assert run(*words) == 2
    assert run(*words, "--yes") == 0
    shown = capsys.readouterr()
    assert "~ desired.interval_s: 30 → 10" in shown.out
    change = api.asked[-1]
    assert (change.method, change.headers["if-match"]) == ("PATCH", '"9"')
    assert change.headers["content-type"] == "application/merge-patch+json"
    assert json.loads(change.body) == {"desired": {"interval_s": 10}}


def test_a_patch_of_what_is_so_already_is_not_sent(
    api: ScriptedApi, run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    api.answer = lambda _: Told.json(TWIN, ETag='"9"')
    assert run("twin", "patch", "pump-1", "--desired", '{"interval_s": 30, "none": null}') == 0
    assert "It is so already." in capsys.readouterr().out
    assert {each.method for each in api.asked} == {"GET"}


def test_replacing_one_half_of_a_twin_keeps_the_other(api: ScriptedApi, run: Run) -> None:
    api.answer = lambda _: Told.json({**TWIN, "module_id": "filter"}, ETag='"9"')
    assert run("twin", "replace", "pump-1", "--module", "filter", "--desired", '{"a": 1}', "--yes") == 0
    change = api.asked[-1]
    assert (change.method, change.path) == ("PUT", "/v1/devices/pump-1/modules/filter/twin")
    assert json.loads(change.body) == {"tags": {"line": "A"}, "desired": {"a": 1}}


@pytest.mark.parametrize(
    "words",
    [
        ["twin", "patch", "pump-1"],
        ["twin", "patch", "pump-1", "--desired", "{"],
        ["twin", "patch", "pump-1", "--desired", "[1]"],
        ["twin", "patch", "pump-1", "--desired", "NaN"],
        ["twin", "patch", "pump-1", "--desired", "@/nowhere"],
        ["twin", "patch", "pump-1", "--desired", "[" * 100_000],
        ["twin", "patch", "pump-1", "--tag", "line"],
        ["twin", "replace", "pump-1"],
        ["twin", "replace", "pump-1", "--desired", "-", "--tags", "-"],
        ["method", "invoke", "pump-1", "x", "--payload", "{"],
        ["method", "invoke", "pump-1", "x", "--timeout", "4"],
        ["method", "invoke", "pump-1", "x", "--timeout", "301"],
        ["command", "send", "pump-1"],
        ["command", "send", "pump-1", "text", "--file", "x"],
        ["command", "send", "pump-1", "text", "--property", "novalue"],
        ["command", "send", "pump-1", "text", "--ttl", "0"],
        ["group", "update", "grp_1"],
        ["module", "update", "pump-1", "filter"],
        ["device", "create", "pump-1", "--symmetric-key", "--authentication", "self_signed"],
    ],
)
def test_what_cannot_be_meant_is_refused_before_anything_is_asked(
    words: list[str], api: ScriptedApi, run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(*words) == 2
    assert api.asked == []
    assert capsys.readouterr().err


def test_json_comes_from_a_file_or_standard_input(
    api: ScriptedApi, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    api.answer = lambda _: Told.json({"status": 200, "payload": None})
    file = tmp_path / "payload.json"
    file.write_text('{"in_s": 5}')
    assert run("method", "invoke", "pump-1", "reboot", "--payload", f"@{file}") == 0
    assert json.loads(api.asked[-1].body)["payload"] == {"in_s": 5}
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b'"text"')))
    assert run("method", "invoke", "pump-1", "reboot", "--payload", "-") == 0
    assert json.loads(api.asked[-1].body)["payload"] == "text"


@pytest.mark.parametrize(("status", "code"), [(0, 0), (200, 0), (399, 0), (400, 1), (503, 1)])
def test_the_status_of_a_method_decides_the_exit_code(
    status: int, code: int, api: ScriptedApi, run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    api.answer = lambda _: Told.json({"status": status, "payload": {"done": False}})
    assert run("method", "invoke", "pump-1", "reboot", "--module", "filter") == code
    assert api.asked[-1].path == "/v1/devices/pump-1/modules/filter/methods/reboot"
    shown = capsys.readouterr()
    assert json.loads(shown.out) == {"done": False}
    assert f"status {status}" in shown.err


def test_a_device_that_is_not_there_is_no_unknown_device(api: ScriptedApi, run: Run) -> None:
    api.answer = lambda _: Told.json({"code": "messaging.device_not_online", "detail": "not connected"}, 404)
    assert run("method", "invoke", "pump-1", "reboot") == 1
    api.answer = lambda _: Told.json({"code": "registry.device_not_found", "detail": "there is none"}, 404)
    assert run("method", "invoke", "pump-1", "reboot") == 4


def test_a_message_is_sent_as_text_or_as_the_bytes_of_a_file(api: ScriptedApi, run: Run, tmp_path: Path) -> None:
    api.answer = lambda _: Told.json(COMMAND, 201)
    assert run("command", "send", "pump-1", "open", "--property", "a=b=c", "--ack", "full", "--ttl", "60") == 0
    assert json.loads(api.asked[-1].body) == {
        "body": "open",
        "properties": {"a": "b=c"},
        "ack": "full",
        "time_to_live_s": 60,
    }
    binary = tmp_path / "image"
    binary.write_bytes(b"\xff\x00")
    assert run("command", "send", "pump-1", "--file", str(binary)) == 0
    assert json.loads(api.asked[-1].body)["body"] == "/wA="
    assert json.loads(api.asked[-1].body)["encoding"] == "base64"


def test_a_purge_says_how_much_it_throws_away(
    api: ScriptedApi, run: Run, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    api.answer = lambda asked: Told.json({"purged": 1}) if asked.method == "DELETE" else page(COMMAND)
    monkeypatch.setattr("sys.stdin", Terminal("y\n"))
    assert run("command", "purge", "pump-1", "--reason", "recalled") == 0
    shown = capsys.readouterr()
    assert "1 message waits" in shown.err
    assert "1 message thrown away" in shown.out
    assert api.asked[-1].path == "/v1/devices/pump-1/commands?reason=recalled"


def test_keys_are_shown_with_what_a_person_must_know(
    api: ScriptedApi, run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    def answer(asked: Asked) -> Told:
        if asked.path == "/v1/status":
            return Told.json({"hostname": "hub.example"})
        return Told.json({**MODULE, "keys": [KEY]}, 201)

    api.answer = answer
    assert run("module", "create", "pump-1", "filter", "--symmetric-key") == 0
    shown = capsys.readouterr()
    assert "HostName=hub.example;DeviceId=pump-1;ModuleId=filter;SharedAccessKey=c2VjcmV0" in shown.out
    assert "2026-11-22" in shown.out
    assert "weak credential" in shown.err
    api.answer = lambda asked: Told.json({"hostname": "hub.example"} if asked.path == "/v1/status" else KEY)
    assert run("device", "rotate-key", "pump-1", "--slot", "secondary", "--yes") == 0
    assert "SharedAccessKey=c2VjcmV0" in capsys.readouterr().out


def test_a_key_that_exists_is_brought_along_in_a_file(api: ScriptedApi, run: Run, tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_text("c2VjcmV0c2VjcmV0c2VjcmV0\n")
    api.answer = lambda asked: Told.json({"hostname": "h"} if asked.path == "/v1/status" else {**MODULE, "keys": []})
    assert run("module", "create", "pump-1", "x", "--symmetric-key", "--primary-key-file", str(file)) == 0
    assert json.loads(api.asked[0].body)["primary_key"] == "c2VjcmV0c2VjcmV0c2VjcmV0"
    api.answer = lambda asked: Told.json({"hostname": "h"} if asked.path == "/v1/status" else KEY)
    assert run("device", "rotate-key", "pump-1", "--key-file", str(file), "--yes") == 0
    assert json.loads(api.asked[1].body) == {"slot": "primary", "key": "c2VjcmV0c2VjcmV0c2VjcmV0"}
    assert run("device", "rotate-key", "pump-1", "--key-file", "/nowhere", "--yes") == 2


def test_a_group_is_found_by_its_name(api: ScriptedApi, run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    api.answer = lambda asked: page(GROUP) if "?" in asked.path else Told.json(GROUP, ETag='"1"')
    assert run("group", "show", "north pumps") == 0
    assert [each.path for each in api.asked] == ["/v1/groups?name=north+pumps&limit=1", "/v1/groups/grp_1"]
    assert "12, being computed: 40 of 100 looked at" in capsys.readouterr().out
    api.answer = lambda _: page()
    assert run("group", "show", "nothing") == 4


@pytest.mark.parametrize(
    "words",
    [
        ["query", "SELECT * FORM devices"],
        ["device", "list", "--where", "SELECT * FORM devices"],
        ["group", "create", "g", "--where", "SELECT * FORM devices"],
    ],
)
def test_a_caret_stands_below_what_was_not_understood(
    words: list[str], api: ScriptedApi, run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    body = {"code": "registry.invalid_query", "detail": "FROM expected", "context": {"position": 9}}
    api.answer = lambda _: Told.json(body, 400)
    assert run(*words) == 2
    lines = capsys.readouterr().err.splitlines()
    assert lines[0][2:] == "SELECT * FORM devices"
    assert lines[1].index("^") - 2 == 9
    assert lines[2] == "vedette: FROM expected"


def test_a_query_goes_on_page_by_page(api: ScriptedApi, run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    def two_pages(asked: Asked) -> Told:
        is_second = json.loads(asked.body)["after"] == "c1"
        items = [{"deviceId": "b"}] if is_second else [{"deviceId": "a", "n": {"x": 1}}]
        return Told.json({"kind": "raw", "items": items, "next": None if is_second else "c1"})

    api.answer = two_pages
    assert run("query", "SELECT deviceId FROM devices", "--all", "-o", "json") == 0
    assert json.loads(capsys.readouterr().out)["items"] == [{"deviceId": "a", "n": {"x": 1}}, {"deviceId": "b"}]
    assert run("query", "SELECT deviceId FROM devices", "-n", "1") == 0
    assert "--after c1" in capsys.readouterr().err
