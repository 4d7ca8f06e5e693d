"""Whether the rules that a firewall holds are those that were compiled for it."""

from __future__ import annotations

import difflib
import re
from typing import Final

LISTING_MAX_BYTES: Final = 8 * 1024 * 1024
_COUNTER: Final = re.compile(r"counter packets \d+ bytes \d+")
_HANDLE: Final = re.compile(r"\s+# handle \d+$")


def compare_applied(compiled: str, listed: str) -> list[str]:
    """Return what differs, ``-`` missing on the firewall and ``+`` not ours; empty if it holds what it should.

    Args:
        compiled: Text of a zone's rule set.
        listed: What ``TZ=UTC nft list table inet TABLE`` printed there.
    """
    expected, found = _normalize(compiled), _normalize(listed)
    difference = difflib.unified_diff(expected, found, "declared", "applied", lineterm="", n=0)
    return [line for line in difference if not line.startswith(("---", "+++", "@@"))]


def _normalize(text: str) -> list[str]:
    """Return one line for each statement, without counters, handles and the lines that replace the table."""
    lines: list[str] = []
    open_ = ""
    for raw in text.splitlines():
        line = _HANDLE.sub("", _COUNTER.sub("counter", raw.strip()))
        if open_:
            line = f"{open_} {line}"
        # Elements go over as many lines as they need; rules and heads never do.
        if line.startswith("elements = {") and not line.endswith("}"):
            open_ = line
            continue
        open_ = ""
        is_replacing = line.startswith("delete table ") or (line.startswith("table ") and not line.endswith("{"))
        if line and not is_replacing:
            lines.append(" ".join(line.split()))
    if open_:
        lines.append(open_)
    return lines
