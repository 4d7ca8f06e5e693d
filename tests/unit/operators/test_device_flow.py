"""Codes of the device flow, and the tokens of programs, as people and strangers write them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vedette.api.errors import InvalidBody
from vedette.api.forms import parse_form
from vedette.kernel import RandomIds, SystemClock
from vedette.operators.device_flow import is_device_code, new_user_code, parse_user_code, show_user_code
from vedette.operators.service_token import is_service_token


def test_a_user_code_is_read_as_it_is_shown() -> None:
    ids = RandomIds(SystemClock())
    for _ in range(50):
        code = new_user_code(ids)
        assert parse_user_code(show_user_code(code)) == code
        assert parse_user_code(f" {show_user_code(code).lower()} ") == code


def test_no_letter_of_a_user_code_is_likelier_than_another() -> None:
    class AllBytes:
        """Every byte once, again and again."""

        def __init__(self) -> None:
            self.at = 0

        def new(self, prefix: str) -> str:
            return prefix

        def random_bytes(self, count: int) -> bytes:
            self.at += count
            return bytes((self.at - count + index) % 256 for index in range(count))

    ids = AllBytes()
    letters = "".join(new_user_code(ids) for _ in range(300))
    counts = {letter: letters.count(letter) for letter in set(letters)}
    assert len(counts) == 20
    assert max(counts.values()) - min(counts.values()) < 40


@pytest.mark.parametrize("text", ["", "AAAA-AAAA", "BCDF", "BCDFGHJKL", "\uff22" * 8, "B" * 65])
def test_what_cannot_be_a_user_code_is_none(text: str) -> None:
    assert parse_user_code(text) is None


@given(st.text())
def test_no_text_breaks_a_parser(text: str) -> None:
    parse_user_code(text)
    is_device_code(text)
    is_service_token(text)


@pytest.mark.parametrize(
    "text", ["", "vds_", "vds_" + "a" * 42, "vds_" + "a" * 44, "vdc_" + "a" * 43, "vds_" + "a" * 42 + "\n"]
)
def test_only_a_prefix_and_256_bits_are_a_service_token(text: str) -> None:
    assert not is_service_token(text)
    assert is_service_token("vds_" + "a" * 43)


@pytest.mark.parametrize(
    "body", [b"a=1&a=2", b"\xff=1", "ü=1".encode(), b"&".join(b"%d=1" % n for n in range(17)), b"a=%ff"]
)
def test_a_form_with_doubtful_members_is_refused(body: bytes) -> None:
    with pytest.raises(InvalidBody):
        parse_form(body)


@given(st.binary(max_size=400))
def test_a_form_is_read_or_refused(body: bytes) -> None:
    try:
        found = parse_form(body)
    except InvalidBody:
        return
    assert len(found) <= 16
