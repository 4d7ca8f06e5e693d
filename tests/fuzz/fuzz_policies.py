"""Fuzz policies as they come over the bus or from a disk, and as a person writes them."""

from __future__ import annotations

import contextlib
from datetime import UTC, datetime
from typing import Final

from vedette.trust import (
    BadPolicyBundle,
    BadPolicyManifest,
    PolicyBundle,
    PolicyManifest,
    check_bundle,
    decode_bundle,
    decode_manifest,
    default_bundle,
    default_manifest,
    device_schema,
    encode_bundle,
    encode_manifest,
    read_cases,
)
from vedette.trust.facts import is_within_hours

_small: Final = PolicyBundle(device_schema(), '@id("a") permit (principal, action == Action::"connect", resource);')
_NOON: Final = datetime(2026, 1, 5, 12, tzinfo=UTC)

SEEDS: Final = (
    encode_manifest(default_manifest()),
    encode_manifest(PolicyManifest("a" * 64, canary="b" * 64, canary_group="grp_1", shadow="c" * 64)),
    encode_bundle(_small),
    _small.policies_text.encode(),
    b'@id("x;y") // ; "\nforbid (principal, action, resource) when { context has keyBits && context.keyBits < 5 };',
    default_bundle().cases_text[:400].encode(),
    b"1-5 22:00-06:00",
)


def fuzz_one(data: bytes) -> None:
    """Take the bytes for a manifest, a bundle, policies, cases and hours: each is read, or refused in words."""
    with contextlib.suppress(BadPolicyManifest):
        decode_manifest(data)
    with contextlib.suppress(BadPolicyBundle):
        decode_bundle(data)
    text = data.decode("utf-8", "replace")
    for flaw in check_bundle(PolicyBundle(device_schema(), text)):
        assert flaw.message
    with contextlib.suppress(BadPolicyBundle):
        read_cases(text)
    assert is_within_hours(text, _NOON) in {True, False, None}
