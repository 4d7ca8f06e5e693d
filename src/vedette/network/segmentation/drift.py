"""Drift: what is seen on the network and what the approved plan allows, compared again and again."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Final

import msgspec
import sqlalchemy as sa

from vedette.kernel import Clock, OrganizationId, Problem
from vedette.ledger import Actor, Entry, Ledger
from vedette.network.segmentation import repository
from vedette.network.segmentation.events import ZonesViolated
from vedette.network.segmentation.inventory import SegmentInventory
from vedette.network.segmentation.membership import Membership
from vedette.network.segmentation.model import Flow, PlanState, PlanVersion
from vedette.network.segmentation.replay import VIOLATIONS, Judge
from vedette.network.segmentation.violation import KEPT_MAX, Violation, make_violation
from vedette.store import Store, Transaction

log = logging.getLogger(__name__)

_EVERY_S: Final = 20.0
_WHOLE_EVERY: Final = timedelta(hours=1)
_WHOLE_SOONEST: Final = timedelta(minutes=1)
# Links are stored in batches: one that was heard of before the last look may have been committed after it.
_OVERLAP: Final = timedelta(minutes=2)
_TOLD_MAX: Final = 100
_SYSTEM: Final = Actor("system", "network")

OnViolated = Callable[[Transaction, OrganizationId, Sequence[Violation]], None]
"""Hears of new violations, in the transaction that keeps them."""


class DriftWatch:
    """Finds traffic between zones that the approved plan does not allow.

    Args:
        organization_id: Whose network.
        store: Where plans and violations are kept.
        ledger: New violations are on record there, and told.
        inventory: Assets and links.
        clock: Source of time.
    """

    def __init__(
        self,
        organization_id: OrganizationId,
        store: Store,
        ledger: Ledger,
        inventory: SegmentInventory,
        *,
        clock: Clock,
    ) -> None:
        self._organization_id = organization_id
        self._store = store
        self._ledger = ledger
        self._inventory = inventory
        self._clock = clock
        self._looked_at: datetime | None = None
        self._whole_at: datetime | None = None
        self._number = 0
        self._on_violated: list[OnViolated] = []

    def on_violated(self, listener: OnViolated) -> None:
        """Have ``listener`` hear of violations that nobody knew."""
        self._on_violated.append(listener)

    async def run(self) -> None:
        """Look again and again, until cancelled."""
        while True:
            try:
                await self.look()
            except Problem as problem:
                log.warning("traffic is not compared with zones for a moment", extra={"cause": problem.code})
            await asyncio.sleep(_EVERY_S)

    async def look(self, *, is_whole: bool = False) -> int:
        """Compare what is new with the approved plan, now and then everything; return how many violations are new.

        Args:
            is_whole: Compare everything now.

        Raises:
            Problem: The store does not answer.
        """
        version = await self._store.read(
            lambda connection: repository.find_plan(connection, self._organization_id, state=PlanState.APPROVED)
        )
        if version is None:
            return 0
        now = self._clock.now()
        is_whole = (
            is_whole
            or version.number != self._number
            or self._whole_at is None
            or self._looked_at is None
            or now - self._whole_at >= _whole_after(version, now)
        )
        since = None if is_whole or self._looked_at is None else self._looked_at - _OVERLAP
        flows = await self._inventory.flows(self._organization_id, since=since)
        new = 0
        if flows:
            members = await self._inventory.members(self._organization_id)
            found = await asyncio.to_thread(_find, version, Membership(version.plan, members), flows, now)
            new = await self._keep(version, found)
        self._looked_at, self._number = now, version.number
        if is_whole:
            self._whole_at = now
        return new

    async def violations(self, *, after: str = "", limit: int = 100) -> list[Violation]:
        """Return violations of the approved version, by id."""

        def read(connection: sa.Connection) -> list[Violation]:
            version = repository.find_plan(connection, self._organization_id, state=PlanState.APPROVED)
            if version is None:
                return []
            return repository.list_violations(
                connection, self._organization_id, number=version.number, after=after, limit=limit
            )

        return await self._store.read(read)

    async def _keep(self, version: PlanVersion, found: Sequence[Violation]) -> int:
        if not found:
            return 0

        def change(tx: Transaction) -> int:
            ids = [each.violation_id for each in found]
            known = repository.find_violations(tx.connection, self._organization_id, ids)
            new = [each for each in found if each.violation_id not in known]
            room = max(KEPT_MAX - repository.count_violations(tx.connection, self._organization_id), 0)
            changed = [_merge(known[each.violation_id], each) for each in found if each.violation_id in known]
            changed = [each for each in changed if each != known[each.violation_id]]
            repository.save_violations(tx.connection, self._organization_id, [*changed, *new[:room]])
            if new[:room]:
                self._tell(tx, version, new[:room], missing=len(new) - len(new[:room]))
            return len(new[:room])

        return await self._store.write(change)

    def _tell(self, tx: Transaction, version: PlanVersion, new: Sequence[Violation], *, missing: int) -> None:
        told = tuple(each.violation_id for each in new[:_TOLD_MAX])
        entry = Entry(
            organization_id=self._organization_id,
            actor=_SYSTEM,
            action="network.find_violations",
            target=f"plan_{version.number}",
            reason=new[0].reason[:200],
            details={"version": version.number, "new": len(new), "violations": list(told), "not_kept": missing},
        )
        event = ZonesViolated(
            organization_id=self._organization_id, number=version.number, violations=told, total=len(new)
        )
        self._ledger.append(tx, entry, event=event)
        for listener in self._on_violated:
            listener(tx, self._organization_id, new)


def _whole_after(version: PlanVersion, now: datetime) -> timedelta:
    """Return after how long everything is compared again: soon after an approval, then ever later."""
    age = now - (version.approved_at or version.created_at)
    return min(max(age / 4, _WHOLE_SOONEST), _WHOLE_EVERY)


def _find(version: PlanVersion, membership: Membership, flows: Sequence[Flow], at: datetime) -> list[Violation]:
    """Return what breaks the plan and went on after it was approved."""
    judge = Judge(version.plan, membership, at=at)
    begun = version.approved_at or version.created_at
    found: dict[str, Violation] = {}
    for flow in flows:
        if flow.last_at is not None and flow.last_at < begun:
            continue
        judged = judge.judge(flow)
        if judged.verdict in VIOLATIONS:
            violation = make_violation(judged, number=version.number, at=at)
            other = found.get(violation.violation_id)
            found[violation.violation_id] = _merge(other, violation) if other else violation
    # The busiest, should there be more than is kept.
    return sorted(found.values(), key=lambda each: (-each.flows, each.violation_id))[:KEPT_MAX]


def _merge(known: Violation, now: Violation) -> Violation:
    return msgspec.structs.replace(
        now,
        flows=max(known.flows, now.flows),
        first_at=min(known.first_at, now.first_at),
        last_at=max(known.last_at, now.last_at),
        found_at=known.found_at,
    )
