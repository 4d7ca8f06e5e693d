from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx
import pytest


@pytest.fixture
def fleet(api: httpx.Client, new_name: Callable[[], str]) -> str:
    """Three devices of a line of their own, the first with a module; return the line."""
    line = new_name()
    for number in range(3):
        device = {"device_id": f"{line}-{number}", "tags": {"line": line, "row": number}}
        api.post("/v1/devices", json=device).raise_for_status()
    api.patch(f"/v1/devices/{line}-1/twin", json={"desired": {"interval_s": 10}}).raise_for_status()
    api.post(f"/v1/devices/{line}-0/modules", json={"module_id": "filter", "tags": {"line": line}}).raise_for_status()
    return line


def of(line: str, what: str = "*", source: str = "devices") -> str:
    return " ".join(["SELECT", what, "FROM", source, "WHERE", f"tags.line = '{line}'"])


def ask(api: httpx.Client, query: str, **more: Any) -> httpx.Response:
    return api.post("/v1/query", json={"query": query, **more})


def test_whole_twins_have_the_names_of_azure(api: httpx.Client, fleet: str) -> None:
    answer = ask(api, of(fleet) + " AND tags.row >= 1").json()
    assert (answer["kind"], answer["next"]) == ("twin", None)
    assert [each["deviceId"] for each in answer["items"]] == [f"{fleet}-1", f"{fleet}-2"]
    first = answer["items"][0]
    assert first["properties"]["desired"]["interval_s"] == 10
    assert first["connectionState"] == "Disconnected"


def test_a_selection_has_what_was_selected(api: httpx.Client, fleet: str) -> None:
    answer = ask(api, of(fleet, "deviceId AS name, tags.row") + " AND tags.row = 2").json()
    assert answer["kind"] == "raw"
    assert answer["items"] == [{"name": f"{fleet}-2", "row": 2}]
    assert ask(api, of(fleet, "COUNT() AS n")).json()["items"] == [{"n": 3}]
    modules = ask(api, of(fleet, "moduleId", "devices.modules")).json()
    assert modules["items"] == [{"moduleId": "filter"}]


def test_an_answer_is_read_page_by_page(api: httpx.Client, fleet: str) -> None:
    query = of(fleet, "deviceId")
    first = ask(api, query, limit=2).json()
    second = ask(api, query, limit=2, after=first["next"]).json()
    assert [each["deviceId"] for each in first["items"] + second["items"]] == [f"{fleet}-{n}" for n in range(3)]
    assert second["next"] is None
    other = ask(api, query.replace("deviceId", "status"), limit=2, after=first["next"])
    assert (other.status_code, other.json()["code"]) == (422, "registry.invalid_cursor")


@pytest.mark.parametrize(
    ("query", "position"),
    [
        ("SELECT * FORM devices", 9),
        ("SELECT * FROM nowhere", 14),
        ("SELECT * FROM devices WHERE tags.site = ", 40),
        ("SELECT * FROM devices WHERE deviceID = 'x'", 28),
    ],
)
def test_a_refusal_names_the_place(api: httpx.Client, query: str, position: int) -> None:
    refused = ask(api, query)
    assert (refused.status_code, refused.json()["code"]) == (422, "registry.invalid_query")
    assert refused.json()["context"]["position"] == position


@pytest.mark.parametrize("body", [{}, {"query": ""}, {"query": "x" * 9000}, {"query": "SELECT", "limit": 0}])
def test_a_request_outside_its_limits_is_refused(api: httpx.Client, body: dict[str, Any]) -> None:
    assert api.post("/v1/query", json=body).status_code == 422
