"""Fuzz the query language: texts are read or refused at a place, and what is read can be evaluated and compiled."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from vedette.registry import InvalidQuery
from vedette.registry.query import check_condition, check_query, condition, parse_condition, parse_query
from vedette.registry.query.compile import compile_condition
from vedette.registry.query.sources import DEVICES

SEEDS: Final = (
    b"SELECT * FROM devices WHERE tags.site = 'north' AND NOT properties.reported.fw IN ['1', \"2\", 3, null]",
    b"SELECT TOP 5 deviceId AS id, tags.[[a b]][0].$c FROM devices.modules WHERE IS_DEFINED(tags.x) OR tags.y <> 0x1F",
    b"SELECT lifecycle, COUNT() n, AVG(tags.n) FROM devices GROUP BY lifecycle, site",
    b"(tags.a + 1) * -2 / 3 % 4 - .5e1 >= properties.desired.b.$version",
    b"STARTSWITH(deviceId, 'p\\u0041\\'') AND SUBSTRING(LOWER(tags.t), 1) NIN []",
    b"lastActivityTime > '2026-11-22T10:00:00Z' AND CONTAINS(groups, 'pumps')",
)
_TWIN: Final[dict[str, Any]] = {
    "deviceId": "pump-7",
    "lastActivityTime": "0001-01-01T00:00:00Z",
    "groups": [],
    "tags": {"site": "north", "a": 1, "t": "x", "x": None, "y": [1, {"z": "\u00e9"}]},
    "properties": {"desired": {"b": {}, "$version": 1}, "reported": {"fw": 1.5, "$version": 2}},
}
_DIALECTS: Final[tuple[sa.Dialect, ...]] = (sqlite.dialect(), postgresql.dialect())  # type: ignore[no-untyped-call]  # SQLAlchemy leaves it untyped


def fuzz_one(data: bytes) -> None:
    """Read the bytes as a query and as a condition."""
    text = data.decode("utf-8", "surrogateescape") if len(data) % 2 else data.decode("utf-8", "replace")
    for read in (_read_query, _read_condition):
        refused = _refusal_of(read, text)
        assert refused is None or 0 <= refused.position <= len(text), "the place is in the text"


def _refusal_of(read: Callable[[str], None], text: str) -> InvalidQuery | None:
    try:
        read(text)
    except InvalidQuery as refused:
        return refused
    return None


def _read_query(text: str) -> None:
    check_query(parse_query(text))


def _read_condition(text: str) -> None:
    node = parse_condition(text)
    holds = condition(node)(_TWIN)
    assert isinstance(holds, bool)
    with contextlib.suppress(InvalidQuery):
        checked = check_condition(node)
        for dialect in _DIALECTS:
            compile_condition(checked, DEVICES, dialect.name).clause.compile(dialect=dialect)
