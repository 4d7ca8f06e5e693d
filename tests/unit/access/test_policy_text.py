"""Two bundles compared: what differs, and what could newly be allowed by it."""

from __future__ import annotations

import pytest

from vedette.access import BundleDifference, compare_bundles
from vedette.access.policy_text import read_policies
from vedette.trust import BadPolicyBundle, PolicyBundle, Site

PERMIT = '@id("p") permit (principal, action in [Action::"connect", Action::"readTwin"], resource is Hub)'
FORBID = '@id("f") forbid (principal, action, resource is Hub)'


def compare(before: str, after: str) -> BundleDifference:
    return compare_bundles(PolicyBundle("", before), PolicyBundle("", after))


@pytest.mark.parametrize(
    ("name", "before", "after"),
    [
        ("a permit is taken away", f"{PERMIT};", ""),
        ("a forbid is added", f"{PERMIT};", f"{PERMIT}; {FORBID};"),
        ("a permit asks for more", f"{PERMIT} when {{ a }};", f"{PERMIT} when {{ a && b }};"),
        ("a permit has an exception", f"{PERMIT};", f"{PERMIT} unless {{ a }};"),
        ("an exception of a permit grows", f"{PERMIT} unless {{ a && b }};", f"{PERMIT} unless {{ a }};"),
        ("a permit names fewer actions", f"{PERMIT};", f"{PERMIT};".replace(', Action::"readTwin"', "")),
        ("a permit names a kind", f"{PERMIT};", f"{PERMIT};".replace("principal,", "principal is Device,")),
        ("a forbid asks for less", f"{FORBID} when {{ a && b }};", f"{FORBID} when {{ b }};"),
        ("a forbid loses its exception", f"{FORBID} unless {{ a }};", f"{FORBID};"),
        ("a forbid's exception asks for more", f"{FORBID} unless {{ a }};", f"{FORBID} unless {{ a && b }};"),
        ("a note changes", f'@why("x") {PERMIT};', f'@why("y") {PERMIT};'),
        ("a review date changes", f"{FORBID};", f'@expires("2030-01-01") {FORBID};'),
        ("a comment changes", f"{PERMIT};", f"// note; with semicolon\n{PERMIT};"),
    ],
)  # fmt: skip
def test_what_only_restricts_widens_nothing(name: str, before: str, after: str) -> None:
    found = compare(_full(before), _full(after))
    assert not found.may_widen, found.reasons


@pytest.mark.parametrize(
    ("name", "before", "after"),
    [
        ("a permit is added", "", f"{PERMIT};"),
        ("a forbid is taken away", f"{FORBID};", ""),
        ("a permit asks for less", f"{PERMIT} when {{ a && b }};", f"{PERMIT} when {{ a }};"),
        ("a permit asks for something else", f"{PERMIT} when {{ a }};", f"{PERMIT} when {{ b }};"),
        ("a permit loses its exception", f"{PERMIT} unless {{ a }};", f"{PERMIT};"),
        ("a permit names every action", f"{PERMIT};", '@id("p") permit (principal, action, resource is Hub);'),
        ("a permit names every kind", f"{PERMIT};".replace("principal,", "principal is Device,"), f"{PERMIT};"),
        ("a forbid asks for more", f"{FORBID} when {{ a }};", f"{FORBID} when {{ a && b }};"),
        ("a forbid gets an exception", f"{FORBID};", f"{FORBID} unless {{ a }};"),
        ("a forbid's exception asks for less", f"{FORBID} unless {{ a && b }};", f"{FORBID} unless {{ a }};"),
        ("a forbid becomes a permit", f"{FORBID};", f"{FORBID};".replace("forbid", "permit")),
        ("an or is no and", f"{PERMIT} when {{ a }};", f"{PERMIT} when {{ a || b }};"),
    ],
)  # fmt: skip
def test_what_may_allow_something_new_is_called_so(name: str, before: str, after: str) -> None:
    assert compare(_full(before), _full(after)).may_widen


def _full(text: str) -> str:
    """Make attributes of the letters."""
    for letter in "ab":
        for end in (" ", ";", "}"):
            text = text.replace(f" {letter}{end}", f" context.{letter}{end}")
    return text


def test_other_sites_may_widen_and_other_cases_may_not() -> None:
    bundle = PolicyBundle("", f"{PERMIT};")
    moved = PolicyBundle("", f"{PERMIT};", {"north": Site(time_zone="Europe/Berlin")})
    assert compare_bundles(bundle, moved).may_widen
    assert compare_bundles(bundle, moved).other_parts == ("sites",)
    assert not compare_bundles(bundle, PolicyBundle("", f"{PERMIT};", {}, "# none")).may_widen


def test_policies_are_told_apart_whatever_their_strings_and_comments_hold() -> None:
    first = '@id("a") @why("x; \\"y\\"") permit (principal, action, resource);'
    text = first + ' // c; d\n@id("b")\nforbid (principal, action, resource);\n// end'
    policies = read_policies(text)
    assert [policy.policy_id for policy in policies] == ["a", "b"]
    assert policies[0].text.endswith("resource);")
    assert policies[1].text.startswith("// c; d")


@pytest.mark.parametrize("text", ["permit (", "permit (principal == ?principal, action, resource);"])
def test_what_is_no_policy_is_refused(text: str) -> None:
    with pytest.raises(BadPolicyBundle):
        read_policies(text)


def test_two_policies_of_one_id_are_refused() -> None:
    with pytest.raises(BadPolicyBundle):
        compare(f"{PERMIT};", f"{PERMIT}; {PERMIT};")
