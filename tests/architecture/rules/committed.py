"""Nothing of the machine it was written on is committed: no registry's address, no path, no lock with addresses."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from rules.source import Violation

# Written in pieces, so that this file does not find itself.
_HOSTS: Final = (
    r"pypi\.(org|python\.org)",
    r"files\.pythonhosted\.org",
    r"registry\.(npmjs\.org|yarnpkg\.com)",
    r"(deb|security|snapshot)\.debian\.org",
)
_PATHS: Final = (
    r"(?<![\w.])/" + r"work/",
    r"(?<![\w.])/" + r"root/",
    r"(?<![\w.])/" + r"home/\w+/",
    r"(?<![\w.])/" + r"opt/(wheels|pypi)",
)
_SETTINGS: Final = (r'"resolved":\s*"https?:', r"--(extra-)?" + r"index-url", r'^(registry|url) = "https?:')
_PATTERN: Final = re.compile("|".join(f"(?:{each})" for each in (*_HOSTS, *_PATHS, *_SETTINGS)))
_FORBIDDEN_FILES: Final = frozenset({"uv.lock", "poetry.lock", "Pipfile.lock"})
_MAX_BYTES: Final = 2_000_000


def check(path: Path) -> list[Violation]:
    """Find addresses of registries and paths of a machine in one committed file."""
    if path.name in _FORBIDDEN_FILES:
        return [Violation(path, 1, "not committed: requirements.lock takes its place")]
    raw = path.read_bytes()
    if b"\0" in raw[:8000] or len(raw) > _MAX_BYTES:
        return []
    lines = raw.decode("utf-8", "replace").splitlines()
    return [
        Violation(path, number, f"{match[0]!r} belongs to a machine, not to the project")
        for number, line in enumerate(lines, 1)
        if (match := _PATTERN.search(line))
    ]
