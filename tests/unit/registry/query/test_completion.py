"""What is offered to somebody who writes a query."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vedette.registry.query import complete


def offered(text: str) -> list[str]:
    """Complete at the caret, written as ``|``; at the end without one."""
    position = text.find("|") if "|" in text else len(text)
    return [each.text for each in complete(text.replace("|", ""), position)]


@pytest.mark.parametrize(
    ("text", "among"),
    [
        ("", ["SELECT", "deviceId", "tags.", "IS_DEFINED("]),
        ("SEL", ["SELECT"]),
        ("SELECT ", ["*", "TOP", "deviceId", "COUNT("]),
        ("SELECT deviceId ", ["AS", "FROM"]),
        ("SELECT * FROM ", ["devices", "devices.modules"]),
        ("SELECT * FROM devices ", ["WHERE", "GROUP BY"]),
        ("SELECT mod| FROM devices.modules", ["moduleId"]),
        ("SELECT * FROM devices WHERE li", ["lifecycle"]),
        ("status = ", ["'enabled'", "'disabled'"]),
        ("lifecycle = 'q", ["'quarantined'"]),
        ("lifecycle IN ['active', 'ret", ["'retired'"]),
        ("isBlocked = t", ["true"]),
        ("tags.site = 'x' ", ["AND", "OR"]),
        ("tags.site ", ["=", "IN", "AND"]),
        ("tags.site = 'x' AND starts", ["STARTSWITH(", "STARTS_WITH("]),
        ("SELECT COUNT() FROM devices GROUP BY zo", ["zone"]),
        ("deviceId = 'a' AND pro|", ["properties.desired.", "properties.reported."]),
    ],
)
def test_what_may_stand_there_is_offered(text: str, among: list[str]) -> None:
    assert set(among) <= set(offered(text))


@pytest.mark.parametrize("text", ["tags.site = 'x", "nothing", "deviceId = # AND ", r"status = 'a\n", "é" * 9000])
def test_nothing_is_offered_where_nothing_is_known(text: str) -> None:
    assert offered(text) == []


def test_an_offer_begins_where_the_word_does_and_says_what_it_is() -> None:
    (found,) = complete("tags.a = 1 AND deviceCl", 23)
    assert (found.text, found.start, found.kind) == ("deviceClass", 15, "field")
    assert found.summary


@given(st.text(max_size=60) | st.text("'\"\\a.[]1 ", max_size=20), st.integers(-5, 100))
def test_any_text_can_be_completed(text: str, position: int) -> None:
    for found in complete(text, position):
        assert 0 <= found.start <= len(text)
