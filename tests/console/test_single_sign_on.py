"""In and out through an identity provider (npm ``oidc-provider``), and its identities on one's own account."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import pytest
from identity_provider import IdentityProvider, federated_platform, needs_provider, running_provider
from journey import Platform
from page_parts import card, dialog
from passkey_page import PasskeyPage
from playwright.sync_api import Browser, expect

pytestmark = needs_provider
_ADDRESS: Final = "127.0.173.1"


@pytest.fixture(scope="module")
def provider() -> Iterator[IdentityProvider]:
    with running_provider() as made:
        yield made


@pytest.fixture(scope="module")
def federated(provider: IdentityProvider, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    with federated_platform(_ADDRESS, tmp_path_factory.mktemp("federated"), provider) as running:
        yield running


@pytest.fixture
def page_at(browser: Browser, federated: Platform, provider: IdentityProvider) -> Iterator[PasskeyPage]:
    opened = PasskeyPage(browser, federated)
    opened.allowed.append(provider.issuer)  # the one foreign host, which people are led to
    try:
        yield opened
        opened.check()
    finally:
        opened.close()


def answer_as(opened: PasskeyPage, person: str) -> None:
    """Say at the provider who one is."""
    opened.page.wait_for_url("**/interaction/**")
    opened.page.goto(f"{opened.page.url.partition('?')[0]}?login={person}")


def test_somebody_comes_in_by_the_button_of_the_login_page(page_at: PasskeyPage) -> None:
    page = page_at.open("/")
    button = page.get_by_role("link", name="Single sign-on")
    page_at.check_accessible()
    button.click()
    answer_as(page_at, "ada")
    page_at.expect_in("Ada Lovelace")
    page_at.open("/account")
    expect(card(page, "You")).to_contain_text("single sign-on")
    identities = page.get_by_role("list", name="Your identities at the provider").get_by_role("listitem")
    expect(identities).to_have_count(1)
    page_at.check_looks()
    identities.get_by_role("button", name="Unlink").click()
    expect(dialog(page)).to_contain_text("You have no passkey")
    dialog(page).get_by_role("textbox").fill("another account from now on")
    dialog(page).get_by_role("button", name="Unlink").click()
    # The session that it began ends with it.
    expect(page.get_by_text("Your session has ended.")).to_be_visible(timeout=180_000)


def test_a_person_with_a_passkey_links_what_they_are_called_there(page_at: PasskeyPage) -> None:
    page_at.come("Bob of here", "operator")
    page = page_at.open("/account")
    expect(card(page, "At the identity provider")).to_contain_text("Nothing is linked")
    page.get_by_role("link", name="Link Single sign-on").click()
    answer_as(page_at, "bob")
    page_at.expect_in("Bob of here")
    page_at.open("/account")
    linked = page.get_by_role("list", name="Your identities at the provider").get_by_role("listitem")
    expect(linked).to_have_count(1)
    expect(linked).to_contain_text("bob")
