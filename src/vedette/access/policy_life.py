"""From draft to decision: shadow, canary, stable, and back; who must have looked and agreed before each step.

Nothing decides before it was simulated on this fleet. What newly allows something needs a second person. One command
goes back, needs nobody, and works whenever the store does.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable
from typing import Final, Literal

import msgspec
import sqlalchemy as sa

from vedette.access import policy_repository as repository
from vedette.access import repository as records
from vedette.access.administrator import PolicyAdministrator
from vedette.access.policy_errors import (
    ApprovalRefused,
    PolicyBundleDamaged,
    SimulationMissing,
    StageRefused,
)
from vedette.access.policy_model import (
    DENIED_SHARE,
    WATCH_LASTS,
    Approval,
    Origin,
    PolicyStaged,
    Staging,
    StoredBundle,
)
from vedette.access.policy_repository import Simulated
from vedette.access.policy_standing import (
    PERSON,
    Standing,
    judge_standing,
    newest_simulation,
    require_agreement,
    simulate_hint,
)
from vedette.access.policy_store import PolicyStore, name_of
from vedette.access.policy_text import compare_bundles, read_policies
from vedette.kernel import Clock, OrganizationId, Problem
from vedette.ledger import Actor
from vedette.registry import ClockGuard, GroupService
from vedette.store import Store, Transaction
from vedette.trust import default_bundle, encode_bundle

log = logging.getLogger(__name__)

FOLLOW_EVERY_S: Final = 1.0
_SYSTEM: Final = Actor("system", "access")
_SHIPPED_NAME: Final = "Vedette's own policies"

CountPeople = Callable[[], Awaitable[int]]
Act = Literal["shadow", "canary", "promote", "roll_back", "withdraw"]


class PolicyLife:
    """Moves bundles through their stages.

    Args:
        organization_id: Whose policies these are.
        bundles: Keeps them.
        store: The same database.
        administrator: Names the manifest in every head.
        groups: Knows the groups that a canary may be.
        guard: Holds what widens while the clock cannot be believed.
        clock: Source of time.
        count_people: How many people could be a second one.

    Attributes:
        revision: Of the newest staging that this process knows.
    """

    def __init__(
        self,
        organization_id: OrganizationId,
        bundles: PolicyStore,
        store: Store,
        administrator: PolicyAdministrator,
        groups: GroupService,
        *,
        guard: ClockGuard,
        clock: Clock,
        count_people: CountPeople,
    ) -> None:
        self._organization_id = organization_id
        self._bundles = bundles
        self._store = store
        self._administrator = administrator
        self._groups = groups
        self._guard = guard
        self._clock = clock
        self._count_people = count_people
        self.revision = 0

    async def start(self) -> None:
        """Put the policies of the store into force, the shipped ones on the first start; offer newer shipped ones."""
        shipped = await asyncio.to_thread(default_bundle)
        encoded = await asyncio.to_thread(encode_bundle, shipped)
        count = len(await asyncio.to_thread(read_policies, shipped.policies_text))

        def write(tx: Transaction) -> Staging:
            staging = repository.read_staging(tx.connection, self._organization_id, is_locked=True)
            known = repository.find_bundle(tx.connection, self._organization_id, shipped.sha256)
            if known is None:
                # After an upgrade the newer ones are a draft: what people have put into force stays in force.
                known = self._bundles.insert(
                    tx.connection,
                    shipped.sha256,
                    encoded,
                    name=_SHIPPED_NAME,
                    origin=Origin.SHIPPED,
                    base="" if staging is None else staging.stable,
                    count=count,
                    actor=_SYSTEM,
                    was_stable=staging is None,
                )
                self._bundles.record(tx, known, "store_policies", actor=_SYSTEM, reason="shipped with this release")
            if staging is None:
                staging = Staging(
                    organization_id=self._organization_id, stable=shipped.sha256, changed_at=self._clock.now()
                )
                repository.save_staging(tx.connection, staging, is_new=True)
            return staging

        staging = await self._store.write(write)
        for sha256 in staging.manifest.bundles:
            # Damaged ones are on record as such. Gateways hold the bundle and go on; devices can be cut, and a rollback
            # helps: so control must start.
            with contextlib.suppress(PolicyBundleDamaged):
                await self._bundles.content_of(sha256)
        self._use(staging)

    async def follow_forever(self, *, every_s: float = FOLLOW_EVERY_S) -> None:
        """Name the manifest that another control, or a lost commit, has put into force; runs until cancelled."""
        while True:
            await asyncio.sleep(every_s)
            try:
                self._use(await self._bundles.staging())
            except Problem as problem:
                log.warning("the policies in force cannot be read for a moment", extra={"cause": problem.code})

    async def standing(self, reference: str) -> Standing:
        """Say what is known of a bundle, and what is missing before it may decide.

        Raises:
            PolicyBundleNotFound: There is none.
        """
        bundle = await self._bundles.get(reference)
        stable = await self._bundles.get("stable")
        difference = await asyncio.to_thread(compare_bundles, stable.content, bundle.content)
        is_alone = await self._is_alone()
        standing = await self._store.read(
            lambda connection: judge_standing(
                connection,
                self._bundles.read_staging(connection),
                bundle.stored,
                difference,
                is_alone=is_alone,
                now=self._clock.now(),
            )
        )
        if standing.stable != stable.stored.sha256:
            raise StageRefused("another bundle became stable a moment ago", hint="try again")
        return standing

    async def approve(self, reference: str, *, actor: Actor, is_host: bool, reason: str) -> Approval:
        """Give one's word that a widening change is wanted, having seen what it newly allows.

        Args:
            reference: Names the bundle.
            actor: A person, or the host's administrator.
            is_host: By the host's own token: it counts for whoever is alone, and stands out on record.
            reason: Why.

        Raises:
            PolicyBundleNotFound: There is none.
            SimulationMissing: Nobody knows yet what it would do.
            ApprovalRefused: One's own bundle, no person, or the host's token while there is another person.
        """
        standing = await self.standing(reference)
        if standing.simulated is None:
            raise SimulationMissing("nobody knows yet what this bundle would do", hint=simulate_hint(standing.stored))
        if is_host and not await self._is_alone():
            raise ApprovalRefused(
                "the host's token counts for nobody while there are people to ask",
                hint="have a second person approve it in the console",
            )
        if not is_host and not name_of(actor).startswith(PERSON):
            raise ApprovalRefused(
                "only a person can approve: neither a program nor a one-time link",
                hint="log in with a passkey, or another way that says who you are",
            )
        if not is_host and standing.stored.author == name_of(actor):
            raise ApprovalRefused(
                "nobody approves a bundle of their own",
                hint="ask a second person; who is alone approves with the host's token: vedette policy approve",
            )
        approval = Approval(
            organization_id=self._organization_id,
            sha256=standing.stored.sha256,
            base_sha256=standing.simulated.base_sha256,
            actor=name_of(actor),
            actor_name=actor.name,
            is_host=is_host,
            newly_allowed=standing.simulated.newly_allowed,
            reason=reason,
            approved_at=self._clock.now(),
        )

        def write(tx: Transaction) -> None:
            repository.save_approval(tx.connection, approval)
            details = {"newly_allowed": approval.newly_allowed, "alone": is_host, "over": approval.base_sha256}
            self._bundles.record(
                tx, standing.stored, "approve_policies", actor=actor, reason=reason, details=dict(details)
            )

        await self._store.write(write)
        return approval

    async def shadow(self, reference: str, *, actor: Actor, reason: str = "") -> Staging:
        """Have every decision made a second time with a bundle, and only the differences counted; decides nothing.

        Raises:
            PolicyBundleNotFound: There is none.
            StageRefused: It decides already.
        """

        def plan(connection: sa.Connection, staging: Staging) -> tuple[StoredBundle, Staging]:
            stored = self._bundles.resolve(connection, reference)
            if stored.sha256 in {staging.stable, staging.canary}:
                raise StageRefused(f"bundle {stored.number} decides already", hint="see: vedette policy show")
            return stored, msgspec.structs.replace(staging, shadow=stored.sha256)

        return await self._change("shadow", plan, actor=actor, reason=reason)

    async def canary(
        self, reference: str, group: str, *, actor: Actor, reason: str = "", denied_share: float = DENIED_SHARE
    ) -> Staging:
        """Let a bundle decide for the devices of one group; it is taken back if more of them are refused than foretold.

        Args:
            reference: Names the bundle.
            group: Id or name of a group that policies see.
            actor: Who.
            reason: Why.
            denied_share: Of the group: how many may be refused without having been foretold.

        Raises:
            PolicyBundleNotFound: There is none.
            GroupNotFound: There is no such group.
            StageRefused: It decides for everyone already, or policies do not see the group.
            SimulationMissing: Nobody knows yet what it would do.
            ApprovalMissing: It newly allows something, and no second person has agreed.
            ClockJumped: It newly allows something, and the clock cannot be believed.
        """
        standing = await self.standing(reference)
        chosen = await self._groups.get(self._organization_id, group)
        if not chosen.feeds_policies:
            raise StageRefused(
                f"policies do not see the group {chosen.name!r}: devices could report themselves into it",
                hint="choose a group by tags, or a static one",
            )

        def plan(connection: sa.Connection, staging: Staging) -> tuple[StoredBundle, Staging]:
            stored, simulated = self._require_ready(connection, standing, staging)
            return stored, msgspec.structs.replace(
                staging,
                canary=stored.sha256,
                canary_group=chosen.group_id,
                shadow="" if staging.shadow == stored.sha256 else staging.shadow,
                watched=stored.sha256,
                watched_until=None,
                denied_share=denied_share,
                concerned=chosen.member_count,
                foretold=simulated.simulation_id,
            )

        details = {"group": chosen.group_id, "group_name": chosen.name, "denied_share": denied_share}
        return await self._change("canary", plan, actor=actor, reason=reason, details=details)

    async def promote(
        self, reference: str, *, actor: Actor, reason: str = "", denied_share: float = DENIED_SHARE
    ) -> Staging:
        """Let a bundle decide for everyone; for an hour it is taken back if more are refused than foretold.

        Raises:
            PolicyBundleNotFound: There is none.
            StageRefused: It decides for everyone already.
            SimulationMissing: Nobody knows yet what it would do.
            ApprovalMissing: It newly allows something, and no second person has agreed.
            ClockJumped: It newly allows something, and the clock cannot be believed.
        """
        standing = await self.standing(reference)
        now = self._clock.now()

        def plan(connection: sa.Connection, staging: Staging) -> tuple[StoredBundle, Staging]:
            stored, simulated = self._require_ready(connection, standing, staging)
            repository.push_former(connection, self._organization_id, staging.stable)
            repository.mark_stable(connection, self._organization_id, stored.sha256)
            return stored, msgspec.structs.replace(
                staging,
                stable=stored.sha256,
                former=staging.stable,
                canary="",
                canary_group="",
                shadow="" if staging.shadow == stored.sha256 else staging.shadow,
                watched=stored.sha256,
                watched_until=now + WATCH_LASTS,
                denied_share=denied_share,
                concerned=records.count_records(connection, self._organization_id),
                foretold=simulated.simulation_id,
            )

        return await self._change("promote", plan, actor=actor, reason=reason, details={"was": standing.stage.value})

    async def withdraw(self, *, actor: Actor, reason: str = "", is_automatic: bool = False) -> Staging:
        """End the canary and the shadow; the stable bundle decides for everyone.

        Raises:
            StageRefused: There is neither.
        """

        def plan(connection: sa.Connection, staging: Staging) -> tuple[StoredBundle, Staging]:
            ended = staging.canary or staging.shadow
            if not ended:
                raise StageRefused("there is neither a canary nor a shadow", hint="see: vedette policy show")
            stays = staging.watched != staging.canary
            return self._bundles.require(connection, ended), msgspec.structs.replace(
                staging, canary="", canary_group="", shadow="", watched=staging.watched if stays else ""
            )

        return await self._change("withdraw", plan, actor=actor, reason=reason, is_automatic=is_automatic)

    async def roll_back(self, *, actor: Actor, reason: str = "", is_automatic: bool = False, only: str = "") -> Staging:
        """Go back to the bundle that was stable before; asks for nothing and ends canary and shadow.

        Args:
            actor: Who.
            reason: Why.
            is_automatic: Refusals jumped.
            only: Only while this bundle is the stable one; empty: whichever is.

        Raises:
            StageRefused: There is none to go back to, or another is stable.
        """

        def plan(connection: sa.Connection, staging: Staging) -> tuple[StoredBundle, Staging]:
            if not staging.former or (only and staging.stable != only):
                raise StageRefused("there is no bundle to go back to", hint="see them: vedette policy list")
            further = repository.pop_former(connection, self._organization_id)
            return self._bundles.require(connection, staging.former), msgspec.structs.replace(
                staging,
                stable=staging.former,
                former=further,
                canary="",
                canary_group="",
                shadow="",
                watched="",
                watched_until=None,
            )

        return await self._change("roll_back", plan, actor=actor, reason=reason, is_automatic=is_automatic)

    async def _change(
        self,
        act: Act,
        plan: Callable[[sa.Connection, Staging], tuple[StoredBundle, Staging]],
        *,
        actor: Actor,
        reason: str,
        details: dict[str, object] | None = None,
        is_automatic: bool = False,
    ) -> Staging:
        now = self._clock.now()

        def write(tx: Transaction) -> Staging:
            before = self._bundles.read_staging(tx.connection, is_locked=True)
            stored, planned = plan(tx.connection, before)
            after = msgspec.structs.replace(
                planned,
                revision=before.revision + 1,
                changed_at=now,
                changed_by=name_of(actor),
                changed_by_name=actor.name,
                reason=reason[:1024],
            )
            repository.save_staging(tx.connection, after)
            event = PolicyStaged(
                organization_id=self._organization_id,
                act=act,
                sha256=stored.sha256,
                manifest_sha256=after.manifest.sha256,
                is_automatic=is_automatic,
                reason=reason,
            )
            facts = {"manifest": after.manifest.sha256, "before": before.stable, "automatic": is_automatic}
            self._bundles.record(
                tx, stored, f"{act}_policies", actor=actor, reason=reason, details=facts | (details or {}), event=event
            )
            tx.on_commit(lambda: self._use(after))
            return after

        return await self._store.write(write, restricting=act in {"roll_back", "withdraw"})

    def _use(self, staging: Staging) -> None:
        # What was read before a later change was committed must not undo it.
        if staging.revision >= self.revision:
            self.revision = staging.revision
            self._administrator.use_policies(staging.manifest.sha256)

    def _require_ready(
        self, connection: sa.Connection, standing: Standing, staging: Staging
    ) -> tuple[StoredBundle, Simulated]:
        """Judge again within the unit of work that stages it: words and simulations may have come or gone."""
        stored = self._bundles.require(connection, standing.stored.sha256)
        if stored.sha256 == staging.stable:
            raise StageRefused(f"bundle {stored.number} decides for everyone already", hint="see: vedette policy list")
        if standing.stable != staging.stable:
            raise StageRefused("another bundle became stable a moment ago", hint="look at the difference again")
        simulated = newest_simulation(connection, stored, staging.stable, self._clock.now())
        if simulated is None:
            raise SimulationMissing(
                "nobody knows yet what this bundle would do to the fleet", hint=simulate_hint(standing.stored)
            )
        if standing.difference.may_widen or simulated.newly_allowed:
            self._guard.check()
            require_agreement(connection, stored, simulated, standing.difference)
        return stored, simulated

    async def _is_alone(self) -> bool:
        return await self._count_people() <= 1
