"""What every rule reads and says: a parsed source file, and a violation at a line."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path


@dataclass(frozen=True, order=True)
class Violation:
    """One place where a rule is broken, and what to do about it."""

    path: Path
    line: int
    message: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.message}"


@dataclass(frozen=True)
class Source:
    """A Python file and the dotted name it is imported by."""

    path: Path
    name: str
    text: str

    @cached_property
    def tree(self) -> ast.Module:
        """Return the parsed file."""
        return ast.parse(self.text, filename=str(self.path))

    @property
    def is_package(self) -> bool:
        """Tell whether the file is the sign on a room's door."""
        return self.path.name == "__init__.py"

    @property
    def room(self) -> str:
        """Return the room, the first part below ``vedette``; empty for ``vedette`` itself."""
        parts = self.name.split(".")
        return parts[1] if len(parts) > 1 and parts[0] == "vedette" else ""

    def violation(self, node: ast.AST | int, message: str) -> Violation:
        """Return a violation at a node's line, or at the line itself."""
        line = node if isinstance(node, int) else getattr(node, "lineno", 1)
        return Violation(self.path, line, message)

    @cached_property
    def origins(self) -> dict[str, str]:
        """Return what each imported name stands for: ``{"monotonic": "time.monotonic"}``."""
        found: dict[str, str] = {}
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Import):
                for alias in node.names:
                    found[alias.asname or alias.name.split(".")[0]] = (
                        alias.name if alias.asname else alias.name.split(".")[0]
                    )
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                for alias in node.names:
                    found[alias.asname or alias.name] = f"{node.module}.{alias.name}"
        return found

    def origin(self, node: ast.AST) -> str:
        """Return the dotted origin of a name or an attribute of an imported name; empty when it is neither."""
        if isinstance(node, ast.Name):
            return self.origins.get(node.id, "")
        if isinstance(node, ast.Attribute) and (base := self.origin(node.value)):
            return f"{base}.{node.attr}"
        return ""


def read(path: Path, name: str) -> Source:
    """Read a file under the name it is imported by."""
    return Source(path, name, path.read_text(encoding="utf-8"))


def sources_in(package: Path) -> Iterator[Source]:
    """Read every module of a package: ``sources_in(root / "src" / "vedette")``."""
    for path in sorted(package.rglob("*.py")):
        parts = path.relative_to(package.parent).with_suffix("").parts
        yield read(path, ".".join(parts[:-1] if parts[-1] == "__init__" else parts))


def last_name(node: ast.AST) -> str:
    """Return the last identifier of ``a.b.c``: what people call the thing."""
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""
