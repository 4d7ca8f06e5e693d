"""``/v1/devices/{device_id}/quarantine``, ``/v1/quarantines`` and ``/v1/enforcements``."""

from __future__ import annotations

from collections.abc import Callable

import httpx
from console_client import ConsoleClient
from in_force import in_force
from people_at_the_door import PeopleAtTheDoor
from running_platform import RunningPlatform


def act(api: httpx.Client, device: str, verb: str = "", **body: object) -> httpx.Response:
    return api.post(f"/v1/devices/{device}/quarantine{verb}", json={"reason": "it beacons", **body})


def test_into_quarantine_and_the_whole_way_back(api: httpx.Client, device: str) -> None:
    put = in_force(lambda: act(api, device))
    found = put["quarantine"]
    assert (found["mode"], found["reason"], found["is_review_due"]) == ("limited", "it beacons", False)
    assert put["enforcement"]["pending"] == []
    assert api.get(f"/v1/devices/{device}").json()["lifecycle"] == "quarantined"
    assert device in {each["device_id"] for each in api.get("/v1/quarantines?limit=1000").json()["items"]}
    early = act(api, device, "/sign-off")
    assert (early.status_code, early.json()["code"]) == (409, "access.quarantine_step")
    assert act(api, device, "/recover").json()["quarantine"]["mode"] == "probation"
    over = act(api, device, "/sign-off")
    assert (over.status_code, over.json()["quarantine"]) == (200, None)
    gone = api.get(f"/v1/devices/{device}/quarantine")
    assert (gone.status_code, gone.json()["code"]) == (404, "access.not_quarantined")
    assert api.get(f"/v1/devices/{device}").json()["lifecycle"] == "made"


def test_what_still_stands_keeps_a_device_in(api: httpx.Client, device: str) -> None:
    api.post(f"/v1/devices/{device}/signals", json={"signal_class": "malware", "source": "edr-1"}).raise_for_status()
    act(api, device)
    refused = act(api, device, "/recover")
    assert (refused.status_code, refused.json()["code"]) == (409, "access.recheck_failed")
    assert act(api, device, "/release").status_code == 200


def test_a_cut_of_a_critical_device_waits_for_another_person(api: httpx.Client, device: str) -> None:
    api.patch(f"/v1/devices/{device}", json={"device_class": "critical"}).raise_for_status()
    asked = act(api, device, mode="cut", is_override=True).json()["quarantine"]
    assert (asked["mode"], asked["asked_mode"], asked["asked_by"]) == ("limited", "cut", "operator:operator-token")
    refused = act(api, device, "/approve")
    assert (refused.status_code, refused.json()["code"]) == (403, "access.people_only")
    waiting = api.get("/v1/quarantines", params={"waits_for_approval": True, "limit": 1000}).json()["items"]
    assert device in {each["device_id"] for each in waiting}


def test_a_link_is_no_second_person_for_a_cut(platform: RunningPlatform, api: httpx.Client, device: str) -> None:
    api.patch(f"/v1/devices/{device}", json={"device_class": "critical"}).raise_for_status()
    act(api, device, mode="cut", is_override=True).raise_for_status()
    link = api.post("/v1/login-links", json={"role": "operator"}).raise_for_status().json()["url"]
    browser = ConsoleClient(platform.url).follow(link)
    refused = act(browser.http, device, "/approve")
    assert (refused.status_code, refused.json()["code"]) == (403, "access.people_only")
    browser.register(f"second person for {device}")
    assert act(browser.http, device, "/approve").json()["quarantine"]["mode"] == "cut"
    browser.close()


def test_a_change_is_shown_hop_by_hop(api: httpx.Client, device: str) -> None:
    act(api, device)
    hops = api.get(f"/v1/devices/{device}/enforcement").json()
    assert hops["device_id"] == device
    assert 0 <= hops["decided_after_ms"] <= hops["sent_after_ms"]
    same = api.get(f"/v1/enforcements/{hops['sequence']}")
    assert same.json() == hops
    missing = api.get("/v1/enforcements/9007199254740991")
    assert (missing.status_code, missing.json()["code"]) == (404, "api.enforcement_forgotten")


def test_what_is_outside_its_limits_is_refused(api: httpx.Client, anonymous: httpx.Client, device: str) -> None:
    assert act(api, device, reason="").status_code == 422
    assert act(api, device, mode="probation").status_code == 422
    assert act(api, device, review_at="2020-01-01T00:00:00Z").status_code == 422
    assert act(api, device, surplus=1).status_code == 422
    assert act(api, "no-such-device").status_code == 404
    assert act(anonymous, device).status_code == 401
    assert act(api, device, "/recover").status_code == 404


def test_a_preview_tells_what_a_quarantine_would_come_to_and_changes_nothing(
    api: httpx.Client, new_name: Callable[[], str]
) -> None:
    site, names = new_name(), [new_name() for _ in range(4)]
    for name in names:
        api.post("/v1/devices", json={"device_id": name, "site": site}).raise_for_status()
    for name in names[:3]:
        assert act(api, name, mode="cut").json()["quarantine"]["mode"] == "cut"
    path = f"/v1/devices/{names[3]}/quarantine"
    found = api.get(f"{path}/preview", params={"mode": "cut"}).json()
    assert (found["present_mode"], found["mode"], found["may_override"]) == (None, "limited", True)
    assert f"3 of the 4 devices of {site}" in found["narrowed_because"]
    assert found["budgets"] == [
        {"part": "site", "name": site, "members": 4, "cut": 3, "most": 3, "is_spent": True},
    ]
    assert api.get(f"{path}/preview", params={"mode": "cut", "is_override": True}).json()["mode"] == "cut"
    assert api.get(f"{path}/preview").json()["narrowed_because"] == ""
    assert api.get(path).status_code == 404
    again = api.get(f"/v1/devices/{names[0]}/quarantine/preview").json()
    assert (again["present_mode"], again["mode"]) == ("cut", "cut")
    assert api.get("/v1/devices/no-such-device/quarantine/preview").status_code == 404


def test_a_preview_tells_of_a_second_person(api: httpx.Client, device: str) -> None:
    api.patch(f"/v1/devices/{device}", json={"device_class": "critical"}).raise_for_status()
    found = api.get(f"/v1/devices/{device}/quarantine/preview", params={"mode": "cut"}).json()
    assert (found["mode"], found["needs_second_person"], found["may_override"]) == ("limited", True, False)


def test_a_role_at_a_site_sees_the_quarantines_of_that_site(
    platform: RunningPlatform, api: httpx.Client, new_name: Callable[[], str]
) -> None:
    site, here, there = new_name(), new_name(), new_name()
    api.post("/v1/devices", json={"device_id": here, "site": site}).raise_for_status()
    api.post("/v1/devices", json={"device_id": there}).raise_for_status()
    for name in (here, there):
        act(api, name).raise_for_status()
    people = PeopleAtTheDoor(platform.url, api)
    try:
        person = people.come("operator", sites=[site]).http
        found = person.get("/v1/quarantines", params={"limit": 1000}).json()["items"]
        assert [each["device_id"] for each in found] == [here]
        assert person.get(f"/v1/devices/{here}/quarantine/preview").status_code == 200
        assert person.get(f"/v1/devices/{there}/quarantine/preview").status_code == 404
    finally:
        people.close()
