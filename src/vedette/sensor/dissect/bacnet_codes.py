"""Names of BACnet's codes.

Source:
    ANSI/ASHRAE 135-2020, clauses 21 (ASN.1) and annex J (BACnet/IP).
"""

from __future__ import annotations

from typing import Final

from vedette.sensor.model import Attribute, OpKind

Known = tuple[str, OpKind, str]

BVLC: Final = {
    0: "bvlc_result", 1: "write_broadcast_distribution_table", 2: "read_broadcast_distribution_table",
    3: "read_broadcast_distribution_table_ack", 4: "forwarded_npdu", 5: "register_foreign_device",
    6: "read_foreign_device_table", 7: "read_foreign_device_table_ack", 8: "delete_foreign_device_table_entry",
    9: "distribute_broadcast_to_network", 10: "original_unicast_npdu", 11: "original_broadcast_npdu", 12: "secure_bvll",
}  # fmt: skip
BVLC_KINDS: Final = {
    0: OpKind.SESSION, 1: OpKind.WRITE, 2: OpKind.DIAGNOSE, 3: OpKind.DIAGNOSE, 5: OpKind.SESSION,
    6: OpKind.DIAGNOSE, 7: OpKind.DIAGNOSE, 8: OpKind.WRITE,
}  # fmt: skip
NETWORK: Final[dict[int, tuple[str, OpKind]]] = {
    0: ("who_is_router_to_network", OpKind.IDENTIFY),
    1: ("i_am_router_to_network", OpKind.IDENTIFY),
    2: ("i_could_be_router_to_network", OpKind.IDENTIFY),
    3: ("reject_message_to_network", OpKind.DIAGNOSE),
    4: ("router_busy_to_network", OpKind.DIAGNOSE),
    5: ("router_available_to_network", OpKind.DIAGNOSE),
    6: ("initialize_routing_table", OpKind.WRITE),
    7: ("initialize_routing_table_ack", OpKind.WRITE),
    8: ("establish_connection_to_network", OpKind.SESSION),
    9: ("disconnect_connection_to_network", OpKind.SESSION),
    18: ("what_is_network_number", OpKind.IDENTIFY),
    19: ("network_number_is", OpKind.IDENTIFY),
}

CONFIRMED: Final[dict[int, Known]] = {
    0: ("acknowledge_alarm", OpKind.WRITE, "alarm"),
    1: ("confirmed_cov_notification", OpKind.REPORT, ""),
    2: ("confirmed_event_notification", OpKind.REPORT, ""),
    3: ("get_alarm_summary", OpKind.READ, "alarm"),
    4: ("get_enrollment_summary", OpKind.READ, "alarm"),
    5: ("subscribe_cov", OpKind.SESSION, ""),
    6: ("atomic_read_file", OpKind.FILE, "upload"),
    7: ("atomic_write_file", OpKind.FILE, "download"),
    8: ("add_list_element", OpKind.WRITE, ""),
    9: ("remove_list_element", OpKind.WRITE, ""),
    10: ("create_object", OpKind.PROGRAM, ""),
    11: ("delete_object", OpKind.PROGRAM, ""),
    12: ("read_property", OpKind.READ, ""),
    13: ("read_property_conditional", OpKind.READ, ""),
    14: ("read_property_multiple", OpKind.READ, ""),
    15: ("write_property", OpKind.WRITE, ""),
    16: ("write_property_multiple", OpKind.WRITE, ""),
    17: ("device_communication_control", OpKind.CONTROL, ""),
    18: ("confirmed_private_transfer", OpKind.OTHER, ""),
    19: ("confirmed_text_message", OpKind.OTHER, ""),
    20: ("reinitialize_device", OpKind.CONTROL, ""),
    21: ("vt_open", OpKind.SESSION, ""),
    22: ("vt_close", OpKind.SESSION, ""),
    23: ("vt_data", OpKind.OTHER, ""),
    24: ("authenticate", OpKind.SESSION, ""),
    25: ("request_key", OpKind.SESSION, ""),
    26: ("read_range", OpKind.READ, ""),
    27: ("life_safety_operation", OpKind.CONTROL, ""),
    28: ("subscribe_cov_property", OpKind.SESSION, ""),
    29: ("get_event_information", OpKind.READ, "alarm"),
    30: ("subscribe_cov_property_multiple", OpKind.SESSION, ""),
    31: ("confirmed_cov_notification_multiple", OpKind.REPORT, ""),
    32: ("confirmed_audit_notification", OpKind.REPORT, ""),
    33: ("audit_log_query", OpKind.READ, ""),
}
UNCONFIRMED: Final[dict[int, Known]] = {
    0: ("i_am", OpKind.IDENTIFY, ""),
    1: ("i_have", OpKind.IDENTIFY, ""),
    2: ("unconfirmed_cov_notification", OpKind.REPORT, ""),
    3: ("unconfirmed_event_notification", OpKind.REPORT, ""),
    4: ("unconfirmed_private_transfer", OpKind.OTHER, ""),
    5: ("unconfirmed_text_message", OpKind.OTHER, ""),
    6: ("time_synchronization", OpKind.WRITE, "clock"),
    7: ("who_has", OpKind.IDENTIFY, ""),
    8: ("who_is", OpKind.IDENTIFY, ""),
    9: ("utc_time_synchronization", OpKind.WRITE, "clock"),
    10: ("write_group", OpKind.WRITE, ""),
    11: ("unconfirmed_cov_notification_multiple", OpKind.REPORT, ""),
    12: ("unconfirmed_audit_notification", OpKind.REPORT, ""),
    13: ("who_am_i", OpKind.IDENTIFY, ""),
    14: ("you_are", OpKind.IDENTIFY, ""),
}
REPORTS: Final = frozenset({0, 1, 2, 3, 11, 12})
COMMUNICATION: Final = {0: "enable", 1: "disable", 2: "disable_initiation"}
REINITIALIZE: Final = {
    0: "coldstart", 1: "warmstart", 2: "start_backup", 3: "end_backup", 4: "start_restore", 5: "end_restore",
    6: "abort_restore", 7: "activate_changes",
}  # fmt: skip

OBJECTS: Final = dict(
    enumerate(
        [
            "analog_input",
            "analog_output",
            "analog_value",
            "binary_input",
            "binary_output",
            "binary_value",
            "calendar",
            "command",
            "device",
            "event_enrollment",
            "file",
            "group",
            "loop",
            "multi_state_input",
            "multi_state_output",
            "notification_class",
            "program",
            "schedule",
            "averaging",
            "multi_state_value",
            "trend_log",
            "life_safety_point",
            "life_safety_zone",
            "accumulator",
            "pulse_converter",
            "event_log",
            "global_group",
            "trend_log_multiple",
            "load_control",
            "structured_view",
            "access_door",
            "timer",
            "access_credential",
            "access_point",
            "access_rights",
            "access_user",
            "access_zone",
            "credential_data_input",
            "network_security",
            "bitstring_value",
            "characterstring_value",
            "datepattern_value",
            "date_value",
            "datetimepattern_value",
            "datetime_value",
            "integer_value",
            "large_analog_value",
            "octetstring_value",
            "positive_integer_value",
            "timepattern_value",
            "time_value",
            "notification_forwarder",
            "alert_enrollment",
            "channel",
            "lighting_output",
            "binary_lighting_output",
            "network_port",
            "elevator_group",
            "escalator",
            "lift",
        ]
    )
)

PROPERTIES: Final = {
    4: "active_text", 8: "all", 11: "apdu_timeout", 12: "application_software_version", 17: "notification_class",
    22: "cov_increment", 24: "daylight_savings_status", 25: "deadband", 28: "description", 30: "device_address_binding",
    31: "device_type", 35: "event_enable", 36: "event_state", 42: "file_size", 43: "file_type",
    44: "firmware_revision", 45: "high_limit", 46: "inactive_text", 56: "local_date", 57: "local_time", 58: "location",
    59: "low_limit", 62: "max_apdu_length_accepted", 65: "max_pres_value", 69: "min_pres_value", 70: "model_name",
    72: "notify_type", 74: "number_of_states", 75: "object_identifier", 76: "object_list", 77: "object_name",
    79: "object_type", 81: "out_of_service", 84: "polarity", 85: "present_value", 87: "priority_array",
    92: "program_state", 96: "protocol_object_types_supported", 97: "protocol_services_supported",
    98: "protocol_version", 102: "recipient_list", 103: "reliability", 104: "relinquish_default",
    107: "segmentation_supported", 110: "state_text", 111: "status_flags", 112: "system_status", 113: "time_delay",
    117: "units", 119: "utc_offset", 120: "vendor_identifier", 121: "vendor_name", 123: "weekly_schedule",
    131: "log_buffer", 139: "protocol_revision", 141: "record_count", 152: "active_cov_subscriptions",
    153: "backup_failure_timeout", 154: "configuration_files", 155: "database_revision", 168: "profile_name",
    371: "property_list", 372: "serial_number", 400: "ip_address", 412: "bacnet_ip_udp_port",
}  # fmt: skip
IDENTITY: Final = {
    12: Attribute.SOFTWARE, 28: Attribute.DESCRIPTION, 44: Attribute.FIRMWARE, 58: Attribute.LOCATION,
    70: Attribute.MODEL, 77: Attribute.NAME, 121: Attribute.VENDOR, 372: Attribute.SERIAL,
}  # fmt: skip
DEVICE: Final = 8

VENDORS: Final = {
    0: "ASHRAE", 2: "The Trane Company", 3: "McQuay International", 4: "PolarSoft", 5: "Johnson Controls",
    7: "Siemens Building Technologies", 8: "Delta Controls", 10: "Schneider Electric", 17: "Honeywell",
    18: "Alerton", 24: "Carrier", 27: "Mitsubishi Electric", 28: "Honeywell", 35: "Reliable Controls",
    36: "Tridium", 37: "Kieback & Peter", 42: "Sauter", 47: "Automated Logic", 62: "Distech Controls",
    86: "Contemporary Controls", 95: "Loytec", 222: "Wago", 260: "BACnet Stack at SourceForge", 343: "Phoenix Contact",
}  # fmt: skip

ERRORS: Final = {
    0: "other", 2: "configuration_in_progress", 3: "device_busy", 4: "dynamic_creation_not_supported",
    9: "invalid_data_type", 25: "operational_problem", 26: "password_failure", 27: "read_access_denied",
    29: "service_request_denied", 30: "timeout", 31: "unknown_object", 32: "unknown_property",
    36: "unsupported_object_type", 37: "value_out_of_range", 40: "write_access_denied", 42: "invalid_array_index",
    43: "cov_subscription_failed", 45: "optional_functionality_not_supported", 50: "property_is_not_an_array",
}  # fmt: skip
REJECTS: Final = {
    0: "other", 1: "buffer_overflow", 2: "inconsistent_parameters", 3: "invalid_parameter_data_type",
    4: "invalid_tag", 5: "missing_required_parameter", 6: "parameter_out_of_range", 7: "too_many_arguments",
    8: "undefined_enumeration", 9: "unrecognized_service",
}  # fmt: skip
ABORTS: Final = {
    0: "other", 1: "buffer_overflow", 2: "invalid_apdu_in_this_state", 3: "preempted_by_higher_priority_task",
    4: "segmentation_not_supported", 5: "security_error", 6: "insufficient_security", 7: "window_size_out_of_range",
    8: "application_exceeded_reply_time", 9: "out_of_resources", 10: "tsm_timeout", 11: "apdu_too_long",
}  # fmt: skip
