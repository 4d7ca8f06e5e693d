"""Modbus/TCP, with UMAS: the example that other dissectors follow.

Source:
    MODBUS Application Protocol Specification V1.1b3; MODBUS Messaging on TCP/IP Implementation Guide V1.0b.
"""

from __future__ import annotations

from itertools import chain
from struct import Struct
from typing import ClassVar, Final, NamedTuple

from vedette.sensor.dissect import umas
from vedette.sensor.dissect.interface import NO, NOT_A_MESSAGE, SURE, WEAK, Malformed, StreamDissector
from vedette.sensor.dissect.modbus_codes import (
    BITS,
    DIAGNOSTICS,
    ENCAPSULATED,
    EXCEPTION,
    EXCEPTIONS,
    FUNCTIONS,
    IDENTIFICATION,
    LIMITS,
    MASK_WRITE_REGISTER,
    READ_FIFO,
    READ_WRITE_REGISTERS,
    REPORT_SERVER_ID,
    REQUEST_BYTES,
    RESPONSE_BYTES,
    SOMEBODYS,
    SUBFUNCTIONS,
    UMAS,
)
from vedette.sensor.dissect.transactions import Transactions
from vedette.sensor.flows import Flow
from vedette.sensor.model import (
    POSSIBLE,
    PROBABLE,
    AnomalyKind,
    Attribute,
    Direction,
    OpKind,
    OtOp,
    Role,
    Sink,
    Value,
    Values,
)

HEADER_BYTES: Final = 7
_MAX_LENGTH: Final = 254
_MAX_UMAS_LENGTH: Final = 1100  # newer controllers agree on more than the standard allows
_MAX_UNITS: Final = 256

_HEADER: Final = Struct(">HHHBB").unpack_from
_PAIR: Final = Struct(">HH").unpack_from
_WORD: Final = Struct(">H").unpack_from
_REQUEST: Final = Direction.REQUEST
_RESPONSE: Final = Direction.RESPONSE
_REGISTERS: Final = tuple(Struct(f">{count}H") for count in range(128))
_READS_BITS: Final = frozenset({1, 2})
_READS: Final = frozenset({1, 2, 3, 4, READ_WRITE_REGISTERS})
_COUNTED: Final = frozenset({1, 2, 3, 4, 12, 17, 20, 21, 23})
_ENCAPSULATES: Final = frozenset({13, 14})
_WITH_COUNT: Final = frozenset({15, 16})
_ECHOES: Final = frozenset({5, 6, 15, 16, MASK_WRITE_REGISTER})


class Asked(NamedTuple):
    """What an answer needs to know of its question."""

    function: int
    first: int | None
    quantity: int | None
    at_ns: int
    code: int | None = None
    detail: dict[str, Values] | None = None
    """What the answer repeats, for the log that has both in one row."""


class Modbus(StreamDissector):
    """Reads Modbus/TCP."""

    __slots__ = ("_asked", "_units")

    name: ClassVar[str] = "modbus"
    max_message_bytes: ClassVar[int] = 6 + _MAX_UMAS_LENGTH

    def __init__(self, flow: Flow, sink: Sink) -> None:
        super().__init__(flow, sink)
        self._asked: Final[Transactions[int, Asked]] = Transactions()  # subscripted at run time it costs 4 µs
        self._units: Final[set[int]] = set()

    def measure(self, data: bytes, start: int, is_from_client: bool) -> int:  # noqa: ARG002 - same both ways
        """Return the length that the header tells."""
        length: int
        _, protocol, length, _, function = _HEADER(data, start)
        if protocol or length < 2 or (length > _MAX_LENGTH and (function != UMAS or length > _MAX_UMAS_LENGTH)):
            return NOT_A_MESSAGE
        return 6 + length

    def message(self, data: bytes, is_from_client: bool, at_ns: int) -> None:
        """Read one message with its header."""
        transaction, _, _, unit, _ = _HEADER(data, 0)
        if is_from_client:
            self.request(data[HEADER_BYTES:], transaction, unit, at_ns)
        else:
            self.response(data[HEADER_BYTES:], transaction, unit, at_ns)

    def datagram(self, payload: bytes, is_from_client: bool, at_ns: int) -> None:
        """Read one message over UDP."""
        if len(payload) != self.measure(payload, 0, is_from_client):
            raise Malformed(f"a datagram of {len(payload)} bytes whose header tells another length")
        self.message(payload, is_from_client, at_ns)

    def request(self, pdu: bytes, transaction: int, unit: int, at_ns: int) -> None:
        """Read a question, from the function code on."""
        function = pdu[0]
        known = FUNCTIONS.get(function)
        if known is None:
            self._unknown(function, pdu, transaction, unit, at_ns, is_from_client=True)
            return
        if function == UMAS:
            self._umas_request(pdu, transaction, unit, at_ns)
            return
        service, kind, area = known
        first, count, value = _asked_for(function, pdu)
        code: int | None = None
        if function == DIAGNOSTICS:
            code = first
            service, kind = SUBFUNCTIONS.get(code or 0, (f"diagnostics_{code}", OpKind.DIAGNOSE))
            first = None
        elif function == ENCAPSULATED and pdu[1] == 14:
            service, kind, code = "read_device_identification", OpKind.IDENTIFY, 14
        expected = REQUEST_BYTES.get(function)
        if expected is not None and len(pdu) > expected and function != DIAGNOSTICS:
            self.complain(at_ns, True, AnomalyKind.MALFORMED, f"{len(pdu) - expected} bytes after the end", function)
        limit = LIMITS.get(function)
        if limit is not None and count is not None and not 0 < count <= limit:
            self.complain(at_ns, True, AnomalyKind.ILLEGAL_VALUE, f"{count} objects; 1 to {limit} allowed", function)
        elif first is not None and count is not None and first + count > 0x10000:
            self.complain(at_ns, True, AnomalyKind.ILLEGAL_VALUE, "objects beyond address 65,535", function)
        detail: dict[str, Values] | None = None
        if function == READ_WRITE_REGISTERS:
            detail = {"write_start_address": _WORD(pdu, 5)[0]}
        elif code == 14:
            detail = {"device_id_code": pdu[2], "object_id": pdu[3]}
        repeated: dict[str, Values] | None = {"request_values": value} if function in _WITH_COUNT else None
        self._asked.ask(transaction << 8 | unit, Asked(function, first, count, at_ns, code, repeated))
        self.emit(
            OtOp(
                at_ns, self.flow, True, "modbus", service, function, kind, _REQUEST,
                unit, area, first, count, "", value, "", transaction, None, detail,
            )
        )  # fmt: skip

    def response(self, pdu: bytes, transaction: int, unit: int, at_ns: int) -> None:
        """Read an answer, from the function code on."""
        function = pdu[0] & 0x7F
        asked = self._asked.answer(transaction << 8 | unit)
        if asked is not None and asked.function != function:
            self.complain(at_ns, False, AnomalyKind.UNEXPECTED_RESPONSE, f"asked {asked.function}", function)
            asked = None
        known = FUNCTIONS.get(function)
        if known is None:
            self._unknown(function, pdu, transaction, unit, at_ns, is_from_client=False)
            return
        if unit not in self._units and len(self._units) < _MAX_UNITS:
            self._new_unit(unit, at_ns)
        if function == UMAS and pdu[0] == UMAS:
            self._umas_response(pdu, asked, transaction, unit, at_ns)
            return
        service, kind, area = known
        code = asked.code if asked else None
        if function == DIAGNOSTICS and code is not None:
            service, kind = SUBFUNCTIONS.get(code, (f"diagnostics_{code}", OpKind.DIAGNOSE))
        elif function == ENCAPSULATED and (code == 14 or pdu[1] == 14):
            service, kind = "read_device_identification", OpKind.IDENTIFY
        first, count, value = (asked.first, asked.quantity, None) if asked else (None, None, None)
        result = "ok"
        detail = asked.detail if asked else None
        if pdu[0] & EXCEPTION:
            result = EXCEPTIONS.get(pdu[1], f"exception_{pdu[1]}")
        else:
            first, count, value = self._answered(function, pdu, first, count, at_ns)
            if code == 14:
                detail = {"conformity_level": pdu[3], "object_ids": _object_ids(pdu)}
        self.emit(
            OtOp(
                at_ns, self.flow, False, "modbus", service, function, kind, _RESPONSE,
                unit, area, first, count, "", value, result, transaction, at_ns - asked.at_ns if asked else None,
                detail,
            )
        )  # fmt: skip

    def _answered(
        self, function: int, pdu: bytes, first: int | None, count: int | None, at_ns: int
    ) -> tuple[int | None, int | None, Values]:
        if function in _READS:
            size = pdu[1]
            if len(pdu) < 2 + size:
                raise Malformed(f"{size} bytes announced, {len(pdu) - 2} there")
            if function in _READS_BITS:
                bits = tuple(chain.from_iterable(map(BITS.__getitem__, pdu[2 : 2 + size])))
                return first, count, bits[:count] if count is not None else bits
            return first, count, _REGISTERS[size >> 1].unpack_from(pdu, 2)
        if function in _ECHOES:
            if len(pdu) < RESPONSE_BYTES[function]:
                raise Malformed(f"an answer of {len(pdu)} bytes to function {function}")
            return _asked_for(function, pdu, is_echo=True)
        if function == REPORT_SERVER_ID:
            self._server_id(pdu, at_ns)
        elif function == ENCAPSULATED and pdu[1] == 14:
            return None, None, self._identification(pdu, at_ns)
        elif function == READ_FIFO:
            count = _WORD(pdu, 3)[0]
            if count > 31 or len(pdu) < 5 + 2 * count:
                raise Malformed(f"a queue of {count} registers in {len(pdu)} bytes")
            return first, count, _REGISTERS[count].unpack_from(pdu, 5)
        elif function in {7, 11}:
            return first, count, int.from_bytes(pdu[1 : RESPONSE_BYTES[function]], "big")
        return first, count, None

    def _identification(self, pdu: bytes, at_ns: int) -> Values:
        texts: list[Value] = []
        position = 7
        for _ in range(pdu[6]):
            number, size = pdu[position], pdu[position + 1]
            if position + 2 + size > len(pdu):
                raise Malformed(f"object {number} announces {size} bytes")
            text = pdu[position + 2 : position + 2 + size].decode("latin-1")
            position += 2 + size
            texts.append(text)
            attribute = IDENTIFICATION.get(number)
            if attribute is not None:
                self.tell(at_ns, attribute, text, source="modbus read_device_identification")
        return tuple(texts)

    def _server_id(self, pdu: bytes, at_ns: int) -> None:
        content = pdu[2 : 2 + pdu[1]]
        text = bytes(c for c in content if 0x20 <= c < 0x7F).decode()
        if len(text) >= 4:
            self.tell(at_ns, Attribute.DESCRIPTION, text, confidence=PROBABLE, source="modbus report_server_id")

    def _new_unit(self, unit: int, at_ns: int) -> None:
        self._units.add(unit)
        self.tell(at_ns, Attribute.ROLE, Role.MASTER, is_of_client=True, confidence=PROBABLE)
        if len(self._units) == 1:
            self.tell(at_ns, Attribute.ROLE, Role.CONTROLLER, confidence=POSSIBLE)
        elif len(self._units) == 3:
            self.tell(at_ns, Attribute.ROLE, Role.GATEWAY, confidence=PROBABLE)

    def _unknown(
        self, function: int, pdu: bytes, transaction: int, unit: int, at_ns: int, *, is_from_client: bool
    ) -> None:
        kind = OpKind.OTHER
        if is_from_client and function & EXCEPTION:
            self.complain(at_ns, True, AnomalyKind.WRONG_DIRECTION, "an exception from the client", function)
        elif function not in SOMEBODYS:
            self.complain(at_ns, is_from_client, AnomalyKind.ILLEGAL_FUNCTION, f"function code {function}", function)
        result = ""
        if not is_from_client:
            result = EXCEPTIONS.get(pdu[1], f"exception_{pdu[1]}") if pdu[0] & EXCEPTION else "ok"
        self.emit(
            OtOp(
                at_ns, self.flow, is_from_client, "modbus", f"function_{function}", function, kind,
                _REQUEST if is_from_client else _RESPONSE, unit, result=result, transaction=transaction,
            )
        )  # fmt: skip

    def _umas_request(self, pdu: bytes, transaction: int, unit: int, at_ns: int) -> None:
        code = pdu[2]
        service, kind, area = umas.FUNCTIONS.get(code, (f"function_{code}", OpKind.OTHER, ""))
        self._asked.ask(transaction << 8 | unit, Asked(UMAS, None, None, at_ns, code))
        if kind is OpKind.PROGRAM or kind is OpKind.CONTROL:
            self.tell(at_ns, Attribute.ROLE, Role.ENGINEERING_STATION, is_of_client=True, confidence=PROBABLE)
        self.emit(
            OtOp(at_ns, self.flow, True, "umas", service, code, kind, _REQUEST, unit, area, transaction=transaction)
        )

    def _umas_response(self, pdu: bytes, asked: Asked | None, transaction: int, unit: int, at_ns: int) -> None:
        status = pdu[2]
        code = asked.code if asked is not None else None
        service, kind, area = ("", OpKind.OTHER, "")
        if code is not None:
            service, kind, area = umas.FUNCTIONS.get(code, (f"function_{code}", OpKind.OTHER, ""))
        if code == umas.READ_ID and status == umas.OK and (model := umas.model_in(pdu)):
            self.tell(at_ns, Attribute.MODEL, model, source="umas read_id")
            self.tell(at_ns, Attribute.VENDOR, "Schneider Electric", source="umas read_id")
        result = "ok" if status == umas.OK else "error" if status == umas.ERROR else f"status_{status}"
        self.emit(
            OtOp(
                at_ns, self.flow, False, "umas", service, code if code is not None else status, kind, _RESPONSE,
                unit, area, result=result, transaction=transaction,
                latency_ns=at_ns - asked.at_ns if asked else None,
            )
        )  # fmt: skip


def check(payload: bytes, is_from_client: bool) -> int:  # noqa: ARG001 - the interface
    """Tell whether a payload begins with a Modbus/TCP message; see ``interface.Check``."""
    _, protocol, length, _, function = _HEADER(payload, 0)
    if protocol or not 2 <= length <= _MAX_UMAS_LENGTH:
        return NO
    if function & 0x7F not in FUNCTIONS:
        return WEAK if length <= _MAX_LENGTH and len(payload) == 6 + length else NO
    if len(payload) != 6 + length:
        return WEAK if len(payload) > 6 + length else NO
    return SURE if _fits(function, length - 1, payload) else WEAK


def _fits(function: int, size: int, payload: bytes) -> bool:
    """Tell whether a data unit is as long as its function makes it, asked or answered.

    LDAP of Windows, DICOM and others have a length in the same place that counts the same bytes.
    """
    if function >= EXCEPTION:
        return size == 2
    if size in {REQUEST_BYTES.get(function), RESPONSE_BYTES.get(function)}:
        return True
    if function in _COUNTED:
        return size == 2 + payload[8]
    if function == ENCAPSULATED:
        return payload[8] in _ENCAPSULATES
    return function in _WITH_COUNT and size == 6 + payload[12]


def _object_ids(pdu: bytes) -> tuple[int, ...]:
    """Return which objects an answer to a question for identification holds, in their order."""
    found: list[int] = []
    position = 7
    while len(found) < pdu[6]:
        found.append(pdu[position])
        position += 2 + pdu[position + 1]
    return tuple(found)


def _asked_for(function: int, pdu: bytes, *, is_echo: bool = False) -> tuple[int | None, int | None, Values]:
    """Return first object, number of objects and values of a request, or of an answer that repeats one."""
    if function <= 4:
        first, count = _PAIR(pdu, 1)
        return first, count, None
    if function in {5, 6}:
        first, word = _PAIR(pdu, 1)
        return first, 1, word if function == 6 else int(word == 0xFF00)
    if function in {15, 16}:
        first, count = _PAIR(pdu, 1)
        if is_echo:
            return first, count, None
        size = pdu[5]
        if len(pdu) < 6 + size or size < (count * 2 if function == 16 else (count + 7) // 8):
            raise Malformed(f"{count} objects in {size} bytes, {len(pdu) - 6} there")
        if function == 16:
            return first, count, _REGISTERS[size >> 1].unpack_from(pdu, 6)[:count]
        return first, count, tuple(chain.from_iterable(map(BITS.__getitem__, pdu[6 : 6 + size])))[:count]
    if function == MASK_WRITE_REGISTER:
        first, keep = _PAIR(pdu, 1)
        return first, 1, (keep, _WORD(pdu, 5)[0])
    if function == READ_WRITE_REGISTERS:
        (first, count), (into, written) = _PAIR(pdu, 1), _PAIR(pdu, 5)
        if len(pdu) < 10 + pdu[9]:
            raise Malformed(f"{written} registers from {into} in {len(pdu) - 10} bytes")
        return first, count, _REGISTERS[pdu[9] >> 1].unpack_from(pdu, 10)
    if function in {DIAGNOSTICS, READ_FIFO}:
        return _WORD(pdu, 1)[0], None, None
    return None, None, None
