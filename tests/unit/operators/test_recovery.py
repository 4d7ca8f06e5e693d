from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vedette.kernel import RandomIds
from vedette.operators.recovery import CODES, code_digest, new_codes
from vedette.simulation import ManualClock

IDS = RandomIds(ManualClock())


def test_codes_are_ten_of_a_hundred_bits_in_letters_that_are_not_misread() -> None:
    codes = new_codes(IDS)
    assert len(set(codes)) == CODES == 10
    for code in codes:
        assert re.fullmatch(r"([0-9a-hjkmnp-tv-z]{4}-){4}[0-9a-hjkmnp-tv-z]{4}", code)


@pytest.mark.parametrize(
    "typed",
    [
        "0123-4567-89ab-cdef-ghjk",
        "0123456789abcdefghjk",
        " 0123 4567 89AB CDEF GHJK\n",
        "O123-4567-89ab-cdef-ghjk",
        "oI23-4567-89ab-cdef-ghjk",
        "0L23-4567-89ab-cdef-ghjk",
    ],
)
def test_however_it_is_typed_it_is_the_same_code(typed: str) -> None:
    assert code_digest(typed) == code_digest("0123-4567-89ab-cdef-ghjk") is not None


@pytest.mark.parametrize("typed", ["", "0123-4567-89ab-cdef-ghj", "0123-4567-89ab-cdef-ghjkm", "u" * 20, "é" * 20])
def test_what_cannot_be_a_code_is_none(typed: str) -> None:
    assert code_digest(typed) is None


@given(st.text())
def test_any_text_is_a_code_or_none(text: str) -> None:
    digest = code_digest(text)
    assert digest is None or len(digest) == 32
