"""Every task has a parent that waits for it, and a name."""

from __future__ import annotations

import ast

from rules.allowed import TASKS_THAT_CLOSE_WAITS_FOR
from rules.source import Source, Violation, last_name

_BARE = frozenset({"asyncio.create_task", "asyncio.ensure_future"})


def _groups(source: Source) -> set[str]:
    """Return the names that hold a TaskGroup in this module: bound by ``async with``, annotated, or assigned."""
    names: set[str] = set()
    for node in ast.walk(source.tree):
        match node:
            case ast.AsyncWith(items=items):
                names |= {
                    last_name(item.optional_vars)
                    for item in items
                    if item.optional_vars and "TaskGroup" in ast.unparse(item.context_expr)
                }
            case ast.arg(arg=name, annotation=ast.expr() as kind) if "TaskGroup" in ast.unparse(kind):
                names.add(name)
            case ast.AnnAssign(target=target, annotation=kind) if "TaskGroup" in ast.unparse(kind):
                names.add(last_name(target))
            case ast.Assign(targets=[target], value=ast.Call(func=made)) if last_name(made) == "TaskGroup":
                names.add(last_name(target))
    for node in ast.walk(source.tree):
        match node:
            case ast.Assign(targets=[target], value=ast.Name(id=name)) if name in names:
                names.add(last_name(target))
    return names - {""}


def check(source: Source) -> list[Violation]:
    """Find tasks made outside a TaskGroup, and tasks without a name."""
    groups = _groups(source)
    found = []
    for node in ast.walk(source.tree):
        if not isinstance(node, ast.Call):
            continue
        called = last_name(node.func)
        if source.origin(node.func) in _BARE or called == "ensure_future":
            found.append(source.violation(node, f"bare {called}: make the task in an asyncio.TaskGroup"))
        elif called == "create_task" and isinstance(node.func, ast.Attribute):
            if last_name(node.func.value) not in groups and source.name not in TASKS_THAT_CLOSE_WAITS_FOR:
                found.append(source.violation(node, "create_task on no TaskGroup: its failure would go unheard"))
            elif not any(keyword.arg == "name" for keyword in node.keywords):
                found.append(source.violation(node, "a task without a name: pass name=..."))
    return found
