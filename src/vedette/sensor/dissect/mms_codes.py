"""Services and errors of MMS.

Source:
    ISO 9506-2:2003 (ConfirmedServiceRequest, UnconfirmedService, DataAccessError, ServiceError).
"""

from __future__ import annotations

from typing import Final

from vedette.sensor.model import OpKind

_DOWNLOAD: Final = "download"
_UPLOAD: Final = "upload"

GET_NAME_LIST: Final = 1
IDENTIFY: Final = 2
READ: Final = 4
WRITE: Final = 5
VARIABLE_ATTRIBUTES: Final = 6
DEFINE_LIST: Final = 11
LIST_ATTRIBUTES: Final = 12
DELETE_LIST: Final = 13
INFORMATION_REPORT: Final = 0

CONFIRMED: Final[dict[int, tuple[str, OpKind, str]]] = {
    0: ("status", OpKind.DIAGNOSE, ""),
    GET_NAME_LIST: ("get_name_list", OpKind.IDENTIFY, ""),
    IDENTIFY: ("identify", OpKind.IDENTIFY, ""),
    3: ("rename", OpKind.WRITE, ""),
    READ: ("read", OpKind.READ, ""),
    WRITE: ("write", OpKind.WRITE, ""),
    VARIABLE_ATTRIBUTES: ("get_variable_access_attributes", OpKind.IDENTIFY, ""),
    7: ("define_named_variable", OpKind.WRITE, "definition"),
    10: ("delete_variable_access", OpKind.WRITE, "definition"),
    DEFINE_LIST: ("define_named_variable_list", OpKind.WRITE, "definition"),
    LIST_ATTRIBUTES: ("get_named_variable_list_attributes", OpKind.IDENTIFY, ""),
    DELETE_LIST: ("delete_named_variable_list", OpKind.WRITE, "definition"),
    26: ("initiate_download_sequence", OpKind.PROGRAM, _DOWNLOAD),
    27: ("download_segment", OpKind.PROGRAM, _DOWNLOAD),
    28: ("terminate_download_sequence", OpKind.PROGRAM, _DOWNLOAD),
    29: ("initiate_upload_sequence", OpKind.PROGRAM, _UPLOAD),
    30: ("upload_segment", OpKind.PROGRAM, _UPLOAD),
    31: ("terminate_upload_sequence", OpKind.PROGRAM, _UPLOAD),
    32: ("request_domain_download", OpKind.PROGRAM, _DOWNLOAD),
    33: ("request_domain_upload", OpKind.PROGRAM, _UPLOAD),
    34: ("load_domain_content", OpKind.PROGRAM, _DOWNLOAD),
    35: ("store_domain_content", OpKind.PROGRAM, _UPLOAD),
    36: ("delete_domain", OpKind.PROGRAM, _DOWNLOAD),
    37: ("get_domain_attributes", OpKind.IDENTIFY, ""),
    38: ("create_program_invocation", OpKind.PROGRAM, "invocation"),
    39: ("delete_program_invocation", OpKind.PROGRAM, "invocation"),
    40: ("start", OpKind.CONTROL, "run"),
    41: ("stop", OpKind.CONTROL, "stop"),
    42: ("resume", OpKind.CONTROL, "run"),
    43: ("reset", OpKind.CONTROL, "reset"),
    44: ("kill", OpKind.CONTROL, "stop"),
    45: ("get_program_invocation_attributes", OpKind.IDENTIFY, ""),
    46: ("obtain_file", OpKind.FILE, _DOWNLOAD),
    64: ("get_alarm_enrollment_summary", OpKind.READ, "alarms"),
    65: ("read_journal", OpKind.READ, "journal"),
    66: ("write_journal", OpKind.WRITE, "journal"),
    67: ("initialize_journal", OpKind.WRITE, "journal"),
    68: ("report_journal_status", OpKind.READ, "journal"),
    72: ("file_open", OpKind.FILE, _UPLOAD),
    73: ("file_read", OpKind.FILE, _UPLOAD),
    74: ("file_close", OpKind.FILE, ""),
    75: ("file_rename", OpKind.FILE, _DOWNLOAD),
    76: ("file_delete", OpKind.FILE, _DOWNLOAD),
    77: ("file_directory", OpKind.FILE, ""),
}
UNCONFIRMED: Final = {INFORMATION_REPORT: "information_report", 1: "unsolicited_status", 2: "event_notification"}
ACCESS_ERRORS: Final = {
    0: "object_invalidated", 1: "hardware_fault", 2: "temporarily_unavailable", 3: "object_access_denied",
    4: "object_undefined", 5: "invalid_address", 6: "type_unsupported", 7: "type_inconsistent",
    8: "object_attribute_inconsistent", 9: "object_access_unsupported", 10: "object_non_existent",
    11: "object_value_invalid",
}  # fmt: skip
ERROR_CLASSES: Final = {
    0: "vmd_state", 1: "application_reference", 2: "definition", 3: "resource", 4: "service", 5: "service_preempt",
    6: "time_resolution", 7: "access", 8: "initiate", 9: "conclude", 10: "cancel", 11: "file", 12: "others",
}  # fmt: skip
# What IEC 61850-8-1 calls control: objects of this constraint, operated by writing to them.
CONTROL_CONSTRAINT: Final = "$CO$"
