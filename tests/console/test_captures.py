"""Captures: chosen and dropped, uploaded with progress, read as a report, exported, deleted."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator

import pytest
from console_page import Console
from journey import Platform
from playwright.sync_api import FilePayload, expect
from seen_network import IMAGE, TERN, hall_capture

SOON_MS = 180_000


@pytest.fixture(autouse=True)
def nothing_is_left(platform: Platform) -> Iterator[None]:
    yield
    for each in platform.api.get("/v1/captures").json()["items"]:
        platform.api.delete(f"/v1/captures/{each['capture_id']}").raise_for_status()


def test_a_capture_is_uploaded_analyzed_and_read(console: Console, platform: Platform) -> None:
    page = console.open("/captures")
    console.see("No capture was uploaded yet.")
    start = page.get_by_role("button", name="Upload and analyze")
    expect(start).to_be_disabled()
    content = hall_capture(ends_at_s=time.time())
    file = FilePayload(name=f"{IMAGE}.pcap", mimeType="application/octet-stream", buffer=content)
    page.get_by_label("Drop a file here").set_input_files(file)
    console.act(start)
    expect(page).to_have_url(re.compile("/captures/cap_"))
    expect(page.get_by_role("heading", level=1)).to_have_text(f"{IMAGE}.pcap")
    expect(page.get_by_role("region", name="What it holds")).to_be_visible(timeout=SOON_MS)
    alerts = page.get_by_role("button", name=re.compile("^Alerts "))
    expect(alerts).to_have_attribute("aria-pressed", "true")
    expect(page.get_by_role("grid", name="Alerts")).to_contain_text("critical")
    console.check()
    page.get_by_role("button", name=re.compile("^Assets ")).click()
    assets = page.get_by_role("grid", name="Assets")
    expect(assets).to_contain_text(TERN)
    page.get_by_label("In assets").fill("Ostwind")
    expect(page).to_have_url(re.compile("text=Ostwind"))
    expect(assets.get_by_role("row")).to_have_count(2)
    with page.expect_download() as csv:
        page.get_by_role("link", name="CSV of assets").click()
    assert TERN in csv.value.path().read_text()
    with page.expect_download() as pdf:
        page.get_by_role("link", name="PDF of the report").click()
    assert pdf.value.path().read_bytes().startswith(b"%PDF-")
    console.check_looks()
    page.get_by_role("button", name="Delete…").click()
    page.get_by_role("button", name="Delete it").click()
    expect(page).to_have_url(re.compile("/captures$"))
    console.see("No capture was uploaded yet.")
    assert platform.api.get("/v1/captures").json()["items"] == []


def test_what_is_no_capture_is_refused_in_words(console: Console) -> None:
    page = console.open("/captures")
    console.allowed.append("status of 422")
    file = FilePayload(name="notes.txt", mimeType="text/plain", buffer=b"nothing that was ever on a wire" * 9)
    page.get_by_label("Drop a file here").set_input_files(file)
    page.get_by_text("Take what it holds into the inventory").click()
    expect(page.get_by_role("button", name="Upload and analyze")).to_be_disabled()
    page.get_by_label("Site, where it was taken").fill("press-hall")
    page.get_by_role("button", name="Upload and analyze").click()
    expect(page.get_by_role("alert")).to_contain_text("neither pcap nor pcapng")
    expect(page.get_by_role("grid", name="Captures")).to_contain_text("uploading")
    console.check()
