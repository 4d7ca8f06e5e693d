"""UMAS, by which Schneider's engineering tools program Modicon controllers: function 90 of Modbus.

Source:
    No public standard. Function codes as published by researchers (Kaspersky ICS CERT, "The secrets of Schneider
    Electric's UMAS protocol", 2022).
"""

from __future__ import annotations

from typing import Final

from vedette.sensor.model import OpKind

OK: Final = 0xFE
ERROR: Final = 0xFD
READ_ID: Final = 0x02

_TO_CONTROLLER: Final = "download"
_FROM_CONTROLLER: Final = "upload"

FUNCTIONS: Final[dict[int, tuple[str, OpKind, str]]] = {
    0x01: ("init_comm", OpKind.SESSION, ""),
    0x02: ("read_id", OpKind.IDENTIFY, ""),
    0x03: ("read_project_info", OpKind.IDENTIFY, ""),
    0x04: ("read_plc_info", OpKind.IDENTIFY, ""),
    0x06: ("read_card_info", OpKind.IDENTIFY, ""),
    0x0A: ("repeat", OpKind.DIAGNOSE, ""),
    0x10: ("take_plc_reservation", OpKind.SESSION, ""),
    0x11: ("release_plc_reservation", OpKind.SESSION, ""),
    0x12: ("keep_alive", OpKind.SESSION, ""),
    0x20: ("read_memory_block", OpKind.READ, "memory"),
    0x22: ("read_variables", OpKind.READ, "variable"),
    0x23: ("write_variables", OpKind.WRITE, "variable"),
    0x24: ("read_coils_registers", OpKind.READ, "register"),
    0x25: ("write_coils_registers", OpKind.WRITE, "register"),
    0x26: ("data_dictionary", OpKind.READ, "dictionary"),
    # The protocol's own names look from the tool; areas look from the controller, as everywhere here.
    0x30: ("initialize_upload", OpKind.PROGRAM, _TO_CONTROLLER),
    0x31: ("upload_block", OpKind.PROGRAM, _TO_CONTROLLER),
    0x32: ("end_strategy_upload", OpKind.PROGRAM, _TO_CONTROLLER),
    0x33: ("initialize_download", OpKind.PROGRAM, _FROM_CONTROLLER),
    0x34: ("download_block", OpKind.PROGRAM, _FROM_CONTROLLER),
    0x35: ("end_strategy_download", OpKind.PROGRAM, _FROM_CONTROLLER),
    0x38: ("authenticate", OpKind.SESSION, ""),
    0x39: ("read_eth_master_data", OpKind.READ, ""),
    0x40: ("start_plc", OpKind.CONTROL, ""),
    0x41: ("stop_plc", OpKind.CONTROL, ""),
    0x50: ("monitor_plc", OpKind.READ, ""),
    0x58: ("check_plc", OpKind.DIAGNOSE, ""),
    0x70: ("read_io_object", OpKind.READ, "io_object"),
    0x71: ("write_io_object", OpKind.WRITE, "io_object"),
    0x73: ("get_status_module", OpKind.DIAGNOSE, ""),
}

_MODEL_AT: Final = 25


def model_in(pdu: bytes) -> str:
    """Return the controller's name in an answer to ``read_id``, or nothing.

    Args:
        pdu: From the Modbus function code on.
    """
    if len(pdu) <= _MODEL_AT:
        return ""
    name = pdu[_MODEL_AT + 1 : _MODEL_AT + 1 + pdu[_MODEL_AT]]
    return name.decode("ascii", "replace") if name.isascii() and name.strip(b"\0 ") else ""
