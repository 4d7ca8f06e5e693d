"""A room is entered by its door: ``import vedette.registry``, never ``vedette.registry.repository``."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator

from rules.allowed import DOOR_MODULES, ROOMS_WITH_INNER_DOORS, THIRD_PARTY
from rules.source import Source, Violation


def imported(source: Source, modules: frozenset[str]) -> Iterator[tuple[ast.stmt, str, str]]:
    """Yield each import of the file as (statement, module, name); the name is empty for ``import module``.

    Args:
        source: The importing file.
        modules: All modules there are, so that ``from vedette.registry import service`` is seen for what it is.
    """
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node, alias.name, ""
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                parts = source.name.split(".")
                keep = len(parts) - node.level + (1 if source.is_package else 0)
                base = ".".join([*parts[:keep], *([base] if base else [])])
            for alias in node.names:
                inner = f"{base}.{alias.name}"
                yield (node, inner, "") if inner in modules else (node, base, alias.name)


def check_doors(source: Source, *, modules: frozenset[str], packages: frozenset[str]) -> list[Violation]:
    """Find imports of another room's inside.

    Args:
        source: The importing file.
        modules: Dotted names of all modules and packages of the house.
        packages: Those among them that are packages.
    """
    found = []
    for node, module, name in imported(source, modules):
        parts = module.split(".")
        if parts[0] != "vedette" or len(parts) == 1 or parts[1] == source.room:
            continue
        inner_door = parts[1] in ROOMS_WITH_INNER_DOORS and module in packages
        if len(parts) > 2 and module not in DOOR_MODULES and not inner_door:
            found.append(source.violation(node, f"{module} is private: import from vedette.{parts[1]}"))
        elif name.startswith("_") and not name.startswith("__"):
            found.append(source.violation(node, f"{module}.{name} is private to its room"))
    return found


def check_third_party(source: Source) -> list[Violation]:
    """Find third-party imports on a floor that may have none, or only the few a decision record names."""
    allowed = THIRD_PARTY.get(source.room)
    if allowed is None:
        return []
    return [
        source.violation(node, f"{source.room} may not import {module.split('.')[0]}: that needs a decision record")
        for node, module, _ in imported(source, frozenset())
        if module.split(".")[0] not in {"vedette", *allowed, *sys.stdlib_module_names}
    ]
