"""The objects that DNP3's messages carry: headers, ranges and values.

Source:
    IEEE 1815-2012, clauses 4.2.2.7 (object headers) and A (object library).
"""

from __future__ import annotations

from itertools import chain
from struct import Struct
from typing import Final, NamedTuple

from vedette.sensor.dissect.dnp3_codes import GROUPS, OBJECTS, OPERATIONS, STATUS, TRIPS
from vedette.sensor.dissect.interface import Malformed
from vedette.sensor.dissect.modbus_codes import BITS
from vedette.sensor.model import Value, Values

MAX_HEADERS: Final = 128
_MAX_VALUES: Final = 2_048
_MAX_KNOWN: Final = 1_024
_PREFIXES: Final = {0: "", 1: "B", 2: "H", 3: "I"}
_PREFIX_BYTES: Final = {0: 0, 1: 1, 2: 2, 3: 4}
_WIDTHS: Final = {0: 1, 1: 2, 2: 4, 7: 1, 8: 2, 9: 4, 11: 1}
_SHIFTS: Final = {"flag": (7, 0x7F), "double": (6, 0x3F)}
"""Where the state is in a byte of flags, and what of it is flags."""
_ONLINE: Final = 1
_CLEAR: Final = 0x20
_TIME_BYTES: Final = 6
_CROB: Final = Struct("<BBIIB").unpack_from


class Objects(NamedTuple):
    """One header with its objects."""

    group: int
    variation: int
    area: str
    first: int | None
    quantity: int | None
    indexes: tuple[int, ...]
    value: Values
    controls: tuple[tuple[int, dict[str, Values]], ...] = ()
    flags: tuple[int, ...] = ()
    """Of each object, if not just all of them are online."""
    times: tuple[int, ...] = ()
    """When each event was, in milliseconds since 1970."""


def asked_for(content: bytes) -> list[Objects]:
    """Return what a request without values names; remembered, since polling repeats it for ever."""
    found = _known.get(content)
    if found is None:
        found = parse(content, 0, has_values=False)
        if len(_known) >= _MAX_KNOWN:
            _known.clear()
        if len(content) <= 64:
            _known[content] = found
    return found


def parse(data: bytes, position: int, *, has_values: bool) -> list[Objects]:
    """Return what stands from ``position`` to the end.

    Raises:
        Malformed: More is announced than there is.
    """
    found: list[Objects] = []
    while position < len(data):
        if len(found) >= MAX_HEADERS:
            raise Malformed(f"more than {MAX_HEADERS} object headers")
        group, variation, qualifier = data[position], data[position + 1], data[position + 2]
        position += 3
        prefix, span = qualifier >> 4, qualifier & 15
        width = _WIDTHS.get(span, 0)
        first: int | None = None
        count: int | None = None
        if span <= 2:
            first = int.from_bytes(data[position : position + width], "little")
            last = int.from_bytes(data[position + width : position + 2 * width], "little")
            position += 2 * width
            if last < first:
                raise Malformed(f"a range from {first} to {last}")
            count = last - first + 1
        elif width:
            count = int.from_bytes(data[position : position + width], "little")
            position += width
        elif span != 6:
            raise Malformed(f"qualifier {qualifier:02x}")
        if position > len(data):
            raise Malformed(f"an object header of group {group} without its range")
        area = GROUPS.get(group, f"group_{group}")
        if count is None or not (has_values or prefix):
            found.append(Objects(group, variation, area, first, count, (), None))
            continue
        position, objects = _values(data, position, group, variation, prefix, first, count, has_values=has_values)
        found.append(objects)
        if position < 0:
            break
    return found


def _values(
    data: bytes, start: int, group: int, variation: int, prefix: int, first: int | None, count: int, *, has_values: bool
) -> tuple[int, Objects]:
    """Return where the objects end, or -1 if that can't be told, and the objects."""
    area = GROUPS.get(group, f"group_{group}")
    if prefix in {4, 5, 6}:
        return _sized(data, start, group, variation, prefix, count)
    size, code, _ = OBJECTS.get(group << 8 | variation, (0, "", 0))
    if group in {110, 111} and variation:
        size = variation
    if not has_values:
        size = 0
    elif not size:
        return -1, Objects(group, variation, area, first, count, (), data[start : start + 256])
    if size < 0:
        end = start + (count * -size + 7) // 8
        if end > len(data):
            raise Malformed(f"{count} packed objects in {len(data) - start} bytes")
        return end, Objects(group, variation, area, first, count, (), _packed(data[start:end], count, -size))
    step = _PREFIX_BYTES.get(prefix, 0) + size
    end = start + count * step
    if end > len(data):
        raise Malformed(f"{count} objects of {step} bytes, {len(data) - start} there")
    if code == "crob" or (group == 41 and has_values):
        return end, _commands(data, start, group, variation, prefix, first, count, step)
    key = (group, variation if has_values else -1, prefix)
    reader = _readers.get(key)
    if reader is None:
        if len(_readers) > 1_024:
            _readers.clear()
        reader = _readers[key] = _reader(size, code, OBJECTS.get(group << 8 | variation, (0, "", 0))[2], prefix)
    rows = list(reader.iter_unpack(data[start : start + min(count, _MAX_VALUES) * step]))
    indexes: tuple[int, ...] = ()
    if prefix:
        indexes = tuple(row[0] for row in rows)
        first = indexes[0] if indexes else None
    if not size:
        return end, Objects(group, variation, area, first, count, indexes, None)
    at, offset = 1 if prefix else 0, OBJECTS.get(group << 8 | variation, (0, "", 0))[2]
    plain: tuple[Value, ...] = tuple(row[at + (offset == 1)] for row in rows)
    flags: tuple[int, ...] = ()
    if code in _SHIFTS:
        shift, mask = _SHIFTS[code]
        flags = tuple(row[at] & mask for row in rows)
        plain = tuple(row[at] >> shift for row in rows)
    elif code == "time":
        plain = tuple(int.from_bytes(row[at], "little") for row in rows)
    elif offset == 1:
        flags = tuple(row[at] for row in rows)
    times: tuple[int, ...] = ()
    if rows and isinstance(rows[0][-1], bytes) and code not in {"time", ""}:
        times = tuple(int.from_bytes(row[-1], "little") for row in rows)
    if flags.count(_ONLINE) == len(flags):
        flags = ()
    return end, Objects(group, variation, area, first, count, indexes, plain, (), flags, times)


_known: Final[dict[bytes, list[Objects]]] = {}
_readers: Final[dict[tuple[int, int, int], Struct]] = {}


def _reader(size: int, code: str, at: int, prefix: int) -> Struct:
    head = "<" + _PREFIXES.get(prefix, "")
    if code == "time":
        return Struct(f"{head}6s{size - 6}x")
    if code:
        used = 1 if code in _SHIFTS else at + Struct(code).size
        rest = f"{_TIME_BYTES}s" if size - used == _TIME_BYTES else f"{size - used}x"
        body = "B" if code in _SHIFTS else "B" * at + code[1:]
        return Struct(f"{head}{body}{rest}")
    return Struct(f"{head}{size}s" if size else head)


def _packed(raw: bytes, count: int, width: int) -> Values:
    bits = tuple(chain.from_iterable(map(BITS.__getitem__, raw)))
    if width == 2:
        return tuple(low | high << 1 for low, high in zip(bits[::2], bits[1::2], strict=True))[:count]
    return bits[:count]


def _commands(
    data: bytes, start: int, group: int, variation: int, prefix: int, first: int | None, count: int, step: int
) -> Objects:
    """Read control relay output blocks and analog output commands, each with its index and status."""
    skip = _PREFIX_BYTES.get(prefix, 0)
    controls: list[tuple[int, dict[str, Values]]] = []
    code = OBJECTS[group << 8 | variation][1]
    for number in range(count):
        at = start + number * step
        index = int.from_bytes(data[at : at + skip], "little") if skip else (first or 0) + number
        status = data[at + step - 1] & 0x7F
        detail: dict[str, Values] = {"status_code": STATUS.get(status, f"status_{status}")}
        if code == "crob":
            control, times, on_ms, off_ms, _ = _CROB(data, at + skip)
            operation = TRIPS[control >> 6] + OPERATIONS.get(control & 15, f"operation_{control & 15}")
            detail |= {
                "value": operation, "execute_count": times, "on_time": on_ms, "off_time": off_ms,
                "clear": bool(control & _CLEAR),
            }  # fmt: skip
        else:
            detail |= {
                "value": Struct(code).unpack_from(data, at + skip)[0], "group": group, "variation": variation,
            }  # fmt: skip
        controls.append((index, detail))
    lead = controls[0][0] if controls else first
    return Objects(group, variation, GROUPS[group], lead, count, (), None, tuple(controls))


def _sized(data: bytes, start: int, group: int, variation: int, prefix: int, count: int) -> tuple[int, Objects]:
    """Read objects that each tell their own size, as files do."""
    width = (1, 2, 4)[prefix - 4]
    contents: list[bytes] = []
    for _ in range(min(count, MAX_HEADERS)):
        size = int.from_bytes(data[start : start + width], "little")
        start += width
        if start + size > len(data):
            raise Malformed(f"an object of {size} bytes, {len(data) - start} there")
        contents.append(data[start : start + size])
        start += size
    area = GROUPS.get(group, f"group_{group}")
    return start, Objects(group, variation, area, None, count, (), tuple(contents))
