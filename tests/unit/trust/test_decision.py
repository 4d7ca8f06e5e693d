"""The decision function: one table of reasons, and nothing that is missing ever lets anyone in."""

from __future__ import annotations

import itertools
from dataclasses import replace
from datetime import timedelta
from typing import Any, Literal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from posture import (
    GENERATION,
    NOW,
    ORGANIZATION,
    SESSION,
    SHA1,
    SHA256,
    make_module_record,
    make_record,
    permitted,
    permitted_key,
    presented,
    presented_token,
    refused_token,
    section,
    with_certificates,
    with_keys,
    with_registration,
)

from vedette.trust import (
    ACTIONS,
    HINTS,
    PERMANENT_REASONS,
    Credentials,
    Lifecycle,
    Placement,
    PolicyBundle,
    PolicyEngine,
    PostureRecord,
    PresentedCredential,
    Provenance,
    Quarantine,
    Reason,
    RiskLevel,
    advice_for,
    decide_action,
    decide_session,
    default_bundle,
    hint_for,
)
from vedette.trust.model import Finding, Health

ENGINE = PolicyEngine(default_bundle())
SEQUENCES = itertools.count(100)
SOON = NOW + timedelta(hours=1)
FAR = NOW + timedelta(days=300)
PAST = NOW - timedelta(hours=1)


def reason_of(record: PostureRecord | None, credential: PresentedCredential | None = None) -> Reason:
    return decide_session(ENGINE, record, credential or presented(), SESSION, NOW).reason


DENYING = PolicyEngine(
    PolicyBundle(
        default_bundle().schema_text,
        '@id("none") forbid (principal, action, resource);',
    )
)
# Reads an optional attribute that a record may lack: Cedar would skip the policy that errs.
ERRING = PolicyEngine(
    PolicyBundle(
        default_bundle().schema_text,
        default_bundle().policies_text
        + '\n@id("errs") forbid (principal is Device, action == Action::"connect", resource is Hub)'
        ' when { context.address.isInRange(ip("192.0.2.0/24")) && 9223372036854775807 + 1 > 0 };',
    )
)

REASONS: list[tuple[str, Reason, PostureRecord | None, dict[str, Any]]] = [
    ("nobody of that name", Reason.UNKNOWN_IDENTITY, None, {}),
    ("the record has ended", Reason.RECORD_EXPIRED, make_record(expires_at=NOW), {}),
    ("registration unknown", Reason.RECORD_INVALID, make_record(registration=section("registry", None)), {}),
    ("quarantine unknown", Reason.RECORD_INVALID, make_record(quarantine=section("access", None)), {}),
    ("credentials unknown", Reason.RECORD_INVALID, make_record(credentials=section("pki", None)), {}),
    ("disabled", Reason.DISABLED, with_registration(is_enabled=False), {}),
    ("blocked", Reason.BLOCKED, with_registration(is_blocked=True), {}),
    ("blocked before disabled", Reason.BLOCKED, with_registration(is_blocked=True, is_enabled=False), {}),
    ("made", Reason.NOT_ONBOARDED, with_registration(lifecycle=Lifecycle.MADE), {}),
    ("shipped", Reason.NOT_ONBOARDED, with_registration(lifecycle=Lifecycle.SHIPPED), {}),
    ("quarantined by lifecycle", Reason.QUARANTINED, with_registration(lifecycle=Lifecycle.QUARANTINED), {}),
    (
        "quarantined by the administrator",
        Reason.QUARANTINED,
        make_record(quarantine=section("access", Quarantine(is_quarantined=True, mode="cut"))),
        {},
    ),
    ("retired", Reason.RETIRED, with_registration(lifecycle=Lifecycle.RETIRED, is_enabled=False), {}),
    ("no certificate", Reason.CERTIFICATE_MISSING, make_record(), {"sha256": "", "sha1": ""}),
    ("another certificate", Reason.CERTIFICATE_NOT_PERMITTED, make_record(), {"sha256": "d" * 64}),
    ("no certificate is permitted", Reason.CERTIFICATE_NOT_PERMITTED, with_certificates(), {}),
    ("the certificate has ended", Reason.CERTIFICATE_EXPIRED, make_record(), {"not_after": NOW}),
    (
        "its overlap has ended",
        Reason.CERTIFICATE_EXPIRED,
        with_certificates(permitted(permitted_until=NOW)),
        {},
    ),
    ("not valid yet", Reason.CERTIFICATE_NOT_YET_VALID, make_record(), {"not_before": SOON}),
    ("permitted", Reason.PERMITTED, make_record(), {}),
    ("onboarded is enough", Reason.PERMITTED, with_registration(lifecycle=Lifecycle.ONBOARDED), {}),
    ("pinned by SHA-1", Reason.PERMITTED, with_certificates(permitted(SHA1, origin="pinned")), {}),
    ("an onboarding certificate", Reason.PERMITTED, with_certificates(permitted(origin="onboarding")), {}),
    ("one an authority vouches for", Reason.PERMITTED, with_certificates(permitted(origin="authority")), {}),
    ("a module's", Reason.PERMITTED, make_module_record(), {}),
    ("a module of no device", Reason.RECORD_INVALID, make_module_record(sequence=9, device_generation_id=None), {}),
]


@pytest.mark.parametrize(("case", "expected", "record", "credential"), REASONS)
def test_the_plainest_reason_is_named(
    case: str, expected: Reason, record: PostureRecord | None, credential: dict[str, Any]
) -> None:
    decision = decide_session(ENGINE, record, presented(**credential), SESSION, NOW)
    assert decision.reason is expected
    assert decision.is_permitted is (expected is Reason.PERMITTED)
    assert decision.is_permanent is (expected in PERMANENT_REASONS)
    assert (decision.grant is not None) is decision.is_permitted


HELD = with_keys(permitted_key())
TOKENS: list[tuple[str, Reason, PostureRecord, PresentedCredential]] = [
    ("a token of a permitted key", Reason.PERMITTED, HELD, presented_token()),
    ("a module's", Reason.PERMITTED, make_module_record(credentials=HELD.credentials), presented_token()),
    ("the second of two keys", Reason.PERMITTED, with_keys(permitted_key("key_1"), permitted_key()), presented_token()),
    ("the token has ended", Reason.TOKEN_EXPIRED, HELD, presented_token(expires_at=NOW)),
    (
        "its key has ended",
        Reason.SYMMETRIC_KEY_EXPIRED,
        with_keys(permitted_key(permitted_until=NOW)),
        presented_token(),
    ),
    ("a key that was rotated away", Reason.SYMMETRIC_KEY_NOT_PERMITTED, HELD, presented_token("key_former")),
    ("an identity without keys", Reason.SYMMETRIC_KEY_NOT_PERMITTED, make_record(), presented_token()),
    ("an empty key id", Reason.SYMMETRIC_KEY_NOT_PERMITTED, with_keys(permitted_key("")), presented_token("")),
    ("control says: not valid", Reason.TOKEN_INVALID, HELD, refused_token("token_invalid")),
    ("control says: of another", Reason.TOKEN_WRONG_SCOPE, HELD, refused_token("token_wrong_scope")),
    ("control says: over", Reason.TOKEN_EXPIRED, HELD, refused_token("token_expired")),
    ("control says: cannot tell", Reason.TOKEN_UNVERIFIED, HELD, refused_token("token_unverified")),
    (
        "control says: no such key",
        Reason.SYMMETRIC_KEY_NOT_PERMITTED,
        HELD,
        refused_token("symmetric_key_not_permitted"),
    ),
    ("control says: off", Reason.SYMMETRIC_KEYS_OFF, HELD, refused_token("symmetric_keys_off")),
    ("control says something else", Reason.TOKEN_INVALID, HELD, refused_token("permitted")),
    ("disabled comes before", Reason.DISABLED, with_registration(is_enabled=False), presented_token()),
    ("nothing at all", Reason.CERTIFICATE_MISSING, HELD, refused_token("")),
]


@pytest.mark.parametrize(("case", "expected", "record", "credential"), TOKENS)
def test_a_token_is_judged_by_its_key_and_its_end(
    case: str, expected: Reason, record: PostureRecord, credential: PresentedCredential
) -> None:
    decision = decide_session(ENGINE, record, credential, SESSION, NOW)
    assert decision.reason is expected
    assert decision.is_permitted is (expected is Reason.PERMITTED)


def test_either_credential_is_enough_and_the_certificate_comes_first() -> None:
    both = replace(presented(), token=presented_token().token)
    record = make_record(credentials=section("pki", Credentials(certificates=(permitted(),), keys=(permitted_key(),))))
    for credential, origin in (
        (both, "issued"),
        (replace(both, not_after=NOW), "symmetric_key"),
        (replace(both, sha256="d" * 64), "symmetric_key"),
        (replace(both, token=None, token_refusal="token_expired"), "issued"),
    ):
        grant = decide_session(ENGINE, record, credential, SESSION, NOW).grant
        assert grant is not None
        assert grant.facts.credential == origin


def test_a_session_by_token_ends_with_the_token_or_its_key() -> None:
    assert decide_session(ENGINE, HELD, presented_token(expires_at=SOON), SESSION, NOW).valid_until == SOON
    ending = with_keys(permitted_key(permitted_until=SOON))
    assert decide_session(ENGINE, ending, presented_token(expires_at=FAR), SESSION, NOW).valid_until == SOON


def test_every_reason_can_be_reached() -> None:
    reached = {expected for _, expected, _, _ in REASONS} | {expected for _, expected, _, _ in TOKENS}
    reached.add(decide_session(DENYING, make_record(), presented(), SESSION, NOW).reason)
    reached.add(decide_session(ERRING, make_record(), presented(), SESSION, NOW).reason)
    # The view, not the record, says that posture is stale.
    assert set(Reason) - reached == {Reason.STALE_POSTURE}


# Client SDKs stop for good on a permanent refusal, so a mistake here strands devices in the field.
PERMANENCE = {
    Reason.UNKNOWN_IDENTITY: True,
    Reason.STALE_POSTURE: False,
    Reason.RECORD_EXPIRED: False,
    Reason.RECORD_INVALID: False,
    Reason.DISABLED: False,
    Reason.BLOCKED: False,
    Reason.QUARANTINED: False,
    Reason.NOT_ONBOARDED: False,
    Reason.RETIRED: True,
    Reason.CERTIFICATE_MISSING: True,
    Reason.CERTIFICATE_NOT_PERMITTED: True,
    Reason.CERTIFICATE_EXPIRED: True,
    Reason.CERTIFICATE_NOT_YET_VALID: False,
    Reason.TOKEN_INVALID: True,
    Reason.TOKEN_WRONG_SCOPE: True,
    Reason.TOKEN_EXPIRED: True,
    Reason.TOKEN_UNVERIFIED: False,
    Reason.SYMMETRIC_KEY_NOT_PERMITTED: True,
    Reason.SYMMETRIC_KEY_EXPIRED: True,
    Reason.SYMMETRIC_KEYS_OFF: False,
    Reason.POLICY_DENIED: False,
    Reason.POLICY_ERROR: False,
}


def test_only_what_must_be_healed_at_the_device_is_permanent() -> None:
    assert {reason: reason in PERMANENT_REASONS for reason in Reason if reason is not Reason.PERMITTED} == PERMANENCE


def test_guidance_names_the_device_that_it_is_about() -> None:
    assert advice_for("see: vedette access explain DEVICE", "pump-7") == "see: vedette access explain pump-7"
    assert advice_for(r"DEVICE, not MY_DEVICE", r"\1 $(reboot)") == r"'\1 $(reboot)', not MY_DEVICE"


def test_every_refusal_says_what_to_do_next() -> None:
    assert set(HINTS) == set(Reason) - {Reason.PERMITTED}
    decision = decide_session(ENGINE, with_registration(is_enabled=False), presented(), SESSION, NOW)
    assert decision.hint("pump-7") == "let it in again: vedette device enable pump-7"
    assert decision.hint("pump-$(reboot)") == "let it in again: vedette device enable 'pump-$(reboot)'"
    assert hint_for(Reason.POLICY_DENIED, "pump-7", "filter").endswith("access explain pump-7 --module filter")
    assert "\x1b" not in decision.hint("\x1b[2Jpump")
    assert decision.hint("pump-7", "filter").startswith("let it in again: vedette module enable pump-7 filter")
    assert "\x1b" not in decision.hint("pump-7", "\x1b[2Jfilter")


def test_a_forbidding_policy_denies_and_is_named() -> None:
    decision = decide_session(DENYING, make_record(), presented(), SESSION, NOW)
    assert (decision.reason, decision.policies) == (Reason.POLICY_DENIED, ("none",))


def test_a_policy_that_errs_denies_although_another_permits() -> None:
    decision = decide_session(ERRING, make_record(), presented(), SESSION, NOW)
    assert not decision.is_permitted
    assert decision.reason is Reason.POLICY_ERROR
    assert decision.errors


# --- nothing that is missing lets anyone in ----------------------------------------------------------------------

SECTIONS = ("registration", "credentials", "placement", "health", "quarantine", "exceptions")
NEEDED = {"registration", "credentials", "quarantine"}


@pytest.mark.parametrize("count", range(1, len(SECTIONS) + 1))
@pytest.mark.parametrize("how", ["unknown", "expired"])
def test_sections_that_are_unknown_or_over_deny_where_they_are_needed(count: int, how: str) -> None:
    for missing in itertools.combinations(SECTIONS, count):
        record = make_record()
        changes = {
            name: msgspec.structs.replace(getattr(record, name), value=None)
            if how == "unknown"
            else msgspec.structs.replace(getattr(record, name), expires_at=NOW)
            for name in missing
        }
        decision = decide_session(ENGINE, msgspec.structs.replace(record, **changes), presented(), SESSION, NOW)
        assert decision.is_permitted is not bool(NEEDED & set(missing)), missing


@pytest.mark.parametrize("field", ["sha256", "sha1", "not_before", "not_after"])
def test_a_credential_without_a_part_is_not_let_in(field: str) -> None:
    empty = "" if field.startswith("sha") else None
    decision = decide_session(ENGINE, make_record(), presented(**{field: empty}), SESSION, NOW)
    # SHA-1 stands for devices registered by such a thumbprint only; the others are proved by SHA-256.
    assert decision.is_permitted is (field == "sha1")


def test_an_empty_digest_in_a_record_matches_no_missing_certificate() -> None:
    record = with_certificates(permitted(""))
    nothing = presented(sha256="", sha1="", not_before=None, not_after=None)
    assert reason_of(record, nothing) is Reason.CERTIFICATE_MISSING
    assert reason_of(record, presented(sha1="")) is not Reason.PERMITTED


@pytest.mark.parametrize("context", ["tls_version", "remote_address"])
def test_a_session_without_a_fact_is_not_let_in(context: str) -> None:
    session = replace(SESSION, tls_version="") if context == "tls_version" else replace(SESSION, remote_address="")
    decision = decide_session(ENGINE, make_record(), presented(), session, NOW)
    assert not decision.is_permitted


@given(
    lifecycle=st.sampled_from(list(Lifecycle)),
    is_enabled=st.booleans(),
    is_blocked=st.booleans(),
    mode=st.sampled_from(["none", "limited", "cut"]),
    is_listed=st.booleans(),
    hours_left=st.integers(-2, 2),
)
def test_who_is_let_in_is_exactly_who_fulfils_every_condition(
    *,
    lifecycle: Lifecycle,
    is_enabled: bool,
    is_blocked: bool,
    mode: Literal["none", "limited", "cut"],
    is_listed: bool,
    hours_left: int,
) -> None:
    record = msgspec.structs.replace(
        with_registration(lifecycle=lifecycle, is_enabled=is_enabled, is_blocked=is_blocked),
        quarantine=section("access", Quarantine() if mode == "none" else Quarantine(is_quarantined=True, mode=mode)),
        credentials=section("pki", Credentials(certificates=(permitted(),) if is_listed else ())),
    )
    credential = presented(not_after=NOW + timedelta(hours=hours_left))
    in_service = lifecycle in {Lifecycle.ONBOARDED, Lifecycle.ACTIVE}
    in_limited_zone = lifecycle is Lifecycle.QUARANTINED and mode == "limited"
    may_take_part = (in_service and mode != "cut") or in_limited_zone
    expected = may_take_part and is_enabled and not is_blocked and is_listed and hours_left > 0
    # An engine finds what it remembers by a record's sequence.
    record = msgspec.structs.replace(record, sequence=next(SEQUENCES))
    assert decide_session(ENGINE, record, credential, SESSION, NOW).is_permitted is expected


# --- when to ask again, and what follows from a grant ------------------------------------------------------------


@pytest.mark.parametrize(
    ("case", "record", "credential"),
    [
        ("certificate", make_record(), {"not_after": SOON}),
        ("overlap", with_certificates(permitted(permitted_until=SOON)), {}),
        ("record", make_record(expires_at=SOON), {}),
        *(
            (name, make_record(**{name: msgspec.structs.replace(getattr(make_record(), name), expires_at=SOON)}), {})
            for name in ("registration", "credentials", "placement", "health", "quarantine")
        ),
    ],
)
def test_a_permit_says_until_when_it_holds(case: str, record: PostureRecord, credential: dict[str, Any]) -> None:
    decision = decide_session(ENGINE, record, presented(**credential), SESSION, NOW)
    assert decision.valid_until == SOON


@pytest.mark.parametrize(
    ("action", "is_permitted"),
    [*((action, True) for action in ACTIONS if action != "enroll"), ("invokeMethod", False), ("", False)],
)
@pytest.mark.parametrize("record", [make_record(), make_module_record()])
def test_further_operations_are_decided_on_the_grant(
    action: str,
    is_permitted: bool,  # noqa: FBT001 - a table
    record: PostureRecord,
) -> None:
    grant = decide_session(ENGINE, record, presented(), SESSION, NOW).grant
    assert grant is not None
    assert decide_action(ENGINE, grant, action).is_permitted is is_permitted


def test_policies_see_what_the_record_says() -> None:
    finding = Finding(finding_class="weak_key", provenance=Provenance.OBSERVED, since=PAST)
    record = make_record(
        health=section("health", Health(findings=(finding,), risk_level=RiskLevel.HIGH)),
        placement=section("registry", Placement(zone="cell-1")),
    )
    for condition, is_permitted in {
        'principal.findings.contains("weak_key")': True,
        'principal.riskLevel == "high"': True,
        'principal has zone && principal.zone == "cell-1"': True,
        "principal has site": False,
        'context.credential == "issued"': True,
        'context.tlsVersion == "TLSv1.3"': True,
        'context.address.isInRange(ip("192.0.2.0/24"))': True,
    }.items():
        text = f'@id("t") permit (principal is Device, action, resource) when {{ {condition} }};'
        engine = PolicyEngine(PolicyBundle(default_bundle().schema_text, text))
        decision = decide_session(engine, record, presented(), SESSION, NOW)
        assert decision.is_permitted is is_permitted, condition


def test_the_right_certificate_is_found_among_several() -> None:
    record = with_certificates(permitted("d" * 64), permitted(SHA1, origin="pinned"), permitted(SHA256))
    assert reason_of(record) is Reason.PERMITTED
    assert reason_of(record, presented(sha1="e" * 40)) is Reason.PERMITTED
    assert reason_of(record, presented(sha256="e" * 64, sha1="e" * 40)) is Reason.CERTIFICATE_NOT_PERMITTED


def test_a_policy_may_speak_of_modules_and_of_whose_they_are() -> None:
    record = make_module_record(placement=section("registry", Placement(groups=("grp_a",))))
    for condition, is_permitted in {
        "principal is Module": True,
        "principal is Device": False,
        f'principal in Device::"{GENERATION}"': True,
        'principal in Device::"dev_other"': False,
        f'principal in Organization::"{ORGANIZATION}"': True,
        'principal.groups.contains("grp_a")': True,
        'principal.groups.contains("grp_b")': False,
    }.items():
        text = f'@id("t") permit (principal, action, resource) when {{ {condition} }};'
        engine = PolicyEngine(PolicyBundle(default_bundle().schema_text, text))
        assert decide_session(engine, record, presented(), SESSION, NOW).is_permitted is is_permitted, condition
