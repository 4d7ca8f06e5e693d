"""Captures that people upload: received in parts, read in a process of its own, kept as a report.

Terms: a *capture* is a file of packets (pcap, pcapng, also with gzip); its *report* what the sensor's engine found in
it. Invariants: a file from a stranger is read only by a process that holds no right; one is read at a time; files stand
outside of the database, readable by the platform alone; a report tells of the inventory, and changes it only if whoever
uploaded the capture asked for that and may; what was begun when the platform ended is taken up again, or says why not.
"""

from __future__ import annotations

from vedette.network.captures.analysis import Analysis
from vedette.network.captures.errors import (
    CaptureNotFound,
    CaptureStateRefused,
    InvalidCapture,
    NoRoomForCapture,
    TooManyCaptures,
    WrongOffset,
)
from vedette.network.captures.files import CaptureFiles
from vedette.network.captures.model import Capture, CaptureSettings, CaptureState, NewCapture
from vedette.network.captures.reading import CaptureReader
from vedette.network.captures.service import CaptureService
from vedette.network.captures.vulnerabilities import ReportMatching

__all__ = [
    "Analysis",
    "Capture",
    "CaptureFiles",
    "CaptureNotFound",
    "CaptureReader",
    "CaptureService",
    "CaptureSettings",
    "CaptureState",
    "CaptureStateRefused",
    "InvalidCapture",
    "NewCapture",
    "NoRoomForCapture",
    "ReportMatching",
    "TooManyCaptures",
    "WrongOffset",
]
