"""Names of the codes of EtherNet/IP and CIP.

Source:
    The CIP Networks Library, volume 1 (services, classes, status) and volume 2 (encapsulation); Rockwell Automation
    publication 1756-PM020 (tags).
"""

from __future__ import annotations

from typing import Final

from vedette.sensor.model import OpKind, Role

COMMANDS: Final[dict[int, tuple[str, OpKind]]] = {
    0x0000: ("nop", OpKind.SESSION),
    0x0001: ("list_targets", OpKind.IDENTIFY),  # of Rockwell, before there was a standard
    0x0004: ("list_services", OpKind.IDENTIFY),
    0x0063: ("list_identity", OpKind.IDENTIFY),
    0x0064: ("list_interfaces", OpKind.IDENTIFY),
    0x0065: ("register_session", OpKind.SESSION),
    0x0066: ("unregister_session", OpKind.SESSION),
    0x006F: ("send_rr_data", OpKind.OTHER),
    0x0070: ("send_unit_data", OpKind.OTHER),
    0x0072: ("indicate_status", OpKind.REPORT),
    0x0073: ("cancel", OpKind.SESSION),
}
ENCAPSULATION_STATUS: Final = {
    0: "ok", 1: "invalid_command", 2: "insufficient_memory", 3: "incorrect_data", 0x64: "invalid_session_handle",
    0x65: "invalid_length", 0x69: "unsupported_protocol_version",
}  # fmt: skip

_Known = dict[int, tuple[str, OpKind]]
SERVICES: Final[_Known] = {
    0x01: ("get_attributes_all", OpKind.READ),
    0x02: ("set_attributes_all", OpKind.WRITE),
    0x03: ("get_attribute_list", OpKind.READ),
    0x04: ("set_attribute_list", OpKind.WRITE),
    0x05: ("reset", OpKind.CONTROL),
    0x06: ("start", OpKind.CONTROL),
    0x07: ("stop", OpKind.CONTROL),
    0x08: ("create", OpKind.PROGRAM),
    0x09: ("delete", OpKind.PROGRAM),
    0x0A: ("multiple_service_packet", OpKind.OTHER),
    0x0D: ("apply_attributes", OpKind.WRITE),
    0x0E: ("get_attribute_single", OpKind.READ),
    0x10: ("set_attribute_single", OpKind.WRITE),
    0x11: ("find_next_object_instance", OpKind.DIAGNOSE),
    0x14: ("error_response", OpKind.OTHER),
    0x15: ("restore", OpKind.PROGRAM),
    0x16: ("save", OpKind.PROGRAM),
    0x17: ("no_operation", OpKind.OTHER),
    0x18: ("get_member", OpKind.READ),
    0x19: ("set_member", OpKind.WRITE),
    0x1A: ("insert_member", OpKind.WRITE),
    0x1B: ("remove_member", OpKind.WRITE),
    0x1C: ("group_sync", OpKind.OTHER),
}
TAG_SERVICES: Final[_Known] = {
    0x4C: ("read_tag", OpKind.READ),
    0x4D: ("write_tag", OpKind.WRITE),
    0x4E: ("read_modify_write_tag", OpKind.WRITE),
    0x52: ("read_tag_fragmented", OpKind.READ),
    0x53: ("write_tag_fragmented", OpKind.WRITE),
    0x55: ("get_instance_attribute_list", OpKind.DIAGNOSE),
}
CONNECTION_MANAGER: Final = 0x06
PCCC: Final = 0x67
IDENTITY: Final = 0x01
SYMBOL: Final = 0x6B
UNCONNECTED_SEND: Final = 0x52
FORWARD_OPEN: Final = 0x54
LARGE_FORWARD_OPEN: Final = 0x5B
MULTIPLE: Final = 0x0A
EXECUTE_PCCC: Final = 0x4B
OF_CLASS: Final[dict[int, _Known]] = {
    CONNECTION_MANAGER: {
        0x4E: ("forward_close", OpKind.SESSION),
        UNCONNECTED_SEND: ("unconnected_send", OpKind.OTHER),
        FORWARD_OPEN: ("forward_open", OpKind.SESSION),
        0x56: ("get_connection_data", OpKind.DIAGNOSE),
        0x57: ("search_connection_data", OpKind.DIAGNOSE),
        0x5A: ("get_connection_owner", OpKind.DIAGNOSE),
        LARGE_FORWARD_OPEN: ("large_forward_open", OpKind.SESSION),
    },
    0x37: {
        0x4B: ("initiate_upload", OpKind.PROGRAM),
        0x4C: ("initiate_download", OpKind.PROGRAM),
        0x4D: ("initiate_partial_read", OpKind.PROGRAM),
        0x4E: ("initiate_partial_write", OpKind.PROGRAM),
        0x4F: ("upload_transfer", OpKind.PROGRAM),
        0x50: ("download_transfer", OpKind.PROGRAM),
        0x51: ("clear_file", OpKind.PROGRAM),
    },
    PCCC: {EXECUTE_PCCC: ("execute_pccc", OpKind.OTHER)},
    SYMBOL: TAG_SERVICES,
    0x6C: {0x4C: ("read_template", OpKind.DIAGNOSE)},
    0x8E: {0x4B: ("lock_controller", OpKind.CONTROL), 0x4C: ("unlock_controller", OpKind.CONTROL)},
    0xA1: {
        0x4B: ("nv_storage_update", OpKind.FIRMWARE),
        0x4C: ("nv_storage_update_transfer", OpKind.FIRMWARE),
        0x4D: ("nv_storage_transfer", OpKind.FIRMWARE),
    },
    # By which panels read many tags at once; what they make are lists for themselves, not logic.
    0xB2: {0x08: ("create_tag_list", OpKind.SESSION), 0x09: ("delete_tag_list", OpKind.SESSION)},
}
DOWNLOADS: Final = frozenset({(0x37, 0x4C), (0x37, 0x4E), (0x37, 0x50), (0x37, 0x51)})
UPLOADS: Final = frozenset({(0x37, 0x4B), (0x37, 0x4D), (0x37, 0x4F)})

CLASSES: Final = {
    0x01: "identity", 0x02: "message_router", 0x03: "devicenet", 0x04: "assembly", 0x05: "connection",
    0x06: "connection_manager", 0x07: "register", 0x08: "discrete_input_point", 0x09: "discrete_output_point",
    0x0A: "analog_input_point", 0x0B: "analog_output_point", 0x0F: "parameter", 0x23: "position_sensor",
    0x28: "motor_data", 0x29: "control_supervisor", 0x2A: "ac_dc_drive", 0x37: "file", 0x43: "time_sync",
    0x47: "device_level_ring", 0x48: "qos", 0x5D: "security", 0x64: "program", 0x66: "devicenet_scanner",
    0x67: "pccc", 0x68: "program_name", 0x69: "io_map", 0x6A: "task", 0x6B: "symbol", 0x6C: "template",
    0x72: "change_log", 0x8B: "wall_clock_time", 0x8E: "execution_mode", 0xA1: "nonvolatile_storage",
    0xAC: "controller_status", 0xB2: "tag_list", 0xF3: "connection_configuration", 0xF4: "port",
    0xF5: "tcp_ip_interface", 0xF6: "ethernet_link",
}  # fmt: skip

STATUS: Final = {
    0x00: "ok", 0x01: "connection_failure", 0x02: "resource_unavailable", 0x03: "invalid_parameter_value",
    0x04: "path_segment_error", 0x05: "path_destination_unknown", 0x06: "partial_transfer", 0x07: "connection_lost",
    0x08: "service_not_supported", 0x09: "invalid_attribute_value", 0x0A: "attribute_list_error",
    0x0B: "already_in_requested_mode", 0x0C: "object_state_conflict", 0x0D: "object_already_exists",
    0x0E: "attribute_not_settable", 0x0F: "privilege_violation", 0x10: "device_state_conflict",
    0x11: "reply_data_too_large", 0x12: "fragmentation_of_primitive", 0x13: "not_enough_data",
    0x14: "attribute_not_supported", 0x15: "too_much_data", 0x16: "object_does_not_exist",
    0x17: "fragmentation_sequence_not_in_progress", 0x18: "no_stored_attribute_data", 0x19: "store_operation_failure",
    0x1A: "routing_failure_request_too_large", 0x1B: "routing_failure_response_too_large", 0x1C: "missing_attribute",
    0x1D: "invalid_attribute_value_list", 0x1E: "embedded_service_error",
    0x1F: "vendor_specific_error", 0x20: "invalid_parameter",
    0x21: "write_once_value_already_written", 0x22: "invalid_reply_received", 0x23: "buffer_overflow",
    0x24: "invalid_message_format",
    0x25: "key_failure_in_path", 0x26: "path_size_invalid", 0x27: "unexpected_attribute", 0x28: "invalid_member_id",
    0x29: "member_not_settable", 0x2A: "group_2_only_server_failure", 0x2B: "unknown_modbus_error",
    0x2C: "attribute_not_gettable",
    0xFF: "general_error",
}  # fmt: skip

TYPES: Final = {
    0xC1: ("B", 1), 0xC2: ("b", 1), 0xC3: ("h", 2), 0xC4: ("i", 4), 0xC5: ("q", 8), 0xC6: ("B", 1), 0xC7: ("H", 2),
    0xC8: ("I", 4), 0xC9: ("Q", 8), 0xCA: ("f", 4), 0xCB: ("d", 8), 0xD1: ("B", 1), 0xD2: ("H", 2), 0xD3: ("I", 4),
    0xD4: ("Q", 8),
}  # fmt: skip

DEVICE_TYPES: Final[dict[int, tuple[str, Role | None]]] = {
    0x02: ("AC drive", Role.DRIVE),
    0x03: ("motor overload", None),
    0x04: ("limit switch", None),
    0x06: ("photoelectric sensor", None),
    0x07: ("general purpose discrete I/O", Role.IO_DEVICE),
    0x0C: ("communications adapter", None),
    0x0E: ("programmable logic controller", Role.CONTROLLER),
    0x10: ("position controller", None),
    0x13: ("DC drive", Role.DRIVE),
    0x18: ("human-machine interface", Role.HMI),
    0x1B: ("pneumatic valves", None),
    0x22: ("encoder", None),
    0x25: ("CIP motion drive", Role.DRIVE),
    0x2B: ("generic device", None),
    0x2C: ("managed Ethernet switch", Role.SWITCH),
}
