"""Policy bundles: what does not parse or fit is refused when it is loaded, not when a device connects."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from posture import NOW, make_module_record, make_record, section

from vedette.trust import (
    POLICY_BUNDLE_MAX_BYTES,
    BadEntity,
    BadPolicyBundle,
    PolicyBundle,
    PolicyEngine,
    SessionFacts,
    default_bundle,
)

SCHEMA = default_bundle().schema_text
ENGINE = PolicyEngine(default_bundle())
FACTS = SessionFacts("issued", "TLSv1.3", "10.0.0.1")


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
    room = POLICY_BUNDLE_MAX_BYTES - PolicyBundle(SCHEMA, "").size_bytes
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


def test_a_verdict_is_kept_for_equal_input_and_made_anew_for_any_other() -> None:
    policies = """
    @id("north") permit (principal is Device, action == Action::"connect", resource)
    when { principal has site && principal.site == "north" && context.address.isInRange(ip("10.0.0.0/8")) };
    """
    engine = PolicyEngine(PolicyBundle(SCHEMA, policies))
    placement = make_record().placement.value
    assert placement is not None
    north = make_record(sequence=1, placement=section("registry", type(placement)(site="north")))
    south = make_record(sequence=2, placement=section("registry", type(placement)(site="south")))
    inside, outside = (SessionFacts("issued", "TLSv1.3", address) for address in ("10.1.2.3", "192.0.2.1"))
    first = engine.decide(north, NOW, "connect", inside)
    assert first.is_permitted
    assert engine.decide(north, NOW, "connect", inside) is first
    assert not engine.decide(north, NOW, "connect", outside).is_permitted
    assert not engine.decide(north, NOW, "sendTelemetry", inside).is_permitted
    assert not engine.decide(south, NOW, "connect", inside).is_permitted


def test_no_verdict_is_kept_for_a_record_whose_section_ends() -> None:
    engine = PolicyEngine(default_bundle())
    placement = make_record().placement.value
    ending = make_record(placement=section("registry", placement, expires_at=NOW + timedelta(hours=1)))
    facts = FACTS._replace(key_algorithm="EC", key_bits=256)
    first = engine.decide(ending, NOW, "connect", facts)
    assert first.is_permitted
    assert engine.decide(ending, NOW, "connect", facts) is not first


@given(effect=st.sampled_from(["permit", "forbid", "absent"]), errs=st.booleans(), is_module=st.booleans())
def test_permit_is_an_allow_without_any_error(effect: str, errs: bool, is_module: bool) -> None:  # noqa: FBT001 - drawn
    text = "" if effect == "absent" else f"{effect} (principal, action, resource);"
    if effect == "forbid":
        text += "permit (principal, action, resource);"
    if errs:
        text += "forbid (principal, action, resource) when { 9223372036854775807 + 1 > 0 };"
    engine = PolicyEngine(PolicyBundle(SCHEMA, text))
    verdict = engine.decide(make_module_record() if is_module else make_record(), NOW, "connect", FACTS)
    assert bool(verdict.errors) is errs
    assert verdict.is_permitted is (effect == "permit" and not errs)
