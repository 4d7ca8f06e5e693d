"""``__init__.py`` is the sign on a room's door: a docstring, re-exports of its own room, a sorted ``__all__``."""

from __future__ import annotations

import ast

from rules.source import Source, Violation


def _exports(node: ast.stmt) -> list[str] | None:
    """Return the names of an ``__all__`` assignment, None for any other statement."""
    match node:
        case ast.Assign(targets=[ast.Name(id="__all__")], value=ast.List(elts=elements)):
            return [e.value for e in elements if isinstance(e, ast.Constant) and isinstance(e.value, str)]
    return None


def check(source: Source) -> list[Violation]:
    """Find anything else in a package's ``__init__.py``, and re-exports that ``__all__`` does not name."""
    if not source.is_package:
        return []
    found = []
    if not ast.get_docstring(source.tree):
        found.append(source.violation(1, "no docstring: say what the room is for, its terms and invariants"))
    names: set[str] = set()
    exports: list[str] | None = None
    for node in source.tree.body:
        match node:
            case ast.Expr(value=ast.Constant(value=str())) if node is source.tree.body[0]:
                pass
            case ast.ImportFrom(module="__future__"):
                pass
            case ast.ImportFrom(module=str(module), level=0) if f"{module}.".startswith(f"{source.name}."):
                names |= {alias.asname or alias.name for alias in node.names}
            case ast.Import() | ast.ImportFrom():
                found.append(source.violation(node, "re-exports something that is not of this room"))
            case _ if (listed := _exports(node)) is not None:
                exports = listed
                if len(set(listed)) != len(listed):
                    found.append(source.violation(node, "__all__ names something twice"))
            case _:
                found.append(source.violation(node, "code runs at import: a sign holds no code"))
    if names and exports is None:
        found.append(source.violation(1, "no __all__"))
    elif names != set(exports or []):
        odd = ", ".join(sorted(names ^ set(exports or [])))
        found.append(source.violation(1, f"__all__ and the re-exports differ: {odd}"))
    return found
