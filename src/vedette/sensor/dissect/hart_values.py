"""What the answers to HART commands hold: measured values, ranges, texts.

Source:
    FieldComm Group HCF_SPEC-127 (universal commands), HCF_SPEC-151 (common practice commands).
"""

from __future__ import annotations

from struct import Struct
from typing import Final

from vedette.sensor.model import Value, Values

_FLOAT: Final = Struct(">f").unpack_from
_PAIR: Final = Struct(">ff").unpack_from
_TRIPLE: Final = Struct(">fff").unpack_from
_MAX_RAW_BYTES: Final = 64
_SLOT_BYTES: Final = 8
_UNIT_AND_VALUE_BYTES: Final = 5
_VARIABLE_BYTES: Final = 6


def answered(command: int, data: bytes) -> tuple[str, Values]:
    """Return the name and the values that an answer holds, from behind its status on.

    A command of which nothing is known has its bytes for a value.

    Raises:
        struct.error: It ends too early.
    """
    if command == 1:
        return "", float(_FLOAT(data, 1)[0])
    if command == 2:
        return "", tuple(_PAIR(data, 0))
    if command == 3:
        return "", (float(_FLOAT(data, 0)[0]), *_each(data, 4, _UNIT_AND_VALUE_BYTES, 1))
    if command == 9:
        return "", _each(data, 1, _SLOT_BYTES, 3)
    if command == 33:
        return "", _each(data, 0, _VARIABLE_BYTES, 2)
    if command == 12:
        return "", packed(data[:24])
    if command == 13:
        return packed(data[:6]), packed(data[6:18])
    if command == 14:
        return "", (int.from_bytes(data[:3], "big"), *_TRIPLE(data, 4))
    if command == 15:
        return "", tuple(_TRIPLE(data, 3))
    if command in {16, 19}:
        return "", int.from_bytes(data[:3], "big")
    if command in {20, 22}:
        return data[:32].split(b"\0")[0].decode("latin-1").strip(), None
    return "", data[:_MAX_RAW_BYTES] or None


def packed(raw: bytes) -> str:
    """Return text of six bits a character, as HART packs it: four characters in three bytes."""
    bits = int.from_bytes(raw, "big")
    count = len(raw) * 8 // 6
    codes = (bits >> 6 * (count - 1 - place) & 0x3F for place in range(count))
    return "".join(chr(code | (~code & 0x20) << 1) for code in codes).rstrip()


def _each(data: bytes, start: int, size: int, offset: int) -> tuple[Value, ...]:
    """Return the number within each of a row of equal pieces."""
    return tuple(float(_FLOAT(data, place + offset)[0]) for place in range(start, len(data) - size + 1, size))
