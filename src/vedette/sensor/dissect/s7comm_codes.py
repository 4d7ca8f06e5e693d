"""Names of S7comm's codes.

Source:
    No public standard. Names as Wireshark's ``packet-s7comm.c`` and ICSNPP print them.
"""

from __future__ import annotations

from typing import Final

from vedette.sensor.model import Attribute, OpKind

SETUP: Final = 0xF0
READ_VAR: Final = 0x04
WRITE_VAR: Final = 0x05
REQUEST_DOWNLOAD: Final = 0x1A
START_UPLOAD: Final = 0x1D
UPLOAD: Final = 0x1E
END_UPLOAD: Final = 0x1F
PI_SERVICE: Final = 0x28
PLC_STOP: Final = 0x29

FUNCTIONS: Final[dict[int, tuple[str, OpKind, str]]] = {
    0x00: ("cpu_services", OpKind.DIAGNOSE, ""),
    SETUP: ("setup_communication", OpKind.SESSION, ""),
    READ_VAR: ("read_variable", OpKind.READ, ""),
    WRITE_VAR: ("write_variable", OpKind.WRITE, ""),
    REQUEST_DOWNLOAD: ("request_download", OpKind.PROGRAM, "download"),
    0x1B: ("download_block", OpKind.PROGRAM, "download"),
    0x1C: ("download_ended", OpKind.PROGRAM, "download"),
    START_UPLOAD: ("start_upload", OpKind.PROGRAM, "upload"),
    UPLOAD: ("upload", OpKind.PROGRAM, "upload"),
    END_UPLOAD: ("end_upload", OpKind.PROGRAM, "upload"),
    PI_SERVICE: ("pi_service", OpKind.CONTROL, ""),
    PLC_STOP: ("plc_stop", OpKind.CONTROL, "stop"),
}

PROGRAM_INVOCATIONS: Final[dict[str, tuple[OpKind, str]]] = {
    "P_PROGRAM": (OpKind.CONTROL, "start"),
    "_INSE": (OpKind.PROGRAM, "download"),
    "_INS2": (OpKind.PROGRAM, "download"),
    "_DELE": (OpKind.PROGRAM, "delete"),
    "_GARB": (OpKind.PROGRAM, "compress"),
    "_MODU": (OpKind.PROGRAM, "copy_ram_to_rom"),
    "_BINI": (OpKind.FIRMWARE, ""),
    "_N_LOGIN_": (OpKind.SESSION, "login"),
    "_N_LOGOUT": (OpKind.SESSION, "logout"),
    "_N_F_COPY": (OpKind.FILE, "copy"),
    "_N_F_DELE": (OpKind.FILE, "delete"),
    "_N_F_DELR": (OpKind.FILE, "delete"),
    "_N_F_RENA": (OpKind.FILE, "rename"),
    "_N_F_XFER": (OpKind.FILE, "upload"),
}

BLOCKS: Final = {
    "00": "ALL", "08": "OB", "09": "CMOD", "0A": "DB", "0B": "SDB", "0C": "FC", "0D": "SFC", "0E": "FB", "0F": "SFB",
}  # fmt: skip

AREAS: Final = {
    0x03: "system_info", 0x05: "system_flags", 0x06: "analog_input", 0x07: "analog_output",
    0x1C: "counter", 0x1D: "timer", 0x1E: "iec_counter", 0x1F: "iec_timer",
    0x80: "peripheral", 0x81: "input", 0x82: "output", 0x83: "flag", 0x84: "db", 0x85: "instance_db",
    0x86: "local", 0x87: "local_of_caller",
}  # fmt: skip
AREA_LETTERS: Final = {
    0x1C: "C", 0x1D: "T", 0x80: "P", 0x81: "I", 0x82: "Q", 0x83: "M", 0x84: "DB", 0x85: "DI", 0x86: "L", 0x87: "V",
}  # fmt: skip

SIZES: Final = {
    1: "BIT", 2: "BYTE", 3: "CHAR", 4: "WORD", 5: "INT", 6: "DWORD", 7: "DINT", 8: "REAL", 9: "DATE", 10: "TOD",
    11: "TIME", 12: "S5TIME", 15: "DATE_AND_TIME", 28: "COUNTER", 29: "TIMER", 30: "IEC_COUNTER", 31: "IEC_TIMER",
    32: "HS_COUNTER",
}  # fmt: skip
NUMBERS: Final = {4: ("H", 2), 5: ("h", 2), 6: ("I", 4), 7: ("i", 4), 8: ("f", 4)}

RETURN_CODES: Final = {
    0x00: "reserved", 0x01: "hardware_fault", 0x03: "access_denied", 0x05: "address_out_of_range",
    0x06: "data_type_not_supported", 0x07: "data_type_inconsistent", 0x0A: "object_does_not_exist", 0xFF: "ok",
}  # fmt: skip

ERROR_CLASSES: Final = {
    0x81: "application_relationship", 0x82: "object_definition", 0x83: "no_resources_available",
    0x84: "error_on_service_processing", 0x85: "error_on_supplies", 0x87: "access_error",
}  # fmt: skip

GROUPS: Final = {
    0: "mode_transition", 1: "programmer_commands", 2: "cyclic_services", 3: "block_functions", 4: "cpu_functions",
    5: "security", 6: "pbc", 7: "time_functions", 15: "nc_programming",
}  # fmt: skip

READ_SZL: Final = (4, 1)
SUBFUNCTIONS: Final[dict[tuple[int, int], tuple[str, OpKind]]] = {
    (1, 0x01): ("block_status", OpKind.DIAGNOSE),
    (1, 0x02): ("variable_status", OpKind.READ),
    (1, 0x03): ("output_istack", OpKind.DIAGNOSE),
    (1, 0x04): ("output_bstack", OpKind.DIAGNOSE),
    (1, 0x05): ("output_lstack", OpKind.DIAGNOSE),
    (1, 0x06): ("time_measurement", OpKind.DIAGNOSE),
    (1, 0x07): ("force_selection", OpKind.DIAGNOSE),
    (1, 0x08): ("modify_variable", OpKind.WRITE),
    (1, 0x09): ("force", OpKind.WRITE),
    (1, 0x0A): ("breakpoint", OpKind.CONTROL),
    (1, 0x0B): ("exit_hold", OpKind.CONTROL),
    (1, 0x0C): ("memory_reset", OpKind.CONTROL),
    (1, 0x0D): ("disable_job", OpKind.DIAGNOSE),
    (1, 0x0E): ("enable_job", OpKind.DIAGNOSE),
    (1, 0x0F): ("delete_job", OpKind.DIAGNOSE),
    (1, 0x10): ("read_job_list", OpKind.DIAGNOSE),
    (1, 0x11): ("read_job", OpKind.DIAGNOSE),
    (1, 0x12): ("replace_job", OpKind.DIAGNOSE),
    (1, 0x13): ("block_status_v2", OpKind.DIAGNOSE),
    (1, 0x16): ("flash_led", OpKind.DIAGNOSE),
    (2, 0x01): ("cyclic_read", OpKind.READ),
    (2, 0x04): ("cyclic_unsubscribe", OpKind.SESSION),
    (2, 0x05): ("cyclic_read_change_driven", OpKind.READ),
    (2, 0x07): ("cyclic_change_driven_modify", OpKind.READ),
    (2, 0x08): ("record_data_read", OpKind.READ),
    (3, 0x01): ("list_blocks", OpKind.DIAGNOSE),
    (3, 0x02): ("list_blocks_of_type", OpKind.DIAGNOSE),
    (3, 0x03): ("get_block_info", OpKind.DIAGNOSE),
    READ_SZL: ("read_szl", OpKind.IDENTIFY),
    (4, 0x02): ("message_service", OpKind.SESSION),
    (4, 0x03): ("diagnostic_message", OpKind.REPORT),
    (4, 0x05): ("alarm_8_indication", OpKind.REPORT),
    (4, 0x06): ("notify_indication", OpKind.REPORT),
    (4, 0x07): ("alarm_8_lock", OpKind.WRITE),
    (4, 0x08): ("alarm_8_unlock", OpKind.WRITE),
    (4, 0x09): ("scan_indication", OpKind.REPORT),
    (4, 0x0B): ("alarm_ack", OpKind.WRITE),
    (4, 0x0C): ("alarm_ack_indication", OpKind.REPORT),
    (4, 0x0D): ("alarm_lock_indication", OpKind.REPORT),
    (4, 0x0E): ("alarm_unlock_indication", OpKind.REPORT),
    (4, 0x11): ("alarm_sq_indication", OpKind.REPORT),
    (4, 0x12): ("alarm_s_indication", OpKind.REPORT),
    (4, 0x13): ("alarm_query", OpKind.READ),
    (4, 0x16): ("notify_8_indication", OpKind.REPORT),
    (5, 0x01): ("plc_password", OpKind.SESSION),
    (6, 0x01): ("bsend", OpKind.WRITE),
    (7, 0x01): ("read_clock", OpKind.READ),
    (7, 0x02): ("set_clock", OpKind.WRITE),
    (7, 0x03): ("read_clock_following", OpKind.READ),
    (7, 0x04): ("set_clock_2", OpKind.WRITE),
    (15, 0x01): ("nc_request_download", OpKind.PROGRAM),
    (15, 0x02): ("nc_download_block", OpKind.PROGRAM),
    (15, 0x03): ("nc_continue_download", OpKind.PROGRAM),
    (15, 0x04): ("nc_download_ended", OpKind.PROGRAM),
    (15, 0x06): ("nc_start_upload", OpKind.PROGRAM),
    (15, 0x07): ("nc_upload", OpKind.PROGRAM),
    (15, 0x08): ("nc_continue_upload", OpKind.PROGRAM),
}

MODES: Final = {0: "stop", 1: "warm_restart", 2: "run", 3: "hot_restart", 4: "hold", 6: "cold_restart"}

COMPONENTS: Final = {
    1: Attribute.NAME,
    3: Attribute.LOCATION,
    5: Attribute.SERIAL,
    7: Attribute.MODEL,
    11: Attribute.LOCATION,
}
KEY_SWITCHES: Final = {1: "run", 2: "run_p", 3: "stop", 4: "mres"}


def swapped(reference: int | None) -> int | None:
    """Return a PDU reference with its bytes the other way round: ICSNPP writes it so, tshark does not."""
    return None if reference is None else reference >> 8 | (reference & 0xFF) << 8
