"""The signer: a process of its own that holds the issuing keys and answers typed requests over a Unix socket.

Invariants: there is no request that carries bytes to be signed; every certificate is in the journal, on disk, before
it is answered; caps per hour hold across restarts; nothing here imports SQL.
"""

from __future__ import annotations

from vedette.pki.signer.client import SignerClient
from vedette.pki.signer.contract import Revocation
from vedette.pki.signer.journal import JournalRecord, read_journal
from vedette.pki.signer.server import run_signer

__all__ = ["JournalRecord", "Revocation", "SignerClient", "read_journal", "run_signer"]
