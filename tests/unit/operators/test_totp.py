"""Time-based codes against the vectors of RFC 6238, and the window they are good in."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vedette.operators.totp import app_url, code_at, matching_step, parse_code, step_of

SECRET = b"12345678901234567890"
NOW = datetime(2026, 11, 22, 10, 0, 5, tzinfo=UTC)


@pytest.mark.parametrize(
    ("seconds", "last_six"),
    [
        (59, "287082"),
        (1111111109, "081804"),
        (1111111111, "050471"),
        (1234567890, "005924"),
        (2000000000, "279037"),
        (20000000000, "353130"),
    ],
)
def test_codes_are_those_of_the_standard(seconds: int, last_six: str) -> None:
    """RFC 6238 appendix B, SHA-1, of whose eight digits six are shown."""
    assert code_at(SECRET, step_of(datetime.fromtimestamp(seconds, UTC))) == last_six


@pytest.mark.parametrize(("steps", "is_good"), [(-2, False), (-1, True), (0, True), (1, True), (2, False)])
def test_a_code_is_good_one_step_to_either_side(steps: int, *, is_good: bool) -> None:
    code = code_at(SECRET, step_of(NOW) + steps)
    found = matching_step(SECRET, code, now=NOW, after=0)
    assert (found is not None) == is_good


def test_a_code_and_all_before_it_are_good_once() -> None:
    step = step_of(NOW)
    for older in (step - 1, step):
        assert matching_step(SECRET, code_at(SECRET, older), now=NOW, after=step) is None
    assert matching_step(SECRET, code_at(SECRET, step + 1), now=NOW, after=step) == step + 1


def test_a_clock_that_is_set_back_makes_no_used_code_good() -> None:
    step = step_of(NOW)
    earlier = NOW - timedelta(minutes=10)
    assert matching_step(SECRET, code_at(SECRET, step_of(earlier)), now=earlier, after=step) is None


@pytest.mark.parametrize(
    "text", ["", "12345", "1234567", "12345a", "\uff11\uff12\uff13\uff14\uff15\uff16", "1" * 17, "\u0661" * 6]
)
def test_what_cannot_be_a_code_is_none(text: str) -> None:
    assert parse_code(text) is None


def test_blanks_and_dashes_do_not_matter() -> None:
    assert parse_code(" 123-456 ") == "123456"


@given(st.text())
def test_no_text_breaks_the_parser(text: str) -> None:
    code = parse_code(text)
    assert code is None or (len(code) == 6 and code.isdigit())


def test_an_app_reads_names_with_any_characters() -> None:
    url = app_url(SECRET, issuer="Vedette", name="Ada & Bob?/ü")
    assert url.startswith("otpauth://totp/Vedette:Ada%20%26%20Bob%3F%2F%C3%BC?secret=GEZDGNBV")
