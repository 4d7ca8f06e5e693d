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
            "staging",
            "audit_log",
            "audit_reporter",
            "color",
            "color_temperature",
        ]
    )
)

IDENTITY: Final = {
    12: Attribute.SOFTWARE, 28: Attribute.DESCRIPTION, 44: Attribute.FIRMWARE, 58: Attribute.LOCATION,
    70: Attribute.MODEL, 77: Attribute.NAME, 121: Attribute.VENDOR, 372: Attribute.SERIAL,
}  # fmt: skip
DEVICE: Final = 8

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
