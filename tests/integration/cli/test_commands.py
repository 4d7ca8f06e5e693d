"""Whole commands against a server that answers as it is told: exit codes, output, and what is sent."""

from __future__ import annotations

import json
from typing import Any

import pytest
from scripted_api import TOKEN, Asked, ScriptedApi, Told

from vedette.cli import main

EVIL = "\x1b[2J\x9b\u202e"
DEVICE: dict[str, Any] = {
    "device_id": "pump-1",
    "generation_id": "dev_1",
    "authentication": {"type": "issued", "primary_thumbprint": None, "secondary_thumbprint": None},
    "is_flagged": False,
    "is_enabled": True,
    "status_reason": "",
    "status_changed_at": "2026-11-22T10:00:00.000Z",
    "is_blocked": False,
    "lifecycle": "active",
    "lifecycle_changed_at": "2026-11-22T10:00:00.000Z",
    "device_class": "standard",
    "identity_class": "physical",
    "failure_mode": "hold-last",
    "hold_s": 300,
    "site": EVIL,
    "zone": None,
    "purdue_level": None,
    "tags": {EVIL: EVIL},
    "origin": {"enrollment_id": None, "authority_id": None, "onboarding_sha256": None},
    "created_at": "2026-11-22T10:00:00.000Z",
    "updated_at": "2026-11-22T10:00:00.000Z",
    "last_connected_at": None,
    "presence": {
        "is_connected": True,
        "since": "2026-11-22T10:00:00.000Z",
        "gateway": "gateway-1",
        "remote_address": "127.0.0.1",
        "protocol": "MQTT 3.1.1",
        "client": EVIL,
        "reason": "",
    },
    "revision": 4,
}


@pytest.mark.parametrize("command", [["device", "show", "pump-1"], ["device", "list"]])
def test_text_of_a_device_cannot_steer_the_terminal(
    command: list[str], api: ScriptedApi, arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    api.answer = lambda asked: Told.json({"items": [DEVICE], "next": None} if "?" in asked.path else DEVICE)
    assert main([*command, *arguments]) == 0
    shown = capsys.readouterr().out
    assert "pump-1" in shown
    assert not {"\x1b", "\x9b", "\u202e"} & set(shown)


def test_json_is_exactly_what_the_api_answered(
    api: ScriptedApi, arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    api.answer = lambda _: Told.json(DEVICE)
    assert main(["device", "show", "pump-1", "--output", "json", *arguments]) == 0
    assert json.loads(capsys.readouterr().out) == DEVICE


def test_a_list_in_json_is_one_page_however_many_were_read(
    api: ScriptedApi, arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    def two_pages(asked: Asked) -> Told:
        is_second = "after=pump-1" in asked.path
        return Told.json({"items": [DEVICE], "next": None if is_second else "pump-1"})

    api.answer = two_pages
    assert main(["device", "list", "--all", "-o", "json", *arguments]) == 0
    assert json.loads(capsys.readouterr().out) == {"items": [DEVICE, DEVICE], "next": None}
    assert main(["device", "list", "-n", "1", "-o", "json", *arguments]) == 0
    assert json.loads(capsys.readouterr().out) == {"items": [DEVICE], "next": "pump-1"}


def test_an_empty_list_is_a_page_for_programs_and_a_next_step_for_people(
    api: ScriptedApi, arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    api.answer = lambda _: Told.json({"items": [], "next": None})
    assert main(["device", "list", "-o", "json", *arguments]) == 0
    assert json.loads(capsys.readouterr().out) == {"items": [], "next": None}
    assert main(["device", "list", *arguments]) == 0
    shown = capsys.readouterr()
    assert shown.out == ""
    assert "vedette enrollment create-group" in shown.err


def test_a_page_that_ends_early_says_how_to_go_on(
    api: ScriptedApi, arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    api.answer = lambda _: Told.json({"items": [DEVICE], "next": "pump-1"})
    assert main(["device", "list", "-n", "1", *arguments]) == 0
    assert "--after pump-1" in capsys.readouterr().err


@pytest.mark.parametrize(("status", "code"), [(401, 3), (403, 3), (404, 4), (409, 1), (422, 2), (503, 1)])
def test_a_refusal_decides_the_exit_code_and_leaves_standard_output_empty(
    status: int, code: int, api: ScriptedApi, arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    body = {"status": status, "code": "a.b", "detail": f"no: {EVIL}", "hint": "do this"}
    api.answer = lambda _: Told.json(body, status)
    assert main(["device", "list", *arguments]) == code
    shown = capsys.readouterr()
    assert shown.out == ""
    assert "\x1b" not in shown.err
    assert "next: do this" in shown.err
    assert main(["device", "list", "--output", "json", *arguments]) == code
    shown = capsys.readouterr()
    assert shown.out == ""
    assert json.loads(shown.err) == body


def test_the_token_is_never_shown(api: ScriptedApi, arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    api.answer = lambda _: Told.json({"detail": "these credentials are not valid"}, 401)
    main(["device", "list", *arguments])
    api.answer = lambda _: Told(200, b"<html>", "text/html")
    main(["device", "list", *arguments])
    shown = capsys.readouterr()
    assert TOKEN not in shown.out + shown.err


@pytest.mark.parametrize(
    "command",
    [
        ["device", "disable", "pump-1"],
        ["device", "update", "pump-1", "--site", "x"],
        ["device", "retire", "pump-1"],
        ["device", "delete", "pump-1"],
        ["device", "move", "pump-1", "quarantined"],
    ],
)
def test_a_dry_run_reads_and_changes_nothing(command: list[str], api: ScriptedApi, arguments: list[str]) -> None:
    api.answer = lambda _: Told.json(DEVICE, ETag='"4"')
    assert main([*command, "--dry-run", *arguments]) == 0
    assert {asked.method for asked in api.asked} == {"GET"}


def test_an_update_is_based_on_the_revision_that_was_shown(api: ScriptedApi, arguments: list[str]) -> None:
    api.answer = lambda _: Told.json(DEVICE, ETag='"4"')
    assert main(["device", "update", "pump-1", "--clear", "zone", "--tag", "a=b", *arguments]) == 0
    change = api.asked[-1]
    assert (change.method, change.headers["if-match"]) == ("PATCH", '"4"')
    assert json.loads(change.body) == {"zone": None, "tags": {"a": "b"}}


def test_a_delete_concerns_the_device_that_was_looked_at(api: ScriptedApi, arguments: list[str]) -> None:
    api.answer = lambda asked: Told(204, kind="") if asked.method == "DELETE" else Told.json(DEVICE, ETag='"4"')
    assert main(["device", "delete", "a%/..", "--yes", "--reason", "gone & over", *arguments]) == 0
    change = api.asked[-1]
    assert change.path == "/v1/devices/a%25%2F%2E%2E?reason=gone+%26+over"
    assert change.headers["if-match"] == '"4"'


def test_restricting_needs_no_reading_first_and_no_reason(api: ScriptedApi, arguments: list[str]) -> None:
    enforcement = {"enforced_at": None, "pending": ["gateway-1"], "sessions_cut": 0}
    api.answer = lambda _: Told.json({"device": DEVICE, "enforcement": enforcement})
    assert main(["device", "disable", "pump-1", *arguments]) == 0
    (asked,) = api.asked
    assert asked.method == "POST"
    assert json.loads(asked.body)["reason"]


def test_an_unknown_one_among_many_devices_ends_with_4(
    api: ScriptedApi, arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    api.answer = lambda _: Told.json({"changed": ["a"], "unchanged": ["b"], "unknown": ["c"], "enforcement": None})
    assert main(["device", "disable", "a", "b", "c", *arguments]) == 4
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()] == ["device", "a", "b", "c"]


def test_status_fails_when_a_component_failed(
    api: ScriptedApi, arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    found: dict[str, Any] = {
        "version": "1",
        "health": "failed",
        "at": "2026-11-22T10:00:00.000Z",
        "started_at": "2026-11-22T10:00:00.000Z",
        "hostname": "localhost",
        "id_scope": "0ne",
        "components": [{"name": "store", "health": "failed", "detail": "no answer", "hint": "look at the disk"}],
        "devices": {"total": 0, "disabled": 0, "blocked": 0, "by_lifecycle": {}},
        "sessions": 0,
        "ledger_size": 1,
        "checkpoint_size": None,
        "authorities": [],
    }
    api.answer = lambda _: Told.json(found)
    assert main(["status", *arguments]) == 1
    assert "look at the disk" in capsys.readouterr().out
    api.answer = lambda _: Told.json({**found, "health": "warning"})
    assert main(["status", *arguments]) == 0


def test_tail_ends_after_so_many_and_writes_one_object_a_line(
    api: ScriptedApi, arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    message = {
        "enqueued_at": "2026-11-22T10:00:00.000Z",
        "device_id": "pump-1",
        "module_id": None,
        "encoding": "text",
        "body": EVIL,
        "properties": {"a": EVIL},
    }
    text = "".join(f"id: {n}\nevent: message\ndata: {json.dumps(message)}\n\n" for n in range(3))
    api.answer = lambda _: Told.stream(text)
    assert main(["telemetry", "tail", "--count", "2", "-o", "json", *arguments]) == 0
    assert [json.loads(line) for line in capsys.readouterr().out.splitlines()] == [message, message]
    assert main(["telemetry", "tail", "--count", "1", *arguments]) == 0
    shown = capsys.readouterr().out
    assert "pump-1" in shown
    assert "\x1b" not in shown
