"""Logs of other monitors in place of packets: Zeek's JSON logs with ICSNPP's, and Suricata's EVE.

Terms: a *record* is one line of a log, a *feed* tells a sensor's listeners what records hold. Invariants: whatever a
line holds, it is read, skipped or counted as not understood, and nothing is raised; every line, value, list and table
has a bound; listeners hear the same calls as with packets. What a log says is as true as whoever wrote it.
"""

from __future__ import annotations

from vedette.sensor.inputs.eve import EveReader
from vedette.sensor.inputs.feed import LogFeed
from vedette.sensor.inputs.files import Line, LineCounts, LogProblem, log_files, log_name, read_lines, record
from vedette.sensor.inputs.reading import EVE, ZEEK, LogInput, form_of
from vedette.sensor.inputs.rows import LINE_BYTES_MAX, Row, read_row
from vedette.sensor.inputs.zeek import ZeekReader

__all__ = [
    "EVE",
    "LINE_BYTES_MAX",
    "ZEEK",
    "EveReader",
    "Line",
    "LineCounts",
    "LogFeed",
    "LogInput",
    "LogProblem",
    "Row",
    "ZeekReader",
    "form_of",
    "log_files",
    "log_name",
    "read_lines",
    "read_row",
    "record",
]
