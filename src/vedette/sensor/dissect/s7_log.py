"""S7's operations as rows of ICSNPP's logs.

Source:
    cisagov/icsnpp-s7comm, description of its logs.
"""

from __future__ import annotations

from typing import Final

from vedette.sensor.dissect import mms
from vedette.sensor.dissect import s7comm_codes as codes
from vedette.sensor.dissect.interface import ZeekRow
from vedette.sensor.model import Direction, OtOp, Values

_DATA: Final[ZeekRow] = ("cotp", {"pdu_code": "0x0f", "pdu_name": "DT Data"})
_ABBREVIATIONS: Final = {"Plc": "PLC", "Cpu": "CPU", "Szl": "SZL", "Nc": "NC"}
_CLASSES: Final = {
    0x00: "No error", 0x81: "Application relationship error", 0x82: "Object definition error",
    0x83: "No ressources available error", 0x84: "Error on service processing", 0x85: "Error on supplies",
    0x87: "Access error",
}  # fmt: skip
_USERDATA_CLASSES: Final = {0xD2: "Parameter Error"}
_GROUPS: Final = {
    0: "Mode-Transition", 1: "Programmer Controls", 2: "Cyclic Services", 3: "Block Functions", 4: "CPU Functions",
    5: "Security", 6: "PBC BSEND-BRECV", 7: "Time Functions", 15: "NC Programming",
}  # fmt: skip
_KINDS: Final = {0: "Indication", 1: "Request", 2: "Response"}
_SUBFUNCTIONS: Final = {"read_clock_following": "Read Clock (Following)", "set_clock_2": "Set Clock (2)"}
_RETURN_CODES: Final = {
    0x00: "Reserved", 0x01: "Hardware error", 0x03: "Accessing the object not allowed", 0x05: "Invalid address",
    0x06: "Data type not supported", 0x07: "Data type inconsistent", 0x0A: "Object does not exist", 0xFF: "Success",
}  # fmt: skip
_LISTS: Final = {
    0x00: "List of all the SZL-IDs of a module", 0x11: "Module identification", 0x12: "CPU characteristics",
    0x13: "User memory areas", 0x14: "System areas", 0x15: "Block types", 0x16: "Priority classes",
    0x17: "List of the permitted SDBs with a number < 1000", 0x18: "Maximum S7-300 I/O configuration",
    0x19: "Status of the module LEDs", 0x1C: "Component Identification", 0x21: "Interrupt / error assignment",
    0x22: "Interrupt status", 0x23: "Priority classes", 0x24: "Modes",
    0x25: "Assignment between process image partitions and OBs", 0x31: "Communication capability parameters",
    0x32: "Communication status data", 0x33: "Diagnostics: device logon list", 0x37: "Ethernet - Details of a Module",
    0x71: "H CPU group information", 0x74: "Status of the module LEDs", 0x75: "Switched DP slaves in the H-system",
    0x81: "Start information list", 0x82: "Start event list", 0x91: "Module status information",
    0x92: "Rack / station status information", 0x94: "Rack / station status information",
    0x95: "Extended DP master system information", 0x96: "Module status information, PROFINET IO and PROFIBUS DP",
    0xA0: "Diagnostic buffer of the CPU", 0xB1: "Module diagnostic information (data record 0)",
    0xB2: "Module diagnostic information (data record 1), geographical address",
    0xB3: "Module diagnostic information (data record 1), logical address", 0xB4: "Diagnostic data of a DP slave",
}  # fmt: skip
_BLOCKS: Final = {
    "08": "Organization Block", "0A": "Data Block", "0B": "System Data Block", "0C": "Function",
    "0D": "System Function", "0E": "Function Block", "0F": "System Function Block",
}  # fmt: skip
_FILE_SYSTEMS: Final = {"A": "Active", "P": "Passive"}
_INVOCATIONS: Final = {
    "_INSE": "Activates a PLC module", "_INS2": "Activates a PLC module",
    "_DELE": "Removes module from the PLC's passive file system", "P_PROGRAM": "PLC Start / Stop",
    "_MODU": "PLC Copy Ram to Rom", "_GARB": "Compress PLC memory", "_N_LOGIN_": "Login", "_N_LOGOUT": "Logout",
    "_N_F_COPY": "Copies file within the NCK", "_N_F_DELE": "Deletes file", "_N_F_RENA": "Renames file",
    "_N_F_DELR": "Delete file even without access rights", "_N_F_XFER": "Selects file for uploading",
    "_N_NEWPWD": "New password", "_N_SELECT": "Selects program for execution",
}  # fmt: skip
_OPCODES: Final = {0x31: "Request", 0x32: "Response", 0x33: "Notification"}
_NOTIFICATION: Final = 0x33


def zeek(op: OtOp) -> list[ZeekRow]:
    """Return the rows of ICSNPP's S7 logs; the items of one message have one row, the others go to the sensor's own."""
    if op.protocol == "mms":
        return mms.zeek(op)
    if op.protocol == "s7comm_plus":
        return [("s7comm_plus", _plus(op)), (_DATA[0], dict(_DATA[1]))]
    detail = op.detail or {}
    if "item" in detail:
        return []
    rows: list[ZeekRow] = [("s7comm", _message(op, detail)), (_DATA[0], dict(_DATA[1]))]
    if "szl_id" in detail:
        rows.append(("s7comm_read_szl", _system_list(op, detail)))
    if "module_name" in detail:
        names = ("automation_system_name", "module_name", "plant_name", "module_serial")
        rows.append(("s7comm_known_devices", {name: detail.get(name) for name in names}))
    if codes.REQUEST_DOWNLOAD <= op.code <= codes.END_UPLOAD:
        rows.append(("s7comm_upload_download", _load(op, detail)))
    return rows


def _message(op: OtOp, detail: dict[str, Values]) -> dict[str, object]:
    columns: dict[str, object] = {"pdu_reference": codes.swapped(op.transaction)}
    if "function_group" in detail:
        first = op.code >> 8
        group = _GROUPS.get(first & 15, "unknown")
        columns |= {
            "rosctr_code": 7,
            "rosctr_name": "User-Data",
            "function_code": f"0x{first:02x}",
            "function_name": f"{_KINDS.get(first >> 6, 'Unknown')}: {group}",
            "subfunction_code": f"0x{op.code & 0xFF:02x}",
            "subfunction_name": _SUBFUNCTIONS.get(op.service) or _title(op.service),
        }
        if op.direction is Direction.RESPONSE:
            error = detail.get("error_code")
            number = error if isinstance(error, int) else 0
            columns["error_class"] = _USERDATA_CLASSES.get(number >> 8, "Error") if number else "No error"
            columns["error_code"] = f"0x{number:02x}"
        return columns
    is_job = op.direction is Direction.REQUEST
    columns |= {
        "rosctr_code": 1 if is_job else 3,
        "rosctr_name": "Job-Request" if is_job else "ACK-Data",
        "function_code": f"0x{op.code:02x}",
        "function_name": "PLC Control" if op.code == codes.PI_SERVICE else _title(op.service),
    }
    if is_job and op.code == codes.PI_SERVICE:
        columns["subfunction_code"] = op.name
        columns["subfunction_name"] = _INVOCATIONS.get(op.name, "unknown")
    if not is_job:
        error_class, code = detail.get("error_class", 0), detail.get("error_code", 0)
        columns["error_class"] = _CLASSES.get(error_class, "Error") if isinstance(error_class, int) else "Error"
        columns["error_code"] = _hex(code)
    return columns


def _system_list(op: OtOp, detail: dict[str, Values]) -> dict[str, object]:
    number, index, code = detail["szl_id"], detail["szl_index"], detail.get("return_code", 0)
    part = number & 0xFF if isinstance(number, int) else 0
    return {
        "pdu_reference": codes.swapped(op.transaction),
        "method": "Request" if op.direction is Direction.REQUEST else "Response",
        "szl_id": _hex(number, 4),
        "szl_id_name": _LISTS.get(part, "Unknown"),
        "szl_index": _hex(index, 4),
        "return_code": _hex(code),
        "return_code_name": _RETURN_CODES.get(code, "Unknown") if isinstance(code, int) else "Unknown",
    }


def _load(op: OtOp, detail: dict[str, Values]) -> dict[str, object]:
    is_job = op.direction is Direction.REQUEST
    columns: dict[str, object] = {
        "rosctr": "Job-Request" if is_job else "ACK-Data",
        "pdu_reference": codes.swapped(op.transaction),
        "function_name": _title(op.service),
    }
    columns |= {name: detail[name] for name in ("session_id", "blocklength", "filename") if name in detail}
    if "function_status" in detail:
        columns["function_status"] = _hex(detail["function_status"])
    filename = detail.get("filename")
    if isinstance(filename, str) and len(filename) >= 9:
        columns |= {
            "block_type": _BLOCKS.get(filename[1:3], "Unknown"),
            "block_number": filename[3:8],
            "destination_filesystem": _FILE_SYSTEMS.get(filename[8], "Unknown"),
        }
    if op.name:
        columns["block"] = op.name
    return columns


def _plus(op: OtOp) -> dict[str, object]:
    detail = op.detail or {}
    opcode = detail.get("opcode")
    columns: dict[str, object] = {"version": detail.get("version", op.code)}
    if isinstance(opcode, int):
        columns |= {"opcode": f"0x{opcode:02x}", "opcode_name": _OPCODES.get(opcode, f"Unknown-0x{opcode:02x}")}
    if opcode != _NOTIFICATION:
        columns |= {"function_code": f"0x{op.code:04x}", "function_name": _title(op.service)}
    return columns


def _hex(number: Values, digits: int = 2) -> str:
    return f"0x{number:0{digits}x}" if isinstance(number, int) else ""


def _title(service: str) -> str:
    """Write a service as ICSNPP does: ``Read SZL``."""
    return " ".join(_ABBREVIATIONS.get(word, word) for word in service.title().split("_"))
