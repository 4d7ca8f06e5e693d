"""A log line is a constant message with its facts in ``extra``."""

from __future__ import annotations

import ast
import re
from typing import Final

from rules.source import Source, Violation, last_name

_LOGGERS: Final = frozenset({"log", "_log", "logger", "_logger", "logging", "LOG"})
_CONSTANT: Final = re.compile(r"_?[A-Z][A-Z0-9_]*")
_LEVELS: Final = frozenset({"debug", "info", "warning", "error", "exception", "critical"})


def _is_constant(node: ast.expr) -> bool:
    """Tell whether the node is a text, or the name of a constant: ``_TORN``."""
    if isinstance(node, ast.Name):
        return bool(_CONSTANT.fullmatch(node.id))
    return isinstance(node, ast.Constant) and isinstance(node.value, str)


def check(source: Source) -> list[Violation]:
    """Find log calls whose message varies, and loggers not named after their module."""
    found = [
        source.violation(node, "the module's logger is logging.getLogger(__name__)")
        for node in source.tree.body
        if isinstance(node, ast.Assign | ast.AnnAssign)
        and isinstance(node.value, ast.Call)
        and source.origin(node.value.func) == "logging.getLogger"
        and [ast.unparse(arg) for arg in node.value.args] != ["__name__"]
    ]
    for node in ast.walk(source.tree):
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
            continue
        if last_name(node.func.value) not in _LOGGERS or node.func.attr not in {*_LEVELS, "log"}:
            continue
        arguments = node.args[1:] if node.func.attr == "log" else node.args
        if not arguments or not _is_constant(arguments[0]):
            found.append(source.violation(node, "the message is not a constant: put what varies into extra={...}"))
        elif len(arguments) > 1:
            found.append(source.violation(node, "facts in the message: put them into extra={...}"))
    return found
