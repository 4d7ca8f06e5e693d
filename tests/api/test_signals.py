"""``/v1/devices/{device_id}/signals`` and ``…/health``."""

from __future__ import annotations

from collections.abc import Callable

import httpx
import pytest


def tell(api: httpx.Client, device: str, **changes: object) -> httpx.Response:
    body = {"signal_class": "tamper", "source": "edr-1", **changes}
    return api.post(f"/v1/devices/{device}/signals", json=body)


def test_a_signal_changes_the_health_of_a_device(api: httpx.Client, device: str) -> None:
    assert api.get(f"/v1/devices/{device}/health").json()["risk_level"] == "unknown"
    answer = tell(api, device, detail={"sensor": "lid"}, lasts_s=600)
    assert answer.status_code == 201
    accepted = answer.json()
    assert (accepted["risk_level"], accepted["previous_risk_level"], accepted["is_applied"]) == (
        "high",
        "unknown",
        True,
    )
    health = api.get(f"/v1/devices/{device}/health").json()
    assert [each["finding_class"] for each in health["findings"]] == ["tamper"]
    assert health["signals"][0]["detail"] == {"sensor": "lid"}
    listed = api.get(f"/v1/devices/{device}/signals").json()["items"]
    assert [each["signal_id"] for each in listed] == [accepted["signal"]["signal_id"]]


def test_a_withdrawn_signal_counts_no_more(api: httpx.Client, device: str) -> None:
    signal = tell(api, device).json()["signal"]["signal_id"]
    path = f"/v1/devices/{device}/signals/{signal}/withdraw"
    assert api.post(path, json={"reason": "we opened the lid"}).json()["risk_level"] == "unknown"
    again = api.post(path, json={"reason": "once more"})
    assert (again.status_code, again.json()["code"]) == (404, "health.signal_not_found")


def test_a_position_is_shown_with_its_provenance(api: httpx.Client, device: str) -> None:
    where = {"latitude": 47.37, "longitude": 8.54, "accuracy_m": 12}
    answer = tell(api, device, signal_class="position", position=where, provenance="self-reported", source="agent")
    assert answer.status_code == 201
    location = api.get(f"/v1/devices/{device}/health").json()["location"]
    assert (location["latitude"], location["provenance"]) == (47.37, "self-reported")


def test_the_list_of_health_can_be_read_by_risk(api: httpx.Client, device: str) -> None:
    tell(api, device)
    found = api.get("/v1/health", params={"risk_level": "high", "limit": 1000}).json()["items"]
    assert device in {each["device_id"] for each in found}


@pytest.mark.parametrize(
    "changes",
    [
        {"signal_class": "No Class"},
        {"provenance": "attested"},
        {"level": "unknown"},
        {"lasts_s": 0},
        {"position": {"latitude": 91, "longitude": 0}},
        {"signal_class": "position"},
        {"observed_at": "yesterday"},
        {"observed_at": "2020-01-01T00:00:00Z"},
        {"surplus": 1},
    ],
)
def test_what_is_outside_its_limits_is_refused(api: httpx.Client, device: str, changes: dict[str, object]) -> None:
    assert tell(api, device, **changes).status_code == 422


def test_signals_about_nobody_and_by_nobody_are_refused(
    api: httpx.Client, anonymous: httpx.Client, new_name: Callable[[], str], device: str
) -> None:
    assert tell(api, new_name()).status_code == 404
    assert tell(anonymous, device).status_code == 401
    assert api.get(f"/v1/devices/{new_name()}/health").status_code == 404
