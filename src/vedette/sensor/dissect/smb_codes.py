"""Commands and results of SMB.

Source:
    [MS-CIFS] §2.2.2.1; [MS-SMB2] §2.2.1; [MS-ERREF] §2.3.1.
"""

from __future__ import annotations

from typing import Final

from vedette.sensor.model import OpKind

COMMANDS_1: Final = {
    0x00: ("create_directory", OpKind.FILE), 0x01: ("delete_directory", OpKind.FILE), 0x02: ("open", OpKind.FILE),
    0x04: ("close", OpKind.FILE), 0x06: ("delete", OpKind.FILE), 0x07: ("rename", OpKind.FILE),
    0x0A: ("read", OpKind.FILE), 0x0B: ("write", OpKind.FILE), 0x25: ("transaction", OpKind.OTHER),
    0x2B: ("echo", OpKind.DIAGNOSE), 0x2D: ("open_andx", OpKind.FILE), 0x2E: ("read_andx", OpKind.FILE),
    0x2F: ("write_andx", OpKind.FILE), 0x32: ("transaction2", OpKind.OTHER), 0x71: ("tree_disconnect", OpKind.SESSION),
    0x72: ("negotiate", OpKind.SESSION), 0x73: ("session_setup_andx", OpKind.SESSION),
    0x74: ("logoff_andx", OpKind.SESSION), 0x75: ("tree_connect_andx", OpKind.SESSION),
    0xA0: ("nt_transact", OpKind.OTHER), 0xA2: ("nt_create_andx", OpKind.FILE), 0xA4: ("nt_cancel", OpKind.OTHER),
}  # fmt: skip
COMMANDS_2: Final = {
    0: ("negotiate", OpKind.SESSION), 1: ("session_setup", OpKind.SESSION), 2: ("logoff", OpKind.SESSION),
    3: ("tree_connect", OpKind.SESSION), 4: ("tree_disconnect", OpKind.SESSION), 5: ("create", OpKind.FILE),
    6: ("close", OpKind.FILE), 7: ("flush", OpKind.FILE), 8: ("read", OpKind.FILE), 9: ("write", OpKind.FILE),
    10: ("lock", OpKind.FILE), 11: ("ioctl", OpKind.OTHER), 12: ("cancel", OpKind.OTHER),
    13: ("echo", OpKind.DIAGNOSE), 14: ("query_directory", OpKind.FILE), 15: ("change_notify", OpKind.FILE),
    16: ("query_info", OpKind.FILE), 17: ("set_info", OpKind.FILE), 18: ("oplock_break", OpKind.OTHER),
}  # fmt: skip
DIALECTS: Final = {0x0202: "2.0.2", 0x0210: "2.1", 0x02FF: "2.x", 0x0300: "3.0", 0x0302: "3.0.2", 0x0311: "3.1.1"}
RESULTS: Final = {
    0x00000000: "ok", 0x00000103: "pending", 0x80000005: "buffer_overflow", 0x80000006: "no_more_files",
    0xC0000016: "more_processing_required", 0xC0000022: "access_denied", 0xC000000F: "no_such_file",
    0xC0000034: "object_name_not_found", 0xC000003A: "object_path_not_found", 0xC0000043: "sharing_violation",
    0xC0000064: "no_such_user", 0xC000006A: "wrong_password", 0xC000006D: "logon_failure",
    0xC000006E: "account_restriction", 0xC0000071: "password_expired", 0xC0000072: "account_disabled",
    0xC00000BB: "not_supported", 0xC00000CC: "bad_network_name", 0xC0000234: "account_locked_out",
    0xC000000D: "invalid_parameter", 0xC0000203: "user_session_deleted", 0xC0000011: "end_of_file",
    0xC0000002: "not_implemented",
}  # fmt: skip
LOGIN_FAILURES: Final = frozenset({0xC0000064, 0xC000006A, 0xC000006D, 0xC000006E, 0xC0000072, 0xC0000234})
