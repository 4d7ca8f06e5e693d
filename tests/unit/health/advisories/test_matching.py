"""Whether a device is a product that an advisory names: proven, maybe, unknown, or not at all."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any

import pytest
from advisory_cases import document, encoded, product
from hypothesis import given
from hypothesis import strategies as st

from vedette.health.advisories.csaf import read_advisory
from vedette.health.advisories.matching import Assessment, Catalogue, Certainty, SeenFact
from vedette.health.advisories.names import code_matches, codes_in, name_tokens, vendor_key, vendor_keys

NOW = datetime(2026, 6, 1, tzinfo=UTC)


def seen(**facts: str | tuple[str, ...]) -> list[SeenFact]:
    return [
        SeenFact(attribute=name, value=value, confidence=90, source="modbus", last_at=NOW)
        for name, values in facts.items()
        for value in ((values,) if isinstance(values, str) else values)
    ]


def assess(*branches: Any, facts: list[SeenFact], **changes: Any) -> Assessment:
    return Catalogue([read_advisory(encoded(document(*branches, **changes)))]).assess(facts)


TERN = product("Tern 500 Controller", "< V2.4")
CODED = product("TERN 500-2 PN (OW5 100-2AB00)", "vers:all/<V2.4")
FAMILY = product("Tern 500 family", "< V2.4")
OURS = {"vendor": "Ostwind"}
SEEN = {**OURS, "model": "Tern 500"}
WORDS, NINE = product("Tern 500", "with web server"), product("Tern 900", "vers:all/*", codes=("OW9 ???-1*",))
HERON = product("Heron Gateway", "<= 3.1")
CASES: list[tuple[str, Any, dict[str, Any], Certainty | None]] = [
    ("the name and a version below", TERN, {**SEEN, "firmware": "V2.3"}, Certainty.PROVEN),
    ("the fixed version", TERN, {**SEEN, "firmware": "2.4.0"}, None),
    ("no version", TERN, {**SEEN}, Certainty.MAYBE),
    ("a version less exact", TERN, {**SEEN, "firmware": "2"}, Certainty.MAYBE),
    ("versions that disagree", TERN, {**SEEN, "firmware": ("2.3", "2.5")}, Certainty.MAYBE),
    ("another maker", TERN, {**SEEN, "vendor": "Westwind", "firmware": "2.3"}, None),
    ("another model", TERN, {**OURS, "model": "Tern 500A", "firmware": "2.3"}, None),
    ("the order number", CODED, {"product_code": "OW5100-2AB00", "firmware": "2.3"}, Certainty.PROVEN),
    ("the order number, blanks apart", CODED, {"product_code": "OW5 100 2AB00", "firmware": "2.3"}, Certainty.PROVEN),
    ("another order number", CODED, {**OURS, "model": "Tern 500-2 PN", "product_code": "OW5100-9AB00"}, None),
    ("no order number", CODED, {**OURS, "model": "TERN 500-2 PN", "firmware": "1.0"}, Certainty.MAYBE),
    ("a part of it", CODED, {**OURS, "model": "500-2", "firmware": "1.0"}, Certainty.MAYBE),
    ("of the family", FAMILY, {**OURS, "model": "Tern 500 CPU 512", "firmware": "1.0"}, Certainty.PROVEN),
    ("all versions", product("Tern 500", "vers:all/*"), {**SEEN}, Certainty.PROVEN),
    ("versions in words", WORDS, {**SEEN, "firmware": "1"}, Certainty.MAYBE),
    (
        "a condition that cannot be seen",
        product("Tern 500, serial number 17X or later", "vers:all/*"),
        {**SEEN, "firmware": "1.0"},
        Certainty.MAYBE,
    ),
    ("software", HERON, {**OURS, "software": "Heron Gateway 3.0.2", "firmware": "9.9"}, Certainty.PROVEN),
    ("a wildcard", NINE, {**OURS, "product_code": "OW9 123-1XY"}, Certainty.PROVEN),
]  # fmt: skip


@pytest.mark.parametrize(("title", "branch", "facts", "expected"), CASES, ids=[each[0] for each in CASES])
def test_a_device_is_compared_with_a_product(
    title: str, branch: Any, facts: dict[str, Any], expected: Certainty | None
) -> None:
    branch["name"] = "Ostwind"
    found = assess(branch, facts=seen(**facts)).matches
    assert [each.certainty for each in found] == ([] if expected is None else [expected]), found
    assert all(each.reasons and each.facts for each in found)


def test_a_device_of_which_only_the_maker_is_known_is_unknown_and_why() -> None:
    found = assess(facts=seen(vendor="Ostwind Controls AG"))
    assert found.matches == ()
    assert found.unknown_advisories == 1
    assert "model was not" in found.unknown_reason
    assert assess(facts=[]).unknown_reason == "neither its maker nor its model was seen"
    assert assess(facts=seen(vendor="Ostwind Controls AG", model="Puffin 77")).unknown_reason == ""


def test_what_the_maker_still_looks_into_is_not_proven() -> None:
    told = {"product_status": {"under_investigation": ["P-1"]}}
    (found,) = assess(facts=seen(vendor="Ostwind Controls", model="Tern 500", firmware="2.3"), **told).matches
    assert found.certainty is Certainty.MAYBE


def test_what_an_advisory_says_is_fixed_is_not_told() -> None:
    told = {"product_status": {"fixed": ["P-1"]}}
    assert assess(facts=seen(vendor="Ostwind Controls", model="Tern 500", firmware="2.3"), **told).matches == ()


def test_the_surest_of_several_advisories_counts() -> None:
    sure = read_advisory(encoded(document(product("Tern 500", "< 2.4"), advisory_id="A")))
    vague = read_advisory(encoded(document(product("Tern 500", "some"), advisory_id="B")))
    for order in ([sure, vague], [vague, sure]):
        (found,) = Catalogue(order).assess(seen(vendor="Ostwind Controls", model="Tern 500", firmware="2.3")).matches
        assert (found.certainty, found.advisory_key) == (Certainty.PROVEN, sure.key)


def test_makers_are_known_by_their_other_names() -> None:
    assert vendor_key("Schneider Electric Software, LLC") == vendor_key("SCHNEIDER ELECTRIC") == "schneider electric"
    assert "rockwell automation" in vendor_keys("Rockwell Automation/Allen-Bradley")
    assert vendor_key("Allen-Bradley") == "rockwell automation"
    assert "siemens" in vendor_keys("SIEMENS AG, Industrial Automation Products")
    assert vendor_key("Ostwind Controls AG") != vendor_key("Westwind Controls AG")


def test_names_are_taken_apart() -> None:
    assert name_tokens("SIMATIC™ S7-1500 CPU 1515T-2 PN (6ES7515-2TM01-0AB0)") == {
        "simatic",
        "s7-1500",
        "1515t-2",
        "pn",
    }
    assert codes_in("Modicon M340 CPU (part numbers BMXP34*)") == {"BMXP34*"}
    assert codes_in("Family (incl. variants)") == set()


@given(pattern=st.text("AB1?*", max_size=7), code=st.text("AB1", max_size=7))
def test_wildcards_of_order_numbers_stand_for_what_they_say(pattern: str, code: str) -> None:
    said = "".join({"*": "[A-Z0-9]*", "?": "[A-Z0-9]"}.get(char, char) for char in pattern)
    assert code_matches(pattern, code) is (re.fullmatch(said, code) is not None)


def test_many_wildcards_keep_nobody_busy() -> None:
    """As one regular expression this takes days."""
    assert not code_matches("*A" * 15 + "*1", "A" * 31 + "B")
