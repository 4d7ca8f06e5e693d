"""Enrollments at the command line: what is sent, what is shown, and what never shows."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest
from scripted_api import Asked, ScriptedApi, Told

from vedette.cli import main

EVIL = "\x1b[2J\x9b\u202e"
KEY = base64.b64encode(b"k" * 32).decode()
UNTIL = "2027-01-01T00:00:00.000Z"
WAITING: dict[str, Any] = {
    "registration_id": "pump-7",
    "device_id": "pump-7",
    "enrollment_id": "enr_1",
    "enrollment_name": "Acme pumps",
    "state": "pending",
    "attestation": "x509",
    "binding_sha256": "b" * 64,
    "onboarding_sha256": "a" * 64,
    "subject": f"CN=pump-7,O={EVIL}",
    "issuer": "CN=Acme",
    "serial": "1f",
    "not_before": "2026-01-01T00:00:00.000Z",
    "not_after": UNTIL,
    "csr_key_sha256": "c" * 64,
    "csr_pem": "PEM",
    "payload": json.dumps({"model": EVIL}, ensure_ascii=False),
    "payload_bytes": 20,
    "gateway": "gateway-1",
    "remote_address": "192.0.2.7",
    "requested_at": "2026-11-22T10:00:00.000Z",
    "expires_at": "2026-11-23T10:00:00.000Z",
    "decided_at": None,
    "decided_by": "",
    "reason": "",
}
ENROLLMENT: dict[str, Any] = {
    "enrollment_id": "enr_1",
    "name": "Old meters",
    "kind": "group",
    "is_enabled": True,
    "attestation": "symmetric_key",
    "credential": "symmetric_key",
    "is_flagged": True,
    "onboarding_until": None,
    "symmetric_key_until": UNTIL,
    "symmetric_keys": [
        {"key_id": "key_1", "slot": "primary", "created_at": UNTIL, "expires_at": UNTIL, "is_imported": False}
    ],
    "registration_id": None,
    "device_id": None,
    "primary_sha256": None,
    "secondary_sha256": None,
    "authority_id": None,
    "id_pattern": "meter-*",
    "lifetime_s": None,
    "reprovision_policy": "reset",
    "approval": "required",
    "approval_timeout_s": 7200,
    "initial": {"site": "north", "tags": {}, "desired": {"interval_s": 10}},
    "payload": {"broker": "plant-1"},
    "created_at": "2026-11-22T10:00:00.000Z",
    "updated_at": "2026-11-22T10:00:00.000Z",
    "revision": 1,
}
NEW_KEY = {"key_id": "key_1", "slot": "primary", "key": KEY, "expires_at": UNTIL}


def sent(api: ScriptedApi, method: str = "POST") -> tuple[str, dict[str, Any]]:
    (asked,) = [each for each in api.asked if each.method == method]
    return asked.path, json.loads(asked.body)


def answer(asked: Asked) -> Told:
    if "/v1/pending-registrations?" in asked.path:
        return Told.json({"items": [WAITING], "next": None})
    if asked.path.endswith("/keys/rotate"):
        return Told.json(NEW_KEY)
    if asked.path.startswith("/v1/pending-registrations"):
        return Told.json(WAITING)
    return Told.json({**ENROLLMENT, "keys": [NEW_KEY]} if asked.method == "POST" else ENROLLMENT, ETag='"1"')


@pytest.fixture(autouse=True)
def answering(api: ScriptedApi) -> None:
    api.answer = answer


def test_what_waits_is_shown_and_cannot_steer_the_terminal(
    api: ScriptedApi, arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["enrollment", "pending", "--state", "pending", "--enrollment", "enr_1", *arguments]) == 0
    shown = capsys.readouterr().out
    assert "pump-7" in shown
    assert "Acme pumps" in shown
    assert not {"\x1b", "\x9b", "\u202e"} & set(shown)
    assert "state=pending" in api.asked[0].path
    assert "enrollment_id=enr_1" in api.asked[0].path


def test_what_is_approved_is_what_was_shown(
    api: ScriptedApi, arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["enrollment", "approve", "pump-7", "--yes", "--reason", "ours", *arguments]) == 0
    shown = capsys.readouterr().out
    for text in ("a" * 64, "c" * 64, "192.0.2.7", "CN=Acme"):
        assert text in shown
    assert not {"\x1b", "\x9b", "\u202e"} & set(shown)
    path, body = sent(api)
    assert path == "/v1/pending-registrations/pump-7/approve"
    assert body == {"binding_sha256": "b" * 64, "reason": "ours"}


def test_nobody_is_let_in_without_a_yes(api: ScriptedApi, arguments: list[str]) -> None:
    assert main(["enrollment", "approve", "pump-7", *arguments]) == 2
    assert main(["enrollment", "approve", "pump-7", "--dry-run", *arguments]) == 0
    assert {each.method for each in api.asked} == {"GET"}


def test_a_device_is_kept_out_without_a_question(api: ScriptedApi, arguments: list[str]) -> None:
    assert main(["enrollment", "reject", "pump-7", "--reason", "never ordered", *arguments]) == 0
    assert sent(api) == ("/v1/pending-registrations/pump-7/reject", {"reason": "never ordered"})


def test_a_group_by_key_is_made_and_its_key_shown_once(
    api: ScriptedApi, arguments: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "key"
    file.write_text(f"{KEY}\n")
    command = ["enrollment", "create-group", "Old meters", "--symmetric-key-until", UNTIL]
    options = ["--primary-key-file", str(file), "--credential", "symmetric_key", "--id-pattern", "meter-*"]
    options += ["--reprovision", "reset", "--approval", "required", "--approval-hours", "2"]
    options += ["--desired", '{"interval_s": 10}', "--payload", '{"broker": "plant-1"}', "--site", "north"]
    assert main([*command, *options, "--dry-run", *arguments]) == 0
    assert main([*command, *options, "--dry-run", "-o", "json", *arguments]) == 0
    assert KEY not in capsys.readouterr().out
    assert main([*command, *options, *arguments]) == 0
    out = capsys.readouterr().out
    assert KEY in out
    assert "whoever knows its key registers" in out
    _, body = sent(api)
    assert body == {
        "name": "Old meters",
        "kind": "group",
        "is_enabled": True,
        "attestation": "symmetric_key",
        "credential": "symmetric_key",
        "symmetric_key_until": UNTIL,
        "primary_key": KEY,
        "id_pattern": "meter-*",
        "reprovision_policy": "reset",
        "approval": "required",
        "approval_timeout_s": 7200,
        "initial": {"site": "north", "desired": {"interval_s": 10}},
        "payload": {"broker": "plant-1"},
    }


def test_one_device_by_key_needs_its_name(api: ScriptedApi, arguments: list[str]) -> None:
    command = ["enrollment", "create-individual", "meter", "--symmetric-key-until", UNTIL]
    assert main([*command, *arguments]) == 2
    assert main([*command, "--registration-id", "meter-1", *arguments]) == 0
    _, body = sent(api)
    assert (body["attestation"], body["registration_id"]) == ("symmetric_key", "meter-1")
    assert "primary_sha256" not in body


@pytest.mark.parametrize(
    "options",
    [
        [],
        ["--authority", "ath_1", "--symmetric-key-until", UNTIL],
        ["--authority", "ath_1", "--primary-key-file", "key"],
        ["--authority", "ath_1", "--desired", "[]"],
        ["--authority", "ath_1", "--payload", "{"],
        ["--authority", "ath_1", "--approval", "maybe"],
    ],
)
def test_options_that_do_not_fit_are_refused(api: ScriptedApi, arguments: list[str], options: list[str]) -> None:
    assert main(["enrollment", "create-group", "line", *options, *arguments]) == 2
    assert api.asked == []


def test_an_enrollment_is_changed_by_what_is_named_alone(api: ScriptedApi, arguments: list[str]) -> None:
    options = ["--approval", "none", "--reprovision", "never", "--desired", '{"b": null}', "--payload", "{}"]
    assert main(["enrollment", "update", "enr_1", *options, *arguments]) == 0
    path, body = sent(api, "PATCH")
    assert path == "/v1/enrollments/enr_1"
    assert body == {
        "approval": "none",
        "reprovision_policy": "never",
        "initial": {"desired": {"b": None}},
        "payload": {},
    }


def test_an_enrollment_shows_its_weakness_and_what_devices_get(
    api: ScriptedApi, arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["enrollment", "show", "enr_1", *arguments]) == 0
    shown = capsys.readouterr().out
    for text in ("weakness", "keys end", "an operator lets each device in", "reset", "interval_s", "plant-1"):
        assert text in shown


def test_a_key_is_replaced_after_a_yes_and_shown_once(
    api: ScriptedApi, arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["enrollment", "rotate-key", "enr_1", *arguments]) == 2
    assert main(["enrollment", "rotate-key", "enr_1", "--slot", "secondary", "--yes", *arguments]) == 0
    assert sent(api) == ("/v1/enrollments/enr_1/keys/rotate", {"slot": "secondary"})
    assert KEY in capsys.readouterr().out
