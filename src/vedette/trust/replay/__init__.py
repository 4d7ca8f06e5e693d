"""Decisions made again under other policies: two bundles, the same questions, and where the answers differ.

A door of its own: enforcement points embed ``vedette.trust`` and never replay. The process that does (``worker``) loads
no more than what decides.
"""

from __future__ import annotations

from vedette.trust.replay.model import (
    CHANGES,
    Bundles,
    Change,
    Chunk,
    Facts,
    Finding,
    FleetItem,
    LogItem,
    Replayed,
    SeenSession,
    facts_of,
)
from vedette.trust.replay.replayer import Replayer
from vedette.trust.replay.worker import FRAME_MAX_BYTES, frame, read_frame, serve

__all__ = [
    "CHANGES",
    "FRAME_MAX_BYTES",
    "Bundles",
    "Change",
    "Chunk",
    "Facts",
    "Finding",
    "FleetItem",
    "LogItem",
    "Replayed",
    "Replayer",
    "SeenSession",
    "facts_of",
    "frame",
    "read_frame",
    "serve",
]
