"""Messages of devices, and the record of who was let in: reading what the gateways stored.

Terms: a *cursor* names a place in a stream and reads on behind it; a *stamp* is a property that the hub sets and a
device cannot. Invariants: pages and tails are bounded, whatever they search for; nothing read here ever changes.
"""

from __future__ import annotations

from vedette.messaging.decisions import KINDS, DecisionReader
from vedette.messaging.errors import InvalidCursor
from vedette.messaging.model import Decision, DecisionPage, TelemetryMessage, TelemetryPage
from vedette.messaging.telemetry import LIMIT_MAX, TelemetryReader

__all__ = [
    "KINDS",
    "LIMIT_MAX",
    "Decision",
    "DecisionPage",
    "DecisionReader",
    "InvalidCursor",
    "TelemetryMessage",
    "TelemetryPage",
    "TelemetryReader",
]
