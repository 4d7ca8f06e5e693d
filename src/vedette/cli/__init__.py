"""The entrance: the ``vedette`` command, ``vedette <noun> <verb>``.

Speaks to the REST API with the local token of a data directory, or with a service token; only ``up``, ``demo``,
``ledger verify``, ``ledger export``, ``config`` and ``sensor`` call below. Tables are for people, ``--output json`` is
exactly what the API answered, progress goes to standard error. Invariants: text from outside is escaped before it
reaches a terminal; a token is only ever sent over TLS or to loopback; exit codes are 0 done, 1 failed, 2 usage,
3 denied and 4 not found.
"""

from __future__ import annotations

from vedette.cli.entry import build_cli, main

__all__ = ["build_cli", "main"]
