"""Values as MMS and GOOSE write them.

Source:
    ISO 9506-2 (Data); IEC 61850-8-1:2011 Annex A, §8.1.3.6 (floating point, UTC time).
"""

from __future__ import annotations

from struct import Struct
from typing import Final

from vedette.sensor.dissect.ber import children
from vedette.sensor.dissect.interface import Malformed
from vedette.sensor.dissect.wording import text_of
from vedette.sensor.model import Value

MAX_VALUES: Final = 64
_MAX_DEPTH: Final = 8
_MAX_BYTES: Final = 64
_ARRAY: Final = 0xA1
_STRUCTURE: Final = 0xA2
_FLOAT: Final = Struct(">f").unpack_from
_DOUBLE: Final = Struct(">d").unpack_from
_SECONDS: Final = Struct(">I").unpack_from


def values(data: bytes, position: int, end: int) -> tuple[Value, ...]:
    """Return the values between two places, structures and arrays laid flat; the first 64.

    Raises:
        Malformed: They are nested more than 8 deep, or contradict their lengths.
    """
    found: list[Value] = []
    _collect(data, position, end, found, 0)
    return tuple(found)


def _collect(data: bytes, position: int, end: int, found: list[Value], depth: int) -> None:
    if depth > _MAX_DEPTH:
        raise Malformed(f"values nested more than {_MAX_DEPTH} deep")
    for tag, start, stop in children(data, position, end, 4_096):
        if len(found) >= MAX_VALUES:
            return
        if tag in {_ARRAY, _STRUCTURE}:
            _collect(data, start, stop, found, depth + 1)
        else:
            found.append(_value(tag, data[start:stop]))


def _value(tag: int, raw: bytes) -> Value:
    match tag:
        case 0x83:
            return bool(raw[0])
        case 0x84:
            return _bits(raw)
        case 0x85 | 0x86 if len(raw) <= 8:
            return int.from_bytes(raw, "big", signed=tag == 0x85)
        case 0x87 if len(raw) == 5:
            return float(_FLOAT(raw, 1)[0])
        case 0x87 if len(raw) == 9:
            return float(_DOUBLE(raw, 1)[0])
        case 0x8A | 0x90:
            return text_of(raw)
        case 0x91 if len(raw) == 8:
            # Whole seconds, and a fraction in 24 bits.
            return float(_SECONDS(raw, 0)[0]) + int.from_bytes(raw[4:7], "big") / (1 << 24)
    return raw[:_MAX_BYTES]


def _bits(raw: bytes) -> str:
    unused = raw[0]
    if unused > 7 or len(raw) > _MAX_BYTES:
        raise Malformed(f"a bit string of {len(raw)} bytes with {unused} bits unused")
    text = "".join(f"{byte:08b}" for byte in raw[1:])
    return text[: len(text) - unused] if unused else text
