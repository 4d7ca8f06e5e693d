"""Zones, conduits and plans over REST and the command line, against a real platform."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from network_house import HMI, PLC
from running_platform import RunningPlatform, wait_for
from told_plant import PLANT, ToldPlant

from vedette.cli.program import run

Command = Callable[..., tuple[int, str]]
SITE = "plant-s"


@pytest.fixture
def command(platform: RunningPlatform, capsys: pytest.CaptureFixture[str]) -> Command:
    def call(*arguments: str) -> tuple[int, str]:
        token = platform.data / "secrets" / "operator.token"
        code = run([*arguments, "--url", platform.url, "--token-file", str(token)])
        return code, capsys.readouterr().out

    return call


@pytest.fixture(scope="module")
def assets(platform: RunningPlatform, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """Tell of a plant; yield its assets by their address."""
    with platform.client() as api:
        plant = ToldPlant(platform, api, tmp_path_factory.mktemp("plant"), name="probe-s", site=SITE)
        body = {"device_id": "probe-s", "site": SITE}
        api.post("/v1/sensors", json=body).raise_for_status()
        plant.tell(*PLANT)
        wait_for(lambda: len(plant.assets()) == 3, "the plant")
        yield {each["ips"][0]: each["asset_id"] for each in plant.assets() if each["ips"]}


def _json(command: Command, *arguments: str, code: int = 0) -> Any:
    found, out = command(*arguments, "--output", "json")
    assert found == code, out
    return json.loads(out)


def _refused(response: httpx.Response) -> tuple[int, str]:
    return response.status_code, response.json()["code"]


def test_a_plan_from_proposal_to_enforcement_at_the_command_line(
    command: Command, assets: dict[str, str], tmp_path: Path
) -> None:
    assert "Would" in command("zone", "propose", "--dry-run")[1]
    draft = _json(command, "zone", "propose", "--replace", "--reason", "first look")
    assert draft["state"] == "draft"
    assert draft["zones"] >= 2
    listed = _json(command, "zone", "list", "--plan", "draft", "--all")["items"]
    assert {SITE} <= {each["site"] for each in listed}
    (cell,) = (each for each in listed if each["site"] == SITE and each["level"] == "1")
    code, out = command("zone", "show", cell["zone_id"], "--plan", "draft")
    assert (code, "Purdue level 1" in out) == (0, True)
    members = _json(command, "zone", "members", cell["zone_id"], "--plan", "draft")["items"]
    assert assets[PLC] in {each["asset_id"] for each in members}
    created = _json(command, "zone", "create", "Guests", "--site", SITE, "--network", "10.99.0.0/16", "--micro")
    moved = _json(command, "zone", "add", created["zone_id"], assets[HMI])
    assert moved["named_members"] == 1
    conduit = _json(
        command, "conduit", "create", created["zone_id"], cell["zone_id"], "tcp/502", "udp/5000-5010", "icmp",
        "--operation", "read", "--owner", "jo", "--why", "polls the cell",
    )  # fmt: skip
    assert command("conduit", "create", created["zone_id"], cell["zone_id"], "tcp-502")[0] == 2
    assert command("conduit", "update", conduit["conduit_id"])[0] == 2
    assert command("conduit", "update", conduit["conduit_id"], "--expires", "2099-01-01T00:00:00Z")[0] == 0
    code, out = command("conduit", "show", conduit["conduit_id"], "--plan", "draft")
    assert (code, "tcp/502" in out, "jo" in out) == (0, True, True)
    assert "udp/5000-5010" in command("conduit", "list", "--plan", "draft", "--all")[1]
    attack = tmp_path / "attack.json"
    attack.write_text(json.dumps([{"client_address": "203.0.113.7", "server_address": PLC, "port": 502}]))
    code, out = command("segment", "replay", "--attack", str(attack))
    assert (code, "1 of 1 connections would be blocked" in out) == (0, True)
    assert command("zone", "plan")[0] == 0
    assert "Guests" in command("zone", "diff")[1]
    assert command("zone", "approve", "--reason", "walked the line", "--yes")[0] == 0
    assert command("segment", "stage", "enforce", "--reason", "monitored", "--yes")[0] == 0
    code, text = command("segment", "compile", cell["zone_id"])
    assert (code, "counter drop" in text) == (0, True)
    held = tmp_path / "held.nft"
    held.write_text("\n".join(text.splitlines()[2:]))
    assert command("segment", "verify", cell["zone_id"], str(held))[0] == 0
    held.write_text(text.replace("tcp dport 502", "tcp dport 503"))
    code, out = command("segment", "verify", cell["zone_id"], str(held))
    assert (code, "503" in out) == (1, True)
    assert command("segment", "compile", cell["zone_id"], "--rollback")[1].startswith("table inet vedette_")
    code, out = command("segment", "paths", created["zone_id"])
    assert (code, cell["zone_id"] in out) == (0, True)
    assert command("segment", "drift")[0] == 0
    first = _json(command, "zone", "plans", "--limit", "1")["items"][0]["number"]
    assert command("conduit", "remove", conduit["conduit_id"], "--yes")[0] == 0
    assert command("zone", "remove", created["zone_id"], "--yes")[0] == 0
    assert command("zone", "approve", "--reason", "no guests", "--yes")[0] == 0
    assert command("zone", "show", created["zone_id"])[0] == 4
    assert command("zone", "roll-back", str(first), "--reason", "guests", "--yes")[0] == 0
    assert command("zone", "show", created["zone_id"])[0] == 0


def test_a_mud_file_is_written_and_compared(command: Command, assets: dict[str, str], tmp_path: Path) -> None:
    code, out = command("segment", "mud", assets[PLC])
    assert code == 0
    assert json.loads(out)["ietf-mud:mud"]["mud-version"] == 1
    file = tmp_path / "mud.json"
    file.write_text(out)
    assert command("segment", "compare-mud", assets[PLC], str(file))[0] == 0
    document = json.loads(out)
    del document["ietf-mud:mud"]["to-device-policy"], document["ietf-mud:mud"]["from-device-policy"]
    file.write_text(json.dumps(document))
    code, out = command("segment", "compare-mud", assets[PLC], str(file))
    assert (code, HMI in out) == (1, True)
    file.write_text("{}")
    assert command("segment", "compare-mud", assets[PLC], str(file))[0] == 2
    assert command("segment", "mud", "ast_nobody")[0] == 4
    # Nobody has set a key on this platform.
    assert command("segment", "mud", assets[PLC], "--signature", str(tmp_path / "mud.p7s"))[0] == 4


def test_versions_are_compared_with_what_there_is(api: httpx.Client, assets: dict[str, str]) -> None:
    assert assets
    path = "/v1/segmentation/plans/approved/difference"
    same = api.get(path).raise_for_status().json()
    assert (same["zones"], same["conduits"], same["number"]) == ([], [], same["base"])
    assert _refused(api.get(path, params={"from": "999999"})) == (404, "network.plan_not_found")
    assert api.get(path, params={"from": "newest"}).status_code == 422
    assert _refused(api.get("/v1/segmentation/plans/999999/difference")) == (404, "network.plan_not_found")


def test_a_draft_is_edited_on_the_revision_that_was_seen(api: httpx.Client) -> None:
    made = api.post("/v1/zones", json={"name": "line 7", "level": "1", "rules": [{"networks": ["10.7.0.0/24"]}]})
    assert made.status_code == 201
    zone, tag = made.json(), made.headers["etag"]
    path = f"/v1/zones/{zone['zone_id']}"
    patched = api.patch(path, json={"name": "line 8", "rules": None}, headers={"If-Match": tag})
    assert (patched.json()["name"], patched.json()["rules"]) == ("line 8", [])
    assert _refused(api.patch(path, json={"risk": 5}, headers={"If-Match": tag})) == (412, "network.plan_changed")
    assert _refused(api.patch(path, json={"level": "7"})) == (422, "network.invalid_plan")
    outside = {"source": zone["zone_id"], "target": "external", "services": [{"transport": "tcp", "port": 443}]}
    conduit = api.post("/v1/conduits", json={**outside, "networks": ["198.51.100.0/24"]}).json()
    assert conduit["target_name"] == "external"
    changed = api.patch(f"/v1/conduits/{conduit['conduit_id']}", json={"owner": "jo", "networks": None}).json()
    assert (changed["owner"], changed["networks"]) == ("jo", [])
    assert _refused(api.post("/v1/conduits", json={**outside, "target": "zon_nowhere"})) == (
        422,
        "network.invalid_plan",
    )
    assert _refused(api.post("/v1/segmentation/approve", json={"revision": 1, "reason": "x"}))[0] == 412
    shown = api.get("/v1/segmentation/plans/draft").json()
    assert any("nobody" in flaw["message"] or "open to every" in flaw["message"] for flaw in shown["flaws"])
    assert api.delete(path).status_code == 204
    assert _refused(api.get(path, params={"plan": "draft"})) == (404, "network.zone_not_found")
    assert api.post("/v1/segmentation/discard", json={}).status_code == 204
    assert _refused(api.get("/v1/zones", params={"plan": "draft"})) == (404, "network.plan_not_found")
    assert _refused(api.get("/v1/segmentation/plans/999999")) == (404, "network.plan_not_found")
    assert _refused(api.get("/v1/zones", params={"plan": "yesterday"}))[0] == 422


def test_plans_are_listed_page_by_page(api: httpx.Client, assets: dict[str, str]) -> None:
    found = []
    after = ""
    while True:
        page = api.get("/v1/segmentation/plans", params={"limit": 1, "after": after}).json()
        found += [each["number"] for each in page["items"]]
        if page["next"] is None:
            break
        after = page["next"]
    assert found == sorted(found, reverse=True)
    assert _refused(api.get("/v1/segmentation/plans", params={"after": "x"}))[0] == 422
