"""Names in policies that this release does not know, and the nearest that it does."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Final

from vedette.trust.anchors import PolicyTree
from vedette.trust.bundle import device_schema

_COMMENT: Final = re.compile(r"//[^\n]*")
_WORD: Final = re.compile(r"[A-Za-z][A-Za-z0-9]*")
_ATTRIBUTE: Final = re.compile(r"([A-Za-z][A-Za-z0-9]*)\??\s*:")
_SYNTAX: Final = frozenset({"type", "entity", "in", "action", "appliesTo", "principal", "resource", "context"})
# As Cedar's validator words them; what it words otherwise is told as it is.
_NOT_FOUND: Final = re.compile(r"(?:attribute `(?:[\w.]*\.)?(\w+)` .*not found|unrecognized .*[`\"](\w+)\"?`)")
_ROOTS: Final = ("principal", "context")
_SMALLEST_LIKENESS: Final = 0.7


def find_unknown_names(policy: PolicyTree) -> Iterator[str]:
    """Yield a sentence for each ``has`` that asks for an attribute that nothing here has; it would never hold.

    Cedar passes over them: ``has`` of an unknown name is false, so a restriction that waits for it is none.
    """
    for root, name in sorted(_asked_for(policy.get("conditions", []))):
        if name not in _attributes():
            yield f"{root} never has {name}{_nearest(name, _attributes())}"


def suggest(message: str) -> str:
    """Return the nearest name for a message of Cedar's validator about one that it does not know; empty: none is."""
    found = _NOT_FOUND.search(message)
    return "" if found is None else _nearest(found[1] or found[2], _names())


def _nearest(name: str, names: frozenset[str]) -> str:
    near = difflib.get_close_matches(name, sorted(names), n=1, cutoff=_SMALLEST_LIKENESS)
    return f"; is it `{near[0]}`?" if near else ""


def _asked_for(tree: object) -> set[tuple[str, str]]:
    """Return root and name of each ``has`` on the principal or the context itself."""
    found: set[tuple[str, str]] = set()
    waiting: list[object] = [tree]
    while waiting:
        node = waiting.pop()
        if isinstance(node, list):
            waiting.extend(node)
        elif isinstance(node, dict):
            waiting.extend(node.values())
            asked = node.get("has")
            if isinstance(asked, dict) and asked.get("left", {}).get("Var") in _ROOTS and "attr" in asked:
                found.add((asked["left"]["Var"], str(asked["attr"])))
    return found


@lru_cache(maxsize=1)
def _attributes() -> frozenset[str]:
    return frozenset(_ATTRIBUTE.findall(_COMMENT.sub("", device_schema()))) - _SYNTAX


@lru_cache(maxsize=1)
def _names() -> frozenset[str]:
    return frozenset(_WORD.findall(_COMMENT.sub("", device_schema()))) - _SYNTAX
