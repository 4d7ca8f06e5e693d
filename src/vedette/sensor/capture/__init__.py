"""Where packets come from: pcap and pcapng files and streams, also compressed, and live interfaces.

Invariants: memory is flat, whatever a file claims; nothing is sent on an interface; what was lost is counted.
"""

from __future__ import annotations

from vedette.sensor.capture.files import CaptureFile, parser_for, read_capture
from vedette.sensor.capture.live import Drops, LiveCapture
from vedette.sensor.capture.packets import MAX_PACKET_BYTES, CaptureParser, CaptureProblem, Packet
from vedette.sensor.capture.pcap import PcapParser
from vedette.sensor.capture.pcapng import PcapngParser
from vedette.sensor.capture.stream import (
    STANDARD_INPUT,
    Source,
    StreamCapture,
    is_stream,
    open_source,
    source_name,
)

__all__ = [
    "MAX_PACKET_BYTES",
    "STANDARD_INPUT",
    "CaptureFile",
    "CaptureParser",
    "CaptureProblem",
    "Drops",
    "LiveCapture",
    "Packet",
    "PcapParser",
    "PcapngParser",
    "Source",
    "StreamCapture",
    "is_stream",
    "open_source",
    "parser_for",
    "read_capture",
    "source_name",
]
