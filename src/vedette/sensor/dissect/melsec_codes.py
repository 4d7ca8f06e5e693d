"""Commands, devices and end codes of the MELSEC communication protocol and SLMP.

Source:
    Mitsubishi Electric, MELSEC Communication Protocol Reference Manual SH-080008; SLMP Reference Manual SH-080956ENG.
"""

from __future__ import annotations

from typing import Final

from vedette.sensor.model import OpKind

_DOWNLOAD: Final = "download"
_UPLOAD: Final = "upload"

READ: Final = 0x0401
WRITE: Final = 0x1401
READ_MODEL: Final = 0x0101
NODE_SEARCH: Final = 0x0E30

COMMANDS: Final[dict[int, tuple[str, OpKind, str]]] = {
    READ: ("batch_read", OpKind.READ, ""),
    WRITE: ("batch_write", OpKind.WRITE, ""),
    0x0403: ("random_read", OpKind.READ, ""),
    0x1402: ("random_write", OpKind.WRITE, ""),
    0x0406: ("multiple_block_read", OpKind.READ, ""),
    0x1406: ("multiple_block_write", OpKind.WRITE, ""),
    0x0801: ("register_monitor_data", OpKind.READ, ""),
    0x0802: ("monitor", OpKind.READ, ""),
    0x0613: ("buffer_memory_read", OpKind.READ, "buffer_memory"),
    0x1613: ("buffer_memory_write", OpKind.WRITE, "buffer_memory"),
    0x0601: ("intelligent_module_read", OpKind.READ, "buffer_memory"),
    0x1601: ("intelligent_module_write", OpKind.WRITE, "buffer_memory"),
    0x041A: ("array_label_read", OpKind.READ, "label"),
    0x141A: ("array_label_write", OpKind.WRITE, "label"),
    0x041C: ("label_random_read", OpKind.READ, "label"),
    0x141B: ("label_random_write", OpKind.WRITE, "label"),
    0x1001: ("remote_run", OpKind.CONTROL, "run"),
    0x1002: ("remote_stop", OpKind.CONTROL, "stop"),
    0x1003: ("remote_pause", OpKind.CONTROL, "pause"),
    0x1005: ("remote_latch_clear", OpKind.CONTROL, "latch_clear"),
    0x1006: ("remote_reset", OpKind.CONTROL, "reset"),
    READ_MODEL: ("read_cpu_model", OpKind.IDENTIFY, ""),
    0x0619: ("loopback_test", OpKind.DIAGNOSE, ""),
    0x1617: ("clear_error", OpKind.WRITE, "errors"),
    0x1615: ("clear_transmission_sequence", OpKind.SESSION, ""),
    0x1630: ("remote_password_unlock", OpKind.SESSION, "password"),
    0x1631: ("remote_password_lock", OpKind.SESSION, "password"),
    0x0201: ("read_file_information", OpKind.FILE, ""),
    0x0202: ("read_file_information_with_title", OpKind.FILE, ""),
    0x0203: ("read_file_number", OpKind.FILE, ""),
    0x0204: ("search_drive_title", OpKind.FILE, ""),
    0x0206: ("read_file", OpKind.FILE, _UPLOAD),
    0x1202: ("create_file", OpKind.FILE, _DOWNLOAD),
    0x1203: ("write_file", OpKind.FILE, _DOWNLOAD),
    0x1810: ("read_directory", OpKind.FILE, ""),
    0x1811: ("search_directory", OpKind.FILE, ""),
    0x1820: ("new_file", OpKind.FILE, _DOWNLOAD),
    0x1822: ("delete_file", OpKind.FILE, _DOWNLOAD),
    0x1824: ("copy_file", OpKind.FILE, ""),
    0x1825: ("change_file_state", OpKind.FILE, ""),
    0x1826: ("change_file_date", OpKind.FILE, ""),
    0x1827: ("open_file", OpKind.FILE, ""),
    0x1828: ("read_open_file", OpKind.FILE, _UPLOAD),
    0x1829: ("write_open_file", OpKind.FILE, _DOWNLOAD),
    0x182A: ("close_file", OpKind.FILE, ""),
    0x2101: ("on_demand", OpKind.REPORT, ""),
    NODE_SEARCH: ("node_search", OpKind.IDENTIFY, ""),
    0x0E31: ("ip_address_set", OpKind.WRITE, "ip_address"),
    0x0E32: ("device_information_compare", OpKind.IDENTIFY, ""),
    0x0E33: ("parameter_get", OpKind.PROGRAM, _UPLOAD),
    0x0E34: ("parameter_update", OpKind.PROGRAM, _DOWNLOAD),
}
DEVICES: Final[dict[int, str]] = {
    0x9C: "X", 0x9D: "Y", 0x90: "M", 0x91: "SM", 0x92: "L", 0x93: "F", 0x94: "V", 0x98: "S", 0xA0: "B", 0xA1: "SB",
    0xA2: "DX", 0xA3: "DY", 0xA8: "D", 0xA9: "SD", 0xAB: "G", 0xAF: "R", 0xB0: "ZR", 0xB4: "W", 0xB5: "SW",
    0xC0: "TC", 0xC1: "TS", 0xC2: "TN", 0xC3: "CC", 0xC4: "CS", 0xC5: "CN", 0xC6: "STC", 0xC7: "STS", 0xC8: "STN",
    0xCC: "Z", 0x62: "LZ", 0x51: "LTS", 0x50: "LTC", 0x52: "LTN", 0x55: "LCS", 0x54: "LCC", 0x56: "LCN", 0x2C: "RD",
}  # fmt: skip
# Numbers of these are hexadecimal in text.
HEXADECIMAL: Final = frozenset({"X", "Y", "B", "SB", "DX", "DY", "W", "SW"})
END_CODES: Final = {
    0x0000: "ok", 0x0055: "write_not_permitted_while_running", 0xC035: "response_timeout",
    0xC050: "ascii_cannot_be_converted", 0xC051: "points_out_of_range", 0xC052: "points_out_of_range",
    0xC053: "points_out_of_range", 0xC054: "points_out_of_range", 0xC056: "address_out_of_range",
    0xC058: "data_length_mismatch", 0xC059: "command_not_supported", 0xC05B: "cannot_be_accessed",
    0xC05C: "request_content_wrong", 0xC05D: "monitor_not_registered", 0xC05F: "not_executable_on_target",
    0xC060: "request_content_wrong", 0xC061: "data_length_mismatch", 0xC06F: "ascii_and_binary_mixed",
    0xC070: "device_memory_extension_not_possible", 0xC0B5: "data_not_handled", 0xC200: "wrong_remote_password",
    0xC201: "locked_by_remote_password", 0xC204: "other_device_unlocked", 0x4031: "device_out_of_range",
    0x4010: "not_permitted_while_running", 0x4013: "not_permitted_while_running",
}  # fmt: skip
