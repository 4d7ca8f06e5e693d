"""What a write function is handed: one savepoint inside a group commit."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa

GroupEnd = Callable[[sa.Connection, Sequence["Transaction"]], None]


@dataclass(slots=True, eq=False)
class Transaction:
    """One unit of work; its changes, callbacks and group-end work vanish together if its function raises.

    Attributes:
        connection: The writer's connection. Never commit, roll back or close it.
        state: Scratch space of this unit of work, keyed by whoever keeps something there.
        callbacks: What ``on_commit`` was given; the writer's.
        group_ends: What ``at_group_end`` was given; the writer's.
    """

    connection: sa.Connection
    state: dict[object, Any] = field(default_factory=dict)  # Any: each key's owner knows its own value
    callbacks: list[Callable[[], None]] = field(default_factory=list)
    group_ends: dict[object, GroupEnd] = field(default_factory=dict)

    def on_commit(self, fn: Callable[[], None]) -> None:
        """Have ``fn`` called in the caller's event loop after the durable commit, before ``Store.write`` returns.

        What it raises goes to the loop's exception handler, not to the caller.
        """
        self.callbacks.append(fn)

    def at_group_end(self, key: object, fn: GroupEnd) -> None:
        """Have ``fn`` called once per group and ``key``, in the writer thread, just before the COMMIT.

        It receives the connection and, in the order they ran, the transactions of the group that asked under this key
        and were not rolled back. If it raises, the whole group fails; so check what you can before you ask.
        """
        self.group_ends[key] = fn
