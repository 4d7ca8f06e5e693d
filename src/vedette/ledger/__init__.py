"""The audit log and the outbox: every act on record, in a Merkle tree that cannot be edited unnoticed.

Terms: an *entry* is one act; its *position* counts from 1 within its organization's log, so position n is leaf n - 1 of
the tree; a *checkpoint* is a signed statement of the log's size and root; an *envelope* carries a domain event.

Invariants: an entry is written in the same transaction as the change it tells of, or neither is. Positions follow the
order of commit, without gaps. Nothing edits or deletes an entry. An event is told at least once, in its log's order.
"""

from __future__ import annotations

from vedette.ledger.checkpoints import CheckpointService, read_exported
from vedette.ledger.errors import InvalidCheckpoint, InvalidEntry, InvalidProof, LedgerInconsistent
from vedette.ledger.merkle import hash_leaf, verify_consistency, verify_inclusion
from vedette.ledger.model import Actor, Entry, Envelope, Event, EventReference, Record
from vedette.ledger.note import Checkpoint, CheckpointSigner, VerifierKey, parse_checkpoint, verify_checkpoint
from vedette.ledger.offline import export, verify_database, verify_export
from vedette.ledger.outbox import OutboxRelay
from vedette.ledger.repository import EntryFilter
from vedette.ledger.service import Ledger
from vedette.ledger.verification import Finding, Report

__all__ = [
    "Actor",
    "Checkpoint",
    "CheckpointService",
    "CheckpointSigner",
    "Entry",
    "EntryFilter",
    "Envelope",
    "Event",
    "EventReference",
    "Finding",
    "InvalidCheckpoint",
    "InvalidEntry",
    "InvalidProof",
    "Ledger",
    "LedgerInconsistent",
    "OutboxRelay",
    "Record",
    "Report",
    "VerifierKey",
    "export",
    "hash_leaf",
    "parse_checkpoint",
    "read_exported",
    "verify_checkpoint",
    "verify_consistency",
    "verify_database",
    "verify_export",
    "verify_inclusion",
]
