"""The dissectors: from bytes to operations, evidence and anomalies, one file for each protocol, all of them sans-io.

``docs/sensor-dissectors.md`` says how to write one. Invariants: no bytes raise more than ``BAD_BYTES``; every memory
has a bound; one message costs no more than its length; findings name numbers and never quote payloads.
"""

from __future__ import annotations

from vedette.sensor.dissect.catalogue import PROTOCOLS
from vedette.sensor.dissect.framing import Datagrams, Stream, StreamPair, Unparsed
from vedette.sensor.dissect.interface import (
    BAD_BYTES,
    INCOMPLETE,
    NO,
    NOT_A_MESSAGE,
    SURE,
    WEAK,
    Check,
    Dissector,
    Malformed,
    Protocol,
    StreamDissector,
    ZeekRow,
    proof_of,
)
from vedette.sensor.dissect.transactions import Transactions
from vedette.sensor.dissect.trial import FROM_CLIENT, FROM_SERVER, Trial, converse, torture

__all__ = [
    "BAD_BYTES",
    "FROM_CLIENT",
    "FROM_SERVER",
    "INCOMPLETE",
    "NO",
    "NOT_A_MESSAGE",
    "PROTOCOLS",
    "SURE",
    "WEAK",
    "Check",
    "Datagrams",
    "Dissector",
    "Malformed",
    "Protocol",
    "Stream",
    "StreamDissector",
    "StreamPair",
    "Transactions",
    "Trial",
    "Unparsed",
    "ZeekRow",
    "converse",
    "proof_of",
    "torture",
]
