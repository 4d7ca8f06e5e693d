"""The network map: drawn, walked by keys, narrowed, and the same as a table and as files."""

from __future__ import annotations

import csv
import json
import re
from pathlib import Path

from console_page import Console
from journey import wait_until
from playwright.sync_api import Locator, expect
from seen_network import ENGINEER, SITE, STOPPED, SeenNetwork


def _canvas(console: Console) -> Locator:
    return console.page.get_by_role("application", name="Network map")


def _rows(console: Console) -> Locator:
    return console.page.get_by_role("grid", name="Everything on the map").get_by_role("row")


def _open(console: Console, network: SeenNetwork, more: str = "") -> None:
    assert network.site == SITE
    console.open(f"/map?site={SITE}{more}")
    expect(_canvas(console)).to_be_visible()
    expect(_rows(console).nth(1)).to_be_visible()


def test_the_map_is_walked_by_keys_and_the_table_beside_it_goes_along(console: Console, network: SeenNetwork) -> None:
    _open(console, network)
    console.tab_to(_canvas(console), most=80)

    def has_chosen() -> bool:
        console.keys("ArrowDown")
        return "id=" in console.page.url

    wait_until(has_chosen, 30, "something is chosen")
    said = console.page.get_by_role("status").filter(has_text="talks with")
    expect(said).to_have_count(1)
    expect(
        console.page.get_by_role("heading", name="Talks with").or_(console.page.get_by_text("talks with nobody"))
    ).to_have_count(1)
    _choose(console, STOPPED)
    expect(said).to_contain_text("controller, level 1")
    expect(said).to_contain_text("open alerts")
    _canvas(console).focus()
    console.keys("+", "-", "0", "Shift+ArrowLeft", "Enter")
    expect(console.page).to_have_url(re.compile("/assets/ast_"))


def test_the_map_is_narrowed_to_what_lies_around_an_asset(console: Console, network: SeenNetwork) -> None:
    _open(console, network)
    _choose(console, ENGINEER)
    console.act(console.page.get_by_role("button", name="Only around it"), key="Enter")
    expect(console.page).to_have_url(re.compile("focus=ast_"))
    expect(console.page.get_by_text("3 assets, 2 lines")).to_be_visible()
    console.page.get_by_role("combobox", name="Steps").select_option("2")
    expect(console.page.get_by_text("3 assets, 2 lines")).to_be_hidden()
    console.page.get_by_role("button", name="Show everything").press("Enter")
    console.page.get_by_role("combobox", name="Protocol").select_option("s7comm")
    expect(console.page.get_by_text("2 assets, 1 line")).to_be_visible()
    console.open("/map?site=nowhere")
    expect(console.page.get_by_text("No asset fits these filters.")).to_be_visible()


def test_closed_groups_are_opened(console: Console, network: SeenNetwork) -> None:
    _open(console, network, "&closed=1&by=level")
    expect(_rows(console).filter(has_text="Level 1")).to_have_count(1)
    _rows(console).filter(has_text="Level 1").click()
    console.page.get_by_role("button", name="Open the group").press("Enter")
    expect(_rows(console).filter(has_text=STOPPED)).to_have_count(1)
    expect(console.page).to_have_url(re.compile("open=grp_"))


def test_the_map_is_taken_along_as_files(console: Console, network: SeenNetwork, tmp_path: Path) -> None:
    _open(console, network)

    def taken(what: str) -> Path:
        console.page.get_by_role("button", name="Export").press("Enter")
        with console.page.expect_download() as download:
            console.page.get_by_role("menuitem", name=what).press("Enter")
        path = tmp_path / download.value.suggested_filename
        download.value.save_as(path)
        return path

    with taken("Who talks with whom").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert any({row["from"], row["to"]} == {ENGINEER, STOPPED} and "s7comm" in row["protocols"] for row in rows)
    assert len(json.loads(taken("Everything").read_text())["edges"]) == len(rows)
    assert taken("What is seen").read_bytes().startswith(b"\x89PNG")
    with console.copied(console.page.get_by_role("button", name="Copy as")) as texts:
        assert texts["CLI"].startswith(f"vedette link map --grouping zone --site {SITE}")
        assert "/v1/network-map?" in texts["curl"]


def test_the_page_is_readable_to_all(console: Console, network: SeenNetwork) -> None:
    _open(console, network)
    _choose(console, ENGINEER)
    console.page.get_by_text("Legend").click()
    console.check_looks()


def _choose(console: Console, name: str) -> None:
    console.page.get_by_role("searchbox", name="Find on the map").fill(name)
    expect(_rows(console)).to_have_count(2)
    _rows(console).nth(1).click()
    expect(console.page).to_have_url(re.compile("id=ast_"))
    console.page.get_by_role("searchbox", name="Find on the map").fill("")
    expect(_rows(console).nth(2)).to_be_visible()
