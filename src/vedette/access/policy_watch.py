"""Watches what a new bundle does to the fleet, and takes it back when more devices are refused than foretold.

It follows the decision log. Devices that the simulation found refused are expected, and so are those that the bundle
before would have refused too: else whoever raises the risk of enough devices could undo a policy. All others are
counted, each once. It also keeps what identities looked like when they were decided on, so that decisions can be made
again.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import OrderedDict
from datetime import datetime, timedelta
from typing import Final

import msgspec
import sqlalchemy as sa

from vedette.access import policy_repository as repository
from vedette.access.administrator import PolicyAdministrator
from vedette.access.policy_errors import StageRefused
from vedette.access.policy_life import PolicyLife
from vedette.access.policy_model import Staging
from vedette.access.policy_opinion import SecondOpinion
from vedette.access.policy_store import PolicyStore
from vedette.access.simulation import PolicySimulations
from vedette.bus.contract import DecisionRecord
from vedette.kernel import Clock, OrganizationId, Problem
from vedette.ledger import Actor
from vedette.messaging import KINDS, Decision, DecisionReader, decided_at
from vedette.store import Store
from vedette.trust import BadEntity, Reason, describe_identity

log = logging.getLogger(__name__)

WATCHER: Final = Actor("system", "policy-watch")
SLICES_KNOWN_MAX: Final = 50_000
SLICES_WAITING_MAX: Final = 500
SLICES_KEPT: Final = timedelta(days=90)
SAMPLES_MAX: Final = 20
_REFUSING: Final = frozenset({Reason.POLICY_DENIED.value, Reason.POLICY_ERROR.value})
_DENIED_MAX: Final = 200_000
_FORGET_EVERY_S: Final = 3600.0
_REFRESH_S: Final = 1.0
_RETRY_S: Final = 1.0
_GATHER_S: Final = 0.5
# The end of a session was decided by nobody.
_WATCHED: Final = tuple(kind for kind in KINDS if kind != "disconnect")


class BundleCounts(msgspec.Struct, kw_only=True):
    """What a bundle did since its stage began, as far as the log tells.

    Attributes:
        allowed: Sessions it let in.
        denied: Sessions it refused or cut.
        unforeseen: Identities it refused that no simulation had foretold and the bundle before would have let in.
        shadow_allows: Decisions that the shadow bundle would have allowed and the deciding one denied.
        shadow_denies: The other way round.
        samples: Names of identities that were refused unforeseen, or answered differently by the shadow.
    """

    allowed: int = 0
    denied: int = 0
    unforeseen: int = 0
    shadow_allows: int = 0
    shadow_denies: int = 0
    samples: list[str] = []


class PolicyWatch:
    """Follows the decision log of one organization.

    Args:
        organization_id: Whose log.
        decisions: The log.
        bundles: Knows what is in force.
        life: Takes bundles back.
        simulations: Know what was foretold.
        administrator: Has the records that slices are made of.
        store: Keeps slices.
        clock: Source of time.
    """

    def __init__(
        self,
        organization_id: OrganizationId,
        decisions: DecisionReader,
        *,
        bundles: PolicyStore,
        life: PolicyLife,
        simulations: PolicySimulations,
        administrator: PolicyAdministrator,
        store: Store,
        clock: Clock,
    ) -> None:
        self._organization_id = organization_id
        self._decisions = decisions
        self._bundles = bundles
        self._life = life
        self._simulations = simulations
        self._administrator = administrator
        self._store = store
        self._clock = clock
        self._staging: Staging | None = None
        self._read_at_s = 0.0
        self._foretold: frozenset[str] = frozenset()
        self._unforeseen: set[str] = set()
        self.counts: dict[str, BundleCounts] = {}
        self._known: OrderedDict[str, None] = OrderedDict()
        self._waiting: dict[str, bytes] = {}
        self._forget_at_s = 0.0
        self._before = SecondOpinion(organization_id, bundles, store)

    async def run(self) -> None:
        """Follow the log from the newest change of stage on, until cancelled."""
        while True:
            try:
                staging = await self._bundles.staging()
                async with contextlib.aclosing(
                    self._decisions.tail(
                        self._organization_id, kinds=_WATCHED, since=staging.changed_at, gather_s=_GATHER_S
                    )
                ) as decisions:
                    async for decision in decisions:
                        await self._take(decision)
            except Problem as problem:
                # From the newest change on again: an identity is counted once, however often it is read of.
                log.warning("policies are not watched for a moment", extra={"cause": problem.code})
            self._staging = None
            await asyncio.sleep(_RETRY_S)

    async def _take(self, decision: Decision | None) -> None:
        await self._refresh()
        if decision is None:
            await self._keep_slices()
            return
        record = decision.record
        await self._note_slice(record)
        staging = self._staging
        if staging is None or record.generation_id is None or decided_at(record) < staging.changed_at:
            return
        if self._count(staging, record) and not await self._was_refused_before(staging, record):
            self._note_unforeseen(record)
        if self._has_jumped(staging):
            await self._take_back(staging)

    async def _refresh(self) -> None:
        """Read what is in force, at each change and once a second; begin to count anew with each change."""
        now_s = self._clock.monotonic_s()
        is_new = self._staging is None or self._staging.revision < self._life.revision
        if not is_new and now_s - self._read_at_s < _REFRESH_S:
            return
        self._read_at_s = now_s
        staging = await self._bundles.staging()
        if self._staging is None or staging.revision != self._staging.revision:
            self._foretold = await self._simulations.foretold(staging.foretold) if staging.foretold else frozenset()
            self._unforeseen.clear()
            self.counts = {}
        self._staging = staging

    def _count(self, staging: Staging, record: DecisionRecord) -> bool:
        """Count a decision; return whether it refuses an identity that nobody foretold and that is not counted yet."""
        generation_id = record.generation_id or ""
        counts = self.counts.setdefault(record.bundle_sha256 or "", BundleCounts(samples=[]))
        is_denied = record.effect != "allow" and record.reason in _REFUSING
        counts.allowed += record.kind == "connect" and record.effect == "allow"
        counts.denied += is_denied
        if record.shadow:
            shadowed = self.counts.setdefault(staging.shadow, BundleCounts(samples=[]))
            shadowed.shadow_allows += record.shadow == "allow"
            shadowed.shadow_denies += record.shadow == "deny"
            _sample(shadowed, record)
        is_watched = staging.watched and record.bundle_sha256 == staging.watched
        if not is_watched or not is_denied or generation_id in self._foretold:
            return False
        return generation_id not in self._unforeseen and len(self._unforeseen) < _DENIED_MAX

    async def _was_refused_before(self, staging: Staging, record: DecisionRecord) -> bool:
        """Tell whether what decided before would have refused the same; a canary has the stable bundle beside it."""
        before = staging.stable if staging.watched == staging.canary else staging.former
        return await self._before.denies(before, record, self._waiting.get(record.slice_sha256 or ""))

    def _note_unforeseen(self, record: DecisionRecord) -> None:
        counts = self.counts[record.bundle_sha256 or ""]
        self._unforeseen.add(record.generation_id or "")
        counts.unforeseen += 1
        _sample(counts, record)

    def _has_jumped(self, staging: Staging) -> bool:
        is_over = staging.watched_until is not None and self._clock.now() >= staging.watched_until
        return bool(staging.watched) and not is_over and len(self._unforeseen) >= staging.denied_limit

    async def _take_back(self, staging: Staging) -> None:
        count = len(self._unforeseen)
        reason = f"{count} devices were refused that the simulation had not foretold"
        log.error("a policy bundle is taken back", extra={"sha256": staging.watched, "refused": count})
        self._unforeseen.clear()
        try:
            if staging.watched == staging.canary:
                await self._life.withdraw(actor=WATCHER, reason=reason, is_automatic=True)
            else:
                await self._life.roll_back(actor=WATCHER, reason=reason, is_automatic=True, only=staging.watched)
        except StageRefused:
            log.info("somebody was faster in taking it back")
        self._staging = None

    async def _note_slice(self, record: DecisionRecord) -> None:
        """Keep what an identity looked like, unless it is kept already or its record has changed meanwhile."""
        digest = record.slice_sha256
        if digest is None or record.generation_id is None or digest in self._known or digest in self._waiting:
            return
        found = await self._administrator.find(record.device_id, record.module_id)
        if found is None or found.generation_id != record.generation_id:
            return
        try:
            identity = describe_identity(found, self._clock.now())
        except BadEntity:
            return
        if identity.sha256 == digest:
            self._waiting[digest] = msgspec.json.encode(identity, order="deterministic")
        if len(self._waiting) >= SLICES_WAITING_MAX:
            await self._keep_slices()

    async def _keep_slices(self) -> None:
        now, now_s = self._clock.now(), self._clock.monotonic_s()
        waiting, self._waiting = self._waiting, {}
        is_forgetting = now_s >= self._forget_at_s
        if is_forgetting:
            self._forget_at_s = now_s + _FORGET_EVERY_S
        if not waiting and not is_forgetting:
            return
        await self._store.write(lambda tx: self._write(tx.connection, waiting, now, is_forgetting=is_forgetting))
        for digest in waiting:
            self._known[digest] = None
        while len(self._known) > SLICES_KNOWN_MAX:
            self._known.popitem(last=False)

    def _write(
        self, connection: sa.Connection, waiting: dict[str, bytes], now: datetime, *, is_forgetting: bool
    ) -> None:
        if waiting:
            repository.insert_slices(connection, self._organization_id, waiting.items(), now)
        if is_forgetting:
            repository.delete_slices(connection, self._organization_id, now - SLICES_KEPT)


def _sample(counts: BundleCounts, record: DecisionRecord) -> None:
    name = f"{record.device_id}/{record.module_id}" if record.module_id else record.device_id
    if len(counts.samples) < SAMPLES_MAX and name not in counts.samples:
        counts.samples.append(name)
