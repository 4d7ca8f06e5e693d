"""The network map through the API and as a command, as a sensor told of the plant."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from network_house import HMI, PLC, alert, asset, link
from people_at_the_door import PeopleAtTheDoor
from running_platform import RunningPlatform, wait_for
from told_plant import ToldPlant

from vedette.cli.program import run

SITE = "plant-map"


@pytest.fixture(scope="module")
def plant(platform: RunningPlatform, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ToldPlant]:
    with platform.client() as api:
        told = ToldPlant(platform, api, tmp_path_factory.mktemp("plant"), name="probe-map", site=SITE)
        told.come()
        wait_for(lambda: len(shown(api)["edges"]) == 2, "the plant on the map")
        yield told


def shown(api: httpx.Client, **params: Any) -> dict[str, Any]:
    found: dict[str, Any] = api.get("/v1/network-map", params={"site": SITE, **params}).raise_for_status().json()
    return found


def test_the_map_shows_who_talks_with_whom(plant: ToldPlant, api: httpx.Client) -> None:
    found = shown(api)
    by_name = {node["name"]: node for node in found["nodes"]}
    assert by_name.keys() == {"plc-1", "=cmd()", "", "Outside"}
    assert (by_name["plc-1"]["level"], by_name["=cmd()"]["level"], by_name["=cmd()"]["is_talking_outside"]) == (
        "1",
        "2",
        True,
    )
    asked = next(edge for edge in found["edges"] if not edge["is_external"])
    ends = (plant.asset(HMI)["asset_id"], plant.asset(PLC)["asset_id"])
    assert (asked["source"], asked["target"], asked["protocols"]) == (*ends, ["modbus"])
    assert (asked["packets"], asked["bytes"], asked["controls"]) == (10, 1_000, 5)
    assert [each["name"] for each in found["protocols"]] == ["modbus", "tls"]
    assert {group["kind"] for group in found["groups"]} == {"site", "level"}  # no plan of zones is in force


def test_the_map_is_narrowed(plant: ToldPlant, api: httpx.Client) -> None:
    plc = plant.asset(PLC)["asset_id"]
    assert len(shown(api, protocol="modbus")["nodes"]) == 2
    assert len(shown(api, focus=plc)["nodes"]) == 2
    assert len(shown(api, focus=plc, hops=2)["nodes"]) == 3
    assert {group["kind"] for group in shown(api, grouping="subnet")["groups"]} == {"site", "subnet", "level"}
    assert shown(api, since="2030-01-01T00:00:00Z")["nodes"] == []
    closed = shown(api, limit=1)
    groups = [each for each in closed["groups"] if each["is_closed"]]
    assert ([each["assets"] for each in groups], closed["assets"], closed["closed"]) == ([1, 1, 1], 3, 3)
    opened = shown(api, limit=1, open=[groups[0]["group_id"]])
    assert len([each for each in opened["groups"] if each["is_closed"]]) == 2
    for wrong in ({"limit": 0}, {"limit": 5_001}, {"hops": 9}, {"grouping": "colour"}, {"level": "7"}, {"opened": "x"}):
        assert api.get("/v1/network-map", params=wrong).status_code == 422, wrong
    assert api.get("/v1/network-map", params={"focus": "ast_nobody"}).status_code == 404


def test_a_map_that_is_known_is_not_sent_again(plant: ToldPlant, api: httpx.Client) -> None:
    assert plant.site == SITE
    first = api.get("/v1/network-map", params={"site": SITE})
    again = api.get("/v1/network-map", params={"site": SITE}, headers={"If-None-Match": first.headers["ETag"]})
    assert (again.status_code, again.content) == (304, b"")


def test_what_comes_new_stands_on_the_map_and_moves_nobody(plant: ToldPlant, api: httpx.Client) -> None:
    before = {node["node_id"]: (node["x"], node["y"]) for node in shown(api)["nodes"]}
    raised = alert(id="a-map", source=HMI, target=PLC)
    plant.tell(asset("10.0.0.78", number=4), link(HMI, "10.0.0.78"), raised, boot="boot-map")

    def is_there() -> bool:
        found = shown(api)
        return len(found["nodes"]) == 5 and any(node["alerts"] for node in found["nodes"])

    wait_for(is_there, "the new one and the alert")
    found = shown(api)
    after = {node["node_id"]: (node["x"], node["y"]) for node in found["nodes"]}
    assert before.items() <= after.items()
    asked = next(edge for edge in found["edges"] if edge["controls"])
    assert asked["is_alerting"]
    alerting = shown(api, is_alerting="true")
    assert {node["severity"] for node in alerting["nodes"] if node["alerts"]} == {"high"}
    assert len(alerting["nodes"]) >= 2


def test_a_person_of_another_site_sees_an_empty_map(
    plant: ToldPlant, platform: RunningPlatform, api: httpx.Client
) -> None:
    people = PeopleAtTheDoor(platform.url, api)
    there, elsewhere = people.come("operator", sites=[SITE]), people.come("operator", sites=["plant-z"])
    assert there.http.get("/v1/network-map").json()["sites"] == [SITE]
    hidden = elsewhere.http.get("/v1/network-map").raise_for_status().json()
    assert (hidden["nodes"], hidden["edges"], hidden["groups"]) == ([], [], [])
    assert (hidden["sites"], hidden["protocols"], hidden["assets"], hidden["last_at"]) == ([], [], 0, "")
    asset_id = plant.asset(PLC)["asset_id"]
    assert elsewhere.http.get("/v1/network-map", params={"focus": asset_id}).status_code == 404
    people.close()


def test_the_command_writes_a_table_a_spreadsheet_or_json(
    plant: ToldPlant, platform: RunningPlatform, capsys: pytest.CaptureFixture[str]
) -> None:
    token = platform.data / "secrets" / "operator.token"

    def command(*arguments: str) -> str:
        line = ["link", "map", "--site", SITE, *arguments, "--url", platform.url, "--token-file", str(token)]
        assert run(line) == 0
        return capsys.readouterr().out

    table = command("--protocol", "modbus", "--grouping", "level")
    assert "plc-1" in table
    assert "alerts" in table
    rows = list(csv.DictReader(io.StringIO(command("--format", "csv"))))
    assert {row["from"] for row in rows} == {"'=cmd()"}
    focused = json.loads(command("--focus", plant.asset(PLC)["asset_id"], "--output", "json"))
    assert len(focused["nodes"]) == 2
    assert "is_closed" in command("--closed", "--output", "json")
