"""The passive sensor: reads captures and live interfaces, sends nothing, and tells what it saw.

A guest: it runs at a site without the server. Terms: a *flow* is one conversation, an *operation* (``OtOp``) what one
message asks, answers or reports, *evidence* one thing that a message tells of an asset, an *anomaly* a message that
broke its protocol's rules. Invariants: nothing is ever sent on the interface that it listens to; every buffer, table
and list has a bound; what could not be parsed is counted; bytes from the wire raise nothing.
"""

from __future__ import annotations

from vedette.sensor.flows import Flow
from vedette.sensor.model import (
    CERTAIN,
    POSSIBLE,
    PROBABLE,
    Anomaly,
    AnomalyKind,
    AssetEvidence,
    Attribute,
    Certainty,
    Direction,
    OpKind,
    OtOp,
    Role,
    Sink,
)

__all__ = [
    "CERTAIN",
    "POSSIBLE",
    "PROBABLE",
    "Anomaly",
    "AnomalyKind",
    "AssetEvidence",
    "Attribute",
    "Certainty",
    "Direction",
    "Flow",
    "OpKind",
    "OtOp",
    "Role",
    "Sink",
]
