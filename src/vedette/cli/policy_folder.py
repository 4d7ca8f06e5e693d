"""Policies as files: a folder, such as one kept in git, with Cedar, sites and unit cases.

    policies/
      *.cedar          the policies, read in the order of their names
      sites.toml       [sites.NAME] tables: places, networks, time zones (optional)
      *cases.toml      [[case]] tables: what must be allowed and what denied (optional)

A single file is taken as the policies alone.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from vedette.cli.files import read_small_file
from vedette.cli.problems import Usage

FILE_MAX_BYTES: Final = 1_048_576
FILES_MAX: Final = 1_000
SITES_FILE: Final = "sites.toml"
CASES_FILE: Final = "cases.toml"
POLICIES_FILE: Final = "policies.cedar"
_CASES: Final = "*cases.toml"
_CEDAR: Final = "*.cedar"
_SITE_KEYS: Final = ("latitude", "longitude", "radius_m", "time_zone", "networks")


@dataclass(frozen=True, slots=True)
class PolicyFolder:
    """What a folder holds, as the API takes it.

    Attributes:
        policies: All policies, one file after the other.
        sites: By name.
        cases: All unit cases.
        starts: For each file of policies the line of ``policies`` with which it begins, from 1.
    """

    policies: str
    sites: Mapping[str, Any]
    cases: str
    starts: tuple[tuple[int, Path], ...]

    @property
    def body(self) -> dict[str, Any]:
        """The members of a request."""
        return {"policies": self.policies, "sites": dict(self.sites), "cases": self.cases}

    def place(self, line: int) -> str:
        """Return ``FILE:LINE`` of a line of ``policies``; the folder's first file where no line is to blame."""
        start, path = next(((start, path) for start, path in reversed(self.starts) if start <= line), self.starts[0])
        return f"{path}:{line - start + 1}" if line else str(path)


def read_policy_folder(path: Path) -> PolicyFolder:
    """Read a folder of policies, or one file of them.

    Raises:
        Usage: There are none, or a file cannot be read.
        Denied: A file may not be read.
    """
    if not path.is_dir():
        text = _read(path, "a file of policies")
        return PolicyFolder(text, {}, "", ((1, path),))
    files = sorted(path.glob(_CEDAR))[: FILES_MAX + 1]
    if not files or len(files) > FILES_MAX:
        raise Usage(f"{path} holds {'no' if not files else 'too many'} files *.cedar", hint="see docs/policies.md")
    policies, starts = "", []
    for file in files:
        starts.append((policies.count("\n") + 1, file))
        policies += _read(file, "a file of policies").rstrip("\n") + "\n"
    sites = path / SITES_FILE
    cases = "".join(_read(file, "a file of unit cases", may_be_empty=True) + "\n" for file in sorted(path.glob(_CASES)))
    return PolicyFolder(policies, _read_sites(sites) if sites.exists() else {}, cases, tuple(starts))


def write_policy_folder(path: Path, content: Mapping[str, Any]) -> None:
    """Write a bundle's content as files, over those that are there.

    Raises:
        Usage: A file cannot be written.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
        (path / POLICIES_FILE).write_text(content["policies"], encoding="utf-8")
        if content["sites"]:
            (path / SITES_FILE).write_text(_write_sites(content["sites"]), encoding="utf-8")
        if content["cases"]:
            (path / CASES_FILE).write_text(content["cases"], encoding="utf-8")
    except OSError as error:
        raise Usage(f"{path} cannot be written: {error.strerror}") from error


def _read(path: Path, what: str, *, may_be_empty: bool = False) -> str:
    try:
        return read_small_file(path, what, max_bytes=FILE_MAX_BYTES, may_be_empty=may_be_empty).decode("utf-8")
    except UnicodeDecodeError as error:
        raise Usage(f"{path} is not UTF-8") from error


def _read_sites(path: Path) -> Mapping[str, Any]:
    try:
        found = tomllib.loads(_read(path, "a file of sites", may_be_empty=True))
    except tomllib.TOMLDecodeError as error:
        raise Usage(f"{path} is not TOML: {error}") from error
    sites = found.pop("sites", {})
    if found or not isinstance(sites, dict):
        raise Usage(f"{path} holds tables [sites.NAME] and nothing else", hint="see docs/policies.md")
    return sites


def _write_sites(sites: Mapping[str, Any]) -> str:
    lines: list[str] = []
    for name, site in sites.items():
        lines.append(f"[sites.{json.dumps(name)}]")
        lines += [f"{key} = {json.dumps(site[key])}" for key in _SITE_KEYS if site.get(key) not in (None, [])]
        lines.append("")
    return "\n".join(lines)
