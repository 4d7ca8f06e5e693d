"""What the ledger refuses."""

from __future__ import annotations

from typing import ClassVar

from vedette.kernel import Problem


class InvalidEntry(Problem):
    """An entry or event is too large, or holds what can not be stored; nothing of its transaction is."""

    code: ClassVar[str] = "ledger.invalid_entry"
    status: ClassVar[int] = 422


class InvalidCheckpoint(Problem):
    """A text is not a checkpoint, is not of this log, or is not signed by the given keys."""

    code: ClassVar[str] = "ledger.invalid_checkpoint"
    status: ClassVar[int] = 422


class LedgerInconsistent(Problem):
    """The log does not continue its last checkpoint: it was altered, and is not signed."""

    code: ClassVar[str] = "ledger.inconsistent"
    status: ClassVar[int] = 500


class InvalidProof(Problem):
    """A proof was asked for that no tree has, or of a tree too large to prove here."""

    code: ClassVar[str] = "ledger.invalid_proof"
    status: ClassVar[int] = 422
