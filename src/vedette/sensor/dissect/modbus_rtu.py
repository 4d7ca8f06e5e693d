"""Modbus RTU frames carried over TCP, as serial gateways send them: no header, a checksum at the end.

Source:
    MODBUS over Serial Line Specification and Implementation Guide V1.02 §2.5.
"""

from __future__ import annotations

from typing import ClassVar, Final

from vedette.sensor.dissect.interface import INCOMPLETE, NO, NOT_A_MESSAGE, SURE, Malformed
from vedette.sensor.dissect.modbus import Modbus
from vedette.sensor.dissect.modbus_codes import EXCEPTION, REQUEST_BYTES, RESPONSE_BYTES

MAX_FRAME_BYTES: Final = 256

_COUNTED_REQUESTS: Final = {15: 5, 16: 5, 20: 1, 21: 1, 23: 9}
_COUNTED_RESPONSES: Final = {1: 1, 2: 1, 3: 1, 4: 1, 12: 1, 17: 1, 20: 1, 21: 1, 23: 1}


class ModbusRtu(Modbus):
    """Reads Modbus RTU over TCP; an answer belongs to the last question to its unit."""

    __slots__ = ()

    max_message_bytes: ClassVar[int] = MAX_FRAME_BYTES

    def measure(self, data: bytes, start: int, is_from_client: bool) -> int:
        """Return the length that the function code implies; for others, that of all there is if its checksum fits."""
        length = _length_of(data, start, is_from_client=is_from_client)
        if length == NOT_A_MESSAGE:
            rest = data[start:]
            return len(rest) if 4 <= len(rest) <= MAX_FRAME_BYTES and not crc16(rest) else NOT_A_MESSAGE
        if length > INCOMPLETE and start + length <= len(data) and crc16(data[start : start + length]):
            return NOT_A_MESSAGE
        return length

    def message(self, data: bytes, is_from_client: bool, at_ns: int) -> None:
        """Read one frame, whose checksum was right."""
        unit, pdu = data[0], data[1:-2]
        if is_from_client:
            self.request(pdu, 0, unit, at_ns)
        else:
            self.response(pdu, 0, unit, at_ns)

    def datagram(self, payload: bytes, is_from_client: bool, at_ns: int) -> None:
        """Read one frame over UDP."""
        if crc16(payload):
            raise Malformed("wrong checksum")
        self.message(payload, is_from_client, at_ns)


def check(payload: bytes, is_from_client: bool) -> int:
    """Tell whether a payload is one RTU frame with the right checksum; see ``interface.Check``."""
    length = _length_of(payload, 0, is_from_client=is_from_client)
    return SURE if length == len(payload) and payload[0] <= 247 and not crc16(payload) else NO


def crc16(data: bytes, value: int = 0xFFFF) -> int:
    """Return the CRC-16 of Modbus, or with another first value that of its relatives; 0 over a whole frame."""
    for byte in data:
        value = value >> 8 ^ _TABLE[(value ^ byte) & 0xFF]
    return value


def _length_of(data: bytes, start: int, *, is_from_client: bool) -> int:
    function = data[start + 1]
    if function & EXCEPTION:
        return NOT_A_MESSAGE if is_from_client else 5
    fixed = (REQUEST_BYTES if is_from_client else RESPONSE_BYTES).get(function)
    if fixed is not None:
        return fixed + 3
    counted = (_COUNTED_REQUESTS if is_from_client else _COUNTED_RESPONSES).get(function)
    if counted is None:
        return NOT_A_MESSAGE
    return data[start + 1 + counted] + counted + 4


def _table() -> tuple[int, ...]:
    found = []
    for byte in range(256):
        crc = byte
        for _ in range(8):
            crc = crc >> 1 ^ 0xA001 if crc & 1 else crc >> 1
        found.append(crc)
    return tuple(found)


_TABLE: Final = _table()
