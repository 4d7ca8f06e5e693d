from __future__ import annotations

import httpx


def test_without_clones_the_list_is_empty(api: httpx.Client) -> None:
    assert api.get("/v1/clone-alerts").json() == {"items": [], "next": None}
    assert api.get("/v1/clone-alerts", params={"is_open": "true"}).json()["items"] == []


def test_an_alert_that_is_none_is_not_there(api: httpx.Client) -> None:
    for name in ("x", "aln_" + "0" * 26):
        assert api.get(f"/v1/clone-alerts/{name}").status_code == 404
        refused = api.post(f"/v1/clone-alerts/{name}/acknowledge", json={"reason": "looked"})
        assert (refused.status_code, refused.json()["code"]) == (404, "messaging.clone_alert_not_found")
    assert api.post("/v1/clone-alerts/x/acknowledge", json={}).status_code == 422
    assert api.get("/v1/clone-alerts", params={"after": "x"}).status_code == 400
