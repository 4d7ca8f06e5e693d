"""Acts that ask for a proof by passkey: the browser gives it, and the act is done; without it nothing is."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Final

import pytest
from passkey_page import PasskeyPage
from playwright.sync_api import Request, expect

_numbers: Final = itertools.count(1)


@pytest.fixture
def eve(new_browser: Callable[[], PasskeyPage]) -> PasskeyPage:
    """Return a browser of a person with a passkey, who is about to let somebody in."""
    browser = new_browser()
    browser.become(f"Eve {next(_numbers)}")
    browser.open("/people")
    browser.button("Invite somebody").click()
    return browser


def test_momentous_act_is_signed_by_passkey(eve: PasskeyPage) -> None:
    signed: list[str] = []

    def note(request: Request) -> None:
        if request.url.endswith("/v1/login-links"):
            signed.append(request.headers.get("vedette-act-assertion", ""))

    eve.page.on("request", note)
    eve.button("Make a link").click()
    expect(eve.page.get_by_label("One-time link")).to_be_visible()
    assert signed[0] == ""
    assert signed[-1]


def test_act_is_not_done_when_nobody_confirms_it(eve: PasskeyPage) -> None:
    eve.recognize_nobody()
    eve.button("Make a link").click()
    expect(eve.page.get_by_role("alert")).to_contain_text("The browser was not given a passkey")
    expect(eve.page.get_by_label("One-time link")).to_have_count(0)
