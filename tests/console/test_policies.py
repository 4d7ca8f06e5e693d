"""Policies: written as text or form, checked while one writes, simulated, agreed to, put into force, and taken back."""

from __future__ import annotations

import contextlib
import itertools
import re
from collections.abc import Callable, Iterator
from typing import Any, Final

import pytest
from console_page import Console
from journey import Platform, wait_until
from passkey_page import PasskeyPage
from playwright.sync_api import Locator, Page, expect
from playwright.sync_api import TimeoutError as PlaywrightTimeout

NewBrowser = Callable[[], PasskeyPage]
_numbers: Final = itertools.count(1)
_LONG_MS: Final = 180_000
_FORBID: Final = """
@id("{name}-is-closed")
@owner("plant security")
@why("The {name} is under investigation.")
@guidance("Ask plant security.")
forbid (principal, action, resource is Hub)
when {{ principal has site && principal.site == "{name}" }};
"""
_PERMIT: Final = """
@id("{name}-is-open")
@owner("plant security")
@why("Whoever is at the {name} may read its twin.")
@guidance("Nothing to do.")
permit (principal, action == Action::"readTwin", resource is Hub)
when {{ principal has site && principal.site == "{name}" }};
"""


@pytest.fixture
def yard() -> str:
    """Return the name of a site that no other test knows."""
    return f"yard-{next(_numbers)}"


def content(platform: Platform, reference: str = "stable") -> dict[str, Any]:
    found: dict[str, Any] = platform.call("GET", f"/v1/policies/{reference}")["content"]
    return found


def store(platform: Platform, text: str, name: str = "") -> int:
    """Store the policies in force with one more; return the bundle's number."""
    base = content(platform)
    body = {**base, "policies": base["policies"] + text, "name": name}
    return int(platform.call("POST", "/v1/policies", body)["number"])


def add_devices(platform: Platform, site: str, group: str = "") -> list[str]:
    """Register two devices at a site, and put the first of them into a group."""
    names = [f"{site}-pump-{number}" for number in (1, 2)]
    for name in names:
        platform.call(
            "POST", "/v1/devices", {"device_id": name, "site": site, "authentication": {"type": "symmetric_key"}}
        )
    if group:
        platform.call("POST", "/v1/groups", {"name": group})
        platform.call("POST", f"/v1/groups/{group}/add", {"device_ids": names[:1]})
    return names


def simulate(page: Page) -> Locator:
    """Simulate the bundle whose page is open; return where the result is told."""
    button = page.get_by_role("button", name=re.compile("^Simulate"))
    expect(button).to_be_enabled()
    button.press("Enter")
    found = page.get_by_role("status").filter(has_text="Would change")
    expect(found).to_be_visible(timeout=_LONG_MS)
    return found


def confirm(page: Page, button: str) -> None:
    """Press the button of the dialog that is open, and wait until it is closed."""
    dialog = page.get_by_role("dialog").filter(has=page.get_by_role("button", name="Cancel"))
    dialog.get_by_role("button", name=button, exact=True).press("Enter")
    expect(dialog).to_be_hidden()


def store_draft(page: Page, name: str = "") -> None:
    """Store what is written, as soon as the check has found it good."""
    press(page, "Store as a draft")
    page.keyboard.type(name)
    confirm(page, "Store as a draft")


def press(page: Page, name: str) -> None:
    """Press a button as soon as it can be."""
    button = page.get_by_role("button", name=name)
    expect(button).to_be_enabled()
    button.press("Enter")


def text_field(page: Page) -> Locator:
    return page.get_by_role("textbox", name="Policies, Cedar")


def add_text(page: Page, text: str) -> None:
    """Type at the end of the policies, as by pasting."""
    text_field(page).focus()
    page.keyboard.press("Control+End")
    page.keyboard.insert_text(text)


@contextlib.contextmanager
def nothing_stays(platform: Platform) -> Iterator[None]:
    """Go back to the policies that were in force, whatever happens."""
    before = platform.call("GET", "/v1/policy-staging")["stable"]
    try:
        yield
    finally:
        now = platform.call("GET", "/v1/policy-staging")
        if now["canary"] or now["shadow"]:
            platform.call("POST", "/v1/policy-staging/withdraw", {"reason": "the test is over"})
        if now["stable"] != before:
            platform.call("POST", "/v1/policy-staging/rollback", {"reason": "the test is over"})


def test_what_is_in_force_is_shown_with_who_answers_for_it(console: Console) -> None:
    page = console.open("/policies")
    now = page.get_by_role("region", name="Decides now")
    expect(now).to_contain_text(console.platform.call("GET", "/v1/policy-staging")["stable"])
    expect(now.get_by_role("link", name=re.compile("let in"))).to_be_visible()
    policies = page.get_by_role("list", name="Policies")
    geofence = policies.get_by_role("listitem").filter(has_text="geofence").first
    console.act(geofence.locator("summary"))
    expect(geofence).to_contain_text("vedette")
    expect(geofence).to_contain_text("Declare the site's place")
    expect(geofence.get_by_role("region", name="Text of geofence")).to_contain_text("metresFromSite")
    console.act(page.get_by_role("searchbox", name=re.compile("Find among")))
    page.keyboard.type("no-weak-keys")
    expect(policies.get_by_role("listitem")).to_have_count(1)
    console.check_looks()
    with console.copied(page.get_by_role("button", name="Copy as…").first) as texts:
        assert texts["CLI"] == "vedette policy status"


def test_a_policy_goes_from_a_form_to_the_fleet_and_back(console: Console, yard: str) -> None:  # noqa: PLR0915 - one story
    platform = console.platform
    names = add_devices(platform, yard, group=f"{yard}-pilots")
    console.allowed.append("422")  # the first policy says more than a form can
    with nothing_stays(platform):
        page = console.open("/policies")
        console.act(page.get_by_role("link", name="New draft"))
        console.act(page.get_by_role("tab", name="Text"), key="ArrowRight")
        console.act(page.get_by_role("button", name="Add a policy"))
        expect(page.get_by_role("combobox", name="Policy", exact=True)).to_have_value("new-policy")
        # The check says what is still missing.
        expect(page.get_by_role("list", name="Flaws")).to_contain_text("@owner")
        for label, text in (
            ("Id", f"{yard}-is-closed"),
            ("Owner", "plant security"),
            ("Why", "It is under investigation."),
            ("Guidance", "Ask plant security."),
        ):
            page.get_by_role("textbox", name=re.compile(f"^{label}")).fill(text)
        page.get_by_role("combobox", name="Add to who").select_option("site")
        page.get_by_role("textbox", name="belongs to the site").fill(yard)
        check = page.get_by_role("region", name="Check")
        expect(check.get_by_role("status")).to_have_text("good")
        expect(page.get_by_role("list", name="Policies that change")).to_contain_text(f"{yard}-is-closed")
        expect(page.get_by_text("It can allow nothing that is not allowed now.")).to_be_visible()
        console.check_looks()
        # What the form has written stands in the text.
        page.get_by_role("tab", name="Text").click()
        expect(text_field(page)).to_have_value(re.compile(f'principal.site == "{yard}"'))
        store_draft(page, "close the yard")
        expect(console.heading).to_contain_text("close the yard")

        expect(page.get_by_text("Before it may decide: simulate it")).to_be_visible()
        expect(page.get_by_role("button", name="Let it decide for all")).to_be_disabled()
        expect(simulate(page)).to_contain_text("2 newly denied, 0 newly allowed")
        simulation = page.get_by_role("region", name="What it would change on this fleet")
        expect(simulation.get_by_role("region", name="By site").get_by_role("link", name=yard)).to_be_visible()
        group = simulation.get_by_role("region", name="By group").get_by_role("link", name=f"{yard}-pilots")
        expect(group).to_have_attribute("href", re.compile("^/devices.where="))
        expect(simulation.get_by_role("link", name=names[0]).first).to_have_attribute("href", f"/devices/{names[0]}")
        console.check_looks()

        press(page, "Try in the shadow")
        page.keyboard.type("a look")
        confirm(page, "Try in the shadow")
        expect(page.get_by_text("in the shadow", exact=True)).to_be_visible()
        live = page.get_by_role("region", name="On live traffic, deciding nothing")
        expect(live).to_contain_text("Would refuse")
        press(page, "Let it decide for a group")
        page.get_by_role("combobox", name="Group").select_option(label=f"{yard}-pilots (1)")
        console.check_accessible()
        confirm(page, "Let it decide for a group")
        expect(page.get_by_text("decides for a group", exact=True)).to_be_visible()
        expect(page.get_by_role("region", name="On live traffic")).to_contain_text("refused unforeseen")
        page.get_by_role("navigation", name="Pages").get_by_role("link", name="Policies").click()
        canary = page.get_by_role("region", name="Canary: decides for one group")
        expect(canary).to_contain_text(f"{yard}-pilots")
        expect(canary).to_contain_text("refused unforeseen take it back")
        console.check_looks()
        canary.get_by_role("link", name="close the yard").click()

        press(page, "Let it decide for all")
        page.keyboard.type("investigation")
        expect(page.get_by_role("dialog")).to_contain_text("2 newly denied")
        confirm(page, "Let it decide for all")
        expect(page.get_by_text("decides for everyone", exact=True)).to_be_visible()
        assert platform.call("GET", f"/v1/devices/{names[1]}/access")["actions"][0]["is_permitted"] is False

        page.get_by_role("navigation", name="Pages").get_by_role("link", name="Policies").click()
        now = page.get_by_role("region", name="Decides now")
        expect(now).to_contain_text("close the yard")
        expect(now).to_contain_text("investigation")
        console.act(now.get_by_role("button", name="Roll back"))
        dialog = page.get_by_role("dialog")
        expect(dialog).to_contain_text("1 removed")
        expect(dialog).to_contain_text("Going back may allow what is not allowed now")
        page.keyboard.type("it was the other yard")
        confirm(page, "Roll back")
        expect(now).to_contain_text("it was the other yard")
        expect(now).not_to_contain_text("close the yard")


def test_a_flaw_is_told_with_its_place_and_jumped_to(console: Console, yard: str) -> None:
    page = console.open("/policies/edit?from=stable")
    line = content(console.platform)["policies"].count("\n") + 2
    add_text(page, "permit (principal, action, resource)\nwenn { true };\n")
    check = page.get_by_role("region", name="Check")
    expect(check.get_by_role("status")).to_contain_text("flaw")
    expect(page.get_by_role("button", name="Store as a draft")).to_be_disabled()
    expect(page.get_by_text("It is told as soon as the policies can be read.")).to_be_visible()
    place = check.get_by_role("button", name=re.compile(f"^line {line - 1},|^line {line},")).first
    console.check_looks()
    console.act(place)
    expect(text_field(page)).to_be_focused()
    told = place.inner_text()
    at = text_field(page).evaluate("(field) => field.value.slice(0, field.selectionStart).split('\\n').length")
    assert f"line {at}," in told
    # A warning, or a word that the schema does not know, has its place too.
    page.keyboard.press("Control+a")
    page.keyboard.insert_text(_FORBID.format(name=yard).replace("principal.site ==", "principal.sight =="))
    expect(page.get_by_role("list", name="Flaws")).to_contain_text("sight")


def test_unit_cases_run_with_every_change(console: Console, yard: str) -> None:
    page = console.open("/policies/edit?from=stable&tab=cases")
    cases = page.get_by_role("region", name="Unit cases")
    expect(cases).to_contain_text(re.compile(r"All \d+ pass"))
    console.act(page.get_by_role("button", name="Add an example"))
    failed = page.get_by_role("list", name="Failed cases")
    expect(failed).to_contain_text("nobody connects from the south")
    console.check_looks()
    page.get_by_role("tab", name="Text").click()
    add_text(page, _FORBID.format(name="south"))
    expect(failed).to_be_hidden()
    expect(cases).to_contain_text(re.compile(r"All \d+ pass"))


def test_a_site_is_declared_and_its_mistakes_are_told(console: Console, yard: str) -> None:
    page = console.open("/policies/edit?from=stable&tab=sites")
    expect(page.get_by_text("No site is declared.")).to_be_visible()
    page.get_by_role("textbox", name=re.compile("^Another site")).fill(yard)
    page.keyboard.press("Enter")
    page.get_by_role("textbox", name=re.compile("^Time zone")).fill("Europe/Nowhere")
    expect(page.get_by_role("list", name="Flaws")).to_contain_text(yard)
    page.get_by_role("textbox", name=re.compile("^Time zone")).fill("Europe/Berlin")
    page.get_by_role("textbox", name=re.compile("^Networks")).fill("10.20.0.0/16\n2001:db8:20::/48")
    page.get_by_role("spinbutton", name=re.compile("^Latitude")).fill("53.5436")
    page.get_by_role("spinbutton", name=re.compile("^Longitude")).fill("9.9881")
    page.get_by_role("spinbutton", name=re.compile("^Radius")).fill("800")
    expect(page.get_by_role("region", name="Check").get_by_role("status")).to_have_text("good")
    expect(page.get_by_text("Sites differ")).to_be_visible()
    expect(page.get_by_text("sites: places, networks or hours").first).to_be_visible()
    console.check_looks()
    store_draft(page)
    expect(page.get_by_text(re.compile(r"\b1 site, "))).to_be_visible()
    number = page.url.rsplit("/", 1)[1]
    assert content(console.platform, number)["sites"][yard]["networks"] == ["10.20.0.0/16", "2001:db8:20::/48"]


def test_a_policy_that_is_no_form_stays_text(console: Console) -> None:
    page = console.open("/policies/edit?from=stable&tab=form&policy=no-weak-keys")
    console.allowed.append("422")
    expect(page.get_by_text("This policy says more than the form can")).to_be_visible()
    page.get_by_role("button", name="Edit it as text").press("Enter")
    expect(text_field(page)).to_be_focused()
    chosen = text_field(page).evaluate("(field) => field.value.slice(field.selectionStart, field.selectionEnd)")
    assert chosen.startswith('@id("no-weak-keys")')
    assert chosen.endswith(";")


def test_leaving_with_an_unstored_draft_asks_and_loses_nothing(console: Console, yard: str) -> None:
    page = console.open("/policies/edit?from=stable")
    add_text(page, _FORBID.format(name=yard))
    menu = page.get_by_role("navigation", name="Pages")
    menu.get_by_role("link", name="Ledger").click()
    asked = page.get_by_role("alertdialog")
    expect(asked).to_contain_text("is not stored")
    console.check_accessible()
    console.act(asked.get_by_role("button", name="Stay"))
    expect(text_field(page)).to_have_value(re.compile(yard))
    menu.get_by_role("link", name="Ledger").click()
    asked.get_by_role("button", name="Leave, keep it").press("Enter")
    expect(console.heading).to_have_text("Ledger")
    page.go_back()
    expect(page.get_by_text("This is what you had not stored yet.")).to_be_visible()
    expect(text_field(page)).to_have_value(re.compile(yard))
    # So does a reload, which the browser itself asks about.
    page.on("dialog", lambda dialog: dialog.accept())
    page.reload()
    expect(text_field(page)).to_have_value(re.compile(yard))
    # Another draft does not overwrite it.
    page.goto("/policies/edit?from=1")
    page.get_by_role("button", name="Go on with it").click()
    expect(text_field(page)).to_have_value(re.compile(yard))
    menu.get_by_role("link", name="Ledger").click()
    asked.get_by_role("button", name="Throw it away").press("Enter")
    expect(console.heading).to_have_text("Ledger")
    console.open("/policies/edit?from=stable")
    expect(text_field(page)).not_to_have_value(re.compile(yard))


def test_what_others_put_into_force_meanwhile_is_said_and_taken_over(console: Console, yard: str) -> None:
    platform = console.platform
    with nothing_stays(platform):
        page = console.open("/policies/edit?from=stable")
        add_text(page, _FORBID.format(name=f"my-{yard}"))
        number = store(platform, _FORBID.format(name=f"their-{yard}"), "theirs")
        console.context.new_page().goto(f"/policies/{number}")
        begun = platform.call("POST", f"/v1/policies/{number}/simulate", {"days": 1})["simulation_id"]
        path = f"/v1/policy-simulations/{begun}"
        wait_until(lambda: platform.call("GET", path)["state"] == "done", 180, "the simulation")
        platform.call("POST", f"/v1/policies/{number}/promote", {"reason": "by others"})
        note = page.get_by_role("status").filter(has_text="was put into force by")
        expect(note).to_contain_text("theirs")
        expect(note).to_contain_text(f"their-{yard}-is-closed")
        expect(text_field(page)).to_have_value(re.compile(f"my-{yard}"))
        expect(page.get_by_role("list", name="Policies that change")).to_contain_text("removed")
        console.check_looks()
        console.act(note.get_by_role("button", name="Take their changes over"))
        expect(page.get_by_text("Their changes are taken over.")).to_be_visible()
        expect(text_field(page)).to_have_value(re.compile(f"my-{yard}[^$]*their-{yard}"))
        expect(page.get_by_role("list", name="Policies that change")).not_to_contain_text("removed")


def test_a_draft_that_is_known_already_is_found_and_discarded(console: Console, yard: str) -> None:
    text = _FORBID.format(name=yard)
    number = store(console.platform, text, "first")
    page = console.open("/policies/edit?from=stable")
    add_text(page, text)
    store_draft(page)
    expect(page.get_by_text("The same content was stored before")).to_be_visible()
    assert f"/policies/{number}?" in page.url
    press(page, "Discard")
    page.keyboard.type("not wanted")
    confirm(page, "Discard")
    expect(console.heading).to_have_text("Policies")
    console.allowed.append("404")
    page.goto(f"/policies/{number}")
    expect(page.get_by_role("link", name="See all bundles")).to_be_visible()


def test_a_simulation_is_stopped(console: Console, yard: str) -> None:
    console.allowed.append("status of 409")  # one may come to its end while the button is pressed
    page = console.page
    unfinished = page.get_by_text("It has not come to its end")

    def is_stopped() -> bool:
        number = store(console.platform, _FORBID.format(name=f"{yard}-{next(_numbers)}"))
        console.open(f"/policies/{number}")
        press(page, "Simulate")
        with contextlib.suppress(PlaywrightTimeout):
            page.get_by_role("button", name="Stop it").press("Enter", timeout=10_000)
        expect(unfinished.or_(page.get_by_role("status").filter(has_text="Would change"))).to_be_visible(
            timeout=_LONG_MS
        )
        return unfinished.is_visible()

    # A small fleet is simulated soon: who presses the button too late begins another one.
    wait_until(is_stopped, 240, "a simulation that is stopped before its end")
    expect(unfinished).to_contain_text("stopped by")
    expect(page.get_by_role("button", name="Let it decide for all")).to_be_disabled()
    expect(simulate(page)).to_contain_text("0 newly denied")


def test_what_newly_allows_something_needs_a_second_person(
    named_platform: Platform, new_browser: NewBrowser, yard: str
) -> None:
    author, second, third = new_browser(), new_browser(), new_browser()
    author.become(f"Author {yard}")
    second.become(f"Second {yard}")
    with nothing_stays(named_platform):
        page = author.open("/policies/edit?from=stable")
        add_text(page, _PERMIT.format(name=yard))
        expect(page.get_by_text("It may newly allow something.")).to_be_visible()
        store_draft(page)
        expect(page.get_by_text("First it must be simulated")).to_be_visible()
        simulate(page)
        expect(page.get_by_text("You have stored it: another person must agree.")).to_be_visible()
        expect(page.get_by_role("button", name="Approve")).to_be_disabled()
        expect(page.get_by_role("button", name="Let it decide for all")).to_be_disabled()
        author.check_looks()

        # Who came by a link is nobody in particular.
        third.follow_link()
        third.skip()
        link = third.open(page.url)
        expect(link.get_by_text("You came by a one-time link")).to_be_visible()
        expect(link.get_by_role("button", name="Approve")).to_be_disabled()

        other = second.open(page.url)
        press(other, "Approve")
        other.keyboard.type("seen and wanted")
        confirm(other, "Approve")
        expect(other.get_by_role("list", name="Words given")).to_contain_text(f"Second {yard}")
        expect(other.get_by_role("list", name="Words given")).to_contain_text("seen and wanted")

        press(page, "Let it decide for all")
        page.keyboard.type("both of us")
        confirm(page, "Let it decide for all")
        expect(page.get_by_text("decides for everyone", exact=True)).to_be_visible()
    # Both have signed that very act.
    for action, least in (("access.approve_policies", 1), ("access.promote_policies", 1), ("operators.sign_act", 2)):
        entries = named_platform.call("GET", f"/v1/ledger/entries?action={action}")["items"]
        assert len(entries) >= least, action


def test_who_may_only_look_is_told_what_it_takes_to_change_them(
    named_platform: Platform, new_browser: NewBrowser, yard: str
) -> None:
    number = store(named_platform, _FORBID.format(name=yard))
    browser = new_browser()
    browser.come(f"Auditor {yard}", "auditor")
    page = browser.open(f"/policies/{number}")
    expect(page.get_by_text("You may look, but not put policies into force")).to_be_visible()
    for name in ("Simulate", "Try in the shadow", "Let it decide for a group", "Let it decide for all", "Discard"):
        expect(page.get_by_role("button", name=name)).to_be_disabled()
    page.get_by_role("link", name="Begin a draft with it").click()
    expect(page.get_by_text("You may look, but not write policies")).to_be_visible()
    browser.check_accessible()
    browser.open("/policies")
    expect(page.get_by_role("list", name="Policies")).to_contain_text("geofence")
