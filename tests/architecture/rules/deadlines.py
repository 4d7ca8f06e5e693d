"""An orderly end keeps its deadlines in a task that is being cancelled, on every Python we support."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from rules.source import Source, Violation, last_name

_ENDS = ("close", "stop", "drain", "flush", "__aexit__")
_BROKEN = "asyncio.timeout"
_NEVER = "asyncio.wait_for"


def _is_end(node: ast.AST) -> bool:
    if not isinstance(node, ast.AsyncFunctionDef):
        return False
    return node.name.startswith("__aexit__") or node.name.lstrip("_").startswith(_ENDS)


def _ends(source: Source) -> Iterator[ast.AST]:
    """Yield what runs when a task ends: ``finally``, ``except CancelledError``, and functions named for it."""
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Try):
            yield from node.finalbody
        elif (
            isinstance(node, ast.ExceptHandler) and node.type is not None and "CancelledError" in ast.unparse(node.type)
        ):
            yield from node.body
        elif _is_end(node):
            yield node


def check(source: Source) -> list[Violation]:
    """Find deadlines that a cancelled task would not keep."""
    if source.name == "vedette.kernel.deadline":
        return []
    calls = {id(call): call for end in _ends(source) for call in ast.walk(end) if isinstance(call, ast.Call)}
    found = [
        source.violation(call, "asyncio.timeout in an orderly end: use kernel.Deadline, see there")
        for call in calls.values()
        if source.origin(call.func) == _BROKEN
    ]
    found += [
        source.violation(call, f"{last_name(call.func)}: use kernel.Deadline or asyncio.timeout")
        for call in ast.walk(source.tree)
        if isinstance(call, ast.Call) and source.origin(call.func) == _NEVER
    ]
    return found
