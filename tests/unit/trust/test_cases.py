"""Unit cases beside the policies: they pass, or say what was answered instead."""

from __future__ import annotations

import msgspec
import pytest

from vedette.trust import BadPolicyBundle, CaseResult, PolicyBundle, default_bundle, read_cases, run_cases

SHIPPED = default_bundle()
CASE = '[[case]]\nname = "it"\naction = "sendTelemetry"\nexpect = "allow"\n'


def run(text: str) -> list[CaseResult]:
    return run_cases(msgspec.structs.replace(SHIPPED, cases_text=text))


def test_the_default_policies_pass_their_own_cases() -> None:
    results = run_cases(SHIPPED)
    assert len(results) > 30
    assert [result for result in results if not result.has_passed] == []


def test_every_default_policy_is_named_by_a_case() -> None:
    named = {case.policy for case in read_cases(SHIPPED.cases_text)}
    ids = {line.split('"')[1] for line in SHIPPED.policies_text.splitlines() if line.startswith("@id(")}
    assert ids <= named


@pytest.mark.parametrize(
    ("text", "detail"),
    [
        (CASE.replace("allow", "deny"), "expected deny, got allow by active-identities-take-part"),
        (CASE + 'policy = "geofence"\n', "expected allow by geofence, got it by active-identities-take-part"),
        (CASE + "principal = { isEnabled = false }\n", "expected allow, got deny by no policy"),
        (CASE.replace("sendTelemetry", "fly"), "'fly' is no action"),
        (CASE + "context = { colour = 1 }\n", "'colour' is no fact of a session"),
        (CASE + 'principal = { colour = "red" }\n', "colour"),
        (CASE + 'without = ["tlsVersion"]\n', "tlsVersion"),
    ],
)
def test_a_case_that_fails_says_what_was_answered(text: str, detail: str) -> None:
    (result,) = run(text)
    assert not result.has_passed
    assert detail in result.detail


@pytest.mark.parametrize(
    "text",
    ["[[case", "[[case]]\n", CASE + CASE, CASE + "colour = 1\n", CASE.replace("allow", "maybe"), 'case = "x"'],
)
def test_cases_that_cannot_be_read_are_refused(text: str) -> None:
    with pytest.raises(BadPolicyBundle):
        run(text)


def test_a_bundle_that_does_not_compile_has_no_results() -> None:
    with pytest.raises(BadPolicyBundle):
        run_cases(PolicyBundle(SHIPPED.schema_text, "permit (", cases_text=CASE))


@pytest.mark.parametrize("text", ["a" + ".a" * 200_000 + " = 1", "[a" + ".a" * 200_000 + "]", "a = " + "[" * 100_000])
def test_cases_that_would_take_hours_to_read_are_refused(text: str) -> None:
    with pytest.raises(BadPolicyBundle, match="cannot be read"):
        read_cases(text)
