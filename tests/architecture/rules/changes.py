"""``changes/``: one file for each change a user sees, one sentence to that user."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from rules.source import Violation

KINDS: Final = ("added", "changed", "fixed", "removed", "security")
_NAME: Final = re.compile(rf"[a-z0-9]+(-[a-z0-9]+)*\.({'|'.join(KINDS)})\.md")


def check(folder: Path) -> list[Violation]:
    """Find change notes with a wrong name, and notes that are not one sentence."""
    found = []
    for path in sorted(folder.iterdir()):
        if path.name == "README.md":
            continue
        if not _NAME.fullmatch(path.name):
            found.append(Violation(path, 1, f"the name is <slug>.<{'|'.join(KINDS)}>.md"))
            continue
        text = path.read_text(encoding="utf-8").strip()
        sentences = re.split(r"(?<=[.!?])\s+(?=[A-Z`])", text)
        if len(sentences) != 1 or "\n\n" in text or not text.endswith((".", "!")):
            found.append(Violation(path, 1, "a change note is one sentence to the user, ending in a full stop"))
    return found
