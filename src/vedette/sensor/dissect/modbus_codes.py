"""Function codes, exceptions and limits of Modbus.

Source:
    MODBUS Application Protocol Specification V1.1b3 §4 to §7; MODBUS Messaging on TCP/IP Implementation Guide V1.0b §3.
"""

from __future__ import annotations

from typing import Final

from vedette.sensor.model import Attribute, OpKind

EXCEPTION: Final = 0x80
DIAGNOSTICS: Final = 8
REPORT_SERVER_ID: Final = 17
MASK_WRITE_REGISTER: Final = 22
READ_WRITE_REGISTERS: Final = 23
READ_FIFO: Final = 24
ENCAPSULATED: Final = 43
UMAS: Final = 90

FUNCTIONS: Final[dict[int, tuple[str, OpKind, str]]] = {
    1: ("read_coils", OpKind.READ, "coil"),
    2: ("read_discrete_inputs", OpKind.READ, "discrete_input"),
    3: ("read_holding_registers", OpKind.READ, "holding_register"),
    4: ("read_input_registers", OpKind.READ, "input_register"),
    5: ("write_single_coil", OpKind.WRITE, "coil"),
    6: ("write_single_register", OpKind.WRITE, "holding_register"),
    7: ("read_exception_status", OpKind.DIAGNOSE, ""),
    8: ("diagnostics", OpKind.DIAGNOSE, ""),
    11: ("get_comm_event_counter", OpKind.DIAGNOSE, ""),
    12: ("get_comm_event_log", OpKind.DIAGNOSE, ""),
    15: ("write_multiple_coils", OpKind.WRITE, "coil"),
    16: ("write_multiple_registers", OpKind.WRITE, "holding_register"),
    17: ("report_server_id", OpKind.IDENTIFY, ""),
    20: ("read_file_record", OpKind.READ, "file_record"),
    21: ("write_file_record", OpKind.WRITE, "file_record"),
    22: ("mask_write_register", OpKind.WRITE, "holding_register"),
    23: ("read_write_multiple_registers", OpKind.WRITE, "holding_register"),
    24: ("read_fifo_queue", OpKind.READ, "fifo_queue"),
    43: ("encapsulated_interface_transport", OpKind.OTHER, ""),
    90: ("umas", OpKind.OTHER, ""),
}
"""Function code → name, what for, kind of object."""

SOMEBODYS: Final = frozenset({9, 10, 13, 14, 18, 19, *range(65, 73), *range(100, 111), 125, 126})
"""Codes that makers use: legal, but the standard doesn't say what they do."""

SUBFUNCTIONS: Final[dict[int, tuple[str, OpKind]]] = {
    0: ("return_query_data", OpKind.DIAGNOSE),
    1: ("restart_communications_option", OpKind.CONTROL),
    2: ("return_diagnostic_register", OpKind.DIAGNOSE),
    3: ("change_ascii_input_delimiter", OpKind.CONTROL),
    4: ("force_listen_only_mode", OpKind.CONTROL),
    10: ("clear_counters_and_diagnostic_register", OpKind.CONTROL),
    11: ("return_bus_message_count", OpKind.DIAGNOSE),
    12: ("return_bus_communication_error_count", OpKind.DIAGNOSE),
    13: ("return_bus_exception_error_count", OpKind.DIAGNOSE),
    14: ("return_server_message_count", OpKind.DIAGNOSE),
    15: ("return_server_no_response_count", OpKind.DIAGNOSE),
    16: ("return_server_nak_count", OpKind.DIAGNOSE),
    17: ("return_server_busy_count", OpKind.DIAGNOSE),
    18: ("return_bus_character_overrun_count", OpKind.DIAGNOSE),
    20: ("clear_overrun_counter_and_flag", OpKind.CONTROL),
}
"""Of function 8."""

EXCEPTIONS: Final[dict[int, str]] = {
    1: "illegal_function",
    2: "illegal_data_address",
    3: "illegal_data_value",
    4: "server_device_failure",
    5: "acknowledge",
    6: "server_device_busy",
    7: "negative_acknowledge",
    8: "memory_parity_error",
    10: "gateway_path_unavailable",
    11: "gateway_target_device_failed_to_respond",
}

IDENTIFICATION: Final[dict[int, Attribute]] = {
    0: Attribute.VENDOR,
    1: Attribute.PRODUCT_CODE,
    2: Attribute.FIRMWARE,
    4: Attribute.MODEL,
    5: Attribute.MODEL,
    6: Attribute.PROJECT,
}
"""Objects of "read device identification", §6.21; 3 is the vendor's web address."""

LIMITS: Final[dict[int, int]] = {1: 2000, 2: 2000, 3: 125, 4: 125, 15: 1968, 16: 123}
"""The most objects that one request may name."""

REQUEST_BYTES: Final[dict[int, int]] = {
    1: 5,
    2: 5,
    3: 5,
    4: 5,
    5: 5,
    6: 5,
    7: 1,
    8: 5,
    11: 1,
    12: 1,
    17: 1,
    22: 7,
    24: 3,
}
"""Function → length of its request where that is fixed."""

RESPONSE_BYTES: Final[dict[int, int]] = {5: 5, 6: 5, 7: 2, 8: 5, 11: 5, 15: 5, 16: 5, 22: 7}

BITS: Final = tuple(tuple(byte >> bit & 1 for bit in range(8)) for byte in range(256))
"""The eight coils in a byte, lowest first."""
