"""Names of IEC 60870-5-104's types and causes.

Source:
    IEC 60870-5-101:2003 clauses 7.2.1 (types) and 7.2.3 (causes); IEC 60870-5-104:2006 clauses 5 and 8.
"""

from __future__ import annotations

from struct import Struct
from typing import Final

from vedette.sensor.model import OpKind

UNNUMBERED: Final = {
    0x07: "startdt_act", 0x0B: "startdt_con", 0x13: "stopdt_act", 0x23: "stopdt_con", 0x43: "testfr_act",
    0x83: "testfr_con",
}  # fmt: skip

CAUSES: Final = {
    1: "periodic", 2: "background", 3: "spontaneous", 4: "initialized", 5: "request", 6: "activation",
    7: "activation_confirmation", 8: "deactivation", 9: "deactivation_confirmation", 10: "activation_termination",
    11: "return_remote_command", 12: "return_local_command", 13: "file_transfer", 14: "authentication",
    15: "session_key", 16: "user_role_and_update_key", 20: "interrogated_by_station",
    **{20 + group: f"interrogated_by_group_{group}" for group in range(1, 17)},
    37: "counter_interrogation", **{37 + group: f"counter_interrogation_group_{group}" for group in range(1, 5)},
    44: "unknown_type", 45: "unknown_cause", 46: "unknown_common_address", 47: "unknown_object_address",
}  # fmt: skip
FAILURES: Final = {code: CAUSES[code] for code in (44, 45, 46, 47)}
REPORTS: Final = frozenset({1, 2, 3, 4, 11, 12})

Readers = tuple[Struct, Struct]
Known = tuple[str, OpKind, str, int, Readers | None]
"""Name, kind, kind of object, bytes of one object, and how its value is read without and with its address."""


def _type(name: str, kind: OpKind, area: str, size: int = 0, code: str = "") -> Known:
    if not size:
        return name, kind, area, 0, None
    rest = size - Struct(f"<{code}").size
    return name, kind, area, size, (Struct(f"<{code}{rest}x"), Struct(f"<HB{code}{rest}x"))


def _types() -> dict[int, Known]:
    found: dict[int, Known] = {}
    monitored = (
        (1, "sp", "single_point", 1, "B"), (3, "dp", "double_point", 1, "B"), (5, "st", "step_position", 2, "B"),
        (7, "bo", "bitstring", 5, "I"), (9, "me_a", "measured_normalized", 3, "h"),
        (11, "me_b", "measured_scaled", 3, "h"), (13, "me_c", "measured_float", 5, "f"),
        (15, "it", "integrated_total", 5, "i"),
    )  # fmt: skip
    for number, (type_id, short, area, size, code) in enumerate(monitored):
        base, _, letter = short.partition("_")
        plain, old, new = (
            f"n{letter or 'a'}",
            f"t{letter or 'a'}",
            "t" + {"a": "d", "b": "e", "c": "f"}.get(letter, "b"),
        )
        found[type_id] = _type(f"m_{base}_{plain}_1", OpKind.REPORT, area, size, code)
        found[type_id + 1] = _type(f"m_{base}_{old}_1", OpKind.REPORT, area, size + 3, code)
        found[30 + number] = _type(f"m_{base}_{new}_1", OpKind.REPORT, area, size + 7, code)
    for type_id, name, area, size, code in (
        (17, "m_ep_ta_1", "protection_event", 6, "B"), (18, "m_ep_tb_1", "protection_event", 7, "B"),
        (19, "m_ep_tc_1", "protection_event", 7, "B"), (20, "m_ps_na_1", "packed_single_point", 5, "H"),
        (21, "m_me_nd_1", "measured_normalized", 2, "h"), (38, "m_ep_td_1", "protection_event", 10, "B"),
        (39, "m_ep_te_1", "protection_event", 11, "B"), (40, "m_ep_tf_1", "protection_event", 11, "B"),
        (70, "m_ei_na_1", "end_of_initialization", 1, "B"),
    ):  # fmt: skip
        found[type_id] = _type(name, OpKind.REPORT, area, size, code)
    commands = (
        (45, "sc", OpKind.CONTROL, "single_command", 1, "B"), (46, "dc", OpKind.CONTROL, "double_command", 1, "B"),
        (47, "rc", OpKind.CONTROL, "regulating_step", 1, "B"),
        (48, "se_a", OpKind.WRITE, "setpoint_normalized", 3, "h"),
        (49, "se_b", OpKind.WRITE, "setpoint_scaled", 3, "h"), (50, "se_c", OpKind.WRITE, "setpoint_float", 5, "f"),
        (51, "bo", OpKind.WRITE, "bitstring_command", 4, "I"),
    )  # fmt: skip
    for type_id, short, kind, area, size, code in commands:
        base, _, letter = short.partition("_")
        found[type_id] = _type(f"c_{base}_n{letter or 'a'}_1", kind, area, size, code)
        found[type_id + 13] = _type(f"c_{base}_t{letter or 'a'}_1", kind, area, size + 7, code)
    for type_id, name, kind, area, size, code in (
        (100, "c_ic_na_1", OpKind.READ, "interrogation", 1, "B"),
        (101, "c_ci_na_1", OpKind.READ, "counter_interrogation", 1, "B"),
        (102, "c_rd_na_1", OpKind.READ, "", 0, ""),
        (103, "c_cs_na_1", OpKind.WRITE, "clock", 7, "7s"),
        (104, "c_ts_na_1", OpKind.DIAGNOSE, "test", 2, "H"),
        (105, "c_rp_na_1", OpKind.CONTROL, "reset_process", 1, "B"),
        (106, "c_cd_na_1", OpKind.WRITE, "delay", 2, "H"),
        (107, "c_ts_ta_1", OpKind.DIAGNOSE, "test", 9, "H"),
        (110, "p_me_na_1", OpKind.WRITE, "parameter_normalized", 3, "h"),
        (111, "p_me_nb_1", OpKind.WRITE, "parameter_scaled", 3, "h"),
        (112, "p_me_nc_1", OpKind.WRITE, "parameter_float", 5, "f"),
        (113, "p_ac_na_1", OpKind.WRITE, "parameter_activation", 1, "B"),
    ):
        found[type_id] = _type(name, kind, area, size, code)
    for type_id, short in enumerate(("fr_na", "sr_na", "sc_na", "ls_na", "af_na", "sg_na", "dr_ta", "sc_nb"), 120):
        found[type_id] = _type(f"f_{short}_1", OpKind.FILE, "file")
    return found


TYPES: Final = _types()
SYSTEM_TYPES: Final = frozenset({70, 100, 101, 103, 104, 105, 106, 107, *range(120, 128)})
