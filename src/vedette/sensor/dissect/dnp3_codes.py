"""Names of DNP3's codes.

Source:
    IEEE 1815-2012, clauses 4 (application layer), 9 (link layer) and 11 (objects).
"""

from __future__ import annotations

from typing import Final

from vedette.sensor.model import OpKind

CONFIRM: Final = 0
RESPONSE: Final = 129
UNSOLICITED: Final = 130
CONTROLS: Final = frozenset({3, 4, 5, 6})

FUNCTIONS: Final[dict[int, tuple[str, OpKind, str]]] = {
    0: ("confirm", OpKind.SESSION, ""),
    1: ("read", OpKind.READ, ""),
    2: ("write", OpKind.WRITE, ""),
    3: ("select", OpKind.CONTROL, ""),
    4: ("operate", OpKind.CONTROL, ""),
    5: ("direct_operate", OpKind.CONTROL, ""),
    6: ("direct_operate_nr", OpKind.CONTROL, ""),
    7: ("immed_freeze", OpKind.WRITE, ""),
    8: ("immed_freeze_nr", OpKind.WRITE, ""),
    9: ("freeze_clear", OpKind.WRITE, ""),
    10: ("freeze_clear_nr", OpKind.WRITE, ""),
    11: ("freeze_at_time", OpKind.WRITE, ""),
    12: ("freeze_at_time_nr", OpKind.WRITE, ""),
    13: ("cold_restart", OpKind.CONTROL, "restart"),
    14: ("warm_restart", OpKind.CONTROL, "restart"),
    15: ("initialize_data", OpKind.PROGRAM, ""),
    16: ("initialize_appl", OpKind.CONTROL, "application"),
    17: ("start_appl", OpKind.CONTROL, "application"),
    18: ("stop_appl", OpKind.CONTROL, "application"),
    19: ("save_config", OpKind.PROGRAM, "configuration"),
    20: ("enable_unsolicited", OpKind.SESSION, ""),
    21: ("disable_unsolicited", OpKind.SESSION, ""),
    22: ("assign_class", OpKind.WRITE, ""),
    23: ("delay_measure", OpKind.DIAGNOSE, ""),
    24: ("record_current_time", OpKind.WRITE, ""),
    25: ("open_file", OpKind.FILE, ""),
    26: ("close_file", OpKind.FILE, ""),
    27: ("delete_file", OpKind.FILE, ""),
    28: ("get_file_info", OpKind.FILE, ""),
    29: ("authenticate_file", OpKind.FILE, ""),
    30: ("abort_file", OpKind.FILE, ""),
    31: ("activate_config", OpKind.PROGRAM, "configuration"),
    32: ("authenticate_req", OpKind.SESSION, ""),
    33: ("authenticate_err", OpKind.SESSION, ""),
    RESPONSE: ("response", OpKind.READ, ""),
    UNSOLICITED: ("unsolicited_response", OpKind.REPORT, ""),
    131: ("authenticate_resp", OpKind.SESSION, ""),
}

LINK: Final = {
    (True, 0): "reset_link_states", (True, 1): "reset_user_process", (True, 2): "test_link_states",
    (True, 3): "confirmed_user_data", (True, 4): "unconfirmed_user_data", (True, 9): "request_link_status",
    (False, 0): "ack", (False, 1): "nack", (False, 11): "link_status", (False, 15): "not_supported",
}  # fmt: skip

GROUPS: Final = {
    0: "device_attribute", 1: "binary_input", 2: "binary_input_event", 3: "double_bit_input",
    4: "double_bit_input_event", 10: "binary_output", 11: "binary_output_event", 12: "binary_output_command",
    13: "binary_output_command_event", 20: "counter", 21: "frozen_counter", 22: "counter_event",
    23: "frozen_counter_event", 30: "analog_input", 31: "frozen_analog_input", 32: "analog_input_event",
    33: "frozen_analog_input_event", 34: "analog_input_deadband", 40: "analog_output_status",
    41: "analog_output_command", 42: "analog_output_event", 43: "analog_output_command_event", 50: "time_and_date",
    51: "time_and_date_cto", 52: "time_delay", 60: "class_data", 70: "file", 80: "internal_indications",
    81: "device_storage", 82: "device_profile", 83: "data_set", 85: "data_set_prototype", 86: "data_set_descriptor",
    87: "data_set_value", 88: "data_set_event", 90: "application", 91: "status_of_requested_operation",
    101: "bcd", 102: "unsigned_integer", 110: "octet_string", 111: "octet_string_event", 112: "virtual_terminal",
    113: "virtual_terminal_event", 120: "authentication", 121: "security_statistic",
    122: "security_statistic_event",
}  # fmt: skip

# Bytes of one object, and where in it its value is and how it is packed; -1: packed bits, two of them for -2.
OBJECTS: Final[dict[int, tuple[int, str, int]]] = {
    0x0101: (-1, "", 0), 0x0102: (1, "flag", 0), 0x0201: (1, "flag", 0), 0x0202: (7, "flag", 0),
    0x0203: (3, "flag", 0), 0x0301: (-2, "", 0), 0x0302: (1, "double", 0), 0x0401: (1, "double", 0),
    0x0402: (7, "double", 0), 0x0403: (3, "double", 0), 0x0A01: (-1, "", 0), 0x0A02: (1, "flag", 0),
    0x0B01: (1, "flag", 0), 0x0B02: (7, "flag", 0), 0x0C01: (11, "crob", 0), 0x0C02: (11, "crob", 0),
    0x0C03: (-1, "", 0), 0x0D01: (1, "flag", 0), 0x0D02: (7, "flag", 0),
    0x1401: (5, "<I", 1), 0x1402: (3, "<H", 1), 0x1403: (5, "<I", 1), 0x1404: (3, "<H", 1), 0x1405: (4, "<I", 0),
    0x1406: (2, "<H", 0), 0x1407: (4, "<I", 0), 0x1408: (2, "<H", 0),
    0x1503: (5, "<I", 1), 0x1504: (3, "<H", 1), 0x1507: (11, "<I", 1), 0x1508: (9, "<H", 1), 0x150B: (4, "<I", 0),
    0x150C: (2, "<H", 0), 0x1603: (5, "<I", 1), 0x1604: (3, "<H", 1), 0x1607: (11, "<I", 1), 0x1608: (9, "<H", 1),
    0x1703: (5, "<I", 1), 0x1704: (3, "<H", 1), 0x1707: (11, "<I", 1), 0x1708: (9, "<H", 1),
    0x1501: (5, "<I", 1), 0x1502: (3, "<H", 1), 0x1505: (11, "<I", 1), 0x1506: (9, "<H", 1), 0x1509: (4, "<I", 0),
    0x150A: (2, "<H", 0), 0x1601: (5, "<I", 1), 0x1602: (3, "<H", 1), 0x1605: (11, "<I", 1), 0x1606: (9, "<H", 1),
    0x1701: (5, "<I", 1), 0x1702: (3, "<H", 1), 0x1705: (11, "<I", 1), 0x1706: (9, "<H", 1),
    0x1E01: (5, "<i", 1), 0x1E02: (3, "<h", 1), 0x1E03: (4, "<i", 0), 0x1E04: (2, "<h", 0), 0x1E05: (5, "<f", 1),
    0x1E06: (9, "<d", 1), 0x1F01: (5, "<i", 1), 0x1F02: (3, "<h", 1), 0x1F03: (11, "<i", 1), 0x1F04: (9, "<h", 1),
    0x1F05: (4, "<i", 0), 0x1F06: (2, "<h", 0), 0x1F07: (5, "<f", 1), 0x1F08: (9, "<d", 1),
    0x2001: (5, "<i", 1), 0x2002: (3, "<h", 1), 0x2003: (11, "<i", 1), 0x2004: (9, "<h", 1), 0x2005: (5, "<f", 1),
    0x2006: (9, "<d", 1), 0x2007: (11, "<f", 1), 0x2008: (15, "<d", 1),
    0x2101: (5, "<i", 1), 0x2102: (3, "<h", 1), 0x2103: (11, "<i", 1), 0x2104: (9, "<h", 1), 0x2105: (5, "<f", 1),
    0x2106: (9, "<d", 1), 0x2107: (11, "<f", 1), 0x2108: (15, "<d", 1),
    0x2201: (2, "<H", 0), 0x2202: (4, "<I", 0), 0x2203: (4, "<f", 0),
    0x2801: (5, "<i", 1), 0x2802: (3, "<h", 1), 0x2803: (5, "<f", 1), 0x2804: (9, "<d", 1),
    0x2901: (5, "<i", 0), 0x2902: (3, "<h", 0), 0x2903: (5, "<f", 0), 0x2904: (9, "<d", 0),
    0x2A01: (5, "<i", 1), 0x2A02: (3, "<h", 1), 0x2A03: (11, "<i", 1), 0x2A04: (9, "<h", 1), 0x2A05: (5, "<f", 1),
    0x2A06: (9, "<d", 1), 0x2A07: (11, "<f", 1), 0x2A08: (15, "<d", 1),
    0x3201: (6, "time", 0), 0x3202: (10, "time", 0), 0x3203: (6, "time", 0), 0x3204: (11, "time", 0),
    0x3301: (6, "time", 0), 0x3302: (6, "time", 0), 0x3401: (2, "<H", 0), 0x3402: (2, "<H", 0), 0x5001: (-1, "", 0),
}  # fmt: skip

STATUS: Final = {
    0: "ok", 1: "timeout", 2: "no_select", 3: "format_error", 4: "not_supported", 5: "already_active",
    6: "hardware_error", 7: "local", 8: "too_many_ops", 9: "not_authorized", 10: "automation_inhibit",
    11: "processing_limited", 12: "out_of_range", 13: "downstream_local", 14: "already_complete", 15: "blocked",
    16: "canceled", 17: "blocked_other_master", 18: "downstream_fail", 126: "non_participating", 127: "undefined",
}  # fmt: skip
# The result of an answer is the gravest of its internal indications; most of them are states and no errors.
ERRORS: Final = (
    (0x0001, "no_func_code_support"),
    (0x0002, "object_unknown"),
    (0x0004, "parameter_error"),
    (0x0010, "already_executing"),
    (0x0020, "config_corrupt"),
)
RESERVED_INDICATIONS: Final = 0x00C0
OPERATIONS: Final = {0: "nul", 1: "pulse_on", 2: "pulse_off", 3: "latch_on", 4: "latch_off"}
TRIPS: Final = {0: "", 1: "close_", 2: "trip_", 3: "reserved_"}
FILE_COMMANDS: Final = {25: 3, 27: 3, 28: 7}
