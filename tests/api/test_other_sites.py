"""Whoever sees one site is told nothing of another: no name, no number, in no list, count, export, report or search."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from network_house import HMI, PLC
from people_at_the_door import PeopleAtTheDoor
from running_platform import RunningPlatform, wait_for
from told_plant import ToldPlant

from vedette.api.operation_actions import OPERATIONS, About
from vedette.kernel import SystemClock
from vedette.protocols.sensor import AlertRecord

MARK = "zqsecret"
SITE = f"site-{MARK}"
DEVICE = f"device-{MARK}"
_TOLD_BY_ITS_ROUTE = (About.LIMITED, About.QUERY)
# What tells of no device: our own authorities, which are public; what devices of a class or group may be told; and
# that snapshots were taken, of which the numbers are left out.
_OF_THE_PLATFORM = frozenset({"/v1/own-authorities", "/v1/command-schemas", "/v1/inventory-snapshots"})
# Numbers that count nothing.
_SETTINGS = frozenset({"limit"})
READ = [
    path
    for name, operation in OPERATIONS.items()
    if (path := name.removeprefix("GET ")) != name
    and operation.about in _TOLD_BY_ITS_ROUTE
    and not path.endswith("/stream")
]
QUERIES = (
    "SELECT * FROM devices",
    "SELECT COUNT() AS number FROM devices",
    "SELECT status, COUNT() AS number FROM devices GROUP BY status",
    "SELECT * FROM devices.modules",
    "SELECT * FROM devices WHERE STARTSWITH(deviceId, 'device-zq')",
)


class OtherSite(ToldPlant):
    """A site with a bit of everything, each with the mark in its name."""

    alert_id = ""

    def fill(self) -> None:
        api = self.api
        self.come()
        millis = int(SystemClock().now().timestamp() * 1000)
        stop = AlertRecord(
            id="1",
            rule="ot.controller_stop",
            engine="operational",
            severity="high",
            title=f"{MARK} was stopped",
            source=HMI,
            target=PLC,
            protocol="s7comm",
            technique="T0858",
            first_at=millis,
            last_at=millis,
        )
        self.tell(stop, sequence=2)
        wait_for(lambda: api.get("/v1/alerts", params={"text": MARK}).json()["items"], "the alert")
        self.alert_id = api.get("/v1/alerts", params={"text": MARK}).json()["items"][0]["alert_id"]
        made = (
            ("devices", {"device_id": DEVICE, "site": SITE}),
            (f"devices/{DEVICE}/modules", {"module_id": f"module-{MARK}"}),
            ("groups", {"name": f"group-{MARK}"}),
            (f"groups/group-{MARK}/add", {"device_ids": [DEVICE]}),
            (f"devices/{DEVICE}/signals", {"signal_class": "malware", "level": "high", "source": "edr"}),
            (f"devices/{DEVICE}/quarantine", {"reason": MARK}),
            ("inventory-snapshots", {"note": MARK}),
        )
        for path, body in made:
            api.post(f"/v1/{path}", json=body).raise_for_status()


@pytest.fixture(scope="module")
def other(platform: RunningPlatform, tmp_path_factory: pytest.TempPathFactory) -> Iterator[OtherSite]:
    with platform.client() as api:
        site = OtherSite(platform, api, tmp_path_factory.mktemp("other"), name=f"probe-{MARK}", site=SITE)
        site.fill()
        yield site


@pytest.fixture(scope="module")
def person(other: OtherSite) -> Iterator[httpx.Client]:
    """Return whoever may do everything at a site where nothing is."""
    people = PeopleAtTheDoor(other.platform.url, other.api)
    yield people.come("admin", sites=["site-of-nobody"]).http
    people.close()


def told(value: Any, name: str = "") -> Iterator[str]:
    """Yield what an answer tells: each number that is not zero, and each list that is not empty."""
    if isinstance(value, dict):
        for key, each in value.items():
            yield from told(each, key)
    elif isinstance(value, list):
        if value:
            yield f"{name}: {len(value)} entries"
    elif isinstance(value, int | float) and not isinstance(value, bool) and value and name not in _SETTINGS:
        yield f"{name}: {value}"


@pytest.mark.parametrize("path", [each for each in READ if "{" not in each])
def test_a_person_of_another_site_is_told_of_nothing(other: OtherSite, person: httpx.Client, path: str) -> None:
    answer = person.get(path, params={"since": "snp_none"} if path == "/v1/inventory-changes" else {})
    if path == "/v1/inventory-changes":
        known = other.api.get("/v1/inventory-snapshots").json()["items"][0]["snapshot_id"]
        answer = person.get(path, params={"since": known})
    assert answer.status_code == 200, answer.text
    secrets = (MARK, other.alert_id, *(each["asset_id"] for each in other.assets()))
    assert not [each for each in secrets if each in answer.text]
    kind = answer.headers["content-type"].partition(";")[0]
    if kind == "application/json" and path not in _OF_THE_PLATFORM:
        assert list(told(answer.json())) == []
    elif kind == "text/csv":
        assert len(answer.text.splitlines()) == 1


@pytest.mark.parametrize("path", [each for each in READ if "{" in each])
def test_what_stands_at_another_site_is_not_there(other: OtherSite, person: httpx.Client, path: str) -> None:
    asset_id = other.asset(PLC)["asset_id"]
    outside = other.api.get("/v1/external-connections", params={"site": SITE}).json()["items"][0]["external_id"]
    names = {"asset_id": asset_id, "alert_id": other.alert_id, "external_id": outside, "name": "CVE-2020-0001"}
    answer = person.get(path.format_map(names | {"cursor": "1"}))
    assert answer.status_code == 404, answer.text


@pytest.mark.parametrize("query", QUERIES)
def test_a_query_counts_nothing_of_another_site(other: OtherSite, person: httpx.Client, query: str) -> None:
    assert other.api.post("/v1/query", json={"query": query}).json()["items"]
    found = person.post("/v1/query", json={"query": query}).raise_for_status().json()["items"]
    assert list(told(found)) == [] or found == [{"number": 0}]


def test_nothing_at_another_site_is_changed(other: OtherSite, person: httpx.Client) -> None:
    ids = [each["asset_id"] for each in other.assets()]
    outside = other.api.get("/v1/external-connections", params={"site": SITE}).json()["items"][0]["external_id"]
    one = f"/v1/assets/{ids[0]}"
    decided = {"verdict": "approved", "justification": "mine", "owner": "me"}
    changes: list[tuple[str, str, dict[str, Any]]] = [
        ("PATCH", one, {"note": "mine"}),
        ("POST", f"{one}/merge", {"into": ids[1]}),
        ("POST", f"{one}/split", {"addresses": [PLC]}),
        ("POST", "/v1/bulk/assets", {"asset_ids": ids}),
        ("POST", f"/v1/alerts/{other.alert_id}/close", {"verdict": "benign", "reason": "mine"}),
        ("POST", f"/v1/alerts/{other.alert_id}/merge", {"alert_ids": [other.alert_id], "reason": "mine"}),
        ("POST", "/v1/bulk/alerts", {"alert_ids": [other.alert_id], "act": "acknowledge"}),
        ("POST", f"/v1/external-connections/{outside}/decide", decided),
        ("POST", "/v1/bulk/external-connections", {"external_ids": [outside], **decided}),
    ]
    for method, path, body in changes:
        answer = person.request(method, path, json=body)
        assert answer.status_code == 404, (path, answer.text)
    bulk = person.post("/v1/bulk/devices", json={"device_ids": [DEVICE], "is_enabled": False}).json()
    assert (bulk["changed"], bulk["unknown"]) == ([], [DEVICE])


def test_the_status_tells_who_sees_a_part_nothing_of_single_devices(other: OtherSite, person: httpx.Client) -> None:
    assert other.alert_id
    whole = {each["name"]: each for each in other.api.get("/v1/status").json()["components"]}
    part = {each["name"]: each for each in person.get("/v1/status").json()["components"]}
    assert (part.keys(), whole["alerts"]["detail"] != "") == (whole.keys(), True)
    assert (part["alerts"]["health"], part["alerts"]["detail"]) == (whole["alerts"]["health"], "")
    assert MARK not in json.dumps(part)


def test_a_snapshot_tells_who_sees_a_part_no_numbers(other: OtherSite, person: httpx.Client) -> None:
    assert other.site
    mine = person.post("/v1/inventory-snapshots", json={"note": "mine"}).raise_for_status().json()
    assert (mine["assets"], mine["links"], mine["note"]) == (None, None, "mine")
    notes = {each["note"] for each in person.get("/v1/inventory-snapshots").json()["items"]}
    assert notes == {"mine", ""}
