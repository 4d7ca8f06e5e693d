"""Policy bundles: what does not parse or fit is refused when it is loaded, not when a device connects."""

from __future__ import annotations

import pytest
from posture import NOW, make_record, section

from vedette.trust import BadEntity, BadPolicyBundle, PolicyBundle, PolicyEngine, default_bundle
from vedette.trust.policy import POLICY_BUNDLE_MAX_BYTES

SCHEMA = default_bundle().schema_text


@pytest.mark.parametrize(
    ("case", "bundle"),
    [
        ("policies that do not parse", PolicyBundle(SCHEMA, "permit (")),
        ("a schema that does not parse", PolicyBundle("entity {", default_bundle().policies_text)),
        (
            "an attribute no device has",
            PolicyBundle(SCHEMA, "permit (principal is Device, action, resource) when { principal.isGood };"),
        ),
        (
            "an optional attribute read unasked",
            PolicyBundle(SCHEMA, 'permit (principal is Device, action, resource) when { principal.site == "x" };'),
        ),
        ("an action nobody knows", PolicyBundle(SCHEMA, 'permit (principal, action == Action::"fly", resource);')),
    ],
)
def test_a_bundle_that_could_err_at_run_time_is_refused(case: str, bundle: PolicyBundle) -> None:
    with pytest.raises(BadPolicyBundle):
        PolicyEngine(bundle)


def test_the_size_of_a_bundle_is_limited() -> None:
    room = POLICY_BUNDLE_MAX_BYTES - len(SCHEMA)
    permit = "permit (principal, action, resource);"
    PolicyEngine(PolicyBundle(SCHEMA, permit + " " * (room - len(permit))))
    with pytest.raises(BadPolicyBundle):
        PolicyEngine(PolicyBundle(SCHEMA, permit + " " * (room - len(permit) + 1)))


def test_a_bundle_is_named_by_both_of_its_texts() -> None:
    names = {
        PolicyBundle("a", "b").sha256,
        PolicyBundle("ab", "").sha256,
        PolicyBundle("", "ab").sha256,
        PolicyBundle("b", "a").sha256,
    }
    assert len(names) == 4


@pytest.mark.parametrize("name", ["registration", "credentials", "quarantine"])
def test_a_record_that_leaves_needed_sections_open_makes_no_principal(name: str) -> None:
    with pytest.raises(BadEntity):
        PolicyEngine(default_bundle()).principal(make_record(**{name: section("x", None)}), NOW)


@pytest.mark.parametrize("text", ['"', "\\", "\n", '"}],"parents":[', "\u202e", "🦊" * 30])
def test_text_from_outside_is_a_value_to_the_policies_and_nothing_else(text: str) -> None:
    engine = PolicyEngine(default_bundle())
    record = make_record()
    assert record.placement.value is not None
    placed = section("registry", type(record.placement.value)(site=text, zone=text))
    principal = engine.principal(make_record(placement=placed), NOW)
    assert not engine.evaluate(principal, "connect", {}).is_permitted
