"""IEC 60870-5-104: telecontrol over TCP.

Source:
    IEC 60870-5-104:2006 (APCI); IEC 60870-5-101:2003 clause 7 (ASDU).
"""

from __future__ import annotations

from struct import Struct
from typing import ClassVar, Final

from vedette.sensor.dissect.iec104_codes import CAUSES, FAILURES, REPORTS, SYSTEM_TYPES, TYPES, UNNUMBERED
from vedette.sensor.dissect.interface import NO, NOT_A_MESSAGE, SURE, WEAK, Malformed, StreamDissector, ZeekRow
from vedette.sensor.dissect.transactions import Transactions
from vedette.sensor.flows import Flow
from vedette.sensor.model import PROBABLE, AnomalyKind, Attribute, Direction, OpKind, OtOp, Role, Sink, Value, Values

START: Final = 0x68
_MAX_LENGTH: Final = 253
_MAX_STATIONS: Final = 256
_ACTIVATIONS: Final = frozenset({5, 6, 8, 13})
_CONFIRMATIONS: Final = frozenset({7, 9, 10})

_HEADER: Final = Struct("<BBHH").unpack_from
_ASDU: Final = Struct("<BBBBHHB").unpack_from
_REQUEST: Final = Direction.REQUEST
_RESPONSE: Final = Direction.RESPONSE
_REPORT: Final = Direction.REPORT


class Iec104(StreamDissector):
    """Reads IEC 60870-5-104."""

    __slots__ = ("_asked", "_stations")

    name: ClassVar[str] = "iec104"
    max_message_bytes: ClassVar[int] = 255

    def __init__(self, flow: Flow, sink: Sink) -> None:
        super().__init__(flow, sink)
        self._asked: Final[Transactions[tuple[int, int, int], int]] = Transactions()
        self._stations: Final[set[int]] = set()

    def measure(self, data: bytes, start: int, is_from_client: bool) -> int:  # noqa: ARG002 - same both ways
        """Return the length that the header tells."""
        mark, length, control, _ = _HEADER(data, start)
        if mark != START or not 4 <= length <= _MAX_LENGTH or (control & 1 and length != 4):
            return NOT_A_MESSAGE
        return 2 + int(length)

    def find(self, data: bytes, start: int, is_from_client: bool) -> int:  # noqa: ARG002 - same both ways
        """Look for the start byte."""
        return data.find(b"\x68", start)

    def message(self, data: bytes, is_from_client: bool, at_ns: int) -> None:
        """Read one unit."""
        control = data[2]
        if not control & 1:
            self._asdu(data, is_from_client, at_ns)
            return
        if control & 3 == 1:
            service, direction = "s_format", _RESPONSE
        else:
            known = UNNUMBERED.get(control)
            if known is None:
                self.complain(at_ns, is_from_client, AnomalyKind.ILLEGAL_FUNCTION, f"U-format {control:02x}", control)
                return
            service, direction = known, _REQUEST if known.endswith("act") else _RESPONSE
        self.emit(OtOp(at_ns, self.flow, is_from_client, "iec104", service, control & 3, OpKind.SESSION, direction))

    def _asdu(self, data: bytes, is_from_client: bool, at_ns: int) -> None:
        type_id, qualifier, cause, originator, station, low, high = _ASDU(data, 6)
        known = TYPES.get(type_id)
        code = cause & 63
        first, quantity = low | high << 16, qualifier & 0x7F
        if known is None:
            self.complain(at_ns, is_from_client, AnomalyKind.ILLEGAL_FUNCTION, f"type {type_id}", type_id)
            known = (f"type_{type_id}", OpKind.OTHER, "", 0, None)
        service, kind, area, size, reader = known
        self._validate(type_id, code, station, first, is_from_client, at_ns)
        if station not in self._stations:
            self._new_station(station, at_ns)
        direction, result = _REPORT, ""
        latency_ns = None
        if code in _ACTIVATIONS:
            direction = _REQUEST
            self._asked.ask((type_id, station, first), at_ns)
        elif code in _CONFIRMATIONS or code in FAILURES:
            direction = _RESPONSE
            asked_ns = self._asked.answer((type_id, station, first))
            latency_ns = None if asked_ns is None else at_ns - asked_ns
            result = FAILURES.get(code) or ("negative" if cause & 0x40 else "ok")
        elif code not in REPORTS and kind is OpKind.REPORT:
            kind, direction, result = OpKind.READ, _RESPONSE, "ok"
        detail: dict[str, Values] = {"cot": code, "originator": originator}
        value: Values = None
        if reader is not None:
            is_sequence = bool(qualifier & 0x80)
            step = size if is_sequence else size + 3
            begin = 15 if is_sequence else 12
            end = begin + quantity * step
            if end > len(data):
                raise Malformed(f"{quantity} objects of {step} bytes, {len(data) - begin} there")
            rows = reader[0 if is_sequence else 1].iter_unpack(data[begin:end])
            if is_sequence:
                value = tuple(_scaled(row[0], type_id) for row in rows)
            else:
                pairs = list(rows)
                value = tuple(_scaled(row[-1], type_id) for row in pairs)
                if quantity > 1:
                    detail["ioas"] = tuple(row[0] | row[1] << 16 for row in pairs)
            if quantity == 1:
                value = value[0]
        self.emit(
            OtOp(
                at_ns, self.flow, is_from_client, "iec104", service, type_id, kind, direction, station, area,
                first, quantity, "", value, result, None, latency_ns, detail,
            )
        )  # fmt: skip

    def _validate(self, type_id: int, code: int, station: int, first: int, is_from_client: bool, at_ns: int) -> None:
        if code not in CAUSES:
            self.complain(at_ns, is_from_client, AnomalyKind.ILLEGAL_VALUE, f"cause of transmission {code}", type_id)
        if not station:
            self.complain(at_ns, is_from_client, AnomalyKind.ILLEGAL_VALUE, "common address 0", type_id)
        if not first and type_id not in SYSTEM_TYPES and type_id in TYPES:
            self.complain(at_ns, is_from_client, AnomalyKind.ILLEGAL_VALUE, "information object address 0", type_id)
        if is_from_client and type_id <= 70 and (type_id < 45 or type_id == 70):
            self.complain(
                at_ns, True, AnomalyKind.WRONG_DIRECTION, f"type {type_id} from the controlling station", type_id
            )

    def _new_station(self, station: int, at_ns: int) -> None:
        if len(self._stations) >= _MAX_STATIONS:
            return
        self._stations.add(station)
        self.tell(at_ns, Attribute.ROLE, Role.OUTSTATION, confidence=PROBABLE)
        self.tell(at_ns, Attribute.ROLE, Role.MASTER, is_of_client=True, confidence=PROBABLE)


def check(payload: bytes, is_from_client: bool) -> int:  # noqa: ARG001 - the interface
    """Tell whether a payload is made of whole units; see ``interface.Check``."""
    position, is_sure = 0, False
    while position < len(payload):
        mark, length, control, last = _HEADER(payload, position)
        if mark != START or not 4 <= length <= _MAX_LENGTH:
            return NO
        if control & 3 == 3:
            if control not in UNNUMBERED or last or length != 4:
                return NO
        elif control & 3 == 1:
            if length != 4 or control != 1:
                return NO
        else:
            if length < 10 or payload[position + 6] not in TYPES or payload[position + 8] & 63 not in CAUSES:
                return NO
            is_sure = is_sure or position + 2 + length == len(payload)
        position += 2 + length
    return SURE if is_sure and len(payload) >= 16 else WEAK if position == len(payload) else NO


def zeek(op: OtOp) -> list[ZeekRow]:
    """Return the row of ``iec104.log``."""
    detail = op.detail or {}
    columns: dict[str, object] = {"is_orig": op.is_from_client, "type": op.service}
    if op.unit is not None:
        cause = detail.get("cot")
        columns |= {
            "type_id": op.code,
            "cot": CAUSES.get(cause, "") if isinstance(cause, int) else "",
            "common_address": op.unit,
            "ioa": op.first,
            "objects": op.count,
        }
    if op.result:
        columns["result"] = op.result
    return [("iec104", columns)]


def _scaled(value: Value, type_id: int) -> Value:
    if isinstance(value, int):
        if type_id in {1, 2, 30}:
            return value & 1
        if type_id in {3, 4, 31, 46, 47, 59, 60}:
            return value & 3
        if type_id in {45, 58}:
            return value & 1
        if type_id in {5, 6, 32}:
            value &= 0x7F
            return value - 128 if value & 0x40 else value
    return value
