"""Commands, index groups, states and errors of ADS.

Source:
    Beckhoff Information System, TwinCAT ADS: AMS/ADS specification TE1000, ADS return codes, reserved index groups.
"""

from __future__ import annotations

from typing import Final

from vedette.sensor.model import OpKind

READ_DEVICE_INFO: Final = 1
READ: Final = 2
WRITE: Final = 3
READ_STATE: Final = 4
WRITE_CONTROL: Final = 5
ADD_NOTIFICATION: Final = 6
DELETE_NOTIFICATION: Final = 7
NOTIFICATION: Final = 8
READ_WRITE: Final = 9

COMMANDS: Final[dict[int, tuple[str, OpKind]]] = {
    READ_DEVICE_INFO: ("read_device_info", OpKind.IDENTIFY),
    READ: ("read", OpKind.READ),
    WRITE: ("write", OpKind.WRITE),
    READ_STATE: ("read_state", OpKind.DIAGNOSE),
    WRITE_CONTROL: ("write_control", OpKind.CONTROL),
    ADD_NOTIFICATION: ("add_device_notification", OpKind.READ),
    DELETE_NOTIFICATION: ("delete_device_notification", OpKind.SESSION),
    NOTIFICATION: ("device_notification", OpKind.REPORT),
    READ_WRITE: ("read_write", OpKind.READ),
}
STATES: Final = {
    0: "invalid", 1: "idle", 2: "reset", 3: "init", 4: "start", 5: "run", 6: "stop", 7: "save_configuration",
    8: "load_configuration", 9: "power_failure", 10: "power_good", 11: "error", 12: "shutdown", 13: "suspend",
    14: "resume", 15: "config", 16: "reconfig", 17: "stopping", 18: "incompatible", 19: "exception",
}  # fmt: skip

HANDLE_BY_NAME: Final = 0xF003
VALUE_BY_HANDLE: Final = 0xF005
# An index group, with what it is and, where that says more than the command, the kind of operation it is used for.
GROUPS: Final[dict[int, tuple[str, OpKind | None]]] = {
    0x0078: ("file_open", OpKind.FILE), 0x0079: ("file_close", OpKind.FILE), 0x007A: ("file_read", OpKind.FILE),
    0x007B: ("file_write", OpKind.FILE), 0x007C: ("file_seek", OpKind.FILE), 0x0083: ("file_delete", OpKind.FILE),
    0x0084: ("file_rename", OpKind.FILE), 0x0085: ("file_find", OpKind.FILE),
    0x00C8: ("registry_hklm", None), 0x01F4: ("start_process", OpKind.CONTROL),
    0x02BC: ("device_data", OpKind.IDENTIFY), 0x0190: ("time_services", None),
    0x4020: ("memory", None), 0x4021: ("memory_bit", None), 0x4025: ("memory_size", None),
    0x4030: ("retain_data", None), 0x4035: ("retain_data_size", None), 0x4040: ("data", None),
    0x4045: ("data_size", None),
    0xF000: ("symbol_table", OpKind.IDENTIFY), 0xF001: ("symbol_name", OpKind.IDENTIFY),
    0xF002: ("symbol_value", None), HANDLE_BY_NAME: ("symbol_handle_by_name", OpKind.READ),
    0xF004: ("symbol_value_by_name", None), VALUE_BY_HANDLE: ("symbol_value_by_handle", None),
    0xF006: ("symbol_release_handle", OpKind.SESSION), 0xF007: ("symbol_info_by_name", OpKind.IDENTIFY),
    0xF008: ("symbol_version", OpKind.IDENTIFY), 0xF009: ("symbol_info_by_name_extended", OpKind.IDENTIFY),
    0xF00A: ("symbol_download", OpKind.IDENTIFY), 0xF00B: ("symbol_upload", OpKind.IDENTIFY),
    0xF00C: ("symbol_upload_info", OpKind.IDENTIFY), 0xF00F: ("symbol_upload_info_2", OpKind.IDENTIFY),
    0xF010: ("symbol_notification", None),
    0xF020: ("input", None), 0xF021: ("input_bit", None), 0xF025: ("input_size", None),
    0xF030: ("output", None), 0xF031: ("output_bit", None), 0xF035: ("output_size", None),
    0xF040: ("clear_inputs", OpKind.WRITE), 0xF050: ("clear_outputs", OpKind.WRITE),
    0xF080: ("sum_read", OpKind.READ), 0xF081: ("sum_write", OpKind.WRITE), 0xF082: ("sum_read_write", OpKind.READ),
    0xF083: ("sum_read_extended", OpKind.READ), 0xF085: ("sum_add_notification", OpKind.READ),
    0xF086: ("sum_delete_notification", OpKind.SESSION),
}  # fmt: skip
ERRORS: Final = {
    0x000: "ok", 0x001: "internal_error", 0x006: "target_port_not_found", 0x007: "target_machine_not_found",
    0x008: "unknown_command", 0x00A: "no_io", 0x00D: "port_not_connected", 0x012: "port_disabled",
    0x018: "tcp_send_error", 0x019: "host_unreachable", 0x01C: "access_denied", 0x700: "error_class",
    0x701: "service_not_supported", 0x702: "invalid_index_group", 0x703: "invalid_index_offset",
    0x704: "reading_writing_not_permitted", 0x705: "parameter_size_not_correct", 0x706: "invalid_parameter_values",
    0x707: "device_not_ready", 0x708: "device_busy", 0x70A: "insufficient_memory", 0x70C: "not_found",
    0x710: "symbol_not_found", 0x711: "symbol_version_invalid", 0x712: "invalid_server_state",
    0x714: "notification_handle_invalid", 0x716: "no_more_notification_handles", 0x71E: "not_licensed",
    0x723: "access_denied", 0x745: "timeout",
}  # fmt: skip
PORTS: Final = {
    1: "router", 100: "logger", 110: "event_logger", 300: "io", 500: "nc", 501: "nc_task", 600: "nci", 801: "plc_1",
    811: "plc_2", 821: "plc_3", 831: "plc_4", 851: "plc_1", 852: "plc_2", 853: "plc_3", 10000: "system_service",
    10201: "scope",
}  # fmt: skip
SYSTEM_SERVICE: Final = 10_000
