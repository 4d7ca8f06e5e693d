"""A policy's life, as an operator leads it with files and commands, and as a real device feels it.

Edit → check → simulate → shadow → canary → promote → refused and explained → rollback → back by itself.
"""

from __future__ import annotations

import json
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from azure_device import enroll, make_client, messages, open_enrollment, sdk_warnings
from journey import Platform, wait_until

from vedette.simulation import Factory

pytestmark = sdk_warnings

# A gateway reads of other policies in the next head: whoever has come before it comes once more.
SEEN_WITHIN_S = 5.0
SOUTH = """
@id("the-south-is-closed")
@owner("plant security")
@why("The southern site is under investigation.")
@guidance("Ask plant security, or move the device: vedette device update DEVICE --site NAME")
forbid (principal, action, resource is Hub)
when { principal has site && principal.site == "south" };
"""
CASE = """
[[case]]
name = "nobody connects from the south"
action = "connect"
expect = "deny"
policy = "the-south-is-closed"
[case.principal]
site = "south"
"""


def as_json(platform: Platform, *arguments: str) -> Any:
    return json.loads(platform.cli(*arguments, "--output", "json").stdout)


@pytest.fixture(scope="module", autouse=True)
def fleet(platform: Platform, factory: Factory) -> None:
    open_enrollment(platform, factory)


@pytest.fixture
def policies(platform: Platform, tmp_path: Path) -> Path:
    """The policies in force as files, as they would stand in git."""
    folder = tmp_path / "policies"
    platform.cli("policy", "show", "stable", "--to", str(folder))
    return folder


def test_a_policy_goes_from_a_file_to_the_fleet_and_back(  # noqa: PLR0915 - one story
    platform: Platform, factory: Factory, policies: Path, tmp_path: Path
) -> None:
    credential = enroll(platform, factory, "pump-7", tmp_path)
    platform.call("PATCH", "/v1/devices/pump-7", {"site": "south"})
    platform.call("POST", "/v1/devices", {"device_id": "pump-8", "site": "north"})
    platform.call("POST", "/v1/groups", {"name": "pilot"})
    platform.call("POST", "/v1/groups/pilot/add", {"device_ids": ["pump-8"]})
    client: Any = make_client(platform, "pump-7", credential)  # Any: its types misdescribe handlers
    connected, gone = threading.Event(), threading.Event()

    def changed() -> None:
        (connected if client.connected else gone).set()

    client.on_connection_state_change = changed
    client.connect()
    try:
        client.send_message("before")
        path = "/v1/devices/pump-7"
        wait_until(lambda: (platform.call("GET", path)["presence"] or {}).get("is_connected"), 90, "presence")
        connects = "/v1/decisions?device_id=pump-7&kind=connect"
        wait_until(lambda: platform.call("GET", connects)["items"], 90, "the connection on record")

        # Edit, check and test: nothing of it needs the platform.
        (policies / "south.cedar").write_text(SOUTH.replace("when", "wenn"))
        broken = platform.cli("policy", "check", str(policies), check=False)
        assert broken.returncode == 1
        assert "south.cedar:" in broken.stdout
        (policies / "south.cedar").write_text(SOUTH)
        (policies / "south-cases.toml").write_text(CASE)
        platform.cli("policy", "check", str(policies))
        platform.cli("policy", "test", str(policies))
        (change,) = as_json(platform, "policy", "diff", str(policies))["changes"]
        assert (change["policy"], change["may_widen"]) == ("the-south-is-closed", False)

        # Not before anybody knows what it would do.
        number = str(as_json(platform, "policy", "apply", str(policies), "--name", "south")["number"])
        early = platform.cli("policy", "promote", number, "--yes", check=False)
        assert "policy simulate" in early.stderr
        found = as_json(platform, "policy", "simulate", number, "--max-allowed", "0")
        report = found["report"]
        assert report["by_policy"]["the-south-is-closed"]["newly_denied"] == 1
        assert report["by_site"]["south"]["newly_denied"] == 1
        assert report["samples"][0]["device_id"] == "pump-7"
        assert not report["samples"][0]["is_assumed"]
        assert report["log"]["newly_denied"] >= 0
        over = platform.cli("policy", "simulate", number, "--max-denied", "0", check=False)
        assert over.returncode == 1

        # In the shadow it decides nothing, and the log tells what it would have.
        platform.cli("policy", "shadow", number)
        wait_until(lambda: _comes_into_shadow(platform, client), 120, "the shadow's answer in the log")
        wait_until(
            lambda: sum(each["shadow_denies"] for each in as_json(platform, "policy", "status")["counts"]) >= 1,
            90,
            "the shadow's answer to be counted",
        )
        client.send_message("in the shadow")

        # A canary bites its group alone.
        platform.cli("policy", "canary", number, "pilot", "--reason", "a try")
        client.send_message("beside the canary")
        assert not as_json(platform, "access", "explain", "pump-7")["is_canary"]
        assert as_json(platform, "access", "explain", "pump-8")["is_canary"]

        # Everyone: cut, refused, on record, explained.
        connected.clear()
        gone.clear()
        platform.cli("policy", "promote", number, "--yes", "--reason", "investigation")
        assert gone.wait(90)
        assert not connected.wait(4)
        wait_until(lambda: _refused(platform), 90, "the refusal on record")
        refusal = _refused(platform)[0]
        assert refusal["policies"] == ["the-south-is-closed"]
        assert refusal["bundle_sha256"] == as_json(platform, "policy", "show", number)["bundle"]["sha256"]
        why = as_json(platform, "access", "explain", "pump-7")
        (connect,) = [each for each in why["actions"] if each["action"] == "connect"]
        assert not connect["is_permitted"]
        assert connect["policies"][0]["owner"] == "plant security"
        assert any("plant security" in step for step in why["next_steps"])
        assert why["refusals"][0]["reason"] == "policy_denied"
        assert "under investigation" in platform.cli("access", "explain", "pump-7", "--action", "connect").stdout

        # One command goes back, and the device comes back by itself.
        platform.cli("policy", "rollback", "--reason", "it was the north")
        assert connected.wait(180)
        client.send_message("after")
        wait_until(lambda: len(messages(platform, "pump-7")) == 4, 90, "every message, none twice")
    finally:
        client.shutdown()


def test_every_step_of_a_policy_stands_in_a_ledger_that_verifies(platform: Platform) -> None:
    entries = platform.call("GET", "/v1/ledger/entries?limit=1000")["items"]
    acts = [
        entry["action"] for entry in entries if entry["action"].startswith("access.") and "polic" in entry["action"]
    ]
    for act in ("store", "simulate", "shadow", "canary", "promote", "roll_back"):
        assert f"access.{act}_policies" in acts
    assert platform.cli("ledger", "verify").returncode == 0


def test_decisions_are_searched_and_exported_by_policy(platform: Platform, tmp_path: Path) -> None:
    file = tmp_path / "decisions.jsonl"
    platform.cli("decision", "export", str(file), "--policy", "the-south-is-closed", "--effect", "deny")
    lines = [json.loads(line) for line in file.read_text().splitlines()]
    assert lines
    assert {line["device_id"] for line in lines} == {"pump-7"}
    table = tmp_path / "decisions.csv"
    platform.cli("decision", "export", str(table), "--format", "csv", "--device", "pump-7")
    assert table.read_text().startswith("decided_at,kind,effect")
    assert as_json(platform, "decision", "list", "--policy", "no-such-policy")["items"] == []


def test_what_newly_allows_something_waits_for_an_approval(platform: Platform, policies: Path) -> None:
    cedar = policies / "policies.cedar"
    cedar.write_text(cedar.read_text().replace('principal.riskLevel == "high"', 'principal.riskLevel == "highest"'))
    (policies / "cases.toml").unlink()
    found = as_json(platform, "policy", "diff", str(policies))
    assert found["may_widen"]
    number = str(as_json(platform, "policy", "apply", str(policies), "--name", "laxer")["number"])
    as_json(platform, "policy", "simulate", number)
    refused = platform.cli("policy", "promote", number, "--yes", check=False)
    assert refused.returncode != 0
    assert "policy approve" in refused.stderr
    # Nobody else is there: the host's own token counts, and stands out on record.
    platform.cli("policy", "approve", number, "--reason", "I am alone")
    platform.cli("policy", "promote", number, "--yes")
    platform.cli("policy", "rollback", "--reason", "only a test")
    entries = platform.call("GET", "/v1/ledger/entries?limit=1000")["items"]
    (approved,) = [entry for entry in entries if entry["action"] == "access.approve_policies"]
    assert approved["details"]["alone"] is True


def _comes_into_shadow(platform: Platform, client: Any) -> bool:
    client.disconnect()
    client.connect()
    end_s = time.monotonic() + SEEN_WITHIN_S
    while not _sees_shadow(platform) and time.monotonic() < end_s:
        time.sleep(0.2)
    return _sees_shadow(platform)


def _sees_shadow(platform: Platform) -> bool:
    found = platform.call("GET", "/v1/decisions?device_id=pump-7&shadow=true")["items"]
    return any(each["shadow"] == "deny" and each["effect"] == "allow" for each in found)


def _refused(platform: Platform) -> list[dict[str, Any]]:
    found = platform.call("GET", "/v1/decisions?device_id=pump-7&effect=deny&kind=refuse")["items"]
    return [each for each in found if each["reason"] == "policy_denied"]
