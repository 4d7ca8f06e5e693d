"""What a module may be, and what a patch may change of it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from vedette.kernel import DeviceId, GenerationId, InvalidId, ModuleId, OrganizationId
from vedette.registry import (
    Authentication,
    AuthenticationType,
    InvalidDevice,
    InvalidModule,
    InvalidTags,
    InvalidThumbprint,
    Module,
    NewModule,
)
from vedette.registry.module import CERTIFIED_NAME_MAX_CHARS, apply_module_patch, check_new_module

PINNED = Authentication(type=AuthenticationType.SELF_SIGNED, primary_thumbprint="AB" * 32)


def module(**changes: Any) -> Module:
    at = datetime(2026, 11, 22, tzinfo=UTC)
    values: dict[str, Any] = {
        "organization_id": OrganizationId("org_1"),
        "generation_id": GenerationId("mod_1"),
        "device_generation_id": GenerationId("dev_1"),
        "device_id": DeviceId("gate"),
        "module_id": ModuleId("camera"),
        "authentication": Authentication(),
        "is_enabled": True,
        "managed_by": "",
        "tags": {"a": 1},
        "created_at": at,
        "updated_at": at,
        "last_connected_at": None,
        "revision": 3,
    }
    return Module(**{**values, **changes})


def test_a_module_is_known_by_its_full_name() -> None:
    assert (module().full_name, module().etag) == ("gate/camera", '"3"')


def test_a_new_module_is_normalized() -> None:
    checked = check_new_module(NewModule(module_id="camera", authentication=PINNED, tags={"a": None, "b": 1}), "gate")
    assert checked.authentication.primary_thumbprint == "ab" * 32
    assert checked.tags == {"b": 1}


@pytest.mark.parametrize(
    ("case", "new", "refusal"),
    [
        ("a slash in the name", NewModule(module_id="a/b"), InvalidId),
        ("no name", NewModule(module_id=""), InvalidId),
        ("a plus in the name", NewModule(module_id="a+b"), InvalidId),
        ("a long name", NewModule(module_id="x" * 129, authentication=PINNED), InvalidId),
        ("tags out of bounds", NewModule(module_id="a", tags={"a.b": 1}), InvalidTags),
        ("a manager on two lines", NewModule(module_id="a", managed_by="a\nb"), InvalidModule),
        ("a long manager", NewModule(module_id="a", managed_by="x" * 129), InvalidModule),
        (
            "no thumbprint",
            NewModule(module_id="a", authentication=Authentication(type=AuthenticationType.SELF_SIGNED)),
            InvalidDevice,
        ),
    ],
)
def test_modules_that_cannot_be_are_refused(case: str, new: NewModule, refusal: type[Exception]) -> None:
    with pytest.raises(refusal):
        check_new_module(new, "gate")


@pytest.mark.parametrize("kind", [AuthenticationType.ISSUED, AuthenticationType.CERTIFICATE_AUTHORITY])
def test_the_full_name_of_a_module_with_certificates_fits_a_common_name(kind: AuthenticationType) -> None:
    device_id = "d" * 32
    fits = "m" * (CERTIFIED_NAME_MAX_CHARS - 33)
    authentication = Authentication(type=kind)
    assert check_new_module(NewModule(module_id=fits, authentication=authentication), device_id).module_id == fits
    with pytest.raises(InvalidModule):
        check_new_module(NewModule(module_id=fits + "m", authentication=authentication), device_id)
    pinned = check_new_module(NewModule(module_id=fits + "m", authentication=PINNED), device_id)
    long = module(device_id=DeviceId(device_id), module_id=ModuleId(fits + "m"), authentication=pinned.authentication)
    with pytest.raises(InvalidModule):
        apply_module_patch(long, {"authentication": {"type": kind.value}})


def test_a_patch_changes_what_it_names() -> None:
    patch = {
        "tags": {"a": None, "b": {"c": 1}},
        "is_enabled": False,
        "managed_by": "line team",
        "authentication": {"type": "self_signed", "primary_thumbprint": "cd" * 20},
    }
    changed = apply_module_patch(module(), patch)
    assert (changed.tags, changed.is_enabled, changed.managed_by) == ({"b": {"c": 1}}, False, "line team")
    assert changed.authentication.thumbprints() == ("cd" * 20,)
    cleared = apply_module_patch(changed, {"tags": None, "managed_by": None})
    assert (cleared.tags, cleared.managed_by) == ({}, "")


@pytest.mark.parametrize(
    ("case", "patch", "refusal"),
    [
        ("the name", {"module_id": "b"}, InvalidModule),
        ("the device", {"device_id": "b"}, InvalidModule),
        ("something unknown", {"site": "north"}, InvalidModule),
        ("enabled by a word", {"is_enabled": "yes"}, InvalidModule),
        ("enabled by nothing", {"is_enabled": None}, InvalidModule),
        ("a manager of another type", {"managed_by": 1}, InvalidModule),
        ("tags of another type", {"tags": [1]}, InvalidDevice),
        ("tags out of bounds", {"tags": {"$a": 1}}, InvalidTags),
        ("a bad thumbprint", {"authentication": {"type": "self_signed", "primary_thumbprint": "x"}}, InvalidThumbprint),
    ],
)
def test_patches_that_cannot_be_are_refused(case: str, patch: dict[str, object], refusal: type[Exception]) -> None:
    with pytest.raises(refusal):
        apply_module_patch(module(), patch)
