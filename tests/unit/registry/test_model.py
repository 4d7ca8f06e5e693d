"""What a device may be: thumbprints, authentication, properties, patches."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from vedette.kernel import DeviceId, GenerationId, InvalidId, OrganizationId
from vedette.registry import (
    Authentication,
    AuthenticationType,
    Device,
    InvalidDevice,
    InvalidTags,
    InvalidThumbprint,
    NewDevice,
    Origin,
    ReasonMissing,
    check_new,
    check_reason,
    parse_thumbprint,
)
from vedette.registry.model import HOLD_MAX_S, REASON_MAX_CHARS, TEXT_MAX_CHARS, apply_patch
from vedette.trust import FailureMode, Lifecycle

NOW = datetime(2026, 1, 1, tzinfo=UTC)
SHA1, SHA256 = "ab" * 20, "cd" * 32
PINNED = Authentication(type=AuthenticationType.SELF_SIGNED, primary_thumbprint=SHA256)


def make_device(**changes: Any) -> Device:
    fields: dict[str, Any] = {
        "organization_id": OrganizationId("org_" + "0" * 26),
        "generation_id": GenerationId("dev_" + "0" * 26),
        "device_id": DeviceId("pump-7"),
        "authentication": Authentication(),
        "is_enabled": True,
        "status_reason": "",
        "status_changed_at": NOW,
        "is_blocked": False,
        "lifecycle": Lifecycle.ACTIVE,
        "lifecycle_changed_at": NOW,
        "device_class": "standard",
        "identity_class": "physical",
        "failure_mode": FailureMode.HOLD_LAST,
        "hold_s": 300,
        "site": "north",
        "zone": None,
        "purdue_level": None,
        "tags": {"line": {"number": 4}},
        "origin": Origin(),
        "created_at": NOW,
        "updated_at": NOW,
        "last_connected_at": None,
        "revision": 3,
        **changes,
    }
    return Device(**fields)


@pytest.mark.parametrize(
    ("text", "digest"),
    [
        (SHA1, SHA1),
        (SHA256, SHA256),
        (SHA256.upper(), SHA256),
        (":".join(SHA1[i : i + 2] for i in range(0, 40, 2)).upper(), SHA1),
        (" ".join(SHA256[i : i + 2] for i in range(0, 64, 2)), SHA256),
    ],
)
def test_a_thumbprint_is_read_whatever_its_case_and_colons(text: str, digest: str) -> None:
    assert parse_thumbprint(text) == digest


@pytest.mark.parametrize("text", ["", "ab", SHA1 + "a", SHA256[:-1], "g" * 40, "ab" * 24, "\u0660" * 40, ":" * 300])
def test_what_is_no_digest_is_refused(text: str) -> None:
    with pytest.raises(InvalidThumbprint):
        parse_thumbprint(text)


@pytest.mark.parametrize(
    ("new", "lifecycle"),
    [
        (NewDevice(device_id="a"), Lifecycle.MADE),
        (NewDevice(device_id="a", authentication=PINNED), Lifecycle.ONBOARDED),
        (NewDevice(device_id="a", lifecycle=Lifecycle.SHIPPED), Lifecycle.SHIPPED),
    ],
)
def test_a_device_begins_where_its_authentication_lets_it(new: NewDevice, lifecycle: Lifecycle) -> None:
    assert check_new(new).lifecycle is lifecycle


@pytest.mark.parametrize(
    ("case", "changes", "problem"),
    [
        ("a malformed id", {"device_id": "a b"}, InvalidId),
        ("a reserved id", {"device_id": "registrations"}, InvalidId),
        ("born active", {"lifecycle": Lifecycle.ACTIVE}, InvalidDevice),
        ("born retired", {"lifecycle": Lifecycle.RETIRED}, InvalidDevice),
        (
            "pinned without a thumbprint",
            {"authentication": Authentication(type=AuthenticationType.SELF_SIGNED)},
            InvalidDevice,
        ),
        ("a thumbprint without pinning", {"authentication": Authentication(primary_thumbprint=SHA1)}, InvalidDevice),
        ("an empty site", {"site": ""}, InvalidDevice),
        ("a long site", {"site": "x" * (TEXT_MAX_CHARS + 1)}, InvalidDevice),
        ("a site on two lines", {"site": "a\nb"}, InvalidDevice),
        ("a site turned around", {"site": "a\u202eb"}, InvalidDevice),
        ("a zone with outer spaces", {"zone": " a"}, InvalidDevice),
        ("no such level", {"purdue_level": "6"}, InvalidDevice),
        ("a class with capitals", {"device_class": "PLC"}, InvalidDevice),
        ("a long class", {"device_class": "x" * 65}, InvalidDevice),
        ("no such identity class", {"identity_class": "ghost"}, InvalidDevice),
        ("a negative hold", {"hold_s": -1}, InvalidDevice),
        ("a hold that never ends", {"hold_s": HOLD_MAX_S + 1}, InvalidDevice),
        ("a hold that is a boolean", {"hold_s": True}, InvalidDevice),
        ("bad tags", {"tags": {"a.b": 1}}, InvalidTags),
        ("a long reason", {"status_reason": "x" * (REASON_MAX_CHARS + 1)}, InvalidDevice),
    ],
)
def test_what_no_device_may_be_is_refused(case: str, changes: dict[str, Any], problem: type[Exception]) -> None:
    with pytest.raises(problem):
        check_new(NewDevice(**{"device_id": "a", **changes}))


def test_limits_pass_at_their_value() -> None:
    edge = NewDevice(device_id="a", site="x" * TEXT_MAX_CHARS, hold_s=HOLD_MAX_S, device_class="x" * 64)
    assert check_new(edge).hold_s == HOLD_MAX_S


@pytest.mark.parametrize(
    ("case", "patch", "expected"),
    [
        ("a property", {"zone": "cell-1"}, {"zone": "cell-1"}),
        ("an optional one taken away", {"site": None}, {"site": None}),
        ("tags merge", {"tags": {"line": {"speed": 2}}}, {"tags": {"line": {"number": 4, "speed": 2}}}),
        ("one tag taken away", {"tags": {"line": {"number": None}}}, {"tags": {"line": {}}}),
        ("all tags taken away", {"tags": None}, {"tags": {}}),
        ("a word of a set", {"failure_mode": "fail-closed"}, {"failure_mode": FailureMode.FAIL_CLOSED}),
        (
            "pinning",
            {"authentication": {"type": "self_signed", "primary_thumbprint": SHA1.upper()}},
            {"authentication": Authentication(type=AuthenticationType.SELF_SIGNED, primary_thumbprint=SHA1)},
        ),
    ],
)
def test_a_patch_changes_what_it_names_alone(case: str, patch: dict[str, Any], expected: dict[str, Any]) -> None:
    assert apply_patch(make_device(), patch) == make_device(**expected)


def test_a_second_thumbprint_is_added_beside_the_first_and_both_fall_with_pinning() -> None:
    pinned = make_device(authentication=PINNED)
    both = apply_patch(pinned, {"authentication": {"secondary_thumbprint": SHA1}})
    assert both.authentication.thumbprints() == (SHA256, SHA1)
    issued = apply_patch(both, {"authentication": {"type": "issued"}})
    assert issued.authentication == Authentication(type=AuthenticationType.ISSUED)


@pytest.mark.parametrize(
    "patch",
    [
        {"is_enabled": False},
        {"is_blocked": False},
        {"lifecycle": "active"},
        {"device_id": "other"},
        {"generation_id": "x"},
        {"failure_mode": "open"},
        {"failure_mode": None},
        {"device_class": None},
        {"hold_s": "300"},
        {"site": 7},
        {"tags": "x"},
        {"authentication": None},
        {"authentication": {"type": "none"}},
        {"authentication": {"type": "self_signed"}},
        {"authentication": {"password": "x"}},
        {"authentication": {"type": "self_signed", "primary_thumbprint": 7}},
    ],
)
def test_a_patch_of_what_is_fixed_or_wrong_is_refused(patch: dict[str, Any]) -> None:
    with pytest.raises(InvalidDevice):
        apply_patch(make_device(), patch)


def test_taking_access_away_needs_a_reason() -> None:
    assert check_reason("") == ""
    for empty in ("", "  \n"):
        with pytest.raises(ReasonMissing):
            check_reason(empty, is_required=True)
    with pytest.raises(InvalidDevice):
        check_reason("x\0")


@pytest.mark.parametrize(
    ("changes", "is_good"),
    [
        ({}, True),
        ({"is_enabled": False}, False),
        ({"is_blocked": True}, False),
        ({"lifecycle": Lifecycle.QUARANTINED}, False),
        ({"lifecycle": Lifecycle.RETIRED}, False),
        ({"lifecycle": Lifecycle.MADE}, True),
    ],
)
def test_good_standing_means_that_nothing_was_taken_away(changes: dict[str, Any], is_good: bool) -> None:  # noqa: FBT001 - a table
    assert make_device(**changes).is_in_good_standing is is_good
