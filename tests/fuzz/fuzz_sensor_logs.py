"""Logs of Zeek and Suricata, as whoever may write to the folder could write them."""

from __future__ import annotations

import json
from typing import Final

from vedette.sensor import Makers, Sensor
from vedette.sensor.inputs import EveReader, LineCounts, LogFeed, ZeekReader, record
from vedette.sensor.inputs.eve_rows import EVENTS
from vedette.sensor.inputs.zeek_assets import EVIDENCE
from vedette.sensor.inputs.zeek_rows import OPERATIONS

_MAKERS: Final = Makers()
_ENDS: Final = {"id.orig_h": "10.0.0.1", "id.orig_p": 4, "id.resp_h": "10.0.0.2", "id.resp_p": 502}
_FIELDS: Final = {
    "func": "READ_COILS", "fc_request": "READ", "function_code": "0x04", "enip_command": "nop", "cip_service": "reset",
    "pdu_service": "read_property", "identifier": 631, "query": "a.b", "method": "GET", "version": "TLSv12",
    "msg_types": ["ACK"], "mac": "02:00:00:00:00:01", "name": "x", "note": "A::B", "msg": "m", "attribute": "name",
    "address": "10.0.0.1", "value": "v", "confidence": 40, "proto": "tcp", "duration": 1.0, "orig_pkts": 2,
}  # fmt: skip
_WHOLE: Final = [True, "modbus", "read_coils", 1, "read", 0, 1, "coil", 0, 8, "", [1], "", 1, None, True]
_LOGS: Final = sorted({*OPERATIONS, *EVIDENCE, "conn", "layer2", "operations", "asset_evidence", "weird", "notice"})
_KINDS: Final = sorted({*EVENTS, "flow", "alert", "anomaly"})


def _line(fields: dict[str, object]) -> bytes:
    return json.dumps(fields).encode()


SEEDS: Final = (
    *(bytes((number,)) + _line({"ts": 1.5, "uid": "C", **_ENDS, **_FIELDS}) for number in range(len(_LOGS))),
    b"\0" + _line({"ts": 1.5, "uid": "C", **_ENDS, "op": _WHOLE}),
    *(
        b"\xff" + _line({"timestamp": "2023-11-14T22:13:20+00:00", "flow_id": 1, "src_ip": "10.0.0.1", "proto": "TCP",
                         "dest_ip": "10.0.0.2", "event_type": kind, kind: {"request": {"function_raw": 3}}})
        for kind in _KINDS
    ),
)  # fmt: skip


def fuzz_one(data: bytes) -> None:
    """Read lines of one log as its reader does, close and report."""
    if not data:
        return
    sensor = Sensor(makers=_MAKERS)
    feed = LogFeed(sensor)
    is_eve = data[0] == 0xFF
    reader = EveReader(feed) if is_eve else ZeekReader(feed, frozenset(_LOGS[:2]))
    name = "eve" if is_eve else _LOGS[data[0] % len(_LOGS)]
    for line in data[1:].split(b"\n"):
        found = record(line, name, reader.time_of, LineCounts())
        if found is not None:
            reader.read(found)
    feed.finish()
    sensor.finish()
