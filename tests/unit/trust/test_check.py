"""Checking policies before they decide anything: what is wrong, in which line, and what to write instead."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vedette.trust import (
    BadPolicyBundle,
    PolicyBundle,
    PolicyFlaw,
    Site,
    check_bundle,
    default_bundle,
    device_schema,
)
from vedette.trust.cedar import ParsedPolicies

GOOD = """// A comment; with a semicolon.
@id("one")
@owner("me")
@why("because; \\"quoted\\"")
@guidance("do it")
permit (principal, action == Action::"connect", resource)
when { principal.isEnabled };
"""


def check(text: str, today: date | None = None) -> list[PolicyFlaw]:
    return check_bundle(PolicyBundle(device_schema(), text), today)


def messages(text: str) -> list[str]:
    return [flaw.message for flaw in check(text)]


def test_the_default_policies_have_no_flaw() -> None:
    assert check_bundle(default_bundle(), date(2026, 1, 1)) == []


@pytest.mark.parametrize(
    ("case", "text", "line", "words", "is_error"),
    [
        ("does not parse", GOOD + "\n  permit (principal,\n", 9, "does not parse", True),
        ("misspelt", GOOD.replace("isEnabled", "isEnabeld"), 2, "isEnabeld", True),
        ("no such action", GOOD.replace("connect", "fly"), 2, "fly", True),
        ("unguarded", GOOD.replace("principal.isEnabled", 'principal.site == "x"'), 2, "optional attribute", True),
        ("without an owner", GOOD.replace('@owner("me")\n', ""), 2, '@owner("…") is missing', True),
        ("an empty why", GOOD.replace('"because; \\"quoted\\""', '""'), 2, '@why("…") is missing', True),
        ("an odd id", GOOD.replace('"one"', '"One Two"'), 2, "@id is", True),
        ("an odd date", GOOD.replace("@owner", '@expires("soon") @owner'), 2, "@expires is a date", True),
        ("twice", GOOD + GOOD, 9, "also that of the policy at line 2", True),
        (
            "bare",
            GOOD.replace('action == Action::"connect"', "action").replace("\nwhen { principal.isEnabled }", ""),
            2,
            "everyone and everything",
            True,
        ),
        ("every action", GOOD.replace('action == Action::"connect"', "action"), 2, "later releases", False),
        (
            "a template",
            GOOD.replace("principal,", "principal == ?principal,"),
            0,
            "templates",
            True,
        ),
        (
            "unknown passes",
            GOOD.replace("permit", "forbid").replace(
                "principal.isEnabled", "context has metresFromSite && context.metresFromSite > 5"
            ),
            2,
            "while metresFromSite is unknown",
            False,
        ),
    ],
)
def test_a_flaw_is_found_in_its_line(case: str, text: str, line: int, words: str, *, is_error: bool) -> None:
    found = [flaw for flaw in check(text) if words in flaw.message]
    assert {(flaw.line, flaw.is_error) for flaw in found} == {(line, is_error)}
    assert all(flaw.is_error is False for flaw in check(text)) is not is_error


def test_a_policy_whose_review_date_has_passed_is_told() -> None:
    text = GOOD.replace("@owner", '@expires("2026-01-31") @owner')
    assert check(text, date(2026, 1, 30)) == []
    assert [flaw.is_error for flaw in check(text, date(2026, 1, 31))] == [False]


def test_a_flawed_site_is_a_flaw_of_the_bundle() -> None:
    flaws = check_bundle(PolicyBundle(device_schema(), GOOD, {"north": Site(time_zone="Nowhere")}))
    assert [(flaw.line, flaw.is_error) for flaw in flaws] == [(0, True)]
    assert "north" in flaws[0].message


def test_one_mistake_is_told_once_with_every_action_it_hurts() -> None:
    text = GOOD.replace('== Action::"connect"', 'in [Action::"connect", Action::"readTwin"]').replace(
        "isEnabled", "isEnabeld"
    )
    flaws = check(text)
    assert len({flaw.message for flaw in flaws}) == len(flaws)
    assert flaws[0].policy == "one"


@given(st.text(max_size=200) | st.text(alphabet='@"();{}/ \n\\permit', max_size=80))
def test_any_text_is_checked_without_failing(text: str) -> None:
    for flaw in check(text):
        assert flaw.line <= text.count("\n") + 1


@pytest.mark.parametrize(
    ("case", "condition", "words"),
    [
        ("a fact", "context.adress == context.address", "`adress` in context not found (connect); is it `address`?"),
        ("an attribute", 'principal.tagz.contains("x")', "`tagz` on entity type `Device` not found; is it `tags`?"),
        ("a fact asked for", "context has localMinut", "context never has localMinut; is it `localMinute`?"),
        ("an attribute asked for", "principal has sitee", "principal never has sitee; is it `site`?"),
        ("nothing like it", "context has moonPhase", "context never has moonPhase"),
    ],
)
def test_a_misspelt_name_is_an_error_that_names_the_nearest(case: str, condition: str, words: str) -> None:
    text = GOOD.replace("principal.isEnabled", condition).replace("(principal,", "(principal is Device,")
    found = [flaw for flaw in check(text) if words in flaw.message]
    assert len(found) == 1, (case, messages(text))
    assert found[0].is_error


def test_a_type_that_there_is_not_is_told_once() -> None:
    told = messages(GOOD.replace("(principal,", "(principal is Devise,"))
    assert len(told) == 1
    assert told[0].endswith("unrecognized entity type `Devise`; is it `Device`?")


def test_a_restriction_that_waits_for_a_fact_to_be_missing_is_no_mistake() -> None:
    forbid = GOOD.replace("permit", "forbid").replace("principal.isEnabled", "!(context has keyBits)")
    assert messages(forbid) == []
    assert messages(forbid.replace("!(context has keyBits)", "context has keyBits")) != []


def with_condition(expression: str) -> str:
    return GOOD.replace("principal.isEnabled", expression)


DEEP = {
    "brackets": lambda count: f"{'(' * count}true{')' * count}",
    "sets": lambda count: f"{'[' * count}1{']' * count} == [1]",
    "records": lambda count: f"{'{a: ' * count}1{'}' * count} == 1",
    "brackets after a comment": lambda count: f"true // \r{'(' * count}\n && {'(' * count}true{')' * count}",
    "brackets after a string": lambda count: f'"\\"//" == "" || {"(" * count}true{")" * count}',
    "choices": lambda count: f"{'if true then ' * count}true{' else false' * count}",
    "terms": lambda count: " && ".join(["true"] * count),
    "sums": lambda count: f"1{' + 1' * count} == 1",
    "members": lambda count: f"context{'.a' * count} == 1",
}


@pytest.mark.parametrize("expression", DEEP.values(), ids=DEEP.keys())
def test_what_would_take_the_process_with_it_is_a_flaw(expression: Callable[[int], str]) -> None:
    """The parser of policies runs out of stack, which ends the whole process: this test would not return."""
    for count in (3_000, 100_000):
        (flaw,) = check(with_condition(expression(count)))
        assert flaw.is_error
        with pytest.raises(BadPolicyBundle, match="several policies"):
            ParsedPolicies(device_schema(), with_condition(expression(count)))


@pytest.mark.parametrize("name", ["brackets", "terms", "choices", "sums"])
def test_what_people_write_is_not_too_deep(name: str) -> None:
    assert messages(with_condition(DEEP[name](50))) == []
    many = "".join(GOOD.replace('"one"', f'"one-{number}"') for number in range(300))
    assert messages(many.replace("principal.isEnabled", DEEP[name](50))) == []


def test_a_string_that_never_ends_keeps_nobody_busy() -> None:
    assert messages('"\\' * 300_000)
