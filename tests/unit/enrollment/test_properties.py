"""What an enrollment may be: kinds, credentials, patterns, patches."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from vedette.enrollment import (
    Approval,
    Attestation,
    CredentialMode,
    Enrollment,
    EnrollmentKind,
    InitialDevice,
    InvalidEnrollment,
    NewEnrollment,
    ReprovisionPolicy,
)
from vedette.enrollment.properties import NAME_MAX_CHARS, ONBOARDING_MAX, check_new_enrollment, patch_enrollment
from vedette.kernel import AuthorityId, EnrollmentId, OrganizationId
from vedette.registry import InvalidDevice, InvalidTags, InvalidTwin, TwinTooLarge
from vedette.trust import FailureMode

NOW = datetime(2026, 1, 1, tzinfo=UTC)
SHA256 = "ab" * 32
GROUP = NewEnrollment(name="line", kind=EnrollmentKind.GROUP, authority_id=AuthorityId("ath_" + "0" * 26))
INDIVIDUAL = NewEnrollment(name="pump", kind=EnrollmentKind.INDIVIDUAL, registration_id="Pump-7", primary_sha256=SHA256)
LATER = NOW + timedelta(days=1)
ONBOARDING: dict[str, Any] = {"credential": CredentialMode.ONBOARDING, "onboarding_until": LATER}


def on_record(new: NewEnrollment) -> Enrollment:
    checked = check_new_enrollment(new, NOW)
    fields = {name: getattr(checked, name) for name in NewEnrollment.__dataclass_fields__}
    return Enrollment(
        organization_id=OrganizationId("org_" + "0" * 26),
        enrollment_id=EnrollmentId("enr_" + "0" * 26),
        created_at=NOW,
        updated_at=NOW,
        revision=1,
        **fields,
    )


def test_ids_and_digests_are_normalized() -> None:
    checked = check_new_enrollment(replace(INDIVIDUAL, primary_sha256="AB:" * 31 + "AB", device_id="Press_9"), NOW)
    assert (checked.registration_id, checked.device_id, checked.primary_sha256) == ("pump-7", "Press_9", SHA256)


@pytest.mark.parametrize(
    ("case", "base", "changes", "problem"),
    [
        ("no name", GROUP, {"name": ""}, InvalidEnrollment),
        ("a long name", GROUP, {"name": "x" * (NAME_MAX_CHARS + 1)}, InvalidEnrollment),
        ("a name on two lines", GROUP, {"name": "a\nb"}, InvalidEnrollment),
        ("a group without an authority", GROUP, {"authority_id": None}, InvalidEnrollment),
        ("a group with a device id", GROUP, {"device_id": "a"}, InvalidEnrollment),
        ("a group with a certificate", GROUP, {"primary_sha256": SHA256}, InvalidEnrollment),
        ("an empty pattern", GROUP, {"id_pattern": ""}, InvalidEnrollment),
        ("a pattern of other characters", GROUP, {"id_pattern": "a b*"}, InvalidEnrollment),
        ("a long pattern", GROUP, {"id_pattern": "x" * 129}, InvalidEnrollment),
        ("an individual without a registration id", INDIVIDUAL, {"registration_id": None}, InvalidEnrollment),
        ("an individual without a certificate", INDIVIDUAL, {"primary_sha256": None}, InvalidEnrollment),
        ("an individual with an authority", INDIVIDUAL, {"authority_id": "ath_1"}, InvalidEnrollment),
        ("an individual with a pattern", INDIVIDUAL, {"id_pattern": "a*"}, InvalidEnrollment),
        ("a malformed registration id", INDIVIDUAL, {"registration_id": "a b"}, InvalidEnrollment),
        ("a registration id no common name holds", INDIVIDUAL, {"registration_id": "x" * 65}, InvalidEnrollment),
        ("a malformed device id", INDIVIDUAL, {"device_id": "a b"}, InvalidEnrollment),
        ("a SHA-1", INDIVIDUAL, {"primary_sha256": "ab" * 20}, InvalidEnrollment),
        ("the same certificate twice", INDIVIDUAL, {"secondary_sha256": SHA256.upper()}, InvalidEnrollment),
        ("onboarding without an end", GROUP, {"credential": CredentialMode.ONBOARDING}, InvalidEnrollment),
        ("an end without onboarding", GROUP, {"onboarding_until": LATER}, InvalidEnrollment),
        (
            "onboarding without a time zone",
            GROUP,
            {**ONBOARDING, "onboarding_until": datetime(2026, 1, 2)},  # noqa: DTZ001 - the mistake
            InvalidEnrollment,
        ),
        (
            "onboarding for too long",
            GROUP,
            {**ONBOARDING, "onboarding_until": NOW + ONBOARDING_MAX + timedelta(seconds=1)},
            InvalidEnrollment,
        ),
        ("a lifetime too short", GROUP, {"lifetime": timedelta(minutes=59)}, InvalidEnrollment),
        ("a lifetime too long", GROUP, {"lifetime": timedelta(days=91)}, InvalidEnrollment),
        ("a level that is none", GROUP, {"initial": InitialDevice(purdue_level="9")}, InvalidDevice),
        ("tags no twin could hold", GROUP, {"initial": InitialDevice(tags={"a.b": 1})}, InvalidTags),
    ],
)
def test_what_no_enrollment_may_be_is_refused(
    case: str, base: NewEnrollment, changes: dict[str, Any], problem: type[Exception]
) -> None:
    with pytest.raises(problem):
        check_new_enrollment(replace(base, **changes), NOW)


@pytest.mark.parametrize(
    "new",
    [
        GROUP,
        INDIVIDUAL,
        replace(GROUP, name="x" * NAME_MAX_CHARS, id_pattern="x" * 128, lifetime=timedelta(hours=1)),
        replace(GROUP, **{**ONBOARDING, "onboarding_until": NOW + ONBOARDING_MAX}),
        replace(INDIVIDUAL, registration_id="x" * 64, secondary_sha256="cd" * 32, lifetime=timedelta(days=90)),
    ],
)
def test_limits_pass_at_their_value(new: NewEnrollment) -> None:
    check_new_enrollment(new, NOW)


def test_letting_onboarding_certificates_in_is_flagged() -> None:
    assert not on_record(GROUP).is_flagged
    assert on_record(replace(GROUP, **ONBOARDING)).is_flagged


@pytest.mark.parametrize(
    ("case", "patch", "expected"),
    [
        ("switched off", {"is_enabled": False}, {"is_enabled": False}),
        ("renamed", {"name": "line 2"}, {"name": "line 2"}),
        ("a lifetime", {"lifetime_s": 7200}, {"lifetime": timedelta(hours=2)}),
        ("no lifetime", {"lifetime_s": None}, {"lifetime": None}),
        ("onboarding", {"credential": "onboarding", "onboarding_until": "2026-01-02T00:00:00Z"}, ONBOARDING),
        (
            "initial properties",
            {"initial": {"site": "north", "failure_mode": "fail-closed", "tags": {"a": 1}}},
            {"initial": InitialDevice(site="north", failure_mode=FailureMode.FAIL_CLOSED, tags={"a": 1})},
        ),
    ],
)
def test_a_patch_changes_what_it_names_alone(case: str, patch: dict[str, Any], expected: dict[str, Any]) -> None:
    assert patch_enrollment(on_record(GROUP), patch, NOW) == replace(on_record(GROUP), **expected)


def test_tags_are_merged_and_a_null_takes_one_away() -> None:
    before = on_record(
        replace(GROUP, initial=InitialDevice(tags={"line": "A", "owner": {"team": "red", "phone": "1"}}))
    )
    patch = {"initial": {"tags": {"line": None, "owner": {"team": "blue"}}}}
    assert patch_enrollment(before, patch, NOW).initial.tags == {"owner": {"team": "blue", "phone": "1"}}
    assert patch_enrollment(before, {"initial": {"tags": None}}, NOW).initial.tags == {}


def test_the_pinned_certificates_can_be_rotated() -> None:
    rotated = patch_enrollment(on_record(INDIVIDUAL), {"primary_sha256": "CD" * 32, "secondary_sha256": SHA256}, NOW)
    assert rotated.pins("cd" * 32)
    assert rotated.pins(SHA256)
    assert not rotated.pins("ef" * 32)


@pytest.mark.parametrize(
    "patch",
    [
        {"kind": "group"},
        {"authority_id": "ath_1"},
        {"registration_id": "other"},
        {"device_id": "other"},
        {"enrollment_id": "enr_1"},
        {"is_enabled": "yes"},
        {"is_enabled": None},
        {"name": None},
        {"name": 7},
        {"credential": "none"},
        {"credential": "onboarding"},
        {"credential": "onboarding", "onboarding_until": "tomorrow"},
        {"credential": "onboarding", "onboarding_until": "2026-01-02T00:00:00"},
        {"lifetime_s": -1},
        {"lifetime_s": 60},
        {"lifetime_s": "1h"},
        {"lifetime_s": True},
        {"lifetime_s": 10**30},
        {"initial": None},
        {"initial": {"is_enabled": False}},
        {"initial": {"failure_mode": "open"}},
        {"initial": {"identity_class": "ghost"}},
        {"primary_sha256": SHA256},
    ],
)
def test_a_patch_of_what_is_fixed_or_wrong_is_refused(patch: dict[str, Any]) -> None:
    with pytest.raises(InvalidEnrollment):
        patch_enrollment(on_record(GROUP), patch, NOW)


# --- approval, reprovisioning, twins, payloads -------------------------------------------------------------------

KEYED = NewEnrollment(
    name="legacy",
    kind=EnrollmentKind.GROUP,
    attestation=Attestation.SYMMETRIC_KEY,
    symmetric_key_until=LATER,
)
ONE_KEYED = replace(KEYED, kind=EnrollmentKind.INDIVIDUAL, registration_id="Meter-1")


def deep(levels: int) -> dict[str, Any]:
    nested: dict[str, Any] = {}
    for _ in range(levels - 1):
        nested = {"a": nested}
    return nested


@pytest.mark.parametrize(
    ("case", "base", "changes", "problem"),
    [
        ("no time to decide", GROUP, {"approval_timeout": timedelta(seconds=299)}, InvalidEnrollment),
        ("too much time to decide", GROUP, {"approval_timeout": timedelta(days=30, seconds=1)}, InvalidEnrollment),
        ("a payload that is no object", GROUP, {"payload": ["a"]}, InvalidEnrollment),
        ("a payload in place of the chain", GROUP, {"payload": {"issuedCertificateChain": []}}, InvalidEnrollment),
        ("a long payload", GROUP, {"payload": {"a": "x" * 8_187}}, InvalidEnrollment),
        ("a deep payload", GROUP, {"payload": deep(17)}, InvalidEnrollment),
        ("a payload that is no JSON", GROUP, {"payload": {"a": object()}}, InvalidEnrollment),
        ("a payload of half a character", GROUP, {"payload": {"a": "\ud800"}}, InvalidEnrollment),
        ("desired properties that are none", GROUP, {"initial": InitialDevice(desired={"a.b": 1})}, InvalidTwin),
        ("too many desired ones", GROUP, {"initial": InitialDevice(desired={"a": ["x" * 4_000] * 9})}, TwinTooLarge),
        ("a key without an end", KEYED, {"symmetric_key_until": None}, InvalidEnrollment),
        ("a key for too long", KEYED, {"symmetric_key_until": NOW + timedelta(days=366, seconds=1)}, InvalidEnrollment),
        (
            "a key's end without a time zone",
            KEYED,
            {"symmetric_key_until": datetime(2026, 1, 2)},  # noqa: DTZ001 - the mistake
            InvalidEnrollment,
        ),
        ("a key's end without a key", GROUP, {"symmetric_key_until": LATER}, InvalidEnrollment),
        ("a key and an authority", KEYED, {"authority_id": "ath_1"}, InvalidEnrollment),
        ("a key and a certificate", ONE_KEYED, {"primary_sha256": SHA256}, InvalidEnrollment),
        ("a key as if it were a certificate", KEYED, ONBOARDING, InvalidEnrollment),
        ("a certificate as if it were a key", GROUP, {"credential": CredentialMode.SYMMETRIC_KEY}, InvalidEnrollment),
        ("one key without a name", ONE_KEYED, {"registration_id": None}, InvalidEnrollment),
        ("a group's key with a name", KEYED, {"registration_id": "meter-1"}, InvalidEnrollment),
        ("a name that no device can have", ONE_KEYED, {"registration_id": "a:b"}, InvalidEnrollment),
    ],
)
def test_no_enrollment_may_be_so_either(
    case: str, base: NewEnrollment, changes: dict[str, Any], problem: type[Exception]
) -> None:
    with pytest.raises(problem):
        check_new_enrollment(replace(base, **changes), NOW)


@pytest.mark.parametrize(
    "new",
    [
        KEYED,
        ONE_KEYED,
        replace(ONE_KEYED, registration_id="x" * 128),
        replace(KEYED, symmetric_key_until=NOW + timedelta(days=366), credential=CredentialMode.SYMMETRIC_KEY),
        replace(GROUP, approval=Approval.REQUIRED, approval_timeout=timedelta(minutes=5)),
        replace(GROUP, approval_timeout=timedelta(days=30), reprovision_policy=ReprovisionPolicy.NEVER),
        replace(GROUP, payload={"a": "x" * 8_184}),
        replace(GROUP, payload=deep(16)),
        replace(GROUP, payload={}),
    ],
)
def test_these_limits_pass_at_their_value(new: NewEnrollment) -> None:
    check_new_enrollment(new, NOW)


@pytest.mark.parametrize(
    ("new", "is_flagged"),
    [(GROUP, False), (replace(GROUP, **ONBOARDING), True), (KEYED, True)],
)
def test_what_rests_on_a_shared_secret_is_flagged(new: NewEnrollment, *, is_flagged: bool) -> None:
    assert on_record(new).is_flagged is is_flagged


@pytest.mark.parametrize(
    ("case", "patch", "expected"),
    [
        ("approval", {"approval": "required"}, {"approval": Approval.REQUIRED}),
        ("its time", {"approval_timeout_s": 3600}, {"approval_timeout": timedelta(hours=1)}),
        ("reprovisioning", {"reprovision_policy": "reset"}, {"reprovision_policy": ReprovisionPolicy.RESET}),
        ("a payload", {"payload": {"a": 1, "b": None}}, {"payload": {"a": 1}}),
        ("no payload", {"payload": None}, {"payload": None}),
        ("a twin", {"initial": {"desired": {"a": {"b": 1}}}}, {"initial": InitialDevice(desired={"a": {"b": 1}})}),
    ],
)
def test_a_patch_changes_these_too(case: str, patch: dict[str, Any], expected: dict[str, Any]) -> None:
    assert patch_enrollment(on_record(GROUP), patch, NOW) == replace(on_record(GROUP), **expected)


def test_payload_and_desired_properties_are_merged_and_a_null_takes_one_away() -> None:
    before = on_record(replace(GROUP, payload={"a": 1, "b": {"c": 2}}, initial=InitialDevice(desired={"a": 1, "b": 2})))
    patch = {"payload": {"a": None, "b": {"d": 3}}, "initial": {"desired": {"a": None, "c": 3}}}
    after = patch_enrollment(before, patch, NOW)
    assert (after.payload, after.initial.desired) == ({"b": {"c": 2, "d": 3}}, {"b": 2, "c": 3})
    assert patch_enrollment(before, {"initial": {"desired": None}}, NOW).initial.desired == {}


def test_the_end_of_keys_is_extended_and_never_taken_away() -> None:
    before = on_record(KEYED)
    further = patch_enrollment(before, {"symmetric_key_until": "2026-06-01T00:00:00Z"}, NOW)
    assert further.symmetric_key_until == datetime(2026, 6, 1, tzinfo=UTC)
    with pytest.raises(InvalidEnrollment):
        patch_enrollment(before, {"symmetric_key_until": None}, NOW)


@pytest.mark.parametrize(
    "patch",
    [
        {"attestation": "symmetric_key"},
        {"approval": "maybe"},
        {"approval": None},
        {"approval_timeout_s": None},
        {"approval_timeout_s": 60},
        {"reprovision_policy": None},
        {"payload": "text"},
        {"payload": deep(40)},
        {"initial": {"desired": "text"}},
        {"initial": {"desired": deep(40)}},
        {"primary_key": "a2tra2tra2tra2tra2tra2tr"},
    ],
)
def test_a_patch_of_these_is_refused(patch: dict[str, Any]) -> None:
    with pytest.raises((InvalidEnrollment, InvalidTwin)):
        patch_enrollment(on_record(GROUP), patch, NOW)
