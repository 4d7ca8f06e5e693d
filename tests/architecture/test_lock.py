"""What is installed is named by hash, and no address is committed."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[2]


def test_every_package_of_the_lock_has_a_hash_and_none_an_address() -> None:
    lock = (ROOT / "requirements.lock").read_text()
    pins = re.findall(
        r"^([a-z0-9][a-z0-9._-]*(?:\[[^]]*\])?)==.*((?:\\\n    --hash=sha256:[0-9a-f]{64}.*)+)", lock, re.MULTILINE
    )
    assert len(pins) == len(re.findall(r"^[a-z0-9]", lock, re.MULTILINE))
    assert "://" not in lock
    assert "index-url" not in lock


def test_the_lock_holds_what_pyproject_asks_for() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    asked = [*project["dependencies"], *(each for extra in project["optional-dependencies"].values() for each in extra)]
    lock = (ROOT / "requirements.lock").read_text()
    pinned = dict(re.findall(r"^([a-z0-9._-]+)(?:\[[^]]*\])?==([^ ;]+)", lock, re.MULTILINE))
    for requirement in map(Requirement, asked):
        version = pinned.get(canonicalize_name(requirement.name))
        assert version, f"{requirement.name} is not in requirements.lock: run make lock"
        assert requirement.specifier.contains(version, prereleases=True), f"{requirement}: {version} is locked"


def test_npm_leaves_addresses_out_of_its_lock() -> None:
    assert "omit-lockfile-registry-resolved=true" in (ROOT / ".npmrc").read_text().splitlines()
