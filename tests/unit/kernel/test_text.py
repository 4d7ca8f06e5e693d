from __future__ import annotations

import csv
import io
import shlex

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vedette.kernel import escape_csv, escape_html, escape_shell, escape_terminal

HOSTILE = [
    "<script>alert(1)</script>",
    "$(reboot)",
    "`id`",
    "a'b",
    "\x1b[2J",
    "\u202eabc",
    "a\u200bb",
    "=1+1",
    '"',
    "\r\n",
]


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_reaches_the_terminal_without_control_or_invisible_characters(text: str) -> None:
    shown = escape_terminal(text)
    assert shown.isprintable()


@given(st.text())
def test_any_text_is_printable_on_the_terminal(text: str) -> None:
    shown = escape_terminal(text)
    assert all(char.isprintable() or char == "\u2026" for char in shown)


def test_long_text_is_cut_at_its_limit() -> None:
    assert escape_terminal("x" * 10, max_chars=10) == "x" * 10
    assert escape_terminal("x" * 11, max_chars=10) == "x" * 10 + "…"


@given(st.text(alphabet=st.characters(exclude_categories=["C", "Z"], include_characters=" ")))
def test_shell_words_come_back_as_one_word(text: str) -> None:
    assert shlex.split(escape_shell(text)) == [text]


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@x", "\t=1", "\uff1d1+1", "\uff20x"])
def test_csv_fields_are_never_formulas(text: str) -> None:
    (row,) = csv.reader(io.StringIO(escape_csv(text)))
    assert row[0][0] not in "=+-@\t\r\uff1d\uff0b\uff0d\uff20"


@given(st.text())
def test_html_has_no_markup_left(text: str) -> None:
    shown = escape_html(text)
    assert not set(shown) & set("<>\"'")
