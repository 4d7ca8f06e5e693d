"""Policies as they travel: named by what they say, refused when they are anything else."""

from __future__ import annotations

import dataclasses
import zlib
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from posture import NOW, make_record, section

from vedette.trust import (
    BadPolicyBundle,
    BadPolicyManifest,
    Placement,
    PolicyBundle,
    PolicyEngine,
    PolicyEngines,
    PolicyManifest,
    Site,
    decode_bundle,
    decode_manifest,
    default_bundle,
    default_manifest,
    device_schema,
    encode_bundle,
    encode_manifest,
)

SHIPPED = default_bundle()
OTHER = PolicyBundle(SHIPPED.schema_text, SHIPPED.policies_text + "// other")
A, B, C = "a" * 64, "b" * 64, "c" * 64


@pytest.mark.parametrize(
    "changes",
    [
        {"schema_text": "x"},
        {"policies_text": "x"},
        {"cases_text": "x"},
        {"sites": {"north": Site()}},
        {"sites": {"north": Site(time_zone="Europe/Berlin")}},
    ],
)
def test_a_bundle_is_named_by_all_of_its_parts(changes: dict[str, Any]) -> None:
    assert msgspec.structs.replace(SHIPPED, **changes).sha256 != SHIPPED.sha256


def test_sites_in_another_order_are_the_same_bundle() -> None:
    north, south = Site(radius_m=1), Site(radius_m=2)
    assert (
        PolicyBundle("", "", {"n": north, "s": south}).sha256 == PolicyBundle("", "", {"s": south, "n": north}).sha256
    )


@given(schema=st.text(), policies=st.text(), cases=st.text(), site=st.text(max_size=20))
def test_a_bundle_survives_its_journey(schema: str, policies: str, cases: str, site: str) -> None:
    bundle = PolicyBundle(schema, policies, {site: Site(latitude=1, longitude=2, radius_m=3)}, cases)
    assert decode_bundle(encode_bundle(bundle)) == bundle
    assert decode_bundle(encode_bundle(bundle)).sha256 == bundle.sha256


@given(st.binary(max_size=200))
def test_any_bytes_are_a_bundle_or_refused(raw: bytes) -> None:
    for candidate in (raw, zlib.compress(raw)):
        with pytest.raises(BadPolicyBundle):
            decode_bundle(candidate)
    with pytest.raises(BadPolicyManifest):
        decode_manifest(raw)


def test_a_bundle_that_unfolds_without_end_is_refused() -> None:
    bomb = zlib.compress(b"\0" * 50_000_000)
    with pytest.raises(BadPolicyBundle, match="too large"):
        decode_bundle(bomb)


@pytest.mark.parametrize(
    "site",
    [
        Site(latitude=1),
        Site(latitude=91, longitude=0, radius_m=1),
        Site(latitude=0, longitude=181, radius_m=1),
        Site(latitude=0, longitude=0, radius_m=0),
        Site(latitude=0, longitude=0, radius_m=float("nan")),
        Site(time_zone="Mars/Olympus"),
        Site(time_zone="../../etc/passwd"),
        Site(networks=("10.0.0.1/8",)),
        Site(networks=("north",)),
        Site(networks=("10.0.0.0/8",) * 65),
    ],
)
def test_a_flawed_site_is_refused(site: Site) -> None:
    with pytest.raises(BadPolicyBundle):
        PolicyEngine(PolicyBundle(SHIPPED.schema_text, SHIPPED.policies_text, {"north": site}))


def test_a_manifest_is_named_by_what_it_says() -> None:
    names = {
        PolicyManifest(A).sha256,
        PolicyManifest(B).sha256,
        PolicyManifest(A, canary=B, canary_group="g").sha256,
        PolicyManifest(A, canary=B, canary_group="h").sha256,
        PolicyManifest(A, shadow=B).sha256,
    }
    assert len(names) == 5
    manifest = PolicyManifest(A, canary=B, canary_group="g", shadow=C)
    assert decode_manifest(encode_manifest(manifest), manifest.sha256) == manifest
    with pytest.raises(BadPolicyManifest, match="not the one"):
        decode_manifest(encode_manifest(manifest), PolicyManifest(A).sha256)


@pytest.mark.parametrize(
    "manifest",
    [
        PolicyManifest("../x"),
        PolicyManifest(A.upper()),
        PolicyManifest(A, canary=B),
        PolicyManifest(A, canary_group="g"),
    ],
)
def test_a_manifest_that_makes_no_sense_is_refused(manifest: PolicyManifest) -> None:
    with pytest.raises(BadPolicyManifest):
        decode_manifest(encode_manifest(manifest))


def test_a_canary_decides_for_its_group_alone() -> None:
    manifest = PolicyManifest(SHIPPED.sha256, canary=OTHER.sha256, canary_group="ring", shadow=OTHER.sha256)
    engines = PolicyEngines(manifest, [SHIPPED, OTHER])
    chosen = make_record(placement=section("registry", Placement(groups=("ring",))))
    assert engines.engine_for(chosen, NOW).sha256 == OTHER.sha256
    assert engines.engine_for(make_record(), NOW) is engines.stable
    assert engines.engine_for(None, NOW) is engines.stable
    assert engines.engine_for(make_record(placement=section("registry", None)), NOW) is engines.stable
    assert engines.shadow is engines.by_sha256[OTHER.sha256]
    assert PolicyEngines(default_manifest(), [], engines).stable is engines.stable
    with pytest.raises(BadPolicyManifest):
        PolicyEngines(manifest, [SHIPPED])


def test_policies_of_an_older_schema_are_decided_by_this_releases() -> None:
    older = device_schema().replace("  spoofableFindings: Set<String>,\n", "")
    engine = PolicyEngine(PolicyBundle(older, SHIPPED.policies_text))
    assert engine.principal(make_record(), NOW).uid.type == "Device"


def test_a_bundle_cannot_be_changed() -> None:
    assert not dataclasses.is_dataclass(SHIPPED)
    with pytest.raises(AttributeError):
        SHIPPED.policies_text = ""  # type: ignore[misc] # that is the point
