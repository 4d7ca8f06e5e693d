"""Commands, memory areas and end codes of FINS.

Source:
    OMRON manual W342, Communications Commands Reference, sections 5-1 to 5-3.
"""

from __future__ import annotations

from typing import Final

from vedette.sensor.model import OpKind

_DOWNLOAD: Final = "download"
_UPLOAD: Final = "upload"

MEMORY_READ: Final = 0x0101
MEMORY_WRITE: Final = 0x0102
MEMORY_FILL: Final = 0x0103
MEMORY_MULTIPLE_READ: Final = 0x0104
RUN: Final = 0x0401
CONTROLLER_DATA: Final = 0x0501
CONTROLLER_STATUS: Final = 0x0601

COMMANDS: Final[dict[int, tuple[str, OpKind, str]]] = {
    MEMORY_READ: ("memory_area_read", OpKind.READ, ""),
    MEMORY_WRITE: ("memory_area_write", OpKind.WRITE, ""),
    MEMORY_FILL: ("memory_area_fill", OpKind.WRITE, ""),
    MEMORY_MULTIPLE_READ: ("multiple_memory_area_read", OpKind.READ, ""),
    0x0105: ("memory_area_transfer", OpKind.WRITE, ""),
    0x0201: ("parameter_area_read", OpKind.PROGRAM, _UPLOAD),
    0x0202: ("parameter_area_write", OpKind.PROGRAM, _DOWNLOAD),
    0x0203: ("parameter_area_clear", OpKind.PROGRAM, _DOWNLOAD),
    0x0304: ("program_area_protect", OpKind.PROGRAM, "protection"),
    0x0305: ("program_area_protect_clear", OpKind.PROGRAM, "protection"),
    0x0306: ("program_area_read", OpKind.PROGRAM, _UPLOAD),
    0x0307: ("program_area_write", OpKind.PROGRAM, _DOWNLOAD),
    0x0308: ("program_area_clear", OpKind.PROGRAM, _DOWNLOAD),
    RUN: ("run", OpKind.CONTROL, "run"),
    0x0402: ("stop", OpKind.CONTROL, "stop"),
    0x0403: ("reset", OpKind.CONTROL, "reset"),
    CONTROLLER_DATA: ("controller_data_read", OpKind.IDENTIFY, ""),
    0x0502: ("connection_data_read", OpKind.IDENTIFY, ""),
    CONTROLLER_STATUS: ("controller_status_read", OpKind.DIAGNOSE, ""),
    0x0602: ("network_status_read", OpKind.DIAGNOSE, ""),
    0x0603: ("data_link_status_read", OpKind.DIAGNOSE, ""),
    0x0620: ("cycle_time_read", OpKind.DIAGNOSE, ""),
    0x0701: ("clock_read", OpKind.READ, "clock"),
    0x0702: ("clock_write", OpKind.WRITE, "clock"),
    0x0801: ("internode_echo_test", OpKind.DIAGNOSE, ""),
    0x0802: ("broadcast_test_results_read", OpKind.DIAGNOSE, ""),
    0x0803: ("broadcast_test_data_send", OpKind.DIAGNOSE, ""),
    0x0920: ("message_read_clear", OpKind.READ, "message"),
    0x0C01: ("access_right_acquire", OpKind.SESSION, ""),
    0x0C02: ("access_right_forced_acquire", OpKind.SESSION, ""),
    0x0C03: ("access_right_release", OpKind.SESSION, ""),
    0x2101: ("error_clear", OpKind.WRITE, "errors"),
    0x2102: ("error_log_read", OpKind.DIAGNOSE, ""),
    0x2103: ("error_log_clear", OpKind.WRITE, "errors"),
    0x2140: ("fins_write_access_log_read", OpKind.DIAGNOSE, ""),
    0x2141: ("fins_write_access_log_clear", OpKind.WRITE, "access_log"),
    0x2201: ("file_name_read", OpKind.FILE, ""),
    0x2202: ("single_file_read", OpKind.FILE, _UPLOAD),
    0x2203: ("single_file_write", OpKind.FILE, _DOWNLOAD),
    0x2204: ("file_memory_format", OpKind.FILE, _DOWNLOAD),
    0x2205: ("file_delete", OpKind.FILE, _DOWNLOAD),
    0x2207: ("file_copy", OpKind.FILE, ""),
    0x2208: ("file_name_change", OpKind.FILE, ""),
    0x220A: ("memory_area_file_transfer", OpKind.FILE, ""),
    0x220B: ("parameter_area_file_transfer", OpKind.PROGRAM, _DOWNLOAD),
    0x220C: ("program_area_file_transfer", OpKind.PROGRAM, _DOWNLOAD),
    0x2215: ("create_delete_directory", OpKind.FILE, ""),
    0x2301: ("forced_set_reset", OpKind.WRITE, "forces"),
    0x2302: ("forced_set_reset_cancel", OpKind.WRITE, "forces"),
    0x230A: ("multiple_forced_status_read", OpKind.READ, "forces"),
    0x2601: ("name_set", OpKind.WRITE, "name"),
    0x2602: ("name_delete", OpKind.WRITE, "name"),
    0x2603: ("name_read", OpKind.IDENTIFY, "name"),
}
AREAS: Final[dict[int, tuple[str, bool]]] = {
    # Name, and whether an element is a bit.
    0x30: ("cio", True), 0x31: ("work", True), 0x32: ("holding", True), 0x33: ("auxiliary", True),
    0x02: ("data_memory", True), 0x06: ("task", True), 0x07: ("clock_pulse", True), 0x09: ("timer_counter", True),
    0x70: ("cio_forced", True), 0x71: ("work_forced", True), 0x72: ("holding_forced", True),
    0xB0: ("cio", False), 0xB1: ("work", False), 0xB2: ("holding", False), 0xB3: ("auxiliary", False),
    0x82: ("data_memory", False), 0x89: ("timer_counter", False), 0x98: ("extended_memory", False),
    0xBC: ("data_register", False), 0xDC: ("index_register", False),
    **{0x20 + bank: (f"extended_memory_{bank:x}", True) for bank in range(16)},
    **{0x90 + bank: (f"extended_memory_{bank:x}", False) for bank in range(8)},
    **{0xA0 + bank: (f"extended_memory_{bank:x}", False) for bank in range(16)},
}  # fmt: skip
MODES: Final = {0x00: "program", 0x01: "debug", 0x02: "monitor", 0x04: "run"}
END_CODES: Final = {
    0x0000: "ok", 0x0001: "service_canceled", 0x0101: "local_node_not_in_network", 0x0102: "token_timeout",
    0x0103: "retries_failed", 0x0104: "too_many_send_frames", 0x0105: "node_address_range_error",
    0x0201: "destination_node_not_in_network", 0x0202: "unit_missing", 0x0203: "third_node_missing",
    0x0204: "destination_node_busy", 0x0205: "response_timeout", 0x0301: "communications_controller_error",
    0x0302: "cpu_unit_error", 0x0303: "controller_error", 0x0304: "unit_number_error",
    0x0401: "undefined_command", 0x0402: "not_supported_by_model_version", 0x0501: "destination_address_setting_error",
    0x0502: "no_routing_tables", 0x1001: "command_too_long", 0x1002: "command_too_short",
    0x1003: "elements_data_do_not_match", 0x1004: "command_format_error", 0x1005: "header_error",
    0x1101: "area_classification_missing", 0x1102: "access_size_error", 0x1103: "address_range_error",
    0x1104: "address_range_exceeded", 0x1106: "program_missing", 0x110B: "response_too_long",
    0x110C: "parameter_error", 0x2002: "protected", 0x2003: "table_missing", 0x2101: "read_only",
    0x2102: "protected", 0x2201: "not_possible_during_execution", 0x2202: "not_possible_while_running",
    0x2203: "wrong_plc_mode_program", 0x2204: "wrong_plc_mode_debug", 0x2205: "wrong_plc_mode_monitor",
    0x2206: "wrong_plc_mode_run", 0x2301: "file_device_missing", 0x2502: "parity_or_checksum_error",
    0x3001: "no_access_right",
}  # fmt: skip
