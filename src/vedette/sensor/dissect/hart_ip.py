"""HART-IP: instruments of process plants, behind gateways and multiplexers.

Source:
    FieldComm Group HCF_SPEC-085 (HART-IP), HCF_SPEC-081 (frames), HCF_SPEC-127 and -151 (commands).
"""

from __future__ import annotations

from struct import Struct
from typing import ClassVar, Final, NamedTuple

from vedette.sensor.dissect.hart_makers import MAKERS
from vedette.sensor.dissect.hart_values import answered
from vedette.sensor.dissect.interface import NO, NOT_A_MESSAGE, SURE, Malformed, StreamDissector
from vedette.sensor.dissect.transactions import Transactions
from vedette.sensor.dissect.wording import text_of
from vedette.sensor.flows import Flow
from vedette.sensor.model import CERTAIN, PROBABLE, AnomalyKind, Attribute, Direction, OpKind, OtOp, Role, Sink, Values

_HEADER_BYTES: Final = 8
_MAX_LENGTH: Final = 4_096
_REQUEST: Final = 0
_RESPONSE: Final = 1
_PUBLISH: Final = 2
_NAK: Final = 15
_TYPES: Final = {_REQUEST: Direction.REQUEST, _RESPONSE: Direction.RESPONSE, _PUBLISH: Direction.REPORT,
                 _NAK: Direction.RESPONSE}  # fmt: skip
_PASS_THROUGH: Final = 3
_MESSAGES: Final = {
    0: ("session_initiate", OpKind.SESSION), 1: ("session_close", OpKind.SESSION), 2: ("keep_alive", OpKind.SESSION),
    _PASS_THROUGH: ("token_passing", OpKind.OTHER), 4: ("direct", OpKind.OTHER), 5: ("read_audit_log", OpKind.READ),
}  # fmt: skip
_COMMUNICATION_ERROR: Final = 0x80
_FRAME_TYPES: Final = frozenset({1, 2, 6})

_LONG_IDENTITY_BYTES: Final = 19
COMMANDS: Final[dict[int, tuple[str, OpKind, str]]] = {
    0: ("read_unique_identifier", OpKind.IDENTIFY, ""),
    1: ("read_primary_variable", OpKind.READ, "variable"),
    2: ("read_loop_current_and_percent", OpKind.READ, "variable"),
    3: ("read_dynamic_variables", OpKind.READ, "variable"),
    6: ("write_polling_address", OpKind.WRITE, "configuration"),
    7: ("read_loop_configuration", OpKind.READ, "configuration"),
    8: ("read_dynamic_variable_classifications", OpKind.READ, "configuration"),
    9: ("read_device_variables", OpKind.READ, "variable"),
    11: ("read_unique_identifier_with_tag", OpKind.IDENTIFY, ""),
    12: ("read_message", OpKind.READ, "message"),
    13: ("read_tag_descriptor_date", OpKind.IDENTIFY, ""),
    14: ("read_transducer_information", OpKind.READ, "configuration"),
    15: ("read_device_information", OpKind.READ, "configuration"),
    16: ("read_final_assembly_number", OpKind.READ, "configuration"),
    17: ("write_message", OpKind.WRITE, "message"),
    18: ("write_tag_descriptor_date", OpKind.WRITE, "configuration"),
    19: ("write_final_assembly_number", OpKind.WRITE, "configuration"),
    20: ("read_long_tag", OpKind.IDENTIFY, ""),
    21: ("read_unique_identifier_with_long_tag", OpKind.IDENTIFY, ""),
    22: ("write_long_tag", OpKind.WRITE, "configuration"),
    33: ("read_device_variables", OpKind.READ, "variable"),
    34: ("write_damping", OpKind.WRITE, "configuration"),
    35: ("write_range_values", OpKind.WRITE, "range"),
    36: ("set_upper_range_value", OpKind.WRITE, "range"),
    37: ("set_lower_range_value", OpKind.WRITE, "range"),
    38: ("reset_configuration_changed_flag", OpKind.WRITE, "configuration"),
    39: ("eeprom_control", OpKind.CONTROL, "eeprom"),
    40: ("fixed_current_mode", OpKind.CONTROL, "loop_current"),
    41: ("self_test", OpKind.CONTROL, "self_test"),
    42: ("device_reset", OpKind.CONTROL, "reset"),
    43: ("set_primary_variable_zero", OpKind.WRITE, "calibration"),
    44: ("write_primary_variable_units", OpKind.WRITE, "configuration"),
    45: ("trim_loop_current_zero", OpKind.WRITE, "calibration"),
    46: ("trim_loop_current_gain", OpKind.WRITE, "calibration"),
    47: ("write_transfer_function", OpKind.WRITE, "configuration"),
    48: ("read_additional_device_status", OpKind.DIAGNOSE, ""),
    49: ("write_transducer_serial_number", OpKind.WRITE, "configuration"),
    50: ("read_dynamic_variable_assignments", OpKind.READ, "configuration"),
    51: ("write_dynamic_variable_assignments", OpKind.WRITE, "configuration"),
    52: ("set_device_variable_zero", OpKind.WRITE, "calibration"),
    53: ("write_device_variable_units", OpKind.WRITE, "configuration"),
    54: ("read_device_variable_information", OpKind.READ, "configuration"),
    55: ("write_device_variable_damping", OpKind.WRITE, "configuration"),
    56: ("write_device_variable_transducer_serial_number", OpKind.WRITE, "configuration"),
    57: ("read_unit_tag_descriptor_date", OpKind.IDENTIFY, ""),
    58: ("write_unit_tag_descriptor_date", OpKind.WRITE, "configuration"),
    59: ("write_number_of_preambles", OpKind.WRITE, "configuration"),
    60: ("read_analog_channel_and_percent", OpKind.READ, "variable"),
    61: ("read_dynamic_variables_and_analog_channel", OpKind.READ, "variable"),
    62: ("read_analog_channels", OpKind.READ, "variable"),
    63: ("read_analog_channel_information", OpKind.READ, "configuration"),
    64: ("write_analog_channel_damping", OpKind.WRITE, "configuration"),
    65: ("write_analog_channel_range_values", OpKind.WRITE, "range"),
    66: ("fixed_analog_channel_mode", OpKind.CONTROL, "loop_current"),
    67: ("trim_analog_channel_zero", OpKind.WRITE, "calibration"),
    68: ("trim_analog_channel_gain", OpKind.WRITE, "calibration"),
    69: ("write_analog_channel_transfer_function", OpKind.WRITE, "configuration"),
    70: ("read_analog_channel_endpoint_values", OpKind.READ, "configuration"),
    71: ("lock_device", OpKind.CONTROL, "lock"),
    72: ("squawk", OpKind.DIAGNOSE, ""),
    73: ("find_device", OpKind.IDENTIFY, ""),
    74: ("read_io_system_capabilities", OpKind.IDENTIFY, ""),
    75: ("poll_sub_device", OpKind.IDENTIFY, ""),
    76: ("read_lock_state", OpKind.READ, "lock"),
    77: ("send_command_to_sub_device", OpKind.OTHER, ""),
    78: ("read_aggregated_commands", OpKind.READ, ""),
    79: ("write_device_variable", OpKind.WRITE, "variable"),
    80: ("read_device_variable_trim_points", OpKind.READ, "calibration"),
    81: ("read_device_variable_trim_guidelines", OpKind.READ, "calibration"),
    82: ("write_device_variable_trim_point", OpKind.WRITE, "calibration"),
    83: ("reset_device_variable_trim", OpKind.WRITE, "calibration"),
    84: ("read_sub_device_identity", OpKind.IDENTIFY, ""),
    85: ("read_io_channel_statistics", OpKind.DIAGNOSE, ""),
    86: ("read_sub_device_statistics", OpKind.DIAGNOSE, ""),
    87: ("write_io_system_master_mode", OpKind.WRITE, "configuration"),
    88: ("write_io_system_retry_count", OpKind.WRITE, "configuration"),
    89: ("set_real_time_clock", OpKind.WRITE, "clock"),
    103: ("write_burst_period", OpKind.WRITE, "burst"),
    107: ("write_burst_device_variables", OpKind.WRITE, "burst"),
    108: ("write_burst_command", OpKind.WRITE, "burst"),
    109: ("burst_mode_control", OpKind.CONTROL, "burst"),
    512: ("read_country_code", OpKind.READ, "configuration"),
}
_RESULTS: Final = {
    0: "ok", 2: "invalid_selection", 3: "passed_parameter_too_large", 4: "passed_parameter_too_small",
    5: "too_few_data_bytes", 6: "device_specific_error", 7: "in_write_protect_mode", 8: "warning",
    16: "access_restricted", 18: "invalid_units_code", 32: "busy", 33: "delayed_response_initiated",
    34: "delayed_response_running", 64: "command_not_implemented",
}  # fmt: skip
_IDENTITIES: Final = frozenset({0, 11, 21, 73, 75})
_ERRORS: Final = frozenset({2, 3, 4, 5, 6, 7, 16, 32, 33, 34, 64})
_TELLING: Final = frozenset({OpKind.READ, OpKind.IDENTIFY, OpKind.DIAGNOSE})

_HEADER: Final = Struct(">BBBBHH").unpack_from


class Frame(NamedTuple):
    """A frame of the field's own protocol."""

    unit: str
    command: int
    data: bytes


class Asked(NamedTuple):
    """What an answer needs to know of its question."""

    at_ns: int
    command: int | None


class HartIp(StreamDissector):
    """Reads HART-IP over UDP and TCP."""

    __slots__ = ("_asked",)

    name: ClassVar[str] = "hart_ip"
    max_message_bytes: ClassVar[int] = _MAX_LENGTH

    def __init__(self, flow: Flow, sink: Sink) -> None:
        super().__init__(flow, sink)
        self._asked: Final[Transactions[int, Asked]] = Transactions()

    def measure(self, data: bytes, start: int, is_from_client: bool) -> int:  # noqa: ARG002 - same both ways
        """Return the length that the header tells."""
        length: int
        version, kind, message, _, _, length = _HEADER(data, start)
        if version not in {1, 2} or kind & 0x0F not in _TYPES or message not in _MESSAGES:
            return NOT_A_MESSAGE
        return length if _HEADER_BYTES <= length <= _MAX_LENGTH else NOT_A_MESSAGE

    def datagram(self, payload: bytes, is_from_client: bool, at_ns: int) -> None:
        """Read one message over UDP."""
        if len(payload) != self.measure(payload, 0, is_from_client):
            raise Malformed(f"a datagram of {len(payload)} bytes whose header tells another length")
        self.message(payload, is_from_client, at_ns)

    def message(self, data: bytes, is_from_client: bool, at_ns: int) -> None:
        """Read one message."""
        _, kind, message, status, number, _ = _HEADER(data, 0)
        direction = _TYPES[kind & 0x0F]
        asked = self._asked.answer(number) if direction is Direction.RESPONSE else None
        latency_ns = at_ns - asked.at_ns if asked else None
        if message == _PASS_THROUGH and len(data) > _HEADER_BYTES:
            frame = _frame(data[_HEADER_BYTES:])
            self._command(frame, number, direction, latency_ns, is_from_client, at_ns)
            if direction is Direction.REQUEST:
                self._asked.ask(number, Asked(at_ns, frame.command))
            elif asked is not None and asked.command is not None and asked.command != frame.command:
                self.complain(
                    at_ns, is_from_client, AnomalyKind.UNEXPECTED_RESPONSE, f"asked {asked.command}", frame.command
                )
            return
        if direction is Direction.REQUEST:
            self._asked.ask(number, Asked(at_ns, None))
        service, sort = _MESSAGES[message]
        result = "" if direction is not Direction.RESPONSE else "ok" if not status else f"status_{status}"
        if kind & 0x0F == _NAK:
            result = f"error_{status}"
        self.emit(
            OtOp(
                at_ns, self.flow, is_from_client, "hart_ip", service, message, sort, direction, result=result,
                transaction=number, latency_ns=latency_ns,
            )
        )  # fmt: skip

    def _command(
        self, frame: Frame, number: int, direction: Direction, latency_ns: int | None, is_from_client: bool, at_ns: int
    ) -> None:
        service, kind, area = COMMANDS.get(frame.command, (f"command_{frame.command}", OpKind.OTHER, ""))
        result, data = "", frame.data
        name: str
        value: Values
        name, value = "", None
        if direction is not Direction.REQUEST and len(data) >= 2:
            code = data[0]
            result = f"communication_error_{code:02x}" if code & _COMMUNICATION_ERROR else _RESULTS.get(
                code, f"response_code_{code}"
            )  # fmt: skip
            data = data[2:]
            if not code & _COMMUNICATION_ERROR and frame.command in _IDENTITIES and len(data) >= 12:
                self._identity(data, frame.unit, at_ns)
            elif frame.command == 20 and data:
                self.tell(at_ns, Attribute.NAME, text_of(data[:32]), confidence=PROBABLE, source="hart_ip long tag")
            if not code & _COMMUNICATION_ERROR and code not in _ERRORS and data and kind in _TELLING:
                name, value = answered(frame.command, data)
            if direction is Direction.REPORT:
                kind = OpKind.REPORT
        elif kind is OpKind.WRITE and data:
            value = data[:64]
        self.emit(
            OtOp(
                at_ns, self.flow, is_from_client, "hart_ip", service, frame.command, kind, direction, frame.unit, area,
                None, None, name, value, result, number, latency_ns,
            )
        )  # fmt: skip

    def _identity(self, data: bytes, unit: str, at_ns: int) -> None:
        """Tell what an instrument is; the gateway that speaks for it is told apart by its role."""
        device_type = int.from_bytes(data[1:3], "big")
        # Since HART 7 the maker has two bytes of its own; before, the type began with it.
        maker = int.from_bytes(data[17:19], "big") if len(data) >= _LONG_IDENTITY_BYTES else data[1]
        if vendor := MAKERS.get(maker):
            self.tell(at_ns, Attribute.VENDOR, vendor, confidence=CERTAIN, source="hart_ip read_unique_identifier")
        for attribute, text in (
            (Attribute.DEVICE_TYPE, f"HART {device_type:04x}"),
            (Attribute.SERIAL, data[9:12].hex()),
            (Attribute.FIRMWARE, f"{data[6]}"),
            (Attribute.UNIT, unit),
        ):
            self.tell(at_ns, attribute, text, confidence=CERTAIN, source="hart_ip read_unique_identifier")
        self.tell(at_ns, Attribute.ROLE, Role.GATEWAY, confidence=PROBABLE)


def check(payload: bytes, is_from_client: bool) -> int:  # noqa: ARG001 - the interface
    """Tell whether a header and its length agree; see ``interface.Check``."""
    version, kind, message, _, _, length = _HEADER(payload, 0)
    if version not in {1, 2} or kind & 0x0F not in _TYPES or message not in _MESSAGES or length != len(payload):
        return NO
    if message != _PASS_THROUGH:
        return SURE if length in {8, 13} else NO
    return SURE if _frame(payload[_HEADER_BYTES:]) else NO


def _frame(raw: bytes) -> Frame:
    """Read a frame: delimiter, address, command, data, checksum.

    Raises:
        Malformed: It is of no known type, ends too early, or its checksum is wrong.
    """
    start = 0
    while start < len(raw) and raw[start] == 0xFF:  # preambles
        start += 1
    delimiter = raw[start]
    if delimiter & 7 not in _FRAME_TYPES:
        raise Malformed(f"a frame of type {delimiter & 7}")
    size = 5 if delimiter & 0x80 else 1
    address = raw[start + 1 : start + 1 + size]
    position = start + 1 + size + (delimiter >> 5 & 3)
    command, count = raw[position], raw[position + 1]
    end = position + 2 + count
    if end >= len(raw):
        raise Malformed(f"{count} bytes of data announced, {len(raw) - position - 3} there")
    checksum = 0
    for byte in raw[start : end + 1]:
        checksum ^= byte
    if checksum:
        raise Malformed(f"the checksum differs by {checksum:02x}")
    data = raw[position + 2 : end]
    if command == 31 and count >= 2:  # an extended command has its number in the data
        at = 0 if delimiter & 7 == 2 else 2
        command, data = int.from_bytes(data[at : at + 2], "big"), data[:at] + data[at + 2 :]
    return Frame((bytes((address[0] & 0x3F,)) + address[1:]).hex(), command, data)
