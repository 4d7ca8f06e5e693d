"""What a sensor tells the platform: assets, links, operations, alerts and its own state, in versioned batches.

Terms: a *batch* is one message, acknowledged as a whole once the platform stored it; a *boot* is one run of a sensor,
numbered anew by chance; within a boot batches are numbered from 1. Invariants: a batch that comes twice changes
nothing the second time; counts are totals of a boot, never differences, so that nothing is lost or counted twice when
one is sent again; every size and count has a limit that reading enforces.
"""

from __future__ import annotations

from vedette.protocols.sensor.batch import BATCH_BYTES_MAX, CONTENT_TYPE, Batch, InvalidBatch, read_batch, write_batch
from vedette.protocols.sensor.exceptions import (
    EXCEPTIONS_KEY,
    EXCEPTIONS_MAX,
    HeldBack,
    read_exceptions,
    write_exceptions,
)
from vedette.protocols.sensor.records import (
    AlertRecord,
    AssetRecord,
    FactRecord,
    LinkRecord,
    OperationRecord,
    Record,
    StatusRecord,
)

__all__ = [
    "BATCH_BYTES_MAX",
    "CONTENT_TYPE",
    "EXCEPTIONS_KEY",
    "EXCEPTIONS_MAX",
    "AlertRecord",
    "AssetRecord",
    "Batch",
    "FactRecord",
    "HeldBack",
    "InvalidBatch",
    "LinkRecord",
    "OperationRecord",
    "Record",
    "StatusRecord",
    "read_batch",
    "read_exceptions",
    "write_batch",
    "write_exceptions",
]
