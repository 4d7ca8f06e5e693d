"""What runs under a module is declared within limits, and changed member by member."""

from __future__ import annotations

import pytest

from vedette.registry.errors import InvalidModule
from vedette.registry.workload import IDENTITY_MAX_CHARS, check_workload, patch_workload
from vedette.trust import Workload

DIGEST = "sha256:" + "0f" * 32
BOTH = Workload(digest=DIGEST, identity="spiffe://plant/filter")


@pytest.mark.parametrize(
    ("patch", "expected"),
    [
        pytest.param({"digest": "sha512:" + "a" * 128}, ("sha512:" + "a" * 128, BOTH.identity), id="another digest"),
        pytest.param({"identity": None}, (DIGEST, ""), id="no identity"),
        pytest.param({}, (DIGEST, BOTH.identity), id="nothing"),
    ],
)
def test_members_that_are_not_named_stay(patch: object, expected: tuple[str, str]) -> None:
    changed = patch_workload(BOTH, patch)
    assert changed is not None
    assert (changed.digest, changed.identity) == expected


@pytest.mark.parametrize("patch", [None, {"digest": "", "identity": ""}, {"digest": None, "identity": None}])
def test_a_declaration_that_says_nothing_is_none(patch: object) -> None:
    assert patch_workload(BOTH, patch) is None


@pytest.mark.parametrize(
    "patch",
    [
        pytest.param("sha256:00", id="no object"),
        pytest.param({"image": "x"}, id="unknown member"),
        pytest.param({"digest": 7}, id="a number"),
        pytest.param({"digest": "latest"}, id="no digest"),
        pytest.param({"digest": "sha256:" + "A" * 64}, id="upper case"),
        pytest.param({"digest": "sha256:" + "a" * 31}, id="too short"),
        pytest.param({"digest": "sha256:" + "a" * 129}, id="too long"),
        pytest.param({"identity": "x" * (IDENTITY_MAX_CHARS + 1)}, id="a long name"),
        pytest.param({"identity": "a\x1bb"}, id="a name that cannot be shown"),
    ],
)
def test_what_is_outside_its_limits_is_refused(patch: object) -> None:
    with pytest.raises(InvalidModule):
        patch_workload(None, patch)


def test_limits_are_reached() -> None:
    longest = Workload(digest="a" * 16 + ":" + "0" * 128, identity="x" * IDENTITY_MAX_CHARS)
    assert check_workload(longest) == longest
