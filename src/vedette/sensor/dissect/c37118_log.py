"""C37.118's operations as rows of ICSNPP's synchrophasor logs.

Source:
    cisagov/icsnpp-synchrophasor, description of its logs; IEEE C37.118.2-2011 table 7 (bits of the state).
"""

from __future__ import annotations

from typing import Final

from vedette.sensor.dissect.interface import ZeekRow
from vedette.sensor.model import OtOp, Values

_COMMANDS: Final = {
    1: "Data off", 2: "Data on", 3: "Send HDR", 4: "Send CFG-1", 5: "Send CFG-2", 6: "Send CFG-3", 8: "Extended frame",
}  # fmt: skip
_CONFIGURATIONS: Final = {"configuration_1": "CFG1", "configuration_2": "CFG2", "configuration_3": "CFG3"}
_FLAGS: Final = {
    "data_modified": 9, "config_change": 10, "pmu_trigger_pickup": 11, "data_sorting_type": 12, "pmu_sync_error": 13,
}  # fmt: skip


def zeek(op: OtOp) -> list[ZeekRow]:
    """Return a row of the frame, and one for each station in it."""
    detail = op.detail or {}
    frame: dict[str, object] = {"proto": op.flow.transport, "frame_size": detail.get("frame_size")}
    if op.service == "data":
        return _data(op, detail, frame)
    if (kind := _CONFIGURATIONS.get(op.service)) is not None:
        return _configuration(op, detail, {**frame, "frame_type": kind})
    if op.service == "header":
        return [("synchrophasor_hdr", {**frame, "frame_type": "Header"})]
    return [
        ("synchrophasor_cmd", {**frame, "frame_type": "Command", "command": _COMMANDS.get(op.code, f"{op.code:#06x}")})
    ]


def _data(op: OtOp, detail: dict[str, Values], frame: dict[str, object]) -> list[ZeekRow]:
    frame["frame_type"] = "Data"
    rows: list[ZeekRow] = []
    link = _link(op)
    if "item" not in detail:
        count = detail.get("stations", 0)
        rows.append(
            (
                "synchrophasor_data",
                {**frame, "pmu_count_expected": count, "pmu_count_actual": count, "data_frame_id": link},
            )
        )
    phasors, state = detail.get("phasors"), detail.get("state")
    if not isinstance(phasors, tuple) or not isinstance(state, int):
        return rows
    first, second = list(phasors[::2]), list(phasors[1::2])
    nothing: list[object] = [0.0] * len(first)
    is_polar = detail.get("is_polar")
    digitals = detail.get("digitals")
    columns: dict[str, object] = {
        "proto": op.flow.transport,
        "frame_type": "Data",
        "data_frame_id": link,
        "pmu_idx": detail.get("item", 0),
        "trigger_reason": state & 15,
        "unlocked_time": state >> 4 & 3,
        "pmu_time_quality": state >> 6 & 7,
        **{name: bool(state >> bit & 1) for name, bit in _FLAGS.items()},
        "data_error_indicator": state >> 14,
        "est_rectangular_real": nothing if is_polar else first,
        "est_rectangular_imaginary": nothing if is_polar else second,
        "est_polar_magnitude": first if is_polar else nothing,
        "est_polar_angle": second if is_polar else nothing,
        "freq_dev_mhz": detail.get("deviation"),
        "rocof": _as_sent(detail),
        "analog_data": detail.get("analogs"),
        "digital": digitals,
    }
    rows.append(("synchrophasor_data_detail", columns))
    return rows


def _configuration(op: OtOp, detail: dict[str, Values], frame: dict[str, object]) -> list[ZeekRow]:
    link = _link(op)
    names = _each(detail, "names")
    summary = {
        **frame, "cont_idx": 0, "pmu_count_expected": len(names), "pmu_count_actual": len(names),
        "data_rate": detail.get("data_rate"), "cfg_frame_id": link,
    }  # fmt: skip
    rows: list[ZeekRow] = [("synchrophasor_cfg", summary)]
    parts = zip(
        names, *(_each(detail, key) for key in ("numbers", "formats", "phasors", "analogs", "digitals", "changes")),
        _each(detail, "nominal_hz"), strict=False,
    )  # fmt: skip
    for place, (name, number, kind, phasors, analogs, digitals, changes, nominal_hz) in enumerate(parts):
        bits = kind if isinstance(kind, int) else 0
        lists = {key: _names(each) for key, each in (("phnam", phasors), ("annam", analogs), ("dgnam", digitals))}
        columns: dict[str, object] = {
            "proto": frame["proto"],
            "frame_type": frame["frame_type"],
            "cfg_frame_id": link,
            "pmu_idx": place,
            "station_name": name,
            "data_source_id": number,
            "phasor_shape": bool(bits & 1),
            "phasor_format": bool(bits & 2),
            "analog_format": bool(bits & 4),
            "freq_format": bool(bits & 8),
            "phnmr": len(lists["phnam"]),
            "annmr": len(lists["annam"]),
            "dgnmr": len(lists["dgnam"]) // 16,
            **lists,
            "fnom": 1 if nominal_hz == 50.0 else 0,
            "cfgcnt": changes,
        }
        rows.append(("synchrophasor_cfg_detail", columns))
    return rows


def _as_sent(detail: dict[str, Values]) -> object:
    """Return how fast the frequency changes as it was sent: in hundredths of a hertz where whole numbers are sent."""
    rate = detail.get("rocof")
    return round(rate * 100) if isinstance(rate, float) and isinstance(detail.get("deviation"), int) else rate


def _each(detail: dict[str, Values], name: str) -> tuple[object, ...]:
    found = detail.get(name)
    return found if isinstance(found, tuple) else ()


def _names(joined: object) -> list[str]:
    return joined.split(",") if isinstance(joined, str) and joined else []


def _link(op: OtOp) -> str:
    """Name a frame, the same whenever the same capture is read."""
    return f"{op.at_ns:x}"[-12:] + f"{op.unit or 0:04x}"
