"""SQL is the truth: units of work on SQLite or PostgreSQL, one writer with group commit, several readers.

Terms: a *unit of work* is a function handed to ``Store.write`` or ``Store.read``; a *group* is the units of work that
share one durable commit; a *restricting* change only takes rights away.

Invariants: ``write`` returns after the commit is on disk. One writer at a time, on both databases. A unit of work that
raises leaves nothing behind and disturbs no other. Each room declares its tables on ``metadata``, in its repository.
"""

from __future__ import annotations

from vedette.store.database import open_read_only
from vedette.store.errors import StoreFull, StoreUnavailable
from vedette.store.paths import IndexedPath, index_paths, indexed_paths, json_path
from vedette.store.schema import Json, UtcDateTime, metadata
from vedette.store.service import Store
from vedette.store.transaction import Transaction
from vedette.store.writer import WriterLimits

__all__ = [
    "IndexedPath",
    "Json",
    "Store",
    "StoreFull",
    "StoreUnavailable",
    "Transaction",
    "UtcDateTime",
    "WriterLimits",
    "index_paths",
    "indexed_paths",
    "json_path",
    "metadata",
    "open_read_only",
]
