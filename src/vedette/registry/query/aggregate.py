"""COUNT, AVG, SUM, MIN, MAX and GROUP BY: tallies per group, merged from window to window. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from vedette.registry.query.errors import QueryTooBroad
from vedette.registry.query.evaluate import look_up
from vedette.registry.query.tokens import EXACT_MAX
from vedette.registry.query.tree import UNDEFINED, Aggregate, Path, Query
from vedette.registry.query.values import Value, finite, is_number

GROUPS_MAX: Final = 10_000

Row = dict[str, Any]  # Any: JSON values


@dataclass(slots=True)
class Tally:
    """What is known of the numbers at one path; what is no number is left out."""

    count: int = 0
    total: float = 0.0
    least: float | None = None
    most: float | None = None

    def add(self, other: Tally) -> None:
        """Take in another tally of the same path."""
        self.count += other.count
        self.total += other.total
        for theirs in (other.least, other.most):
            if theirs is not None:
                self.least = theirs if self.least is None else min(self.least, theirs)
                self.most = theirs if self.most is None else max(self.most, theirs)

    def value(self, name: str) -> Value:
        """Return the aggregate of a name; undefined without a number."""
        if not self.count or self.least is None or self.most is None:
            return UNDEFINED
        found = {"SUM": self.total, "AVG": self.total / self.count, "MIN": self.least, "MAX": self.most}[name]
        number = finite(float(found))
        is_whole = number is not UNDEFINED and float(number).is_integer() and abs(number) < EXACT_MAX
        return int(number) if is_whole else number


@dataclass(slots=True)
class _Group:
    key: tuple[Value, ...]
    count: int = 0
    tallies: dict[Path, Tally] = field(default_factory=dict)


class Aggregation:
    """The groups of a query, filled row by row or with what SQL has summed up already."""

    def __init__(self, query: Query) -> None:
        self._query = query
        self._groups: dict[tuple[tuple[str, Value], ...], _Group] = {}
        self.paths = tuple(dict.fromkeys(_aggregated(query)))

    def add_document(self, document: Mapping[str, Any]) -> None:
        """Take in one document."""
        key = tuple(look_up(document, path.steps) for path in self._query.group_by)
        tallies = {}
        for path in self.paths:
            value = look_up(document, path.steps)
            if is_number(value):
                tallies[path] = Tally(1, float(value), float(value), float(value))
        self.add(key, 1, tallies)

    def add(self, key: Sequence[Value], count: int, tallies: Mapping[Path, Tally]) -> None:
        """Take in what is known of some rows of one group.

        Raises:
            QueryTooBroad: There are more than 10,000 groups.
        """
        values = tuple(UNDEFINED if isinstance(value, dict | list) else value for value in key)
        group = self._groups.setdefault(tuple(map(_sortable, values)), _Group(values))
        if len(self._groups) > GROUPS_MAX:
            raise QueryTooBroad(
                f"the query makes more than {GROUPS_MAX} groups", hint="group by something coarser", limit=GROUPS_MAX
            )
        group.count += count
        for path, tally in tallies.items():
            group.tallies.setdefault(path, Tally()).add(tally)

    def rows(self) -> list[Row]:
        """Return one row per group, in the order of their keys; without GROUP BY always one."""
        if not self._query.group_by and not self._groups:
            self._groups[()] = _Group(())
        return [self._row(self._groups[key]) for key in sorted(self._groups)]

    def _row(self, group: _Group) -> Row:
        row: Row = {}
        for item in self._query.items or ():
            value = self._value(group, item.expression)
            if value is not UNDEFINED:
                row[item.name] = value
        return row

    def _value(self, group: _Group, expression: Path | Aggregate) -> Value:
        if isinstance(expression, Path):
            return group.key[self._query.group_by.index(expression)]
        if expression.path is None:
            return group.count
        return group.tallies.get(expression.path, Tally()).value(expression.name)


def _aggregated(query: Query) -> Iterator[Path]:
    for item in query.items or ():
        if isinstance(item.expression, Aggregate) and item.expression.path is not None:
            yield item.expression.path


def _sortable(value: Value) -> tuple[str, Value]:
    """Return what orders values of any types, and keeps 1, true and "1" apart."""
    if value is UNDEFINED or value is None:
        return ("0" if value is UNDEFINED else "1", "")
    if isinstance(value, bool):
        return ("2", value)
    return ("3", float(value)) if is_number(value) else ("4", value)
