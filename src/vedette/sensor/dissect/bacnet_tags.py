"""BACnet's tags: what services carry, from bytes to items.

Source:
    ANSI/ASHRAE 135-2020, clause 20.2.
"""

from __future__ import annotations

from struct import Struct
from typing import Final, NamedTuple

from vedette.sensor.dissect.bacnet_codes import OBJECTS
from vedette.sensor.dissect.interface import Malformed
from vedette.sensor.model import Value, Values

OPEN: Final = -1
CLOSE: Final = -2
_MAX_TAGS: Final = 2_048
_MAX_DEPTH: Final = 16
_ANY: Final = 255
_LETTERS: Final = str.maketrans("01", "FT")
_REAL: Final = Struct(">f").unpack
_DOUBLE: Final = Struct(">d").unpack


class Tag(NamedTuple):
    """One tag: its number, whether it depends on the context, and its content; an opening or closing one has none."""

    number: int
    is_context: bool
    mark: int
    raw: bytes


class Item(NamedTuple):
    """One property of one object, as a service names it."""

    kind: int | None
    instance: int | None
    prop: int | None
    array_index: int | None
    value: Values
    priority: int | None
    error: int | None


def tags_of(data: bytes, position: int) -> list[Tag]:
    """Return the tags from ``position`` to the end.

    Raises:
        Malformed: One ends beyond the end, or there are too many or too deep ones.
    """
    found: list[Tag] = []
    depth, end = 0, len(data)
    while position < end:
        head = data[position]
        number, is_context, size = head >> 4, bool(head & 8), head & 7
        position += 1
        if number == 15:
            number = data[position]
            position += 1
        if is_context and size in {6, 7}:
            depth += 1 if size == 6 else -1
            if not 0 <= depth <= _MAX_DEPTH or len(found) >= _MAX_TAGS:
                raise Malformed(f"tags {depth} deep, {len(found)} in all")
            found.append(Tag(number, True, OPEN if size == 6 else CLOSE, b""))
            continue
        if number == 1 and not is_context:  # a boolean is its own length
            found.append(Tag(1, False, 0, bytes((size,))))
            continue
        if size == 5:
            size = data[position]
            position += 1
            if size == 254:
                size = int.from_bytes(data[position : position + 2], "big")
                position += 2
            elif size == 255:
                size = int.from_bytes(data[position : position + 4], "big")
                position += 4
        if position + size > end or len(found) >= _MAX_TAGS:
            raise Malformed(f"a tag of {size} bytes, {end - position} there")
        found.append(Tag(number, is_context, 0, data[position : position + size]))
        position += size
    return found


def value_of(tag: Tag) -> Value:
    """Return what an application tag holds."""
    number, raw = tag.number, tag.raw
    if tag.is_context:
        return int.from_bytes(raw, "big") if len(raw) <= 4 else raw
    if number == 1:
        return bool(raw[0])
    if number in {2, 9}:
        return int.from_bytes(raw, "big")
    if number == 3:
        return int.from_bytes(raw, "big", signed=True)
    if number == 4 and len(raw) == 4:
        real: float = _REAL(raw)[0]
        return real
    if number == 5 and len(raw) == 8:
        double: float = _DOUBLE(raw)[0]
        return double
    if number == 7 and raw:
        return raw[1:].decode("utf-16-be" if raw[0] == 4 else "utf-8" if raw[0] == 0 else "latin-1", "replace")
    if number == 8 and raw:
        return bits_of(raw)
    if number == 10 and len(raw) == 4:
        return date_of(raw)
    if number == 11 and len(raw) == 4:
        return f"{_part(raw[0])}:{_part(raw[1])}:{_part(raw[2])}.{_part(raw[3])}"
    if number == 12 and len(raw) == 4:
        kind, instance = object_of(raw)
        return f"{OBJECTS.get(kind, f'object_{kind}')},{instance}"
    return None if number == 0 else raw


def bits_of(raw: bytes) -> str:
    """Return a bit string as letters, the first bit first: ``FTFF``, without those that only fill its last byte."""
    count = max(len(raw) * 8 - 8 - (raw[0] & 7), 0)
    bits = f"{int.from_bytes(raw[1:], 'big'):0{len(raw) * 8 - 8}b}" if len(raw) > 1 else ""
    return bits[:count].translate(_LETTERS)


def date_of(raw: bytes) -> str:
    """Return a date; ``*`` stands for what it leaves open."""
    year = "*" if raw[0] == _ANY else str(1900 + raw[0])
    return f"{year}-{_part(raw[1])}-{_part(raw[2])}"


def _part(number: int) -> str:
    return "*" if number == _ANY else f"{number:02d}"


def object_of(raw: bytes) -> tuple[int, int]:
    """Return kind and instance of an object identifier."""
    if len(raw) != 4:
        raise Malformed(f"an object identifier of {len(raw)} bytes")
    number = int.from_bytes(raw, "big")
    return number >> 22, number & 0x3F_FFFF


def items_of(tags: list[Tag], *, is_multiple: bool, is_request: bool) -> list[Item]:
    """Return the properties that a read or write names, with their values."""
    return _several(tags, is_request=is_request) if is_multiple else [_single(tags)]


def reported(tags: list[Tag]) -> list[Item]:
    """Return the properties that a notification of changed values tells, with their values."""
    found: list[Item] = []
    kind: int | None = None
    instance: int | None = None
    prop: int | None = None
    index: int | None = None
    values: list[Value] = []
    depth = 0
    for tag in tags:
        if tag.mark:
            depth += 1 if tag.mark == OPEN else -1
            if tag.mark == CLOSE and depth == 1 and tag.number == 2:
                found.append(Item(kind, instance, prop, index, _plain(values), None, None))
                prop, index, values = None, None, []
        elif depth == 0 and tag.number == 2:
            kind, instance = object_of(tag.raw)
        elif depth >= 2:
            values.append(value_of(tag))
        elif depth == 1 and tag.number in {0, 1}:
            number = int.from_bytes(tag.raw[:4], "big")
            prop, index = (number, index) if not tag.number else (prop, number)
    return found


def _single(tags: list[Tag]) -> Item:
    kind = instance = prop = index = priority = None
    values: list[Value] = []
    depth = 0
    for tag in tags:
        if tag.mark:
            depth += 1 if tag.mark == OPEN else -1
        elif depth:
            values.append(value_of(tag))
        elif tag.number == 0:
            kind, instance = object_of(tag.raw)
        else:
            number = int.from_bytes(tag.raw[:4], "big")
            if tag.number == 1:
                prop = number
            elif tag.number == 2:
                index = number
            elif tag.number == 4:
                priority = number
    return Item(kind, instance, prop, index, _plain(values), priority, None)


def _several(tags: list[Tag], *, is_request: bool) -> list[Item]:
    """Read lists of properties of lists of objects: of requests to read or write, and of answers."""
    found: list[Item] = []
    kind: int | None = None
    instance: int | None = None
    prop: int | None = None
    index: int | None = None
    values: list[Value] = []
    is_error, depth = False, 0
    is_open = False

    def finish() -> None:
        if prop is not None:
            error = values[-1] if is_error and values and isinstance(values[-1], int) else None
            found.append(Item(kind, instance, prop, index, None if is_error else _plain(values), None, error))

    shift = 0 if is_request else 2
    for tag in tags:
        if tag.mark:
            depth += 1 if tag.mark == OPEN else -1
            if tag.mark == OPEN and depth == 2:
                is_error, is_open = tag.number == 5, True
            elif tag.mark == CLOSE and depth == 0:
                finish()
                prop, index, values, is_error = None, None, [], False
            continue
        if depth >= 2:
            values.append(value_of(tag))
        elif depth == 0 and tag.number == 0:
            kind, instance = object_of(tag.raw)
        elif depth == 1 and tag.number == shift:
            finish()
            prop, index, values, is_error, is_open = int.from_bytes(tag.raw[:4], "big"), None, [], False, False
        elif depth == 1 and tag.number == shift + 1 and not is_open:
            index = int.from_bytes(tag.raw[:4], "big")
    return found


def _plain(values: list[Value]) -> Values:
    return None if not values else values[0] if len(values) == 1 else tuple(values)
