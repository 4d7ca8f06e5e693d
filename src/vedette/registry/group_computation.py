"""Computes the members of groups in the background: of those whose condition is new, and of those that are deleted.

A window of devices is compared with the condition in a reader; only those that differ are judged again in the writer,
where their membership is what the condition says then. Whatever changes meanwhile follows by itself.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import sqlalchemy as sa

from vedette.kernel import OrganizationId, Problem
from vedette.registry import group_repository as repository
from vedette.registry.group import GroupState
from vedette.registry.group_membership import CHANGES_MAX, DynamicGroup, GroupMembership
from vedette.registry.query.compile import compile_condition
from vedette.registry.query.documents import load_documents
from vedette.registry.query.fields import Part
from vedette.registry.query.sources import DEVICES
from vedette.registry.repository import devices
from vedette.store import Store, Transaction

log = logging.getLogger(__name__)

EXACT_WINDOW: Final = 5_000
INEXACT_WINDOW: Final = 500
RETRY_S: Final = 10.0


@dataclass(frozen=True, slots=True)
class _Window:
    """What a reader found in a range of devices.

    Attributes:
        position: Where the range begins; empty for the first.
        end: Its last device; ``None`` when there are none behind it.
        examined: How many devices it has.
        different: Those whose membership is not what the condition says.
    """

    position: str
    end: str | None
    examined: int
    different: tuple[str, ...]


class GroupComputation:
    """Brings groups up to date, one window after the other; what a stop interrupts goes on where it was."""

    def __init__(self, store: Store, membership: GroupMembership) -> None:
        self._store = store
        self._membership = membership
        self._wake = asyncio.Event()

    def wake(self) -> None:
        """Look for work now."""
        self._wake.set()

    async def run(self) -> None:
        """Work until cancelled; begins with what was left undone."""
        while True:
            self._wake.clear()
            try:
                await self.work()
            except Problem as problem:
                log.warning("groups are not computed yet", extra={"cause": problem.code})
                await asyncio.sleep(RETRY_S)
                continue
            await self._wake.wait()

    async def work(self) -> None:
        """Compute every group that is not ready, and empty those that are deleted."""
        while unready := await self._store.read(repository.list_unready):
            for organization_id, group_id, state in unready:
                if state is GroupState.ENDING:
                    await self._empty(organization_id, group_id)
                else:
                    await self._compute(organization_id, group_id)

    async def _compute(self, organization_id: OrganizationId, group_id: str) -> None:
        def look(connection: sa.Connection) -> _Window | None:
            return self._look(connection, organization_id, group_id)

        while (window := await self._store.read(look)) is not None:
            for start in range(0, len(window.different), CHANGES_MAX):
                part = window.different[start : start + CHANGES_MAX]
                await self._store.write(lambda tx, part=part: self._judge(tx, organization_id, group_id, part))  # type: ignore[misc] # a bound default
            await self._store.write(lambda tx, window=window: self._go_on(tx, organization_id, group_id, window))  # type: ignore[misc] # a bound default
            if window.end is None:
                return

    async def _empty(self, organization_id: OrganizationId, group_id: str) -> None:
        def leave(tx: Transaction) -> bool:
            left = repository.first_members(tx.connection, organization_id, group_id, CHANGES_MAX)
            self._membership.record(tx, organization_id, {}, {group_id: left})
            if left:
                return True
            repository.end(tx.connection, organization_id, group_id)
            return False

        while await self._store.write(leave):
            pass

    def _look(self, connection: sa.Connection, organization_id: str, group_id: str) -> _Window | None:
        """Compare the next window; ``None`` when the group is no longer to be computed."""
        position = repository.read_position(connection, organization_id, group_id)
        if position is None:
            return None
        group = _find(self._membership.dynamic_groups(connection, organization_id), group_id)
        if group is None:  # its condition is not understood by this release: it stays as it is
            return _Window(position, None, 0, ())
        compiled = compile_condition(group.node, DEVICES, connection.dialect.name)
        size = EXACT_WINDOW if compiled.is_exact else INEXACT_WINDOW
        c = devices.c
        living = (c.organization_id == organization_id, c.deleted_at.is_(None), c.generation_id > position)
        range_ = sa.select(c.generation_id).where(*living).order_by(c.generation_id).limit(size)
        examined = list(connection.execute(range_).scalars())
        end = examined[-1] if len(examined) == size else None
        members = set(repository.members_between(connection, organization_id, group_id, after=position, up_to=end))
        matching = (
            sa.select(c.generation_id)
            .select_from(DEVICES.from_clause(compiled.parts))
            .where(*living, *(() if end is None else (c.generation_id <= end,)), compiled.clause)
        )
        belonging = set(connection.execute(matching).scalars())
        if not compiled.is_exact:
            documents = load_documents(connection, organization_id, "devices", sorted(belonging), {Part.TWIN})
            belonging = {generation_id for generation_id, document in documents.items() if group.test(document)}
        return _Window(position, end, len(examined), tuple(sorted(members ^ belonging)))

    def _judge(
        self, tx: Transaction, organization_id: OrganizationId, group_id: str, generation_ids: Sequence[str]
    ) -> None:
        group = _find(self._membership.dynamic_groups(tx.connection, organization_id), group_id)
        if group is not None:
            self._membership.judge(tx, organization_id, generation_ids, [group])

    def _go_on(self, tx: Transaction, organization_id: OrganizationId, group_id: str, window: _Window) -> None:
        """Write how far it came, unless the condition was changed meanwhile and it has to begin anew."""
        if repository.read_position(tx.connection, organization_id, group_id) != window.position:
            return
        if window.end is None:
            repository.finish(tx.connection, organization_id, group_id)
        else:
            repository.go_on(tx.connection, organization_id, group_id, position=window.end, examined=window.examined)


def _find(groups: Sequence[DynamicGroup], group_id: str) -> DynamicGroup | None:
    return next((group for group in groups if group.group_id == group_id), None)
