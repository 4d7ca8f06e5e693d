"""An operator at the command line: every command once on a real platform, as it works and as it is refused."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator

import pytest
from cryptography.hazmat.primitives import serialization
from journey import Platform, wait_until
from operator_at_cli import HUB, Operator, all_commands
from simulated import running_device

from vedette.cli import main
from vedette.simulation import Factory, make_request

DEVICE = "pump-7"
ODD = "a%2F..*'(x)!"
# The first two run the platform itself: the fixture, and a journey of their own; the others have theirs with the SDK.
ELSEWHERE = {
    *("up", "demo"),
    *(f"enrollment {verb}" for verb in ("pending", "approve", "reject", "rotate-key")),
    # People log in by a browser: tests/integration/cli/test_people_commands.py and tests/console/test_people.py.
    *(f"person {verb}" for verb in ("list", "disable", "enable", "delete")),
    *(f"passkey {verb}" for verb in ("list", "remove")),
    *(f"session {verb}" for verb in ("list", "end")),
    # tests/journeys/test_service_sdks.py and tests/api/test_service_policies.py
    *(f"service-policy {verb}" for verb in ("create", "list", "connection-string", "rotate", "delete")),
    # tests/journeys/test_sign_in.py
    *("login", "logout", "recover-admin"),
    *(f"token {verb}" for verb in ("list", "show", "create", "revoke")),
    # tests/journeys/test_policy_life.py
    *(f"policy {verb}" for verb in ("apply", "approve", "canary", "check", "diff", "promote", "rollback", "shadow")),
    *(f"policy {verb}" for verb in ("show", "simulate", "status", "test")),
    *("access explain", "decision export", "listener check", "sensor read"),
    # tests/api/test_role_commands.py
    *(f"role {verb}" for verb in ("grant", "kinds", "list", "rights", "withdraw")),
    *(f"review {verb}" for verb in ("begin", "close", "export", "show", "sign")),
    *(f"command-schema {verb}" for verb in ("add", "list", "remove")),
    *("approval list", "approval show", "elevation end", "elevation list"),
    # tests/api/test_alerts.py
    *(f"alert {verb}" for verb in ("acknowledge", "close", "export", "groups", "list", "merge", "overview", "reopen")),
    *(f"alert {verb}" for verb in ("show", "slice", "unmerge")),
    *(f"exception {verb}" for verb in ("add", "end", "list", "preview", "show")),
    *(f"ticket {verb}" for verb in ("end", "list", "open", "show")),
    # tests/api/test_asset_commands.py
    *(
        f"asset {verb}"
        for verb in ("acknowledge", "count", "export", "list", "merge", "part", "show", "split", "update")
    ),
    *(f"link {verb}" for verb in ("decide", "external", "list", "map", "operations", "protocols")),
    *(f"address-list {verb}" for verb in ("import", "remove", "show")),
    *(f"snapshot {verb}" for verb in ("changes", "delete", "list", "take")),
    *(f"sensor {verb}" for verb in ("list", "register", "retire", "show")),
    # tests/api/test_capture_commands.py
    *(f"capture {verb}" for verb in ("cancel", "delete", "download", "list", "report", "show", "upload")),
    *(f"report {verb}" for verb in ("alerts", "inventory", "vulnerabilities")),
    # tests/api/test_vulnerabilities.py
    *(f"advisory {verb}" for verb in ("epss", "feeds", "import", "kev", "list", "remove", "show")),
    *(f"vulnerability {verb}" for verb in ("accept", "export", "exposures", "list", "reopen", "show", "summary")),
    # tests/api/test_segments.py
    *(f"zone {verb}" for verb in ("add", "approve", "create", "diff", "discard", "list", "members")),
    *(f"zone {verb}" for verb in ("plan", "plans", "propose", "remove", "roll-back", "show")),
    *(f"conduit {verb}" for verb in ("create", "list", "remove", "show", "update")),
    *(f"segment {verb}" for verb in ("compare-mud", "compile", "drift", "mud", "paths", "replay", "stage", "verify")),
    # tests/integration/sensor: they listen to a wire, and are a device's
    *("sensor run", "sensor enroll", "sensor train", "sensor classify", "sensor read-logs", "sensor baseline"),
    "sensor second-opinion",
}


@pytest.fixture(scope="module", autouse=True)
def _checkpoints_come_soon() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("VEDETTE_LEDGER__CHECKPOINT_INTERVAL_S", "2")
        yield


@pytest.fixture(scope="module")
def operator(platform: Platform, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Operator]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("VEDETTE_DATA", str(platform.data))
        yield Operator(platform, tmp_path_factory.mktemp("operator"))


@pytest.fixture(scope="module")
def device(platform: Platform, factory: Factory, operator: Operator) -> Iterator[subprocess.Popen[bytes]]:
    """A device in a process of its own, which goes on trying whatever happens to it."""
    folder = operator.folder / "device"
    factory.make_device(DEVICE).write(folder, "factory")
    with running_device(platform, DEVICE, folder) as running:
        yield running


def connected(operator: Operator) -> bool:
    return bool(operator.json("status")["sessions"] == 1)


def test_status_of_an_empty_platform_is_good(operator: Operator) -> None:
    wait_until(lambda: main(["status", "-o", "json"]) == 0, 120, "everything to be well")
    shown = operator.run("status")
    assert operator.platform.id_scope in shown.out
    assert operator.json("status")["devices"]["total"] == 0


def test_empty_lists_teach_the_next_step(operator: Operator) -> None:
    for noun in ("device", "enrollment", "authority", "telemetry"):
        shown = operator.run(f"{noun} list")
        assert shown.out == ""
        assert "vedette " in shown.err
    assert operator.run("refusal list").err
    assert operator.run("decision list").err
    assert operator.run("access-list list").err


def test_a_login_link_opens_the_page_once(operator: Operator) -> None:
    url = operator.run("login-link").out.strip()
    assert operator.platform.api.get(url).status_code in {200, 303}
    assert operator.platform.api.get(url).status_code == 401
    assert operator.json("login-link")["url"] != url


def test_an_authority_vouches_only_after_proof(operator: Operator, factory: Factory) -> None:
    root, proof = operator.folder / "root.der", operator.folder / "proof.pem"
    root.write_bytes(factory.root.public_bytes(serialization.Encoding.DER))
    assert "Would register" in operator.run("authority add", "Acme Pumps", str(root), "--dry-run").out
    assert operator.json("authority list")["items"] == []
    shown = operator.run("authority add", "Acme Pumps", str(root))
    assert "openssl" in shown.err
    authority = operator.entry("authority", "Acme Pumps")
    name = authority["authority_id"]

    operator.run("authority add", "again", str(root), code=1)
    operator.run("authority add", "nothing", str(operator.folder / "nowhere"), code=2)
    refused = operator.run(f"authority verify {name}", str(root), code=2)
    assert "verification code" in refused.err
    refused = operator.run("enrollment create-group too-early", "--authority", name, code=2)
    assert "vedette authority verify" in refused.err

    operator.run(f"authority renew-code {name}")
    code = operator.json(f"authority show {name}")["verification_code"]
    assert code != authority["verification_code"]
    proof.write_bytes(factory.prove_possession(code))
    operator.run(f"authority verify {name}", str(proof), "--dry-run")
    operator.run(f"authority verify {name}", str(proof))
    assert operator.json(f"authority show {name}")["state"] == "verified"
    assert "disabled" in operator.run(f"authority disable {name} --dry-run").out
    operator.run(f"authority disable {name} --reason audit")
    operator.run(f"authority enable {name}")
    operator.run("authority show ath_unknown", code=4)
    assert "BEGIN CERTIFICATE" in operator.run("authority own --pem").out
    assert {each["purpose"] for each in operator.json("authority own")["items"]} == {"operational", "services"}


def test_a_group_enrollment_is_opened_changed_closed_and_opened(operator: Operator) -> None:
    authority = operator.entry("authority", "Acme Pumps")["authority_id"]
    operator.run(
        "enrollment create-group", "Acme pumps", "--authority", authority, "--site", "north", "--tag", "line=A"
    )
    name = operator.entry("enrollment", "Acme pumps")["enrollment_id"]
    dry = operator.run(f"enrollment update {name} --site south --remove-tag line --dry-run")
    assert "initial.site" in dry.out
    assert "initial.tags.line" in dry.out
    assert operator.json(f"enrollment show {name}")["initial"]["site"] == "north"
    changed = operator.run(f"enrollment update {name} --site south --tag owner.team=red")
    assert "north" in changed.out
    assert operator.json(f"enrollment show {name}")["initial"]["tags"] == {"line": "A", "owner": {"team": "red"}}
    operator.run(f"enrollment update {name}", code=2)
    operator.run(f"enrollment disable {name}")
    assert "disabled" in operator.run("enrollment list").out
    operator.run(f"enrollment enable {name} --reason ready")
    operator.run("enrollment show enr_unknown", code=4)
    operator.run("enrollment list --kind other", code=2)


def test_an_individual_enrollment_pins_one_certificate(operator: Operator, factory: Factory) -> None:
    certificate, _ = factory.make_device("meter-1").write(operator.folder, "meter")
    other, _ = factory.make_device("meter-1").write(operator.folder, "other")
    operator.run("enrollment create-individual Meter", "--certificate", str(certificate), "--sha256", "00", code=2)
    operator.run("enrollment create-individual Meter", code=2)
    made = operator.json("enrollment create-individual Meter", "--certificate", str(certificate))
    assert made["registration_id"] == "meter-1"
    name = made["enrollment_id"]
    operator.run(f"enrollment update {name}", "--secondary-certificate", str(other), "--lifetime-hours", "24")
    assert operator.json(f"enrollment show {name}")["lifetime_s"] == 86_400
    assert "--yes" in operator.run(f"enrollment delete {name}", code=2).err
    operator.run(f"enrollment delete {name} --dry-run")
    operator.run(f"enrollment delete {name} --yes")
    operator.run(f"enrollment delete {name} --yes", code=4)


def test_a_device_arrives_by_itself_and_is_seen(operator: Operator, device: subprocess.Popen[bytes]) -> None:
    wait_until(lambda: connected(operator), 180, "the device to connect")
    (found,) = operator.json("device list --site south --lifecycle active")["items"]
    assert found["device_id"] == DEVICE
    assert found["tags"]["owner"] == {"team": "red"}
    assert operator.json("device list --tag line=B")["items"] == []
    assert operator.json("device list --disabled")["items"] == []
    assert "south" in operator.run(f"device show {DEVICE}").out
    enrollment = operator.entry("enrollment", "Acme pumps")["enrollment_id"]
    assert DEVICE in operator.run(f"enrollment registrations {enrollment}").out
    assert "permitted" in operator.run(f"device certificates {DEVICE}").out
    history = operator.run(f"device history {DEVICE}").out
    assert "pki.issue_certificate" in history
    newest = "decision list --kind connect --limit 1"
    wait_until(lambda: operator.json(newest)["items"], 90, "the connection on record")
    assert "connect, allow" in operator.run(f"device accesses {DEVICE}").out
    assert DEVICE in operator.run("decision list --kind register --kind connect").out
    cursor = operator.json(newest)["items"][0]["cursor"]
    assert "active-identities-take-part" in operator.run(f"decision show {cursor}").out
    operator.run("decision show 999999999", code=4)
    assert device.poll() is None


def test_telemetry_is_listed_and_followed(operator: Operator, device: subprocess.Popen[bytes]) -> None:
    assert device.poll() is None
    wait_until(lambda: operator.json("telemetry list")["items"], 90, "a first message")
    message = operator.json(f"telemetry list --device {DEVICE} -n 1")["items"][0]
    assert message["device_id"] == DEVICE
    followed = operator.run(f"telemetry tail --device {DEVICE} --count 2")
    assert followed.out.count(DEVICE) == 2
    behind = operator.run(f"telemetry tail --after {message['cursor']} --count 3 --output json")
    assert [json.loads(line)["device_id"] for line in behind.out.splitlines()] == [DEVICE] * 3
    operator.run("telemetry tail --device nobody", code=4)
    operator.run("telemetry list --since yesterday", code=2)


def test_a_device_that_behaves_oddly_is_quarantined_and_led_back(operator: Operator) -> None:
    operator.platform.call("POST", "/v1/devices", {"device_id": "shelf-3", "authentication": {"type": "issued"}})
    sent = operator.json("signal send shelf-3 tamper --level high")
    assert sent["risk_level"] == "high"
    assert "tamper" in operator.run("signal list shelf-3").out
    assert "high" in operator.run("signal show shelf-3").out
    assert "shelf-3" in operator.run("signal risky").out
    signal_id = sent["signal"]["signal_id"]
    operator.run(f"signal withdraw shelf-3 {signal_id}", "--reason", "the lid was open for service")
    assert operator.json("signal show shelf-3")["risk_level"] != "high"
    assert operator.json("quarantine preview shelf-3 --mode cut")["mode"] == "cut"
    assert "live sessions" in operator.run("quarantine preview shelf-3").out
    operator.run("quarantine put shelf-3", "--reason", "talks to a stranger")
    assert "shelf-3" in operator.run("quarantine list").out
    assert "talks to a stranger" in operator.run("quarantine show shelf-3").out
    operator.run("quarantine approve shelf-3", "--reason", "x", code=1)
    operator.run("quarantine recover shelf-3", "--reason", "reinstalled", "--dry-run")
    operator.run("quarantine sign-off shelf-3", "--reason", "mine", "--dry-run")
    operator.run("quarantine release shelf-3", "--reason", "it was the auditor", "--yes")
    assert "shelf-3" not in operator.run("quarantine list").out


def test_what_is_not_there_is_said_to_be_missing(operator: Operator) -> None:
    assert operator.json("policy list")["items"]
    assert operator.json("policy simulations")["items"] == []
    assert operator.json("review list")["items"] == []
    operator.run("policy stop sim_0", code=4)
    operator.run("policy withdraw", code=1)
    operator.run("policy discard stable", "--reason", "x", "--yes", code=1)
    for line in ("approval approve apr_none", "approval refuse apr_none"):
        operator.run(line, code=4)
    operator.run("elevation begin grt_none --reason x --dry-run")


def test_ctrl_c_ends_a_tail_quietly(operator: Operator, device: subprocess.Popen[bytes]) -> None:
    assert device.poll() is None
    wait_until(lambda: connected(operator), 180, "a device that sends")
    command = [sys.executable, "-m", "vedette.cli", "telemetry", "tail"]
    tail = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=os.environ)
    assert tail.stdout is not None
    assert DEVICE in tail.stdout.readline()
    tail.send_signal(signal.SIGINT)
    _, err = tail.communicate(timeout=60)
    assert tail.returncode == 130
    assert "Traceback" not in err
    assert operator.used


def test_a_disabled_device_is_cut_and_its_refusal_explained(
    operator: Operator, device: subprocess.Popen[bytes]
) -> None:
    assert device.poll() is None
    wait_until(lambda: connected(operator), 180, "the device to be connected")
    assert "is_enabled" in operator.run(f"device disable {DEVICE} --dry-run").out
    shown = operator.run(f"device disable {DEVICE}", "--reason", "stolen \x1b[2J")
    # The command waits for a quarter of a second; a gateway that takes longer confirms it later.
    assert "Applied by every gateway" in shown.out or "applies it all the same" in shown.out
    detail = operator.run(f"device show {DEVICE}").out
    assert "disabled" in detail
    assert "\x1b" not in detail
    wait_until(
        lambda: operator.json(f"refusal list --device {DEVICE} --reason disabled")["items"], 120, "a refused attempt"
    )
    refusal = operator.run("refusal list")
    assert DEVICE in refusal.out
    operator.run(f"device enable {DEVICE}")
    wait_until(lambda: connected(operator), 180, "the device to come back by itself")
    assert operator.run("refusal list --device nobody").out == ""


def test_many_devices_at_once_tell_of_each(operator: Operator) -> None:
    operator.run("device create pump-8 --tag line=B")
    shown = operator.run("device disable pump-8 nobody --dry-run", code=4)
    assert "would be disabled" in shown.out
    result = operator.run("device disable pump-8 nobody --output json", code=4).json
    assert (result["changed"], result["unknown"]) == (["pump-8"], ["nobody"])
    operator.run("device enable pump-8")


def test_a_device_with_every_legal_character_is_reached(operator: Operator) -> None:
    for name in (ODD, ".."):
        operator.run("device create", name)
        assert operator.json("device show", name)["device_id"] == name
        operator.run("device disable", name)
        operator.run("device delete --yes", name)
        operator.run("device show", name, code=4)
    assert operator.run("device create", "bad name", code=2).err
    operator.run("device create pump-8", code=1)


def test_a_device_is_changed_on_the_revision_that_was_shown(operator: Operator) -> None:
    dry = operator.run("device update pump-8 --site west --remove-tag line --dry-run")
    assert "site" in dry.out
    assert operator.json("device show pump-8")["site"] is None
    operator.run("device update pump-8 --site west --zone hall --remove-tag line")
    changed = operator.json("device update pump-8 --clear zone --tag n=1")
    assert (changed["site"], changed["zone"], changed["tags"]) == ("west", None, {"n": "1"})
    operator.run("device update pump-8 --purdue-level 99", code=2)
    operator.run("device update nobody --site x", code=4)
    operator.run("device list --tag broken", code=2)


def test_certificates_are_issued_and_revoked(operator: Operator) -> None:
    _, csr = make_request("pump-8")
    request, chain = operator.folder / "request.der", operator.folder / "chain.pem"
    request.write_bytes(csr)
    operator.run("device issue-certificate pump-8", str(request), "--dry-run")
    operator.run("device issue-certificate pump-8", str(request), "--out", str(chain), "--lifetime-hours", "24")
    assert chain.read_text().startswith("-----BEGIN CERTIFICATE-----")
    operator.run("device issue-certificate pump-8", str(request), "--out", str(chain), code=2)
    operator.run("device issue-certificate pump-8", str(chain), code=2)
    assert len(operator.json("device certificates pump-8")["items"]) == 1
    current = operator.json("device certificates pump-8")["items"][0]["sha256"]
    operator.run(f"device revoke pump-8 --certificate {current} --cause superseded --yes")
    assert operator.json("device certificates pump-8")["items"][0]["standing"] == "revoked"
    assert "--yes" in operator.run("device revoke pump-8", code=2).err
    assert "revoke all certificates" in operator.run("device revoke pump-8 --dry-run").out
    operator.run("device revoke pump-8 --yes --reason lost")
    operator.run(f"device revoke pump-8 --certificate {'0' * 64} --yes", code=4)
    operator.run("device allow-reenrollment pump-8", code=2)


def test_a_revoked_device_registers_again_only_with_permission(
    operator: Operator, device: subprocess.Popen[bytes]
) -> None:
    assert device.poll() is None
    operator.run(f"device revoke {DEVICE} --cause key_compromise --yes")
    operator.run(f"device allow-reenrollment {DEVICE} --dry-run --reason board")
    permit = operator.json(f"device allow-reenrollment {DEVICE}", "--reason", "new board")
    assert permit["permit_until"]


def test_a_device_goes_through_its_life(operator: Operator) -> None:
    operator.run("device move pump-8 quarantined --dry-run")
    operator.run("device move pump-8 quarantined")
    refused = operator.run("device move pump-8 made --reason x", code=1)
    assert "next" in refused.err
    operator.run("device move pump-8 onboarded", "--reason", "looked at")
    operator.run("device move pump-8 elsewhere", code=2)
    operator.run("device retire pump-8 --dry-run")
    operator.run("device retire pump-8", code=2)
    operator.run("device retire pump-8 --yes")
    assert operator.json("device show pump-8")["lifecycle"] == "retired"
    operator.run("device delete pump-8 --yes")


def test_the_block_list_wins_and_a_first_allow_entry_asks(operator: Operator) -> None:
    operator.run(f"access-list add block device_id {DEVICE} --dry-run")
    operator.run(f"access-list add block device_id {DEVICE} --reason stolen")
    assert "blocked" in operator.run(f"device show {DEVICE}").out
    operator.run(f"access-list add block device_id {DEVICE}", code=1)
    (entry,) = operator.json("access-list list --effect block")["items"]
    operator.run(f"access-list remove {entry['entry_id']} --yes", code=2)
    operator.run(f"access-list remove {entry['entry_id']} --reason found", code=2)
    assert DEVICE in operator.run(f"access-list remove {entry['entry_id']} --reason found --dry-run").out
    operator.run(f"access-list remove {entry['entry_id']} --reason found --yes")
    operator.run("access-list remove ale_unknown --reason x --yes", code=4)
    operator.run("access-list remove ale_unknown --reason x --dry-run", code=4)
    refused = operator.run("access-list add allow device_id_prefix pump-", code=2)
    assert "--yes" in refused.err
    operator.run("access-list add shun device_id x", code=2)


def test_an_authority_is_removed_with_a_yes(operator: Operator, factory: Factory) -> None:
    line = operator.folder / "line.pem"
    line.write_bytes(factory.line.public_bytes(serialization.Encoding.PEM))
    name = operator.json("authority add", "Line 1", str(line))["authority_id"]
    operator.run(f"authority remove {name}", code=2)
    operator.run(f"authority remove {name} --dry-run")
    operator.run(f"authority remove {name} --yes")
    operator.run(f"authority remove {name} --yes", code=4)


def test_no_certificate_was_signed_behind_our_back(operator: Operator) -> None:
    assert "on record" in operator.run("authority reports").err
    operator.run(f"authority acknowledge {'0' * 64} --reason looked", code=2)
    operator.run(f"authority acknowledge {'0' * 64} --reason looked --dry-run")
    operator.run(f"authority acknowledge {'0' * 64} --reason looked --yes", code=4)


def test_the_clock_is_looked_at_and_believed(operator: Operator) -> None:
    assert "believed" in operator.run("clock show").out
    assert operator.json("clock show")["is_held"] is False
    operator.run("clock accept", code=2)
    operator.run("clock accept --reason checked", code=2)
    operator.run("clock accept --reason checked --dry-run")
    operator.run("clock accept --reason checked --yes")


def test_events_are_followed_from_the_beginning(operator: Operator) -> None:
    shown = operator.run("event tail --after 0 --count 20")
    assert "pki.authority_registered" in shown.out
    told = operator.run("event tail --after 0 --count 1 --output json")
    assert json.loads(told.out)["position"] > 0
    operator.run("event tail --after x", code=2)


def test_the_ledger_is_read_verified_and_exported_while_the_platform_runs(operator: Operator) -> None:
    acts = operator.json("ledger list --all")["items"]
    assert {"registry.disable_device", "registry.enable_device", "pki.revoke_certificate"} <= {
        act["action"] for act in acts
    }
    (stolen,) = operator.json("ledger list --action registry.disable_device --limit 1")["items"]
    assert stolen["reason"].startswith("stolen")
    shown = operator.run(f"ledger show {stolen['position']}").out
    assert "\x1b" not in shown
    operator.run("ledger show 999999", code=4)

    assert operator.run("ledger verify").out.startswith("Intact")
    copy = operator.folder / "ledger.jsonl"
    operator.run("ledger export", str(copy))
    operator.run("ledger export", str(copy), code=2)
    operator.run("ledger export", str(copy), "--force")
    assert operator.run("ledger verify --output json --export", str(copy)).json["is_intact"] is True


def test_a_tampered_ledger_is_found_and_named(operator: Operator) -> None:
    (stolen,) = operator.json("ledger list --action registry.disable_device --limit 1")["items"]
    lines = (operator.folder / "ledger.jsonl").read_text().splitlines(keepends=True)
    lines[stolen["position"] - 1] = lines[stolen["position"] - 1].replace("stolen", "served")
    edited = operator.folder / "edited.jsonl"
    edited.write_text("".join(lines))
    assert "NOT INTACT" in operator.run("ledger verify --export", str(edited), code=1).out
    operator.run("ledger verify --export", str(operator.folder / "nowhere"), code=2)
    operator.run("ledger verify --checkpoint", str(edited), code=2)


def test_a_checkpoint_kept_elsewhere_finds_a_lost_tail_when_nothing_runs(operator: Operator) -> None:
    wait_until(lambda: main(["ledger", "checkpoint"]) == 0, 120, "a first checkpoint")
    note = operator.folder / "checkpoint"
    note.write_text(operator.run("ledger checkpoint").out)
    operator.run("ledger verify --checkpoint", str(note))
    size = int(note.read_text().splitlines()[1])

    operator.platform.stop()
    copy = operator.folder / "copy"
    shutil.copytree(operator.platform.data, copy, ignore=shutil.ignore_patterns("run", "bus"))
    assert operator.run("ledger verify --data", str(copy)).code == 0
    with contextlib.closing(sqlite3.connect(copy / "vedette.db")) as database, database:
        database.execute("UPDATE ledger_entries SET body = replace(body, 'stolen', 'served')")
    found = operator.run("ledger verify --output json --data", str(copy), code=1).json
    assert {each["kind"] for each in found["logs"][0]["findings"]} >= {"edited"}
    assert "edited" in operator.run("ledger verify --data", str(copy), code=1).out
    with contextlib.closing(sqlite3.connect(copy / "vedette.db")) as database, database:
        database.execute("DELETE FROM ledger_entries WHERE position >= ?", (size,))
    assert "NOT INTACT" in operator.run("ledger verify --data", str(copy), "--checkpoint", str(note), code=1).out


def test_without_a_platform_every_command_says_how_to_start_it(operator: Operator) -> None:
    for line in ("status", "device list", "login-link", "ledger list"):
        assert "vedette up" in operator.run(line, code=1).err
    assert operator.run("ledger verify").code == 0
    operator.run("ledger verify --data", str(operator.folder / "nowhere"), code=1)


def test_the_configuration_is_checked_and_shown(operator: Operator) -> None:
    config = str(operator.platform.folder / "vedette.toml")
    operator.run("config check --config", config)
    assert operator.platform.address in operator.run("config show --config", config).out


def test_no_command_was_forgotten(operator: Operator) -> None:
    assert all_commands() - operator.used - ELSEWHERE - HUB == set()
