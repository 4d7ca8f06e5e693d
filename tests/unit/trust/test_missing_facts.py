"""Delete anything: nothing that is missing, from a record, an entity or a session, ever opens what was closed."""

from __future__ import annotations

import itertools
from typing import Any

import cedarpy
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from posture import GENERATION, NOW, ORGANIZATION, make_module_record, make_record, section

from vedette.trust import (
    ACTIONS,
    OPTIONAL_FACTS,
    REQUIRED_FACTS,
    BadEntity,
    EntitySlice,
    FactValue,
    Health,
    ParsedPolicies,
    Placement,
    PolicyBundle,
    PolicyEngine,
    Principal,
    RiskLevel,
    Uid,
    default_bundle,
    describe_identity,
    device_schema,
)
from vedette.trust.entities import list_entities, uid_of

ENGINE = PolicyEngine(default_bundle())
CEDAR = ParsedPolicies(device_schema(), default_bundle().policies_text, "Session")
# Every condition of the default policies bears on this one, and all are met.
BOUND = describe_identity(
    make_record(
        placement=section(
            "registry",
            Placement(
                site="north",
                tags={"policy.geofence": "true", "policy.network": "site", "policy.hours": "08:00-18:00"},
                groups=("grp_pumps",),
            ),
        ),
        health=section("health", Health(risk_level=RiskLevel.LOW)),
    ),
    NOW,
)
MET: dict[str, FactValue] = {
    "credential": "issued",
    "credentialAgeHours": 5,
    "keyAlgorithm": "EC",
    "keyBits": 256,
    "tlsVersion": "TLSv1.3",
    "cipher": "TLS_AES_256_GCM_SHA384",
    "address": "10.1.2.3",
    "protocol": "mqtt",
    "gateway": "gateway-1",
    "isSecondLocation": False,
    "secondsSinceOtherLocation": 90,
    "metresFromSite": 0,
    "positionAccuracy": 10,
    "positionProvenance": "observed",
    "isSiteNetwork": True,
    "isPositionPlausible": True,
    "localMinute": 600,
    "localWeekday": 1,
    "isWithinHours": True,
}
OPEN = tuple(action for action in ACTIONS if action != "enroll")
# What may be unknown without closing anything: no default policy needs it.
HARMLESS = {
    "credentialAgeHours",
    "secondsSinceOtherLocation",
    "positionProvenance",
    "localMinute",
    "localWeekday",
    "isPositionPlausible",
}


def principal_of(identity: EntitySlice) -> Principal:
    return ENGINE.principal_of(identity, GENERATION, ORGANIZATION)


def without_schema(identity: EntitySlice) -> Principal:
    """Build the handle that a careless enforcement point would: nobody checked what is in it."""
    entities = cedarpy.Entities.from_json_str(
        msgspec.json.encode(list_entities(identity, GENERATION, ORGANIZATION)).decode()
    )
    return Principal(uid_of(identity, GENERATION), entities)


def remove(identity: EntitySlice, *names: str) -> EntitySlice:
    attributes = {name: value for name, value in identity.attributes.items() if name not in names}
    return msgspec.structs.replace(identity, attributes=attributes)


def test_names_of_facts_are_those_of_the_schema() -> None:
    assert set(MET) == REQUIRED_FACTS | OPTIONAL_FACTS


def test_all_is_open_while_nothing_is_missing() -> None:
    for action in OPEN:
        assert ENGINE.evaluate(principal_of(BOUND), action, MET).is_permitted


@pytest.mark.parametrize("fact", sorted(MET))
@pytest.mark.parametrize("action", ACTIONS)
def test_a_fact_that_is_missing_denies_wherever_a_policy_needs_it(fact: str, action: str) -> None:
    context = {name: value for name, value in MET.items() if name != fact}
    verdict = ENGINE.evaluate(principal_of(BOUND), action, context)
    if fact in REQUIRED_FACTS:
        assert not verdict.is_permitted
        assert verdict.errors
    assert not verdict.is_permitted or fact in OPTIONAL_FACTS
    if action == "sendTelemetry":
        assert verdict.is_permitted is (fact in HARMLESS)


@pytest.mark.parametrize("attribute", sorted(BOUND.attributes))
def test_an_attribute_that_is_missing_makes_no_principal_or_opens_nothing(attribute: str) -> None:
    maimed = remove(BOUND, attribute)
    try:
        principal = principal_of(maimed)
    except BadEntity:
        careless = without_schema(maimed)
        for action in OPEN:
            verdict = ENGINE.evaluate(careless, action, MET)
            assert not (verdict.is_permitted and verdict.errors)
        return
    assert attribute in {"site", "hours", "zone", "purdueLevel"}
    assert (
        not ENGINE.evaluate(principal, "enroll", {**MET, "isWithinHours": False}).is_permitted or attribute == "hours"
    )


@given(
    identity=st.sampled_from(["none", "limited", "cut"]),
    risk=st.sampled_from(list(RiskLevel)),
    missing_attributes=st.sets(st.sampled_from(sorted(BOUND.attributes)), max_size=3),
    missing_facts=st.sets(st.sampled_from(sorted(MET)), max_size=4),
    outside=st.fixed_dictionaries(
        {},
        optional={
            "metresFromSite": st.integers(-1, 20_000_000),
            "isWithinHours": st.booleans(),
            "isSiteNetwork": st.booleans(),
            "isSecondLocation": st.booleans(),
            "keyBits": st.integers(0, 8192),
            "keyAlgorithm": st.sampled_from(["RSA", "EC", "Ed25519", "DSA", ""]),
            "tlsVersion": st.sampled_from(["TLSv1.3", "TLSv1.2", "TLSv1.1", ""]),
        },
    ),
    action=st.sampled_from(ACTIONS),
)
def test_deleting_anything_never_opens_what_was_closed_by_the_default_policies(
    *,
    identity: str,
    risk: RiskLevel,
    missing_attributes: set[str],
    missing_facts: set[str],
    outside: dict[str, Any],
    action: str,
) -> None:
    attributes = {
        **BOUND.attributes,
        "isQuarantined": identity != "none",
        "quarantineMode": identity,
        "riskLevel": risk.value,
    }
    whole = msgspec.structs.replace(BOUND, attributes=attributes)
    before = ENGINE.evaluate(principal_of(whole), action, {**MET, **outside})
    context = {name: value for name, value in {**MET, **outside}.items() if name not in missing_facts}
    # Tags and hours bind a device: taking them away is another device, not a missing fact.
    maimed = remove(whole, *(missing_attributes - {"hours"}))
    for principal in (without_schema(maimed), *_schema_checked(maimed)):
        after = ENGINE.evaluate(principal, action, context)
        assert not (after.is_permitted and after.errors)
        if not before.is_permitted and "isPositionPlausible" not in missing_facts:
            assert not after.is_permitted


def _schema_checked(identity: EntitySlice) -> list[Principal]:
    try:
        return [principal_of(identity)]
    except BadEntity:
        return []


CONDITIONS = (
    "principal.isEnabled",
    'principal.riskLevel == "high"',
    'principal has site && principal.site == "north"',
    'principal.groups.contains("grp_pumps")',
    'principal.tags.contains("a=b")',
    "context has metresFromSite && context.metresFromSite > 5",
    "9223372036854775807 + 1 > 0",
    'context.address.isInRange(ip("10.0.0.0/8"))',
)
POLICY = st.tuples(
    st.sampled_from(["permit", "forbid"]),
    st.sampled_from(["action", 'action == Action::"connect"', 'action in [Action::"connect", Action::"readTwin"]']),
    st.sampled_from(["principal", "principal is Device", "principal is Module"]),
    st.sampled_from(["when", "unless"]),
    st.lists(st.sampled_from(CONDITIONS), min_size=1, max_size=3),
)
SEQUENCES = itertools.count(1)


@given(
    policies=st.lists(POLICY, min_size=1, max_size=6),
    site=st.sampled_from([None, "north", "south"]),
    groups=st.sampled_from([(), ("grp_pumps",)]),
    action=st.sampled_from(["connect", "readTwin", "sendTelemetry"]),
    is_module=st.booleans(),
)
def test_policies_left_out_by_action_and_anchor_change_no_answer(
    *, policies: list[Any], site: str | None, groups: tuple[str, ...], action: str, is_module: bool
) -> None:
    text = "\n".join(
        f'@id("p{number}") {effect} ({who}, {scope}, resource) {kind} {{ {" && ".join(conditions)} }};'
        for number, (effect, scope, who, kind, conditions) in enumerate(policies)
    )
    make = make_module_record if is_module else make_record
    record = make(
        sequence=next(SEQUENCES), placement=section("registry", Placement(site=site, groups=groups, tags={"a": "b"}))
    )
    engine = PolicyEngine(PolicyBundle(device_schema(), text))
    identity = describe_identity(record, NOW)
    selected = engine.evaluate(engine.principal(record, NOW), action, MET)
    entities = list_entities(identity, record.generation_id, record.organization_id)
    request: dict[str, Any] = {
        "principal": uid_of(identity, record.generation_id)._asdict(),
        "action": Uid("Action", action)._asdict(),
        "resource": {"type": "Hub", "id": "hub"},
        "context": {**MET, "address": {"__extn": {"fn": "ip", "arg": MET["address"]}}},
    }
    answer = cedarpy.is_authorized(request, text, msgspec.json.encode(entities).decode(), schema=device_schema())
    errors = list(answer.diagnostics.errors)
    assert selected.is_permitted is (answer.decision is cedarpy.Decision.Allow and not errors)
    assert bool(selected.errors) is bool(errors)
    ids = answer.diagnostics.id_annotations_by_reason
    assert selected.policies == tuple(sorted(str(ids[reason]) for reason in answer.diagnostics.reasons))
