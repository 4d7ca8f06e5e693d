"""The inventory through the API, as a sensor told of it through the gateway."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from network_house import HMI, HMI_MAC, PLC, PLC_MAC, asset
from people_at_the_door import PeopleAtTheDoor
from running_platform import RunningPlatform, wait_for
from told_plant import OUTSIDE, ToldPlant

SITE = "plant-a"


@pytest.fixture(scope="module")
def plant(platform: RunningPlatform, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ToldPlant]:
    with platform.client() as api:
        told = ToldPlant(platform, api, tmp_path_factory.mktemp("plant"), name="probe-a", site=SITE)
        told.come()
        yield told


def items(api: httpx.Client, path: str, **params: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = api.get(path, params=params).raise_for_status().json()["items"]
    return found


def test_what_a_sensor_sends_through_the_gateway_is_listed(plant: ToldPlant, api: httpx.Client) -> None:
    plc = plant.asset(PLC)
    assert (plc["name"], plc["macs"], plc["role"], plc["level"]) == ("plc-1", [PLC_MAC], "controller", "1")
    assert (plc["state"], plc["is_managed"]) == ("new", False)
    shown = api.get(f"/v1/assets/{plc['asset_id']}")
    assert shown.headers["ETag"] == f'"{plc["revision"]}"'
    assert {each["attribute"] for each in shown.json()["facts"]} >= {"model", "serial", "role"}
    sensor = api.get("/v1/sensors/probe-a").json()
    assert (sensor["site"], sensor["batches"], sensor["report"]["packets"]) == (SITE, 1, 42)
    assert "probe-a" in {each["device_id"] for each in items(api, "/v1/sensors", state="active")}


def test_the_list_is_filtered_and_paged(plant: ToldPlant, api: httpx.Client) -> None:
    assert [each["name"] for each in plant.assets(role="controller")] == ["plc-1"]
    assert [each["name"] for each in plant.assets(text="s7-12")] == ["plc-1"]
    assert [each["name"] for each in plant.assets(level="2")] == ["=cmd()"]
    assert len(plant.assets(text="10.0.0.")) == 3
    assert plant.assets(is_managed="true") == []
    assert plant.assets(text="%") == []
    first = api.get("/v1/assets", params={"site": SITE, "limit": 2}).json()
    second = api.get("/v1/assets", params={"site": SITE, "limit": 2, "after": first["next"]}).json()
    assert (len(first["items"]), len(second["items"]), second["next"]) == (2, 1, None)
    assert api.get("/v1/assets", params={"level": "9"}).status_code == 422
    assert api.get("/v1/assets", params={"stat": "new"}).status_code == 422


def test_links_and_operations_name_their_assets(plant: ToldPlant, api: httpx.Client) -> None:
    plc, hmi = plant.asset(PLC), plant.asset(HMI)
    (found,) = items(api, "/v1/network-links", asset_id=plc["asset_id"])
    assert (found["client_asset_id"], found["protocol"], found["bytes"]) == (hmi["asset_id"], "modbus", 1_000)
    (wrote,) = items(api, "/v1/network-operations", site=SITE, kind="write")
    assert (wrote["service"], wrote["server_asset_id"]) == ("write_single_register", plc["asset_id"])
    assert len(items(api, "/v1/network-links", site=SITE, is_external="false")) == 1
    assert api.get("/v1/network-links", params={"asset_id": "ast_nobody"}).status_code == 404


def test_a_person_says_what_an_asset_is(plant: ToldPlant, api: httpx.Client) -> None:
    quiet = plant.asset("10.0.0.77")
    path = f"/v1/assets/{quiet['asset_id']}"
    etag = f'"{quiet["revision"]}"'
    patch = {"role": "gateway", "level": "3.5", "criticality": "critical", "note": "the modem", "device_id": "probe-a"}
    changed = api.patch(path, json=patch, headers={"If-Match": etag}).raise_for_status().json()
    assert (changed["role"], changed["level"], changed["is_level_set"]) == ("gateway", "3.5", True)
    assert changed["management"]["by"] == "person"
    assert api.patch(path, json={"note": "x"}, headers={"If-Match": etag}).status_code == 412
    plant.tell(asset("10.0.0.77", number=3, role="camera", model="Eye"), sequence=2)
    wait_for(lambda: plant.asset("10.0.0.77")["model"] == "Eye", "the batch")
    assert plant.asset("10.0.0.77")["role"] == "gateway"
    back = api.patch(path, json={"role": None, "level": None, "device_id": None}).json()
    assert (back["is_role_set"], back["is_level_set"], back["management"]) == (False, False, None)
    for wrong in ({"level": "9"}, {"state": "gone"}, {"vendor": "mine"}, {"criticality": None}):
        assert api.patch(path, json=wrong).status_code == 422, wrong
    assert api.patch(path, json={"device_id": "nobody"}).status_code == 404
    assert api.patch("/v1/assets/ast_nobody", json={"note": "x"}).status_code == 404


def test_known_assets_are_acknowledged_in_one_go(plant: ToldPlant, api: httpx.Client) -> None:
    ids = [each["asset_id"] for each in plant.assets(state="new")]
    done = api.post("/v1/bulk/assets", json={"asset_ids": ids, "reason": "walked the hall"}).json()
    assert done == {"changed": len(ids), "asset_ids": sorted(ids)}
    assert plant.assets(state="new") == []
    back = api.post("/v1/bulk/assets", json={"asset_ids": ids[:1], "state": "new", "reason": "undone"}).json()
    assert [each["asset_id"] for each in plant.assets(state="new")] == back["asset_ids"] == ids[:1]
    again = api.post("/v1/bulk/assets", json={"asset_ids": ids, "reason": "walked the hall"}).json()
    assert again["asset_ids"] == ids[:1]
    acts = items(api, "/v1/ledger/entries", target=ids[0])
    assert acts[-1]["action"] == "network.acknowledge_asset"
    assert acts[-1]["reason"] == "walked the hall"
    assert api.post("/v1/bulk/assets", json={"asset_ids": ["ast_nobody"]}).status_code == 404
    assert api.post("/v1/bulk/assets", json={"asset_ids": []}).status_code == 422


def test_two_assets_become_one_and_two_again(plant: ToldPlant, api: httpx.Client) -> None:
    plc, quiet = plant.asset(PLC), plant.asset("10.0.0.77")
    path = f"/v1/assets/{quiet['asset_id']}"
    merged = api.post(f"{path}/merge", json={"into": plc["asset_id"]}).raise_for_status().json()
    assert (merged["asset_id"], merged["ips"]) == (plc["asset_id"], [PLC, "10.0.0.77"])
    assert api.get(path).json()["asset"]["asset_id"] == plc["asset_id"]
    assert api.post(f"{path}/merge", json={"into": plc["asset_id"]}).status_code == 422
    parted = api.post(f"{path}/part", json={}).raise_for_status().json()
    assert (parted["asset_id"], parted["ips"]) == (quiet["asset_id"], ["10.0.0.77"])
    assert plant.asset(PLC)["ips"] == [PLC]
    assert api.post(f"{path}/part", json={}).status_code == 422


def test_an_address_that_is_split_off_stays_split_off(plant: ToldPlant, api: httpx.Client) -> None:
    hmi = plant.asset(HMI)
    path = f"/v1/assets/{hmi['asset_id']}"
    other = api.post(f"{path}/split", json={"addresses": [HMI]}).raise_for_status().json()
    assert (other["ips"], other["macs"], plant.asset(HMI_MAC)["ips"]) == ([HMI], [], [])
    plant.tell(asset(HMI, HMI_MAC, number=2, model="Panel"), sequence=3)
    wait_for(lambda: plant.asset(HMI_MAC)["model"] == "Panel", "the batch")
    assert plant.asset(HMI)["asset_id"] == other["asset_id"]
    assert api.post(f"{path}/split", json={"addresses": [HMI_MAC]}).status_code == 422
    assert api.post(f"{path}/split", json={"addresses": ["10.9.9.9"]}).status_code == 422
    api.post(f"/v1/assets/{other['asset_id']}/merge", json={"into": hmi["asset_id"]}).raise_for_status()
    assert plant.asset(HMI)["asset_id"] == hmi["asset_id"]


def test_somebody_answers_for_a_connection_to_the_outside(plant: ToldPlant, api: httpx.Client) -> None:
    (found,) = items(api, "/v1/external-connections", site=SITE)
    assert (found["name"], found["address"], found["local"]) == ("updates.example", OUTSIDE, HMI)
    assert (found["services"], found["verdict"], found["is_inbound"]) == (["tcp/443 tls"], "undecided", False)
    path = f"/v1/external-connections/{found['external_id']}"
    asked = {"verdict": "approved", "owner": "maintenance", "justification": "updates of the panel"}
    for missing in ("owner", "justification"):
        lacking = {name: value for name, value in asked.items() if name != missing}
        assert api.post(f"{path}/decide", json=lacking).status_code == 422
    api.post(f"{path}/decide", json=asked).raise_for_status()
    assert api.get(path).json()["owner"] == "maintenance"
    assert len(items(api, "/v1/external-connections", site=SITE, verdict="approved")) == 1
    assert api.get("/v1/external-connections/nobody").status_code == 404


def test_a_snapshot_tells_what_changed_since(plant: ToldPlant, api: httpx.Client) -> None:
    taken = api.post("/v1/inventory-snapshots", json={"note": "before"}).raise_for_status().json()
    assert taken["is_kept"]
    assert taken["snapshot_id"] in {each["snapshot_id"] for each in items(api, "/v1/inventory-snapshots")}
    plant.tell(asset("10.0.0.99", number=9), asset(PLC, PLC_MAC, at=9_000, firmware="V4.5"), sequence=4)
    wait_for(lambda: plant.asset(PLC)["firmware"] == "V4.5", "the batch")
    changes = api.get("/v1/inventory-changes", params={"since": taken["snapshot_id"]}).raise_for_status().json()
    assert "10.0.0.99" in {each["values"]["ips"] for each in changes["added"]}
    mine = [each for each in changes["changed"] if each["asset_id"] == plant.asset(PLC)["asset_id"]]
    assert [(each["attribute"], each["before"], each["after"]) for each in mine] == [("firmware", "", "V4.5")]
    assert changes["removed"] == []
    assert api.get("/v1/inventory-changes", params={"since": "snp_nobody"}).status_code == 404
    assert api.delete(f"/v1/inventory-snapshots/{taken['snapshot_id']}").status_code == 204
    assert api.delete(f"/v1/inventory-snapshots/{taken['snapshot_id']}").status_code == 404


def test_the_export_is_safe_in_a_spreadsheet(plant: ToldPlant, api: httpx.Client) -> None:
    answer = api.get("/v1/inventory-export", params={"site": SITE})
    assert answer.headers["Content-Type"].startswith("text/csv")
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert {row["name"] for row in rows} >= {"plc-1", "'=cmd()"}
    for what in ("links", "external-connections", "assets"):
        found = api.get("/v1/inventory-export", params={"site": SITE, "what": what, "form": "json"}).json()
        assert found
        assert {each["site"] for each in found} == {SITE}
    assert api.get("/v1/inventory-export", params={"site": "nowhere", "form": "json"}).json() == []
    for narrowed in (
        {"text": "plc"},
        {"level": "1"},
        {"is_managed": "false"},
        {"has_alerts": "false"},
        {"state": "new"},
    ):
        told = api.get("/v1/inventory-export", params={"site": SITE, "form": "json", **narrowed}).json()
        listed = items(api, "/v1/assets", site=SITE, **narrowed)
        assert [each["asset_id"] for each in told] == [each["asset_id"] for each in listed]
    refused = api.get("/v1/inventory-export", params={"what": "links", "text": "plc"})
    assert refused.status_code == 422


def test_whoever_is_no_sensor_changes_nothing(
    platform: RunningPlatform, api: httpx.Client, plant: ToldPlant, tmp_path: Path
) -> None:
    stranger = ToldPlant(platform, api, tmp_path, name="probe-x", site="plant-x")
    stranger.tell(asset("10.0.0.1"))
    plant.tell(asset("10.0.0.100", number=10), sequence=5)
    wait_for(lambda: plant.assets(address="10.0.0.100"), "a batch behind it")
    assert stranger.assets() == []
    assert items(api, "/v1/assets", address="10.0.0.1") == []
    assert api.get("/v1/sensors/probe-x").status_code == 404
    assert api.post("/v1/sensors", json={"device_id": "probe-x"}).status_code == 422
    assert api.post("/v1/sensors", json={"device_id": "nobody", "site": "x"}).status_code == 404
    assert api.post("/v1/sensors", json={"device_id": plant.name, "site": "x"}).status_code == 409
    stranger.register()
    assert api.post("/v1/sensors/probe-x/retire", json={"reason": "a mistake"}).json()["state"] == "retired"
    assert api.post("/v1/sensors/probe-x/retire", json={"reason": "again"}).status_code == 404


def test_roles_over_a_site_show_its_assets_alone(
    platform: RunningPlatform, api: httpx.Client, plant: ToldPlant
) -> None:
    people = PeopleAtTheDoor(platform.url, api)
    there, elsewhere = people.come("operator", sites=[SITE]), people.come("operator", sites=["plant-z"])
    asset_id = plant.asset(PLC)["asset_id"]
    assert asset_id in {each["asset_id"] for each in items(there.http, "/v1/assets")}
    assert items(elsewhere.http, "/v1/assets") == []
    assert elsewhere.http.get(f"/v1/assets/{asset_id}").status_code == 404
    assert there.http.patch(f"/v1/assets/{asset_id}", json={"note": "seen"}).status_code == 200
    assert elsewhere.http.patch(f"/v1/assets/{asset_id}", json={"note": "seen"}).status_code == 404
    assert elsewhere.http.get("/v1/inventory-export", params={"form": "json"}).json() == []
    assert there.http.post("/v1/sensors", json={"device_id": "probe-x", "site": SITE}).status_code == 403
    people.close()
