"""Parts of the console's pages, as people find them: by their headings and names."""

from __future__ import annotations

from playwright.sync_api import Locator, Page


def card(page: Page, title: str) -> Locator:
    """Return the card under a heading."""
    return page.locator("section.card").filter(has=page.get_by_role("heading", name=title, exact=True))


def line(page: Page, title: str, text: str) -> Locator:
    """Return the lines of a card that hold a text."""
    return card(page, title).get_by_role("listitem").filter(has_text=text)


def dialog(page: Page) -> Locator:
    """Return what is open above the page."""
    return page.get_by_role("dialog")


def row(page: Page, table: str, text: str) -> Locator:
    """Return the rows of a table that hold a text."""
    return page.get_by_role("grid", name=table, exact=True).get_by_role("row").filter(has_text=text)
