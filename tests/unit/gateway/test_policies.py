"""Policies that a gateway keeps on disk: those it had, or the default ones, never anything else."""

from __future__ import annotations

from pathlib import Path

import pytest

from vedette.gateway.policies import PolicyShelf, open_engines
from vedette.trust import PolicyBundle, PolicyManifest, default_bundle, default_manifest, encode_bundle

SHIPPED = default_bundle()
OTHER = PolicyBundle(SHIPPED.schema_text, SHIPPED.policies_text + "// other")
THIRD = PolicyBundle(SHIPPED.schema_text, SHIPPED.policies_text + "// third")
MANIFEST = PolicyManifest(OTHER.sha256, shadow=THIRD.sha256)


def test_a_new_gateway_begins_with_the_default_policies(tmp_path: Path) -> None:
    engines, bundles = open_engines(PolicyShelf(tmp_path / "policies"))
    assert engines.sha256 == default_manifest().sha256
    assert bundles == {SHIPPED.sha256: SHIPPED}


def test_the_last_policies_are_kept_and_older_ones_are_not(tmp_path: Path) -> None:
    shelf = PolicyShelf(tmp_path / "policies")
    shelf.keep(MANIFEST, [OTHER, THIRD])
    engines, _ = open_engines(shelf)
    assert engines.sha256 == MANIFEST.sha256
    shelf.keep(PolicyManifest(THIRD.sha256), [THIRD])
    engines, bundles = open_engines(shelf)
    assert (engines.stable.sha256, set(bundles)) == (THIRD.sha256, {THIRD.sha256})
    assert len(list((tmp_path / "policies").glob("*.bundle"))) == 1


@pytest.mark.parametrize("damage", ["missing", "swapped", "cut", "nonsense", "manifest"])
def test_policies_on_disk_that_are_not_what_they_were_are_not_used(tmp_path: Path, damage: str) -> None:
    shelf = PolicyShelf(tmp_path)
    shelf.keep(MANIFEST, [OTHER, THIRD])
    file = tmp_path / f"{OTHER.sha256}.bundle"
    match damage:
        case "missing":
            file.unlink()
        case "swapped":
            file.write_bytes(encode_bundle(SHIPPED))
        case "cut":
            file.write_bytes(file.read_bytes()[:-9])
        case "nonsense":
            file.write_bytes(b"x" * 2_000_000)
        case _:
            (tmp_path / "manifest.json").write_bytes(b'{"stable": "../../etc/passwd"}')
    assert open_engines(shelf)[0].sha256 == default_manifest().sha256
