"""As much of ASN.1's basic encoding as SNMP and IEC 61850 need.

Source:
    ITU-T X.690 §8; RFC 3417 §8 (the subset that SNMP allows).
"""

from __future__ import annotations

from collections.abc import Iterator

from vedette.sensor.dissect.interface import Malformed

_MAX_ARCS = 128


def element(data: bytes, position: int, end: int) -> tuple[int, int, int]:
    """Read tag and length of an element; return its tag, where its content begins, and where it ends.

    Raises:
        Malformed: It reaches beyond ``end``.
        IndexError: It ends too early.
    """
    tag, size = data[position], data[position + 1]
    position += 2
    if size & 0x80:
        count = size & 0x7F
        if not 0 < count <= 4:
            raise Malformed(f"a length in {count} bytes")
        size = int.from_bytes(data[position : position + count], "big")
        position += count
    if position + size > end:
        raise Malformed(f"an element of {size} bytes, {end - position} there")
    return tag, position, position + size


def tagged(data: bytes, position: int, end: int) -> tuple[int, int, int]:
    """Read tag and length of an element whose number may be above 30.

    Returns:
        The tag: class and form in the highest three bits of its first byte, as ever; a number above 30 stands in
        the bytes below it (``bf 4d`` is ``0xBF4D``); where its content begins, and where it ends.

    Raises:
        Malformed: It reaches beyond ``end``, or its number has more than two bytes.
        IndexError: It ends too early.
    """
    if data[position] & 0x1F != 0x1F:
        return element(data, position, end)
    number = data[position + 1]
    if number & 0x80:
        raise Malformed("a tag of more than two bytes")
    _, start, stop = element(data, position + 1, end)
    return data[position] << 8 | number, start, stop


def children(data: bytes, position: int, end: int, limit: int) -> Iterator[tuple[int, int, int]]:
    """Go through the elements between two places: tag, where the content begins, and where it ends.

    Raises:
        Malformed: One reaches beyond ``end``, or there are more than ``limit``.
        IndexError: One ends too early.
    """
    for _ in range(limit):
        if position >= end:
            return
        tag, start, stop = tagged(data, position, end)
        yield tag, start, stop
        position = stop
    if position < end:
        raise Malformed(f"more than {limit} elements")


def integer(data: bytes, position: int, end: int) -> tuple[int, int]:
    """Read an integer; return it with where it ends.

    Raises:
        Malformed: It is none, or a long one.
    """
    tag, start, stop = element(data, position, end)
    if tag != 2 or not 0 < stop - start <= 9:
        raise Malformed(f"element {tag} of {stop - start} bytes where a number is due")
    return int.from_bytes(data[start:stop], "big", signed=True), stop


def octets(data: bytes, position: int, end: int) -> tuple[bytes, int]:
    """Read an octet string; return it with where it ends.

    Raises:
        Malformed: It is none.
    """
    tag, start, stop = element(data, position, end)
    if tag != 4:
        raise Malformed(f"element {tag} where a string is due")
    return data[start:stop], stop


def object_name(content: bytes) -> str:
    """Write an object identifier with dots.

    Raises:
        Malformed: It has too many arcs.
    """
    arcs: list[int] = []
    value = 0
    if len(content) > 4 * _MAX_ARCS:
        raise Malformed(f"an object identifier of {len(content)} bytes")
    for byte in content:
        value = value << 7 | byte & 0x7F
        if not byte & 0x80:
            if not arcs:
                first = min(value // 40, 2)
                arcs += [first, value - 40 * first]
            else:
                arcs.append(value)
            value = 0
        elif value >> 32:
            raise Malformed("an object identifier with an arc of more than 32 bits")
    return ".".join(map(str, arcs[:_MAX_ARCS]))
