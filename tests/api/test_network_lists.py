"""What the pages of the network narrow, count and decide at once, through the API and the command line."""

from __future__ import annotations

import gzip
import json
from base64 import b64encode
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from network_house import HMI, PLC, alert, asset, link, operation
from running_platform import RunningPlatform, wait_for
from told_plant import PLANT, ToldPlant

from vedette.cli.program import run

Command = Callable[..., tuple[int, str]]
SITE = "plant-n"
OLD, SEEN = "10.0.0.90", "9.9.9.9"
OWNERS = f"{SEEN}\t9.9.9.255\t19281\tCH\tQUAD9\n1.0.1.0\t1.0.3.255\t0\tNone\tNot routed\n"


@pytest.fixture
def command(platform: RunningPlatform, capsys: pytest.CaptureFixture[str]) -> Command:
    def call(*arguments: str) -> tuple[int, str]:
        token = platform.data / "secrets" / "operator.token"
        code = run([*arguments, "--url", platform.url, "--token-file", str(token)])
        return code, capsys.readouterr().out

    return call


@pytest.fixture(scope="module")
def plant(platform: RunningPlatform, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ToldPlant]:
    with platform.client() as api:
        told = ToldPlant(platform, api, tmp_path_factory.mktemp("plant"), name="probe-n", site=SITE)
        told.register()
        told.tell(
            *PLANT,
            asset(OLD, number=9, support="2014-04-08 Windows XP", type="camera", vendor="Siemens"),
            link(PLC, SEEN, port=53, transport="udp", protocol="dns", is_external=True),
            link(HMI, PLC, port=23, protocol="telnet"),
            operation(service="plc_stop", kind="control", protocol="s7comm"),
            alert(target=PLC),
        )
        wait_for(lambda: len(told.assets()) == 4, "the plant to stand in the inventory")
        yield told


def listed(api: httpx.Client, path: str, **params: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = api.get(path, params={"site": SITE, **params}).raise_for_status().json()["items"]
    return found


def outside(api: httpx.Client, **params: Any) -> list[str]:
    return [each["address"] for each in listed(api, "/v1/external-connections", **params)]


def test_assets_are_narrowed_by_type_age_and_alerts(plant: ToldPlant, api: httpx.Client) -> None:
    (old,) = plant.assets(is_legacy="true")
    assert (old["ips"], old["device_type"], old["support"]) == ([OLD], "camera", "2014-04-08 Windows XP")
    assert plant.assets(device_type="camera") == plant.assets(is_legacy="true")
    alerted = plant.assets(has_alerts="true")
    assert {each["asset_id"] for each in alerted} == {
        each["asset_id"] for each in plant.assets() if each["open_alerts"]
    }
    assert plant.asset(PLC)["open_alerts"] == 1
    assert OLD not in {ip for each in plant.assets(is_legacy="false") for ip in each["ips"]}
    assert len(plant.assets(has_alerts="false")) + len(alerted) == 4


def test_counts_are_those_of_the_lists(plant: ToldPlant, api: httpx.Client, command: Command) -> None:
    counts = api.get("/v1/asset-counts", params={"site": SITE}).raise_for_status().json()
    assert (counts["total"], counts["new"], counts["legacy"]) == (4, 4, 1)
    assert counts["with_alerts"] == len(plant.assets(has_alerts="true"))
    assert {"value": "Siemens", "count": 2} in counts["vendor"]
    assert sum(each["count"] for each in counts["role"]) == counts["total"]
    code, out = command("asset", "count", "--site", SITE)
    assert (code, "Siemens" in out) == (0, True)
    code, out = command("asset", "list", "--legacy", "--type", "camera", "--site", SITE)
    assert (code, OLD in out) == (0, True)


def test_a_person_names_an_asset_and_its_owner_whatever_sensors_say(plant: ToldPlant, api: httpx.Client) -> None:
    path = f"/v1/assets/{plant.asset(PLC)['asset_id']}"
    named = api.patch(path, json={"name": "press 4", "owner": "maintenance"}).raise_for_status().json()
    assert (named["name"], named["is_name_set"], named["owner"]) == ("press 4", True, "maintenance")
    plant.tell(asset(PLC, at=9_000, name="plc-one", firmware="V9"), sequence=2)
    wait_for(lambda: plant.asset(PLC)["firmware"] == "V9", "the batch")
    assert plant.asset(PLC)["name"] == "press 4"
    assert [each["name"] for each in plant.assets(text="mainten")] == ["press 4"]
    freed = api.patch(path, json={"name": None, "owner": None}).raise_for_status().json()
    assert (freed["name"], freed["is_name_set"], freed["owner"]) == ("plc-one", False, "")
    assert api.patch(path, json={"name": "x" * 129}).status_code == 422


def test_the_device_that_an_asset_is_finds_it(plant: ToldPlant, api: httpx.Client) -> None:
    path = f"/v1/assets/{plant.asset(HMI)['asset_id']}"
    api.patch(path, json={"device_id": "probe-n"}).raise_for_status()
    assert [each["ips"] for each in plant.assets(device_id="probe-n")] == [[HMI]]
    api.patch(path, json={"device_id": None}).raise_for_status()
    assert plant.assets(device_id="probe-n") == []


def test_protocols_tell_who_speaks_them_and_what_can_be_read(
    plant: ToldPlant, api: httpx.Client, command: Command
) -> None:
    found = api.get("/v1/network-protocols", params={"site": SITE}).raise_for_status().json()
    by_name = {each["protocol"]: each for each in found}
    telnet, dns = by_name["telnet"], by_name["dns"]
    assert (telnet["title"], telnet["assets"], telnet["links"], bool(telnet["legacy"])) == ("Telnet", 2, 1, True)
    assert (dns["external"], dns["transports"], dns["clear_text"]) == (1, ["udp"], "")
    assert {each["kind"] for each in by_name["modbus"]["kinds"]} == {"read", "write"}
    # Nothing but an operation was told of it, as of what another protocol carries.
    carried = by_name["s7comm"]
    assert [each["kind"] for each in carried["kinds"]] == ["control"]
    assert (carried["assets"], carried["links"]) == (2, 0)
    code, out = command("link", "protocols", "--site", SITE)
    assert (code, "Telnet" in out) == (0, True)


def test_many_connections_are_decided_at_once_or_none(plant: ToldPlant, api: httpx.Client) -> None:
    ids = [each["external_id"] for each in listed(api, "/v1/external-connections")]
    asked = {"verdict": "approved", "owner": "Ada", "justification": "both are needed"}
    path = "/v1/bulk/external-connections"
    assert api.post(path, json={**asked, "external_ids": [*ids, "nobody"]}).status_code == 404
    assert api.post(path, json={**asked, "owner": "", "external_ids": ids}).status_code == 422
    assert listed(api, "/v1/external-connections", verdict="approved") == []
    done = api.post(path, json={**asked, "external_ids": ids}).raise_for_status().json()
    assert {each["owner"] for each in done} == {"Ada"}
    assert len(listed(api, "/v1/external-connections", verdict="approved", text="ada")) == len(ids) == 2
    api.post(path, json={"verdict": "undecided", "external_ids": ids}).raise_for_status()


def hand(api: httpx.Client, content: bytes, **more: Any) -> httpx.Response:
    return api.post("/v1/address-list", json={"content": b64encode(content).decode(), "name": "own.tsv", **more})


def test_a_list_of_addresses_says_whom_connections_lead_to(
    plant: ToldPlant, api: httpx.Client, command: Command, tmp_path: Path
) -> None:
    assert outside(api, country="CH") == []
    path = tmp_path / "ip2asn.tsv.gz"
    path.write_bytes(gzip.compress(OWNERS.encode()))
    code, out = command("address-list", "import", str(path))
    assert (code, "1 ranges have an owner, 1 lines name none" in out) == (0, True)
    (found,) = listed(api, "/v1/external-connections", country="ch")
    assert (found["address"], found["asn"], found["network_name"]) == (SEEN, 19281, "QUAD9")
    plant.tell(link(HMI, "9.9.9.10", port=53, transport="udp", protocol="dns", is_external=True), sequence=3)
    wait_for(lambda: set(outside(api, country="CH")) == {SEEN, "9.9.9.10"}, "the new connection")
    assert json.loads(command("address-list", "show", "--output", "json")[1])["list"]["name"] == path.name
    assert command("address-list", "remove", "--yes", "--reason", "too old")[0] == 0
    assert api.get("/v1/address-list").json() == {"list": None}
    assert len(outside(api, country="CH")) == 2


def test_a_list_counts_once_all_of_it_came(plant: ToldPlant, api: httpx.Client) -> None:
    begun = hand(api, b"8.8.8.0,8.8.8.255,US\n", is_last=False).raise_for_status().json()
    assert api.get("/v1/address-list").json() == {"list": None}
    done = hand(api, b"7.0.0.0/8,US\n", list_id=begun["list_id"]).raise_for_status().json()
    assert (done["is_complete"], done["parts"], done["ranges_v4"]) == (True, 2, 2)
    assert hand(api, b"6.0.0.0/8,US\n", list_id=begun["list_id"]).status_code == 404
    assert hand(api, b"nothing at all\n").status_code == 422
    assert hand(api, b"\x1f\x8bbroken").status_code == 422
    assert hand(api, b"6.0.0.0/8,US\n", sha256="0" * 64).status_code == 422
    assert api.get("/v1/address-list").json()["list"]["list_id"] == begun["list_id"]
    assert api.post("/v1/address-list/remove", json={}).is_success
    assert api.post("/v1/address-list/remove", json={}).status_code == 404
