"""PCCC, the commands of PLC-5, SLC 500 and MicroLogix, as CIP carries them.

Source:
    Rockwell Automation publication 1770-6.5.16, DF1 Protocol and Command Set.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from vedette.sensor.model import OpKind, Values

_FILE_TYPES: Final = {
    0x82: "O", 0x83: "I", 0x84: "S", 0x85: "B", 0x86: "T", 0x87: "C", 0x88: "R", 0x89: "N", 0x8A: "F", 0x8D: "ST",
    0x8E: "A", 0x91: "L", 0x92: "MG", 0x93: "PD",
}  # fmt: skip
_DOWNLOAD: Final = "download"
_UPLOAD: Final = "upload"
DIAGNOSTIC_STATUS: Final = (0x06, 0x03)
_ADDRESSED: Final = frozenset({0xA1, 0xA2, 0xA9, 0xAA, 0xAB})
_WITH_SUBELEMENT: Final = frozenset({0xA2, 0xAA, 0xAB})
_MODES: Final = {0x01: "program", 0x06: "run", 0x07: "test", 0x08: "test_single", 0x09: "test_debug"}

COMMANDS: Final[dict[tuple[int, int], tuple[str, OpKind, str]]] = {
    (0x06, 0x00): ("echo", OpKind.DIAGNOSE, ""),
    (0x06, 0x01): ("read_diagnostic_counters", OpKind.DIAGNOSE, ""),
    DIAGNOSTIC_STATUS: ("diagnostic_status", OpKind.IDENTIFY, ""),
    (0x0F, 0x00): ("word_range_write", OpKind.WRITE, ""),
    (0x0F, 0x01): ("word_range_read", OpKind.READ, ""),
    (0x0F, 0x07): ("disable_forces", OpKind.WRITE, "forces"),
    (0x0F, 0x11): ("get_edit_resource", OpKind.PROGRAM, ""),
    (0x0F, 0x12): ("return_edit_resource", OpKind.PROGRAM, ""),
    (0x0F, 0x17): ("read_bytes_physical", OpKind.PROGRAM, _UPLOAD),
    (0x0F, 0x18): ("write_bytes_physical", OpKind.PROGRAM, _DOWNLOAD),
    (0x0F, 0x26): ("read_modify_write", OpKind.WRITE, ""),
    (0x0F, 0x3A): ("set_cpu_mode", OpKind.CONTROL, ""),
    (0x0F, 0x50): ("download_all_request", OpKind.PROGRAM, _DOWNLOAD),
    (0x0F, 0x52): ("download_completed", OpKind.PROGRAM, _DOWNLOAD),
    (0x0F, 0x53): ("upload_all_request", OpKind.PROGRAM, _UPLOAD),
    (0x0F, 0x55): ("upload_completed", OpKind.PROGRAM, _UPLOAD),
    (0x0F, 0x57): ("initialize_memory", OpKind.PROGRAM, _DOWNLOAD),
    (0x0F, 0x67): ("typed_write", OpKind.WRITE, ""),
    (0x0F, 0x68): ("typed_read", OpKind.READ, ""),
    (0x0F, 0x80): ("change_mode", OpKind.CONTROL, ""),
    (0x0F, 0x81): ("open_file", OpKind.FILE, ""),
    (0x0F, 0x82): ("close_file", OpKind.FILE, ""),
    (0x0F, 0x88): ("modify_plc2_compatibility_file", OpKind.WRITE, ""),
    (0x0F, 0x8F): ("apply_port_configuration", OpKind.WRITE, ""),
    (0x0F, 0xA1): ("protected_typed_logical_read_with_two_address_fields", OpKind.READ, ""),
    (0x0F, 0xA2): ("protected_typed_logical_read_with_three_address_fields", OpKind.READ, ""),
    (0x0F, 0xA7): ("protected_typed_file_read", OpKind.FILE, _UPLOAD),
    (0x0F, 0xA9): ("protected_typed_logical_write_with_two_address_fields", OpKind.WRITE, ""),
    (0x0F, 0xAA): ("protected_typed_logical_write_with_three_address_fields", OpKind.WRITE, ""),
    (0x0F, 0xAB): ("protected_typed_logical_write_with_mask", OpKind.WRITE, ""),
    (0x0F, 0xAF): ("protected_typed_file_write", OpKind.FILE, _DOWNLOAD),
}


class Command(NamedTuple):
    """One command as it was asked."""

    command: int
    function: int
    service: str
    kind: OpKind
    area: str
    first: int | None
    quantity: int | None
    name: str
    value: Values
    transaction: int


def read(content: bytes) -> Command:
    """Read a request, from the requestor's id on."""
    start = content[0]
    command, transaction, function = content[start], int.from_bytes(content[start + 2 : start + 4], "little"), 0
    function = content[start + 4]
    service, kind, area = COMMANDS.get((command, function), (f"command_{command:02x}_{function:02x}", OpKind.OTHER, ""))
    first: int | None = None
    quantity: int | None = None
    name = ""
    value: Values = None
    position = start + 5
    if command == 0x0F and function in _ADDRESSED:
        quantity = content[position]
        number, position = _field(content, position + 1)
        letter = _FILE_TYPES.get(content[position], f"file_{content[position]:02x}_")
        first, position = _field(content, position + 1)
        name = f"{letter}{number}:{first}"
        if function in _WITH_SUBELEMENT:
            sub, position = _field(content, position)
            name += f".{sub}" if sub else ""
        if kind is OpKind.WRITE:
            value = content[position:]
        area = "data_file"
    elif (command, function) in {(0x0F, 0x3A), (0x0F, 0x80)}:
        area = _MODES.get(content[position], f"mode_{content[position]}")
    return Command(command, function, service, kind, area, first, quantity, name, value, transaction)


def answered(content: bytes) -> tuple[str, bytes]:
    """Return the result and the data of an answer, from the requestor's id on."""
    start = content[0]
    status = content[start + 1]
    return "ok" if not status else f"status_{status:02x}", content[start + 4 :]


def _field(content: bytes, position: int) -> tuple[int, int]:
    first = content[position]
    if first == 0xFF:
        return content[position + 1] | content[position + 2] << 8, position + 3
    return first, position + 1
