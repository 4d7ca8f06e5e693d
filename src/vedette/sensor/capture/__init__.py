"""Where packets come from: pcap and pcapng files and streams, also compressed, and live interfaces.

Invariants: memory is flat, whatever a file claims; nothing is sent on an interface; what was lost is counted.
"""

from __future__ import annotations

from vedette.sensor.capture.files import CaptureFile, parser_for, read_capture
from vedette.sensor.capture.live import Drops, LiveCapture
from vedette.sensor.capture.packets import MAX_PACKET_BYTES, CaptureParser, CaptureProblem, Packet
from vedette.sensor.capture.pcap import PcapParser
from vedette.sensor.capture.pcapng import PcapngParser

__all__ = [
    "MAX_PACKET_BYTES",
    "CaptureFile",
    "CaptureParser",
    "CaptureProblem",
    "Drops",
    "LiveCapture",
    "Packet",
    "PcapParser",
    "PcapngParser",
    "parser_for",
    "read_capture",
]
