"""Versions and ranges as makers write them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vedette.health.advisories.ranges import RangeKind, parse_range
from vedette.health.advisories.versions import VERSION_CHARS_MAX, Version, compare_versions, parse_version

ORDERED = [
    "V1.0 beta 1",
    "V1.0 RC1",
    "V1.0",
    "1.0.1",
    "FW 1.2",
    "v1.2a",
    "1.2b",
    "Version 2.8.1",
    "2.8.1 Build 4",
    "2.8.1 Build 10",
    "V2.9.4",
    "V2.9.17",
    "V5.5",
    "V5.5 SP1",
    "V5.5 SP1 HF2",
    "V5.5 SP2",
    "Firmware 20.011",
    "20.12",
]
NO_VERSIONS = [
    "",
    "HEN16304",
    "2700989",
    "with Web Office Portal",
    "MMT-551 / MMT-751 MiniMed 530G",
    "R",
    "all",
    "٣.٤",
    "9" * 30,
    "1." * 40,
    "1" * (VERSION_CHARS_MAX + 1),
]
HOLDS = [
    ("vers:all/*", "V1.0", True),
    ("*", "anything", True),
    ("All versions", "1", True),
    ("vers:all/<V2.9.7", "V2.9.2", True),
    ("vers:all/<V2.9.7", "V2.9.7", False),
    ("vers:all/<V2.9.7", "V2.9", None),
    ("vers:all/>=V7.80<V9.40", "7.80", True),
    ("vers:all/>=V7.80<V9.40", "9.40.0", False),
    (">=1.220|<=1.281", "1.240", True),
    (">=1.220|<=1.281", "1.300", False),
    (">=13.0.0 | <= 13.0.2 | 13.1.0", "13.0.1", True),
    (">=13.0.0 | <= 13.0.2 | 13.1.0", "13.1", True),
    (">=13.0.0 | <= 13.0.2 | 13.1.0", "13.1.0", True),
    (">=13.0.0 | <= 13.0.2 | 13.1.0", "13.0.3", False),
    (">= V3.1.39 and < V3.3.46", "V3.2", True),
    ("All versions < V5.5.0", "5.4", True),
    ("All BIOS versions < V21.01.14", "V21.01.13", True),
    ("<=2.1|!=2.0.5", "2.0.5", False),
    ("<= 2.9", "2.9.7", None),
    ("<= 2.9", "2.10", False),
    ("2.9", "2.9", True),
    ("2.9", "2.8", False),
    ("2.9", "2.9.7", None),
    ("2.1.x", "2.1.7", True),
    ("2.1.x", "2.2", False),
    ("2.1.x", "2", None),
    ("3.7 SP1 | 3.7 SP2", "3.7 SP2", True),
    ("prior to 3.12", "3.11", True),
    ("versions before 3.12", "3.12", False),
    ("3.1 and prior", "3.0", True),
    ("v3.3.8 and earlier", "V3.3.9", False),
    ("up to and including 4.2", "4.2", True),
    ("Version 4.0 and later", "5", True),
    ("4.0 and later", "3.9", False),
    ("1.0 through 1.8", "1.5", True),
    ("between 1.0 and 1.8", "1.5", None),
    ("Versions 10 and 11", "11", True),
    ("Versions 10 and 11", "12", False),
    ("MX-V4.3.4.83", "V4.3.4.83", None),
    ("< V5.5 SP1", "V5.5 Build 3", None),
    ("with Web Office Portal", "1.0", None),
    ("1SAP576100R0001 (revision index B1 with BSP <= UN30 1.76)", "1.0", None),
    ("< V6.4", "not a version", None),
]
texts = st.text(alphabet="0123456789.vVabspBuild <>=|*x-", max_size=24)
versions = st.lists(st.integers(0, 40), min_size=1, max_size=4).map(lambda n: ".".join(map(str, n)))
tails = st.sampled_from(["", " SP1", " SP2", " Build 3", "a", "b", " rc1"])
whole = st.builds(lambda lead, body, tail: lead + body + tail, st.sampled_from(["", "V", "FW "]), versions, tails)


def read(text: str) -> Version:
    found = parse_version(text)
    assert found is not None, text
    return found


def test_versions_are_ordered_as_their_makers_mean_them() -> None:
    for at, one in enumerate(ORDERED):
        for other in ORDERED[at + 1 :]:
            assert compare_versions(read(one), read(other)) == -1, (one, other)
            assert compare_versions(read(other), read(one)) == 1, (other, one)


@pytest.mark.parametrize("text", NO_VERSIONS)
def test_what_has_no_form_of_a_version_is_none(text: str) -> None:
    assert parse_version(text) is None


@pytest.mark.parametrize(
    ("one", "other"), [("V1.0 SP1", "V1.0 Build 3"), ("MX-V4.3", "V4.3"), ("1.0 foo 3", "1.0 sp 3")]
)
def test_nothing_is_said_where_words_do_not_compare(one: str, other: str) -> None:
    assert compare_versions(read(one), read(other)) is None


@pytest.mark.parametrize(("affected", "seen", "expected"), HOLDS)
def test_a_range_holds_a_version(affected: str, seen: str, *, expected: bool | None) -> None:
    assert parse_range(affected).holds(seen) is expected


def test_what_cannot_be_read_keeps_its_words() -> None:
    assert parse_range("All versions with Ethernet interface").kind is RangeKind.WORDS
    assert parse_range("x" * 600).kind is RangeKind.WORDS


@given(whole, whole)
def test_to_compare_the_other_way_round_turns_the_answer(one: str, other: str) -> None:
    answer = compare_versions(read(one), read(other))
    back = compare_versions(read(other), read(one))
    assert back == (None if answer is None else -answer)
    assert compare_versions(read(one), read(one)) == 0


@given(versions, versions, versions)
def test_dotted_numbers_are_ordered_wholly(one: str, other: str, third: str) -> None:
    a, b, c = read(one), read(other), read(third)
    if compare_versions(a, b) == -1 and compare_versions(b, c) == -1:
        assert compare_versions(a, c) == -1


@given(versions, versions)
def test_below_a_limit_and_from_it_on_exclude_each_other(limit: str, seen: str) -> None:
    below, above = parse_range(f"<{limit}").holds(seen), parse_range(f">={limit}").holds(seen)
    assert not (below and above)
    if below is not None and above is not None:
        assert below is not above


@given(versions)
def test_zeros_at_the_end_change_nothing(text: str) -> None:
    assert compare_versions(read(text), read(f"{text}.0")) == 0


@given(texts, texts)
def test_no_text_makes_a_range_fail(affected: str, seen: str) -> None:
    assert parse_range(affected).holds(seen) in {True, False, None}
