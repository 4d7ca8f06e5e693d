"""A developer at the command line: twins, methods, messages, modules, groups and queries, on a device that answers."""

from __future__ import annotations

import io
import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from journey import Platform, wait_until
from operator_at_cli import HUB, Operator
from simulated import running_device

from vedette.simulation import CredentialKind, Factory, make_request

DEVICE = "meter-1"
EVIL = "\x1b[2J\u202e"


@pytest.fixture(scope="module", autouse=True)
def _legacy_devices_are_accepted() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("VEDETTE_PKI__SYMMETRIC_KEYS", "true")
        yield


@pytest.fixture(scope="module")
def operator(platform: Platform, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Operator]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("VEDETTE_DATA", str(platform.data))
        yield Operator(platform, tmp_path_factory.mktemp("operator"))


@pytest.fixture(scope="module")
def device(platform: Platform, operator: Operator) -> Iterator[subprocess.Popen[bytes]]:
    """A device with a symmetric key, in a process of its own."""
    folder = operator.folder / "device"
    folder.mkdir()
    created = operator.json(f"device create {DEVICE} --symmetric-key --tag site=north")
    (folder / "symmetric.key").write_text(created["keys"][0]["key"])
    with running_device(platform, DEVICE, folder, credential=CredentialKind.KEY) as running:
        wait_until(lambda: is_connected(operator), 180, "the device to connect")
        yield running


def is_connected(operator: Operator, name: str = DEVICE) -> bool:
    presence = operator.json(f"device show {name}")["presence"]
    return bool(presence and presence["is_connected"])


def test_a_key_is_shown_once_with_a_warning(operator: Operator) -> None:
    shown = operator.run("device create meter-0 --symmetric-key")
    assert f"HostName={operator.platform.address};DeviceId=meter-0;SharedAccessKey=" in shown.out
    assert "weak credential" in shown.err
    key = shown.out.split("SharedAccessKey=")[1].split()[0]
    listed = operator.run("device keys meter-0")
    assert "primary" in listed.out
    assert key not in listed.out + operator.run("device show meter-0").out
    assert "(weak)" in operator.run("device list").out
    operator.run("device rotate-key meter-0", code=2)
    operator.run("device rotate-key meter-0 --dry-run")
    assert key not in operator.run("device rotate-key meter-0 --yes").out
    operator.run("device rotate-key nobody --yes", code=4)
    assert operator.json("device update meter-0 --authentication issued")["is_flagged"] is False
    assert "certificates are the better way" in operator.run("device keys meter-0").err


def test_a_device_shows_where_it_is_connected(operator: Operator, device: subprocess.Popen[bytes]) -> None:
    assert device.poll() is None
    shown = operator.run(f"device show {DEVICE}").out
    assert "connected since" in shown
    assert "gateway-1" in shown
    found = operator.json("device list", "--where", "connectionState = 'Connected' AND tags.site = 'north'")["items"]
    assert [each["device_id"] for each in found] == [DEVICE]
    assert operator.json("device list", "--where", "tags.site = 'south'")["items"] == []
    assert "^" in operator.run("device list", "--where", "tags.site =", code=2).err


def test_a_twin_is_patched_and_the_device_follows(operator: Operator, device: subprocess.Popen[bytes]) -> None:
    assert device.poll() is None
    patch = '{"intervalSeconds": 0.5, "note": "a", "old": 1}'
    dry = operator.run(f"twin patch {DEVICE} --dry-run --desired", patch)
    assert "+ desired.intervalSeconds: 0.5" in dry.out
    refused = operator.run(f"twin patch {DEVICE} --desired", patch, code=2)
    assert "--yes" in refused.err
    assert operator.json(f"twin show {DEVICE}")["desired"] == {}
    changed = operator.run(f"twin patch {DEVICE} --yes --tag line=A --desired", patch)
    assert '+ tags.line: "A"' in changed.out
    wait_until(
        lambda: operator.json(f"twin show {DEVICE}")["reported"].get("intervalSeconds") == 0.5, 120, "the device"
    )
    again = operator.run(f"twin patch {DEVICE} --yes --remove-tag line --desired", '{"note": "b", "old": null}')
    assert '~ desired.note: "a" → "b"' in again.out
    assert "- desired.old: 1" in again.out
    assert "same" in operator.run(f"twin show {DEVICE}").out
    assert operator.run(f"twin patch {DEVICE} --desired", '{"note": "b"}').out == "It is so already.\n"
    operator.run(f"twin patch {DEVICE} --yes --desired", '{"a.b": 1}', code=2)
    operator.run("twin patch nobody --yes --tag a=b", code=4)


def test_a_twin_is_replaced_from_a_file_or_standard_input(
    operator: Operator, device: subprocess.Popen[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert device.poll() is None
    file = operator.folder / "desired.json"
    file.write_text(json.dumps({"intervalSeconds": 0.2, "evil": EVIL}))
    assert "\x1b" not in operator.run(f"twin replace {DEVICE} --yes --desired @{file}").out
    twin = operator.json(f"twin show {DEVICE}")
    assert twin["desired"] == {"intervalSeconds": 0.2, "evil": EVIL}
    assert twin["tags"] == {"site": "north"}
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b'{"site": "south"}')))
    operator.run(f"twin replace {DEVICE} --yes --tags -")
    assert operator.json(f"twin show {DEVICE}")["tags"] == {"site": "south"}
    operator.run(f"twin replace {DEVICE}", code=2)


@pytest.mark.parametrize("payload", ["null", '""', '"text"', "{}", '{"n": [1.5, null]}'])
def test_a_payload_arrives_as_it_was_sent(payload: str, operator: Operator, device: subprocess.Popen[bytes]) -> None:
    assert device.poll() is None
    answer = operator.json(f"method invoke {DEVICE} ping --payload", payload)
    assert answer["status"] == 200
    assert answer["payload"]["echo"] == json.loads(payload)


def test_a_method_ends_as_the_device_says(operator: Operator, device: subprocess.Popen[bytes]) -> None:
    assert device.poll() is None
    assert json.loads(operator.run(f"method invoke {DEVICE} stop").out)["running"] is False
    operator.run(f"method invoke {DEVICE} start")
    refused = operator.run(f"method invoke {DEVICE} explode", code=1)
    assert "no such method" in refused.out
    assert "status 404" in refused.err
    assert "not connected" in operator.run("method invoke meter-0 ping", code=1).err
    operator.run("method invoke nobody ping", code=4)
    operator.run(f"method invoke {DEVICE} a/b", code=2)
    operator.run(f"method invoke {DEVICE} ping --payload", "{", code=2)
    assert "Would invoke" in operator.run(f"method invoke {DEVICE} stop --dry-run").out


def test_a_message_waits_for_its_device(operator: Operator, device: subprocess.Popen[bytes]) -> None:
    assert device.poll() is None
    operator.run("command send meter-0", "for later", "--property", f"note={EVIL[1:4]}", "--ack", "full")
    binary = operator.folder / "image.bin"
    binary.write_bytes(b"\xff\x00")
    operator.run("command send meter-0 --file", str(binary), "--ttl", "60")
    (first, second) = operator.json("command list meter-0")["items"]
    assert (first["state"], first["delivery_count"], second["size_bytes"]) == ("queued", 0, 2)
    assert operator.run("command list meter-0 -n 1").err.count("--after")
    assert "2 messages wait" in operator.run("command purge meter-0 --dry-run").out
    operator.run("command purge meter-0", code=2)
    operator.run("command purge meter-0 --yes --reason recalled")
    assert operator.run("command list meter-0").out == ""
    operator.run(f"command send {DEVICE}", "now", "--message-id", "m-now", "--ack", "positive")
    wait_until(
        lambda: any(each["message_id"] == "m-now" for each in operator.json("command feedback --all")["items"]),
        120,
        "feedback on the message",
    )
    outcomes = {each["message_id"]: each["outcome"] for each in operator.json("command feedback")["items"]}
    assert outcomes == {first["message_id"]: "Purged", "m-now": "Success"}
    operator.run("command send nobody", "x", code=4)
    operator.run(f"command send {DEVICE}", code=2)


def test_a_module_lives_and_ends_beside_its_device(operator: Operator, device: subprocess.Popen[bytes]) -> None:
    assert device.poll() is None
    assert "vedette module create" in operator.run(f"module list {DEVICE}").err
    operator.run(f"module create {DEVICE} filter --tag vendor=acme --dry-run")
    operator.run(f"module create {DEVICE} filter --tag vendor=acme")
    operator.run(f"module create {DEVICE} filter", code=1)
    _, csr = make_request(f"{DEVICE}/filter")
    request, chain = operator.folder / "module.der", operator.folder / "module.pem"
    request.write_bytes(csr)
    operator.run(f"module issue-certificate {DEVICE} filter", str(request), "--out", str(chain))
    assert chain.read_text().startswith("-----BEGIN CERTIFICATE-----")
    changed = operator.run(f"module update {DEVICE} filter --managed-by line-3 --remove-tag vendor")
    assert "line-3" in changed.out
    operator.run(f"module update {DEVICE} filter", code=2)
    assert "filter" in operator.run(f"module list {DEVICE}").out
    operator.run(f"twin patch {DEVICE} --module filter --yes --desired", '{"level": 3}')
    assert operator.json(f"twin show {DEVICE} -m filter")["desired"] == {"level": 3}
    assert "not connected" in operator.run(f"method invoke {DEVICE} flush --module filter", code=1).err
    assert "disabled" in operator.run(f"module disable {DEVICE} filter --reason odd").out
    assert operator.json(f"module show {DEVICE} filter")["is_enabled"] is False
    operator.run(f"module enable {DEVICE} filter")
    operator.run(f"module show {DEVICE} nothing", code=4)
    operator.run(f"module delete {DEVICE} filter", code=2)
    operator.run(f"module delete {DEVICE} filter --yes")
    operator.run(f"twin show {DEVICE} -m filter", code=4)


def test_a_module_may_have_keys(operator: Operator) -> None:
    shown = operator.run("module create meter-0 radio --symmetric-key")
    assert "ModuleId=radio;SharedAccessKey=" in shown.out
    assert "secondary" in operator.run("module keys meter-0 radio").out
    assert "ModuleId=radio" in operator.run("module rotate-key meter-0 radio --slot secondary --yes").out
    operator.run("module update meter-0 radio --authentication issued")
    operator.run("module rotate-key meter-0 radio --yes", code=2)


def test_groups_hold_whom_they_should(operator: Operator) -> None:
    assert "vedette group create" in operator.run("group list").err
    operator.run("group create spares --description", "on the shelf")
    operator.run("group create spares", code=1)
    assert "2 members" in operator.run(f"group add spares meter-0 {DEVICE}").out
    operator.run("group add spares nobody", code=4)
    assert "1 member." in operator.run(f"group remove spares {DEVICE}").out
    operator.run("group create", "south", "--where", "tags.site = 'south'")
    wait_until(lambda: operator.json("group show south")["progress"] is None, 90, "the members to be computed")
    assert [each["device_id"] for each in operator.json("group members south")["items"]] == [DEVICE]
    operator.run(f"twin patch {DEVICE} --tag site=north --yes")
    assert operator.json("group members south")["items"] == []
    operator.run(f"group add south {DEVICE}", code=1)
    assert "^" in operator.run("group create broken --where", "tags.site ==", code=2).err
    assert "north" in operator.run("group update south --where", "tags.site = 'north'").out
    operator.run("group update south", code=2)
    assert "spares" in operator.run("group list").out
    operator.run("group delete spares", code=2)
    operator.run("group delete spares --yes")
    operator.run("group show spares", code=4)


def test_queries_are_tables_or_json(operator: Operator, device: subprocess.Popen[bytes]) -> None:
    assert device.poll() is None
    table = operator.run("query", "SELECT * FROM devices").out
    assert DEVICE in table
    assert "\x1b" not in table
    count = operator.json("query", "SELECT COUNT() AS n FROM devices")
    assert count["items"] == [{"n": 2}]
    page = operator.json("query", "SELECT deviceId FROM devices", "-n", "1")
    rest = operator.json("query", "SELECT deviceId FROM devices", "--after", page["next"])
    assert [each["deviceId"] for each in page["items"] + rest["items"]] == ["meter-0", DEVICE]
    refused = operator.run("query", "SELECT * FORM devices", code=2)
    assert refused.err.splitlines()[:2] == ["  SELECT * FORM devices", "           ^"]


def test_a_copied_key_is_caught(operator: Operator, platform: Platform, device: subprocess.Popen[bytes]) -> None:
    assert device.poll() is None
    assert "No two clients" in operator.run("clone-alert list").err
    copy = operator.folder / "copy"
    copy.mkdir()
    (copy / "symmetric.key").write_bytes((operator.folder / "device" / "symmetric.key").read_bytes())
    with running_device(platform, DEVICE, copy, credential=CredentialKind.KEY):
        wait_until(lambda: operator.json("clone-alert list --open")["items"], 240, "a clone alert")
    (alert,) = operator.json("clone-alert list --open")["items"]
    assert alert["device_id"] == DEVICE
    name = alert["alert_id"]
    operator.run(f"clone-alert acknowledge {name}", code=2)
    operator.run(f"clone-alert acknowledge {name} --reason looked --dry-run")
    operator.run("clone-alert acknowledge aln_unknown --reason looked", code=4)


def test_a_clone_alert_is_acknowledged_with_a_reason(operator: Operator) -> None:
    (alert,) = operator.json("clone-alert list")["items"]
    operator.run(f"clone-alert acknowledge {alert['alert_id']} --reason", "our own copy")
    assert "acknowledged: our own copy" in operator.run("clone-alert list").out
    assert operator.run("clone-alert list --open").out == ""


def test_an_authority_vouches_at_the_hub_or_at_enrollment(operator: Operator, factory: Factory, tmp_path: Path) -> None:
    root = tmp_path / "root.der"
    root.write_bytes(factory.root.public_bytes(serialization.Encoding.DER))
    authority = operator.json("authority add Plant --hub", str(root))
    assert authority["is_hub_trusted"] is True
    name = authority["authority_id"]
    assert "the hub" in operator.run("authority list").out
    assert "is_hub_trusted" in operator.run(f"authority set-hub-trust {name} enrollment --dry-run").out
    operator.run(f"authority set-hub-trust {name} enrollment")
    assert operator.json(f"authority show {name}")["is_hub_trusted"] is False
    operator.run(f"authority set-hub-trust {name} elsewhere", code=2)


def test_no_command_of_the_hub_was_forgotten(operator: Operator) -> None:
    assert HUB - operator.used == set()
