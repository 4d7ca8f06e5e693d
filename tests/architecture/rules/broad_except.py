"""``except Exception`` belongs to ``app`` and the listeners."""

from __future__ import annotations

import ast

from rules.allowed import BROAD_EXCEPT_MODULES, BROAD_EXCEPT_ROOMS
from rules.source import Source, Violation, last_name

_BROAD = frozenset({"Exception", "BaseException"})


def _is_broad(kind: ast.expr | None) -> bool:
    if kind is None:
        return True
    kinds = kind.elts if isinstance(kind, ast.Tuple) else [kind]
    return any(last_name(each) in _BROAD for each in kinds)


def _hands_on(handler: ast.ExceptHandler) -> bool:
    """Tell whether the handler only cleans up and raises the very same exception again."""
    last = handler.body[-1]
    return isinstance(last, ast.Raise) and last.exc is None


def check(source: Source) -> list[Violation]:
    """Find handlers and suppressions of everything, outside the rooms that may."""
    if source.room in BROAD_EXCEPT_ROOMS or source.name in BROAD_EXCEPT_MODULES:
        return []
    found = []
    for node in ast.walk(source.tree):
        if isinstance(node, ast.ExceptHandler) and _is_broad(node.type) and not _hands_on(node):
            found.append(source.violation(node, "catches everything: name the exceptions that are expected here"))
        elif isinstance(node, ast.Call) and last_name(node.func) == "suppress":
            found += [
                source.violation(node, "suppresses everything: name the exceptions that are expected here")
                for kind in node.args
                if last_name(kind) in _BROAD
            ]
    return found
