"""What a client subscribes to, and the values that a server then publishes.

Source:
    OPC 10000-4 (OPC UA Part 4: Services), clauses 5.12.2 and 5.13.5; OPC 10000-6, annex A.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from vedette.sensor.dissect.interface import BAD_BYTES
from vedette.sensor.dissect.opcua_types import MAX_ITEMS, Cursor
from vedette.sensor.model import Values

_DATA_CHANGE: Final = "i=811"
_MAX_BODIES: Final = 64


class Monitored(NamedTuple):
    """One node that a client wants to be told of."""

    handle: int
    """The client's own number for it, by which values come."""
    name: str
    attribute: int


class Published(NamedTuple):
    """One value that a server tells."""

    handle: int
    value: Values
    status: int


def monitored_items(cursor: Cursor) -> tuple[Monitored, ...]:
    """Read what a client asks to be told of; as many as can be read."""
    cursor.at += 8  # subscription, timestamps
    found: list[Monitored] = []
    for _ in range(min(cursor.count(), MAX_ITEMS)):
        name, attribute = cursor.node(), cursor.number()
        cursor.raw()
        cursor.at += 2
        cursor.raw()
        cursor.at += 4
        handle = cursor.number()
        cursor.at += 8
        cursor.extension()
        cursor.at += 5
        found.append(Monitored(handle, name, attribute))
    return tuple(found)


def published_values(cursor: Cursor) -> list[Published]:
    """Read the values in a notification; those before one of a type that is not known here."""
    cursor.at += 4
    numbers = cursor.count()
    cursor.at += 4 * numbers
    cursor.at += 1 + 4 + 8  # more follow, number, time
    found: list[Published] = []
    for _ in range(min(cursor.count(), _MAX_BODIES)):
        kind, body = cursor.extension()
        if kind != _DATA_CHANGE:
            continue
        inner = Cursor(body)
        for _ in range(min(inner.count(), MAX_ITEMS - len(found))):
            try:
                handle = inner.number()
                value, status = inner.data_value()
            except BAD_BYTES:
                break
            found.append(Published(handle, value, status))
    return found
