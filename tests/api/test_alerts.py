"""Alerts through the API, as a sensor raised them through the gateway, and what follows for the device behind them."""

from __future__ import annotations

import asyncio
import csv
import io
import json
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from alert_house import SLICE
from cryptography.hazmat.primitives import hashes
from mqtt_device import client_context
from network_house import HMI, PLC
from people_at_the_door import PeopleAtTheDoor
from running_platform import RunningPlatform, wait_for
from stand_in_control import Credential
from told_plant import ToldPlant, admitted, leave

from vedette.cli.program import run
from vedette.kernel import SystemClock, to_rfc3339
from vedette.protocols.sensor import AlertRecord
from vedette.simulation import Factory

SITE = "plant-alerts"
STATION = "station-alerts"
Command = Callable[..., tuple[int, str]]


class AlarmedPlant(ToldPlant):
    """A plant whose sensor raises alerts, one batch after the other."""

    def __init__(self, platform: RunningPlatform, api: httpx.Client, folder: Path) -> None:
        super().__init__(platform, api, folder, name="probe-alerts", site=SITE)
        self.batches = 1

    def alarm(self, id_: str, **changes: Any) -> dict[str, Any]:
        """Raise an alert; return it as the API shows it."""
        millis = int(SystemClock().now().timestamp() * 1000)
        fields: dict[str, Any] = {
            "rule": "ot.controller_stop",
            "engine": "operational",
            "severity": "high",
            "title": f"{HMI} stopped the controller {PLC}: {id_}",
            "source": HMI,
            "target": PLC,
            "protocol": "s7comm",
            "technique": "T0858",
            "first_at": millis,
            "last_at": millis,
        }
        self.batches += 1
        self.tell(AlertRecord(id=id_, **{**fields, **changes}), sequence=self.batches)
        title = {**fields, **changes}["title"]
        wait_for(lambda: self.alerts(text=title), "the alert to be listed")
        found: dict[str, Any] = self.alerts(text=title)[0]
        return found

    def alerts(self, **params: Any) -> list[dict[str, Any]]:
        """Return what the API lists."""
        listed: list[dict[str, Any]] = self.api.get("/v1/alerts", params=params).raise_for_status().json()["items"]
        return listed


@pytest.fixture(scope="module")
def plant(platform: RunningPlatform, tmp_path_factory: pytest.TempPathFactory) -> Iterator[AlarmedPlant]:
    with platform.client() as api:
        told = AlarmedPlant(platform, api, tmp_path_factory.mktemp("plant"))
        told.come()
        yield told


@pytest.fixture(scope="module")
def station(platform: RunningPlatform, plant: AlarmedPlant, tmp_path_factory: pytest.TempPathFactory) -> Credential:
    """Return the credential of the device that stands behind the address of the HMI."""
    identity = Factory("Own Works", SystemClock()).make_device(STATION)
    certificate, key = identity.write(tmp_path_factory.mktemp("station"), STATION)
    pinned = {"type": "self_signed", "primary_thumbprint": identity.chain[0].fingerprint(hashes.SHA256()).hex()}
    api = plant.api
    api.post("/v1/devices", json={"device_id": STATION, "authentication": pinned}).raise_for_status()
    asset_id = plant.asset(HMI)["asset_id"]
    api.patch(f"/v1/assets/{asset_id}", json={"device_id": STATION}).raise_for_status()
    return Credential(identity.chain[0], identity.key, certificate_file=certificate, key_file=key)


@pytest.fixture(scope="module")
def people(platform: RunningPlatform) -> Iterator[PeopleAtTheDoor]:
    with platform.client() as api:
        found = PeopleAtTheDoor(platform.url, api)
        yield found
        found.close()


@pytest.fixture
def command(platform: RunningPlatform, capsys: pytest.CaptureFixture[str]) -> Command:
    def call(*arguments: str) -> tuple[int, str]:
        token = platform.data / "secrets" / "operator.token"
        code = run([*arguments, "--url", platform.url, "--token-file", str(token)])
        return code, capsys.readouterr().out

    return call


def permitted(api: httpx.Client, action: str) -> tuple[bool, list[str]]:
    found = api.get(f"/v1/devices/{STATION}/access", params={"action": action}).raise_for_status().json()
    (only,) = found["actions"]
    return only["is_permitted"], [each["policy"] for each in only["policies"]]


def test_a_spoofed_neighbour_keeps_its_session_and_is_narrowed_at_once(
    platform: RunningPlatform, plant: AlarmedPlant, station: Credential
) -> None:
    api = plant.api

    async def live() -> None:
        context = client_context(platform.data / "public" / "root.pem", station)
        device = await admitted(platform.ports["gateway"], context, STATION)
        await device.telemetry(STATION, b"{}")
        await device.subscribe(("$iothub/twin/res/#", 0))
        alert = await asyncio.to_thread(plant.alarm, "spoofed")
        assert (alert["source"]["device_id"], alert["standing"]) == (STATION, "loud")
        assert alert["signaled_at"] is not None
        answer = await device.ask("$iothub/twin/GET/?$rid=1")
        assert answer.topic.startswith("$iothub/twin/res/200"), "the very session goes on, within its limited zone"
        await leave(device)

    asyncio.run(live())
    assert permitted(api, "sendTelemetry") == (False, ["what-the-network-shows-is-a-limited-zone"])
    assert permitted(api, "connect")[0]
    health = api.get(f"/v1/devices/{STATION}/health").json()
    assert (health["risk_level"], health["findings"][0]["finding_class"]) == ("medium", "network-alarm")
    assert health["findings"][0]["provenance"] == "spoofable"
    (alert,) = plant.alerts(text="spoofed")
    (offered,) = alert["suggestions"]
    assert (offered["device_id"], offered["mode"]) == (STATION, "cut")
    closing = {"verdict": "false-positive", "reason": "a test of ours", "gives_back": True}
    closed = api.post(f"/v1/alerts/{alert['alert_id']}/close", json=closing).raise_for_status().json()
    assert (closed["state"], closed["suggestions"]) == ("closed", [])
    wait_for(lambda: permitted(api, "sendTelemetry")[0], "its rights to be given back")


@pytest.mark.usefixtures("station")
def test_the_operator_takes_the_cut_that_is_offered(plant: AlarmedPlant) -> None:
    alert = plant.alarm("real")
    (offered,) = alert["suggestions"]
    body = {"mode": offered["mode"], "reason": offered["because"], "is_override": True}
    plant.api.post(offered["path"], json=body).raise_for_status()
    assert not permitted(plant.api, "connect")[0]
    plant.api.post(f"/v1/devices/{STATION}/quarantine/release", json={"reason": "the test is over"}).raise_for_status()


def test_an_alert_is_shown_with_names_beside_ids_and_its_revision(plant: AlarmedPlant) -> None:
    alert = plant.alarm("shown", key="stop", is_learnable=True, detail={"unit": 3})
    path = f"/v1/alerts/{alert['alert_id']}"
    shown = plant.api.get(path)
    assert shown.headers["ETag"] == '"1"'
    body = shown.json()
    assert body["target"]["name"] == "plc-1"
    assert body["site"] == SITE
    assert body["detail"] == {"unit": 3}
    assert body["offered_exception"]["keys"] == ["stop"]
    done = plant.api.post(f"{path}/acknowledge", json={}, headers={"If-Match": '"1"'})
    assert (done.status_code, done.json()["state"], done.headers["ETag"]) == (200, "acknowledged", '"2"')
    stale = plant.api.post(f"{path}/acknowledge", json={}, headers={"If-Match": '"1"'})
    assert stale.status_code == 412
    (event,) = [
        each
        for each in plant.api.get("/v1/ledger/entries", params={"target": alert["alert_id"]}).json()["items"]
        if each["action"] == "incidents.raise_alert"
    ]
    assert event["actor"]["kind"] == "device"


def test_many_are_judged_at_once_and_all_or_none(plant: AlarmedPlant) -> None:
    ids = [plant.alarm(f"many {number}")["alert_id"] for number in range(3)]
    missing = plant.api.post("/v1/bulk/alerts", json={"alert_ids": [*ids, "alr_" + "0" * 26], "act": "acknowledge"})
    assert (missing.status_code, missing.json()["code"]) == (404, "incidents.alert_not_found")
    assert {each["state"] for each in plant.alerts(text="many")} == {"open"}
    wrong = plant.api.post("/v1/bulk/alerts", json={"alert_ids": ids, "act": "close", "reason": "x"})
    assert wrong.status_code == 422
    said = {"alert_ids": ids, "act": "close", "verdict": "benign", "reason": "one test"}
    assert len(plant.api.post("/v1/bulk/alerts", json=said).raise_for_status().json()["items"]) == 3
    assert {each["verdict"] for each in plant.alerts(text="many")} == {"benign"}


def test_counts_and_filters_answer_what_a_page_asks(plant: AlarmedPlant) -> None:
    plant.alarm("counted", severity="critical", rule="malware.known_bad", engine="malware")
    told = {each["name"]: each for each in plant.api.get("/v1/status").json()["components"]}
    assert (told["alerts"]["health"], "vedette alert list" in told["alerts"]["hint"]) == ("warning", True)
    counts = plant.api.get("/v1/alerts/overview").json()
    assert counts["open"] == sum(counts["open_by_severity"].values()) > 0
    assert counts["open_by_rule"]["malware.known_bad"] == 1
    assert plant.alerts(rule="malware.*", severity="critical", engine="malware", is_loud="true", state="open")
    assert plant.alerts(site="elsewhere") == []
    assert plant.api.get("/v1/alerts", params={"severty": "high"}).status_code == 422
    assert plant.api.get("/v1/alerts", params={"after": "x"}).status_code == 400
    for name in ("x", "alr_" + "0" * 26):
        assert plant.api.get(f"/v1/alerts/{name}").status_code == 404


def test_packets_are_read_by_whoever_may_and_the_ledger_says_so(plant: AlarmedPlant, people: PeopleAtTheDoor) -> None:
    alert = plant.alarm("with packets", evidence=SLICE)
    path = f"/v1/alerts/{alert['alert_id']}/slice"
    answer = plant.api.get(path)
    assert (answer.status_code, answer.content) == (200, SLICE)
    assert answer.headers["content-type"] == "application/octet-stream"
    assert "attachment" in answer.headers["content-disposition"]
    for role, status in (("operator", 403), ("auditor", 403)):
        assert people.come(role).http.get(path).status_code == status, role
    acts = plant.api.get("/v1/ledger/entries", params={"target": alert["alert_id"]}).json()["items"]
    assert [each["action"] for each in acts if each["action"] == "incidents.read_slice"] == ["incidents.read_slice"]
    assert plant.api.get(f"/v1/alerts/{plant.alarm('bare')['alert_id']}/slice").status_code == 404


def test_who_sees_another_part_of_the_fleet_sees_no_alerts_of_this_one(
    plant: AlarmedPlant, people: PeopleAtTheDoor
) -> None:
    alert_id = plant.alarm("of this site")["alert_id"]
    elsewhere = people.come("analyst", sites=["elsewhere"]).http
    assert elsewhere.get("/v1/alerts").json()["items"] == []
    assert elsewhere.get("/v1/alerts/overview").json()["open"] == 0
    assert elsewhere.get("/v1/alerts/export", params={"format": "json"}).json() == []
    assert elsewhere.get(f"/v1/alerts/{alert_id}").status_code == 404
    assert elsewhere.post(f"/v1/alerts/{alert_id}/acknowledge", json={}).status_code == 404
    many = {"alert_ids": [alert_id], "act": "acknowledge"}
    assert elsewhere.post("/v1/bulk/alerts", json=many).status_code == 404
    everywhere = people.come("analyst").http
    assert everywhere.get(f"/v1/alerts/{alert_id}").status_code == 200


def test_who_may_hide_alerts_and_who_may_not(plant: AlarmedPlant, people: PeopleAtTheDoor) -> None:
    made = {
        "pattern": {"rules": ["test.nothing"]},
        "reason": "a test",
        "owner": "tests",
        "ends_at": to_rfc3339(SystemClock().now() + timedelta(days=3)),
    }
    for role, status in (("operator", 403), ("developer", 403), ("analyst", 201)):
        assert people.come(role).http.post("/v1/alert-exceptions", json=made).status_code == status, role
    assert plant.api.get("/v1/alert-exceptions", params={"is_in_force": "true"}).json()["items"]


def test_exports_are_read_by_spreadsheets_and_security_systems(plant: AlarmedPlant) -> None:
    plant.alarm("=cmd()|exported", title="=cmd()|exported")
    wanted = {"text": "exported"}
    [row] = csv.DictReader(io.StringIO(plant.api.get("/v1/alerts/export", params=wanted).text))
    assert row["title"] == "'=cmd()|exported", "no cell is a formula"
    for form, kind in (("ocsf", "class_uid"), ("ecs", "@timestamp")):
        answer = plant.api.get("/v1/alerts/export", params={**wanted, "format": form})
        assert kind in json.loads(answer.text.splitlines()[0])
    assert plant.api.get("/v1/alerts/export", params={**wanted, "format": "stix"}).json()["type"] == "bundle"
    assert len(plant.api.get("/v1/alerts/export", params={**wanted, "format": "json"}).json()) == 1


def test_the_commands_say_and_do_the_same(plant: AlarmedPlant, command: Command, tmp_path: Path) -> None:
    first = plant.alarm("by hand", evidence=SLICE, is_learnable=True, key="stop")["alert_id"]
    second = plant.alarm("by hand too")["alert_id"]
    for narrowed in (
        ("--kind", "malware"),
        ("--technique", "T0000"),
        ("--site", "nowhere"),
        ("--text", "no such words"),
    ):
        code, out = command("alert", "list", "--every", *narrowed, "--output", "json")
        found = json.loads(out)["items"]
        assert code == 0
        assert narrowed[0] == "--kind" or not found
        assert all(each["engine"] == "malware" for each in found)
    assert command("alert", "list", "--zone", "zon_nowhere")[0] == 4
    code, out = command("alert", "list", "--severity", "high", "--rule", "ot.*", "--output", "json")
    assert code == 0
    assert {first, second} <= {each["alert_id"] for each in json.loads(out)["items"]}
    assert "to look at" in command("alert", "overview")[1]
    assert "T0858" in command("alert", "show", first)[1]
    assert "Would" in command("alert", "acknowledge", first, "--dry-run")[1]
    assert "acknowledged" in command("alert", "acknowledge", first)[1]
    assert command("alert", "merge", first, second, "--reason", "one and the same")[0] == 0
    assert command("alert", "show", "alr_" + "0" * 26)[0] == 4
    path = tmp_path / "slice.pcapng"
    assert command("alert", "slice", first, str(path))[0] == 0
    assert (path.read_bytes(), path.stat().st_mode & 0o777) == (SLICE, 0o600)
    assert command("alert", "slice", first, str(path))[0] == 2, "a file is not replaced"
    assert "alert_id" in command("alert", "export", "--every")[1]
    assert json.loads(command("alert", "export", "--format", "stix")[1])["type"] == "bundle"
    assert command("exception", "preview", "--from", first)[0] == 2
    learned = ("--from", first, "--learn")
    assert "would hide" in command("exception", "preview", *learned)[1]
    said = ("--owner", "line 4", "--reason", "it is normal here")
    made = json.loads(command("exception", "add", *learned, *said, "--output", "json")[1])["exception"]
    assert made["effect"] == "learn"
    assert made["exception_id"] in command("exception", "list")[1]
    assert "line 4" in command("exception", "show", made["exception_id"])[1]
    assert command("exception", "end", made["exception_id"])[0] == 0
    assert "closed: benign" in command("alert", "close", first, "benign", "--reason", "done")[1]
    assert "open" in command("alert", "reopen", first, "--reason", "not done")[1]
    now = SystemClock().now()
    window = ("--from", to_rfc3339(now), "--to", to_rfc3339(now + timedelta(days=200)))
    assert command("ticket", "open", "CHG-1", "--target", PLC, *window)[0] == 2, "no change lasts so long"
    window = ("--from", to_rfc3339(now), "--to", to_rfc3339(now + timedelta(hours=1)))
    opened = json.loads(
        command("ticket", "open", "CHG-1", "--target", PLC, *window, "--person", "R. Meyer", "--output", "json")[1]
    )
    assert opened["state"] == "running"
    during = plant.alarm("during the change")
    assert (during["standing"], during["ticket_id"]) == ("authorized", opened["ticket_id"])
    assert "CHG-1" in command("ticket", "list")[1]
    assert "R. Meyer" in command("ticket", "show", opened["ticket_id"])[1]
    assert "over" in command("ticket", "end", opened["ticket_id"])[1]


def test_one_event_told_twice_is_one_alert_and_a_takeover_is_one_incident(
    plant: AlarmedPlant, command: Command
) -> None:
    laptop = "10.44.0.66"
    first = plant.alarm("laptop", rule="baseline.new_asset", severity="low", source=laptop, target="", technique="")
    second = plant.alarm("unknown", rule="network.unknown_asset", severity="medium", source=laptop, target="")
    assert (second["standing"], second["merged_into"]) == ("merged", first["alert_id"])
    shown = plant.api.get(f"/v1/alerts/{first['alert_id']}").json()
    assert (shown["severity"], shown["history"][-1]["act"]) == ("medium", "join")
    plant.alarm("scan", rule="scan.address", source=laptop, target="", technique="T0846")
    stop = plant.alarm("stop", source=laptop, severity="critical")
    assert (stop["technique_name"], stop["tactics"]) == ("Change Operating Mode", ["execution", "evasion"])
    assert stop["incident_id"] == first["incident_id"]
    wanted = {"by": "incident", "address": laptop, "is_loud": "true"}
    [incident] = plant.api.get("/v1/alerts/groups", params=wanted).json()["items"]
    assert incident["rules"] == ["baseline.new_asset", "scan.address", "ot.controller_stop"]
    assert (incident["key"], incident["severity"], incident["open"]) == (stop["incident_id"], "critical", 3)
    gravest = plant.alerts(incident_id=incident["key"], is_loud="true", order="gravest", sensor="probe-alerts")
    assert [each["severity"] for each in gravest] == ["critical", "high", "medium"]
    assert laptop in command("alert", "groups", "--address", laptop)[1]
    code, out = command("alert", "unmerge", second["alert_id"], "--reason", "two laptops", "--output", "json")
    assert (code, json.loads(out)["standing"]) == (0, "loud")
    again = plant.api.post(f"/v1/alerts/{second['alert_id']}/unmerge", json={"reason": "twice"})
    assert (again.status_code, again.json()["code"]) == (409, "incidents.alert_step")
    assert plant.api.get("/v1/alerts", params={"zone": "zon_none"}).status_code == 404
