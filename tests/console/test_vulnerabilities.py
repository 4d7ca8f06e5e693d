"""Vulnerabilities: ranked with their factors, accepted for a while; advisories handed over in the browser."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import pytest
from advisory_cases import catalog, document, product, scores
from console_page import Console
from playwright.sync_api import expect
from seen_network import IMAGE, TERN, TURNED, SeenNetwork

CVE = "CVE-2026-10001"


@pytest.fixture(scope="module")
def known(network: SeenNetwork) -> SeenNetwork:
    network.know_vulnerabilities()
    return network


def test_a_vulnerability_is_read_accepted_and_taken_back_by_keyboard(console: Console, known: SeenNetwork) -> None:
    page = console.open("/vulnerabilities")
    grid = page.get_by_role("grid", name="Vulnerabilities")
    row = grid.get_by_role("row").filter(has_text=CVE)
    expect(row).to_contain_text(TERN)
    expect(row).to_contain_text("proven")
    console.check_looks()
    console.tab_to(grid, most=100)
    console.keys("Enter")
    expect(page.get_by_role("list", name="What to do")).to_contain_text("Update to V2.4.")
    expect(page.get_by_role("list", name="Factors")).to_contain_text("base score 9.8 of 10")
    expect(page.get_by_role("list", name="Evidence")).to_contain_text("V2.2")
    console.check_looks()
    console.act(page.get_by_role("button", name="Accept for a while…"))
    page.get_by_role("dialog").get_by_label("Who answers for it").fill("plant manager")
    page.get_by_role("dialog").get_by_label("Reason").fill("stops in December")
    console.keys("Enter")
    expect(page.get_by_text("plant manager answers for it")).to_be_visible()
    expect(page.get_by_role("list", name="History")).to_contain_text("stops in December")
    console.act(page.get_by_role("button", name="Take the acceptance back"))
    page.get_by_role("dialog").get_by_label("Reason").fill("the stop is off")
    console.keys("Enter")
    expect(page.get_by_role("button", name="Accept for a while…")).to_be_visible()
    expect(page.get_by_role("list", name="History").get_by_role("listitem")).to_have_count(2)


def test_a_filtered_list_is_exported_as_it_is_shown(console: Console, known: SeenNetwork, tmp_path: Path) -> None:
    page = console.open("/vulnerabilities?certainty=maybe")
    expect(page.get_by_text("None fits.")).to_be_visible()
    page.get_by_label("Answer").select_option("proven")
    expect(page.get_by_role("row").filter(has_text=CVE)).to_be_visible()
    with page.expect_download() as download:
        console.act(page.get_by_role("link", name="CSV"))
    download.value.save_as(tmp_path / "found.csv")
    assert CVE in (tmp_path / "found.csv").read_text()
    page.get_by_role("tab", name="Cannot be told").click()
    expect(page.get_by_role("grid", name="Assets that cannot be told").get_by_role("row").nth(1)).to_be_visible()
    console.check_accessible()


def test_advisories_are_handed_over_and_hostile_ones_are_text(console: Console, tmp_path: Path) -> None:
    hostile = document(product(IMAGE, TURNED, vendor="Hostile"), advisory_id="HOSTILE-1", cve="CVE-2026-66666")
    hostile["document"]["title"] = f"{IMAGE} {TURNED}"
    (tmp_path / "hostile.json").write_text(json.dumps(hostile))
    with zipfile.ZipFile(tmp_path / "more.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("heron.json", json.dumps(document(product("Heron 9", "1.0"), advisory_id="OCA-26-409")))
        archive.writestr("heron.json.sha256", "0" * 64)
        archive.writestr("broken.json", "{}")
    page = console.open("/advisories")
    files = page.get_by_label("JSON documents, plain or gzip")
    files.set_input_files([tmp_path / "hostile.json", tmp_path / "more.zip"])
    console.act(page.get_by_role("button", name="Import"))
    expect(page.get_by_role("status")).to_contain_text("3 documents: 1 added")
    refused = page.get_by_role("list", name="Files that were not taken")
    expect(refused).to_contain_text("heron.json")
    expect(refused).to_contain_text("broken.json")
    console.check_looks()
    (tmp_path / "damaged.zip").write_bytes(b"PK\x03\x04 and no more")
    files.set_input_files(tmp_path / "damaged.zip")
    console.act(page.get_by_role("button", name="Import"))
    expect(page.get_by_role("alert")).to_contain_text("damaged")
    page.get_by_role("row").filter(has_text="HOSTILE-1").get_by_role("link").click()
    expect(page.get_by_role("heading", name="⟨U+202E⟩gpj.exe")).to_be_visible()
    assert page.locator("main img").count() == 0
    console.check_looks()
    console.act(page.get_by_role("button", name="Take away"))
    page.get_by_role("dialog").get_by_label("Reason").fill("not believed")
    console.keys("Enter")
    expect(page.get_by_role("heading", name="Advisories", exact=True)).to_be_visible()
    expect(page.get_by_role("row").filter(has_text="HOSTILE-1")).to_have_count(0)


def test_the_catalog_and_the_scores_change_the_order(console: Console, known: SeenNetwork, tmp_path: Path) -> None:
    (tmp_path / "kev.json").write_bytes(catalog(CVE))
    (tmp_path / "epss.csv.gz").write_bytes(scores((CVE, 0.5, 0.97)))
    page = console.open("/advisories")
    for what, file, label in (
        ("kev", "kev.json", "catalog, JSON or CSV"),
        ("epss", "epss.csv.gz", "scores (EPSS), CSV"),
    ):
        page.get_by_label("What", exact=True).select_option(what)
        page.get_by_label(label).set_input_files(tmp_path / file)
        console.act(page.get_by_role("button", name="Import"))
        expect(page.get_by_role("status")).to_contain_text("entries are known now")
    page.goto("/vulnerabilities?is_known_exploited=true")
    expect(page.get_by_role("row").filter(has_text=CVE)).to_be_visible()
