"""Queries: asked from the keyboard, read page by page, explained where they are wrong."""

from __future__ import annotations

from console_page import Console
from playwright.sync_api import expect


def test_query_is_asked_and_its_devices_opened(console: Console) -> None:
    page = console.open("/queries")
    console.keys("/", "Control+a")
    page.keyboard.type("SELECT deviceId, tags.line FROM devices WHERE STARTSWITH(deviceId, 'boiler-')")
    console.keys("Control+Enter")
    expect(page.get_by_role("row")).to_have_count(3)
    console.see("2 rows")
    page.get_by_role("grid", name="Answer").get_by_role("link", name="boiler-2").click()
    expect(console.heading).to_have_text("boiler-2")


def test_answer_of_many_pages_is_read_on_as_one_scrolls(console: Console) -> None:
    query = "SELECT deviceId FROM devices"
    page = console.open("/queries")
    # Pages of three, as if there were many devices.
    page.route("**/v1/query", lambda route: route.continue_(post_data={**route.request.post_data_json, "limit": 3}))
    page.goto(f"/queries?q={query.replace(' ', '+')}")
    total = console.platform.call("POST", "/v1/query", {"query": query, "limit": 1000})["items"]
    console.see(f"{len(total)} rows")
    expect(page.get_by_role("grid", name="Answer")).to_have_attribute("aria-rowcount", str(len(total) + 1))


def test_query_that_is_wrong_is_explained_at_the_place(console: Console) -> None:
    console.allowed.append("status of 4")
    page = console.open("/queries?q=SELECT+*+FORM+devices")
    expect(page.get_by_role("alert")).to_contain_text("character 10")
    expect(page.get_by_role("alert")).to_contain_text("did you mean FROM?")
