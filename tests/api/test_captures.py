from __future__ import annotations

import gzip
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from made_capture import CONTROLLER, STATION, begin, polls, send
from running_platform import RunningPlatform, wait_for


def ended(api: httpx.Client, capture_id: str) -> dict[str, Any]:
    wait_for(lambda: api.get(f"/v1/captures/{capture_id}").json()["state"] in {"done", "failed"}, "analyzed", 300)
    found: dict[str, Any] = api.get(f"/v1/captures/{capture_id}").json()
    return found


def kept(folder: Path, capture_id: str) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if capture_id in path.name)


def test_a_capture_is_uploaded_in_parts_read_and_told_of(api: httpx.Client, platform: RunningPlatform) -> None:
    content = polls()
    begun = begin(api, content)
    assert (begun["state"], begun["received_bytes"]) == ("receiving", 0)
    name, half = begun["capture_id"], len(content) // 2
    first = send(api, name, 0, content[:half])
    assert first.json()["received_bytes"] == half, first.text
    again = send(api, name, 0, content[:half])
    assert (again.status_code, again.json()["code"]) == (409, "network.wrong_offset")
    assert again.json()["context"]["received_bytes"] == half
    file = platform.data / "captures" / f"{name}.capture"
    assert file.stat().st_mode & 0o777 == 0o600
    assert send(api, name, half, content[half:]).json()["state"] == "waiting"
    done = ended(api, name)
    assert (done["state"], done["cause"]) == ("done", ""), done
    assert done["summary"]["counts"]["assets"] == 2
    assert (done["has_report"], done["has_file"]) == (True, False)
    report = api.get(f"/v1/captures/{name}/report").json()
    assert {address for asset in report["assets"] for address in asset["ip_addresses"]} == {STATION, CONTROLLER}
    assert any(each["protocol"] == "modbus" for each in report["protocols"])
    assert report["capture"]["sha256"] == done["sha256"]
    assert report["vulnerabilities"] == []
    # The file goes once it is on record that it was read.
    wait_for(lambda: kept(file.parent, name) == [f"{name}.report"], "nothing is left but the report")
    assert api.get(f"/v1/captures/{name}/content").json()["code"] == "network.capture_not_found"
    seen = api.get("/v1/assets", params={"site": "nowhere"}).json()["items"]
    assert not any(STATION in asset["ips"] for asset in seen)
    acts = api.get("/v1/ledger/entries", params={"limit": 20, "newest_first": True})
    assert acts.status_code in {200, 422}
    assert api.delete(f"/v1/captures/{name}").status_code == 204
    assert kept(file.parent, name) == []


def test_a_capture_that_is_taken_in_shows_in_the_inventory_and_can_be_kept(api: httpx.Client) -> None:
    content = gzip.compress(polls())
    begun = begin(api, content, site="annex-44", is_taken_in=True, is_kept=True)
    send(api, begun["capture_id"], 0, content).raise_for_status()
    done = ended(api, begun["capture_id"])
    assert (done["state"], done["cause"]) == ("done", "")
    assets = api.get("/v1/assets", params={"site": "annex-44"}).json()["items"]
    assert {address for asset in assets for address in asset["ips"]} >= {STATION, CONTROLLER}
    assert not any(sensor["site"] == "annex-44" for sensor in api.get("/v1/sensors").json()["items"])
    kept = api.get(f"/v1/captures/{begun['capture_id']}/content")
    assert kept.content == content


@pytest.mark.parametrize(
    ("make", "state", "says"),
    [
        (lambda: b"\xd4\xc3\xb2\xa1" + b"\xff" * 40, "done", ""),
        (lambda: b"\x1f\x8b" + bytes(60), "failed", ""),
        (lambda: gzip.compress(bytes(40_000_000), 1), "failed", "neither pcap nor pcapng"),
        (lambda: polls()[:-7], "done", ""),
    ],
    ids=["a header of nonsense", "gzip of nonsense", "a bomb", "a file that was cut"],
)
def test_what_is_no_capture_is_told_as_such_and_harms_nothing(
    api: httpx.Client, make: Callable[[], bytes], state: str, says: str
) -> None:
    content = make()
    begun = begin(api, content)
    for start in range(0, len(content), 1_048_576):
        send(api, begun["capture_id"], start, content[start : start + 1_048_576]).raise_for_status()
    found = ended(api, begun["capture_id"])
    assert found["state"] == state, found["cause"]
    assert says in found["cause"]
    if state == "done":
        assert api.get(f"/v1/captures/{begun['capture_id']}/report").json()["capture"]["damage"]
    else:
        assert found["cause"]


def test_parts_that_cannot_be_are_refused(api: httpx.Client) -> None:
    content = polls()
    name = begin(api, content)["capture_id"]
    cases = [
        (send(api, name, 0, b"hello, this is no capture"), 422, "network.invalid_capture"),
        (send(api, name, 5, content[:10]), 409, "network.wrong_offset"),
        (send(api, name, 0, content + b"more"), 422, "network.invalid_capture"),
        (send(api, name, 0, bytes(1_048_577)), 413, "api.body_too_large"),
        (send(api, name, 0, content, kind="application/json"), 415, "api.unsupported_media_type"),
        (send(api, "cap_of-nobody", 0, content), 404, "network.capture_not_found"),
    ]
    for answer, status, code in cases:
        assert answer.status_code == status, answer.text
        assert not code or answer.json()["code"] == code
    assert api.get(f"/v1/captures/{name}/report").json()["code"] == "network.capture_state"
    canceled = api.post(f"/v1/captures/{name}/cancel")
    assert canceled.json()["state"] == "canceled"
    assert api.post(f"/v1/captures/{name}/cancel").json()["code"] == "network.capture_state"
    assert send(api, name, 0, content).json()["code"] == "network.capture_state"


@pytest.fixture(autouse=True)
def nothing_is_left(api: httpx.Client) -> Iterator[None]:
    yield
    for each in api.get("/v1/captures").json()["items"]:
        api.delete(f"/v1/captures/{each['capture_id']}").raise_for_status()


def test_only_so_many_are_under_way_and_none_is_larger_than_may_be(api: httpx.Client) -> None:
    begun = [begin(api, bytes(100))["capture_id"] for _ in range(5)]
    further = api.post("/v1/captures", json={"name": "one more", "size_bytes": 100})
    assert (further.status_code, further.json()["code"]) == (429, "network.too_many_captures")
    for name in begun:
        assert api.delete(f"/v1/captures/{name}").status_code == 204
    large = api.post("/v1/captures", json={"name": "large", "size_bytes": 2**40})
    assert (large.status_code, large.json()["code"]) == (422, "network.invalid_capture")
    siteless = api.post("/v1/captures", json={"name": "x", "size_bytes": 100, "is_taken_in": True})
    assert siteless.status_code == 422
