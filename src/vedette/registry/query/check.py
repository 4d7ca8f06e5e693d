"""Checks a tree against the known fields, and writes times in the one form in which they compare as texts. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Final

from vedette.kernel import to_rfc3339
from vedette.registry.query.errors import InvalidQuery
from vedette.registry.query.evaluate import fold
from vedette.registry.query.fields import Field, Kind, Part, field_of
from vedette.registry.query.tree import (
    Comparison,
    Constant,
    Membership,
    Node,
    Path,
    Primitive,
    Query,
    SourceName,
    paths_of,
    rebuild,
    walk,
)

NEVER: Final = "0001-01-01T00:00:00Z"
_NEVER_AT: Final = datetime.min.replace(tzinfo=UTC)


def check_query(query: Query) -> Query:
    """Check every path of a query, and prepare its condition.

    Raises:
        InvalidQuery: A field is unknown, or is compared with a time that is none.
    """
    for path in paths_of(query):
        field_of(path, query.source)
    return query if query.where is None else replace(query, where=check_condition(query.where, query.source))


def check_condition(node: Node, source: SourceName = "devices") -> Node:
    """Check a condition's paths, fold what is constant, and write times as fields have them.

    Raises:
        InvalidQuery: A field is unknown, or is compared with a time that is none.
    """
    for each in walk(node):
        if isinstance(each, Path):
            field_of(each, source)
    return fold(_with_times(node, source))


def check_group_condition(node: Node) -> Node:
    """Check a condition that decides who is in a group.

    Raises:
        InvalidQuery: It names groups, or a field that changes without an act that membership could follow.
    """
    checked = check_condition(node)
    for each in walk(checked):
        if not isinstance(each, Path):
            continue
        found = field_of(each, "devices")
        if found is not None and found.part is Part.GROUPS:
            raise InvalidQuery("a group's condition cannot ask for groups", position=each.position)
        is_own = any(isinstance(step, str) and step.startswith("$") for step in each.steps)
        if is_own or (found is not None and not found.is_stable):
            raise InvalidQuery(
                f"a group's condition cannot use {str(each)[:80]}: it changes without an act",
                position=each.position,
                hint="ask for it in a query, or group by tags and properties",
            )
    return checked


def fields_of(nodes: Iterable[Node], source: SourceName = "devices") -> list[Field]:
    """Return the fields that checked expressions read, each once."""
    paths = [each for node in nodes for each in walk(node) if isinstance(each, Path)]
    found = {field.path: field for path in paths if (field := field_of(path, source)) is not None}
    if any(path.steps == ("properties",) for path in paths):
        found |= dict(_both_bags(source))
    return list(found.values())


def parse_time(text: str) -> datetime | None:
    """Read an RFC 3339 time or date; ``None`` if it is none. One without an offset is in UTC."""
    try:
        moment = datetime.fromisoformat(text)
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def format_time(moment: datetime | None) -> str:
    """Write a time as twins have it; one that never came is the hub's year 1."""
    return NEVER if moment is None or moment <= _NEVER_AT else to_rfc3339(moment)


def _both_bags(source: SourceName) -> list[tuple[tuple[str, ...], Field]]:
    bags = [field_of(Path(("properties", name)), source) for name in ("desired", "reported")]
    return [(bag.path, bag) for bag in bags if bag is not None]


def _is_time(node: Node, source: SourceName) -> bool:
    if not isinstance(node, Path):
        return False
    found = field_of(node, source)
    return found is not None and found.kind is Kind.TIME


def _with_times(node: Node, source: SourceName) -> Node:
    if isinstance(node, Comparison):
        left, right = node.left, node.right
        if _is_time(left, source):
            return replace(node, right=_time_constant(right))
        if _is_time(right, source):
            return replace(node, left=_time_constant(left))
    if isinstance(node, Membership) and _is_time(node.operand, source):
        return replace(node, constants=tuple(_time_text(each, node.position) for each in node.constants))
    return rebuild(node, lambda child: _with_times(child, source))


def _time_constant(node: Node) -> Node:
    return replace(node, value=_time_text(node.value, node.position)) if isinstance(node, Constant) else node


def _time_text(value: Primitive, position: int) -> Primitive:
    if not isinstance(value, str):
        return value
    moment = parse_time(value)
    if moment is None:
        raise InvalidQuery("this is no time", position=position, hint="write one as '2026-11-22T10:00:00Z'")
    return format_time(moment)
