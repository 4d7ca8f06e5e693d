"""ROC Plus, of Emerson's flow computers and remote terminals in oil and gas.

Source:
    Emerson, ROC Plus Protocol Specifications Manual D301180X012, §2 (messages, opcodes).
"""

from __future__ import annotations

from typing import ClassVar, Final, NamedTuple

from vedette.sensor.dissect.interface import NO, NOT_A_MESSAGE, SURE, WEAK, Malformed, StreamDissector
from vedette.sensor.dissect.modbus_rtu import crc16
from vedette.sensor.dissect.transactions import Transactions
from vedette.sensor.dissect.wording import text_of
from vedette.sensor.flows import Flow
from vedette.sensor.model import (
    CERTAIN,
    PROBABLE,
    AnomalyKind,
    Attribute,
    Direction,
    OpKind,
    OtOp,
    Role,
    Sink,
    Values,
)

_AROUND: Final = 8
_LOGIN: Final = 17
_SET_POINT: Final = 166
_READ_POINT: Final = 167
_READ_PARAMETERS: Final = 180
_WRITE_PARAMETERS: Final = 181
_ERROR: Final = 255
_MAX_ITEMS: Final = 80
_OPERATOR_CHARS: Final = 3
# Operator and password, with level or the word that logs out; the enhanced form is longer, its password wrapped.
_CLEAR_LOGINS: Final = frozenset({5, 6, 11})

OPCODES: Final[dict[int, tuple[str, OpKind, str]]] = {
    6: ("system_configuration", OpKind.IDENTIFY, ""),
    7: ("read_real_time_clock", OpKind.READ, "clock"),
    8: ("set_real_time_clock", OpKind.WRITE, "clock"),
    10: ("read_configurable_opcode_point_data", OpKind.READ, "point"),
    11: ("write_configurable_opcode_point_data", OpKind.WRITE, "point"),
    _LOGIN: ("login", OpKind.SESSION, ""),
    24: ("store_and_forward", OpKind.OTHER, ""),
    50: ("request_io_point_position", OpKind.IDENTIFY, ""),
    100: ("access_user_defined_information", OpKind.OTHER, ""),
    103: ("system_information", OpKind.IDENTIFY, ""),
    105: ("request_today_yesterday_min_max", OpKind.READ, "history"),
    108: ("request_history_tag_and_index", OpKind.READ, "history"),
    118: ("request_alarm_data", OpKind.READ, "alarms"),
    119: ("request_event_data", OpKind.READ, "events"),
    135: ("request_single_history_point", OpKind.READ, "history"),
    136: ("request_multiple_history_points", OpKind.READ, "history"),
    137: ("request_history_index", OpKind.READ, "history"),
    138: ("request_daily_and_periodic_history", OpKind.READ, "history"),
    139: ("history_information", OpKind.READ, "history"),
    _SET_POINT: ("set_single_point_parameters", OpKind.WRITE, "point"),
    _READ_POINT: ("request_single_point_parameters", OpKind.READ, "point"),
    _READ_PARAMETERS: ("request_parameters", OpKind.READ, "parameter"),
    _WRITE_PARAMETERS: ("write_parameters", OpKind.WRITE, "parameter"),
    203: ("general_file_transfer", OpKind.FILE, ""),
    205: ("peer_to_peer_network_messages", OpKind.OTHER, ""),
    206: ("read_transaction_history", OpKind.READ, "history"),
    224: ("spontaneous_report_by_exception", OpKind.REPORT, ""),
    225: ("acknowledge_report_by_exception", OpKind.SESSION, ""),
    _ERROR: ("error_indicator", OpKind.OTHER, ""),
}
_ERRORS: Final = {
    1: "invalid_opcode", 2: "invalid_parameter_number", 3: "invalid_logical_number", 4: "invalid_point_type",
    5: "too_many_bytes", 6: "too_few_bytes", 12: "out_of_valid_address_range", 13: "invalid_history_request",
    20: "invalid_security_level", 21: "invalid_login_request", 24: "invalid_password", 63: "logon_required",
}  # fmt: skip
# Files are opened for reading or for writing, by the first byte of the request.
_FILE_AREAS: Final = {1: "", 2: "", 3: "upload", 4: "download", 5: "", 6: "", 7: ""}


class Asked(NamedTuple):
    """What an answer needs to know of its question."""

    opcode: int
    at_ns: int
    area: str
    first: int | None
    name: str


class RocPlus(StreamDissector):
    """Reads ROC Plus over TCP and UDP."""

    __slots__ = ("_asked",)

    name: ClassVar[str] = "roc_plus"
    max_message_bytes: ClassVar[int] = _AROUND + 255

    def __init__(self, flow: Flow, sink: Sink) -> None:
        super().__init__(flow, sink)
        self._asked: Final[Transactions[tuple[bytes, int], Asked]] = Transactions()

    def measure(self, data: bytes, start: int, is_from_client: bool) -> int:  # noqa: ARG002 - same both ways
        """Return the length that the header tells."""
        if data[start + 4] not in OPCODES:
            return NOT_A_MESSAGE
        return _AROUND + data[start + 5]

    def datagram(self, payload: bytes, is_from_client: bool, at_ns: int) -> None:
        """Read one message over UDP."""
        if len(payload) != self.measure(payload, 0, is_from_client):
            raise Malformed(f"a datagram of {len(payload)} bytes whose header tells another length")
        self.message(payload, is_from_client, at_ns)

    def message(self, data: bytes, is_from_client: bool, at_ns: int) -> None:
        """Read one message; who opened the conversation asks, but for reports that come unasked."""
        opcode, content = data[4], data[6:-2]
        if is_from_client == (opcode != 224):
            self._request(data, opcode, content, is_from_client, at_ns)
        else:
            self._response(data, opcode, content, is_from_client, at_ns)

    def _request(self, data: bytes, opcode: int, content: bytes, is_from_client: bool, at_ns: int) -> None:
        service, kind, area = OPCODES[opcode]
        first, quantity, name, value = _object(opcode, content)
        direction = Direction.REQUEST
        if opcode == 224:
            direction = Direction.REPORT
        elif opcode == 203 and content:
            area = _FILE_AREAS.get(content[0], "")
        elif opcode == _LOGIN and len(content) >= _OPERATOR_CHARS:
            name = text_of(content[:_OPERATOR_CHARS])
            self.tell(at_ns, Attribute.USER, name, is_of_client=is_from_client, confidence=CERTAIN)
            if len(content) in _CLEAR_LOGINS:
                self.complain(at_ns, is_from_client, AnomalyKind.CLEAR_TEXT_CREDENTIAL, "a password", opcode)
        if direction is Direction.REQUEST:
            self._asked.ask((data[0:2], opcode), Asked(opcode, at_ns, area, first, name))
        self.emit(
            OtOp(
                at_ns, self.flow, is_from_client, "roc_plus", service, opcode, kind, direction,
                f"{data[1]}.{data[0]}", area, first, quantity, name, value,
            )
        )  # fmt: skip

    def _response(self, data: bytes, opcode: int, content: bytes, is_from_client: bool, at_ns: int) -> None:
        source = data[2:4]
        # A gateway may leave the addresses as they were in the question.
        asked = self._asked.answer((source, opcode)) or self._asked.answer((data[0:2], opcode))
        result = "ok"
        if opcode == _ERROR:
            result = _ERRORS.get(content[0], f"error_{content[0]}") if content else "error"
            # It does not say which question it answers: the oldest one to that device.
            asked = next((found for each in OPCODES if (found := self._asked.answer((source, each)))), None)
            opcode = asked.opcode if asked else opcode
        elif asked is None and opcode != 225:
            self.complain(at_ns, is_from_client, AnomalyKind.UNEXPECTED_RESPONSE, "nothing was asked", opcode)
        service, kind, area = OPCODES[opcode]
        value: Values = None
        if opcode in {_READ_POINT, _READ_PARAMETERS} and result == "ok":
            value = content[4:68] if opcode == _READ_POINT else content[1:65]
        self.tell(at_ns, Attribute.ROLE, Role.OUTSTATION, is_of_client=is_from_client, confidence=PROBABLE)
        self.emit(
            OtOp(
                at_ns, self.flow, is_from_client, "roc_plus", service, opcode, kind, Direction.RESPONSE,
                f"{data[3]}.{data[2]}", asked.area if asked else area, asked.first if asked else None, None,
                asked.name if asked else "", value, result, None, at_ns - asked.at_ns if asked else None,
            )
        )  # fmt: skip


def check(payload: bytes, is_from_client: bool) -> int:  # noqa: ARG001 - the interface
    """Tell whether a payload is one message; its checksum proves it, from either first value in use."""
    if payload[4] not in OPCODES or len(payload) != _AROUND + payload[5]:
        return NO
    return WEAK if crc16(payload, 0) and crc16(payload) else SURE


def _object(opcode: int, content: bytes) -> tuple[int | None, int | None, str, Values]:
    """Return what a question is about: its first parameter, how many, a name ``type.logical.parameter``, a value."""
    if opcode in {_SET_POINT, _READ_POINT}:
        kind, logical, count, first = content[:4]
        value = content[4:68] if opcode == _SET_POINT else None
        return first, count, f"{kind}.{logical}.{first}", value
    if opcode == _READ_PARAMETERS:
        count = content[0]
        items = [content[at : at + 3] for at in range(1, 1 + 3 * min(count, _MAX_ITEMS), 3)]
        if items and len(items[-1]) < 3:
            raise Malformed(f"{count} parameters announced, {len(content) - 1} bytes there")
        return None, count, ",".join(f"{item[0]}.{item[1]}.{item[2]}" for item in items)[:256], None
    if opcode == _WRITE_PARAMETERS:
        kind, logical, first = content[1:4]
        return first, content[0], f"{kind}.{logical}.{first}", content[4:68]
    return None, None, "", None
