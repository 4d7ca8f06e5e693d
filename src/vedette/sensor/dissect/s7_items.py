"""What a read or write of S7comm names: parsed once for each distinct address, since polling repeats them for ever."""

from __future__ import annotations

import struct
from typing import Final, NamedTuple

from vedette.sensor.dissect import s7comm_codes as codes
from vedette.sensor.dissect.interface import Malformed
from vedette.sensor.model import Values

_ANY: Final = 0x10
_DB: Final = frozenset({0x84, 0x85})
_COUNTED: Final = frozenset({0x1C, 0x1D, 0x1E, 0x1F})
_MAX_KNOWN: Final = 4_096
_ITEM: Final = struct.Struct(">BHHB").unpack_from


class Item(NamedTuple):
    """One variable, or a run of them."""

    area: str
    first: int | None
    quantity: int | None
    name: str
    size: int
    detail: dict[str, Values]


_known: Final[dict[bytes, Item]] = {}
_known_parameters: Final[dict[bytes, tuple[Item, ...]]] = {}


def items_of(parameter: bytes) -> tuple[Item, ...]:
    """Return the items of a read or write.

    Raises:
        Malformed: They end before their count.
    """
    found = _known_parameters.get(parameter)
    if found is not None:
        return found
    items, position = [], 2
    for _ in range(parameter[1]):
        size = parameter[position + 1]
        raw = parameter[position + 2 : position + 2 + size]
        if len(raw) < size:
            raise Malformed(f"an item of {size} bytes, {len(raw)} there")
        items.append(_item(raw))
        position += 2 + size + (size & 1)
    found = tuple(items)
    if len(_known_parameters) >= _MAX_KNOWN:
        _known_parameters.clear()
    if len(parameter) <= 256:
        _known_parameters[parameter] = found
    return found


def decode(item: Item, raw: bytes) -> Values:
    """Return the value of an item; runs of bytes stay bytes."""
    number = codes.NUMBERS.get(item.size)
    if number is None or len(raw) % number[1]:
        return raw[0] if len(raw) == 1 else raw
    values: tuple[float, ...] = struct.unpack(f">{len(raw) // number[1]}{number[0]}", raw)
    return values[0] if len(values) == 1 else values


def _item(raw: bytes) -> Item:
    found = _known.get(raw)
    if found is None:
        found = _any(raw) if len(raw) == 10 and raw[0] == _ANY else _symbolic(raw)
        if len(_known) >= _MAX_KNOWN:
            _known.clear()
        _known[raw] = found
    return found


def _any(raw: bytes) -> Item:
    size, count, db, area = _ITEM(raw, 1)
    address = int.from_bytes(raw[7:10], "big")
    first = address if area in _COUNTED else address >> 3
    letter = codes.AREA_LETTERS.get(area, f"area_{area}_")
    if area in _DB:
        name = f"{letter}{db}.DBX{first}.{address & 7}"
    elif area in _COUNTED:
        name = f"{letter}{first}"
    else:
        name = f"{letter}{first}.{address & 7}"
    detail: dict[str, Values] = {"transport_size": codes.SIZES.get(size, f"size_{size}")}
    if area in _DB:
        detail["db"] = db
    return Item(codes.AREAS.get(area, f"area_{area}"), first, count, name, size, detail)


def _symbolic(raw: bytes) -> Item:
    syntax = raw[0] if raw else 0
    return Item(f"syntax_{syntax:02x}", None, None, raw[1:33].hex(), 0, {"syntax": syntax})
