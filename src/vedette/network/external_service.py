"""Connections to the outside: somebody answers for each, or refuses it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import sqlalchemy as sa

from vedette.kernel import Clock, OrganizationId
from vedette.ledger import Actor, Entry, Ledger
from vedette.network import asset_repository
from vedette.network import external_repository as repository
from vedette.network.errors import ExternalNotFound, InvalidAsset
from vedette.network.events import ExternalDecided
from vedette.network.identity import clean
from vedette.network.model import ExternalConnection, ExternalVerdict
from vedette.registry import check_reason
from vedette.store import Store, Transaction

OWNER_MAX_CHARS: Final = 256
DECIDED_MAX: Final = 500


@dataclass(frozen=True, slots=True)
class _Decision:
    verdict: ExternalVerdict
    owner: str
    reason: str
    actor: Actor


class ExternalService:
    """Lists connections to the outside, and keeps what people think of them."""

    def __init__(self, store: Store, ledger: Ledger, *, clock: Clock) -> None:
        self._store = store
        self._ledger = ledger
        self._clock = clock

    async def list(
        self,
        organization_id: OrganizationId,
        *,
        sites: frozenset[str] | None = None,
        asset_id: str = "",
        verdict: ExternalVerdict | None = None,
        text: str = "",
        country: str = "",
        is_inbound: bool | None = None,
        after: str = "",
        limit: int = 100,
    ) -> tuple[Sequence[ExternalConnection], str | None]:
        """Return connections by id, and what reads on."""

        def read(connection: sa.Connection) -> Sequence[ExternalConnection]:
            merged = asset_repository.merged_assets(connection, organization_id)
            parts = [asset_id, *(part for part, into in merged.items() if into == asset_id)] if asset_id else []
            return repository.list_externals(
                connection,
                organization_id,
                sites=sites,
                parts=parts,
                verdict=verdict,
                text=text,
                country=country.upper(),
                is_inbound=is_inbound,
                merged=merged,
                after=after,
                limit=limit + 1,
            )

        found = await self._store.read(read)
        return found[:limit], found[limit - 1].external_id if len(found) > limit else None

    async def get(self, organization_id: OrganizationId, external_id: str) -> ExternalConnection:
        """Return one connection.

        Raises:
            ExternalNotFound: There is none.
        """
        return await self._store.read(lambda connection: _require(connection, organization_id, external_id))

    async def decide(
        self,
        organization_id: OrganizationId,
        external_id: str,
        verdict: ExternalVerdict,
        *,
        owner: str,
        justification: str,
        actor: Actor,
    ) -> ExternalConnection:
        """Approve or refuse a connection, or take that back; it changes no traffic by itself.

        Args:
            organization_id: Whose.
            external_id: Which.
            verdict: What somebody thinks of it.
            owner: Who answers for it; needed to approve.
            justification: What it is for; needed to approve or refuse.
            actor: Who decides.

        Raises:
            ExternalNotFound: There is none.
            InvalidAsset: It is approved without owner or justification, or a text is too long.
            ReasonMissing: It is refused without a justification.
        """
        decided = await self.decide_many(
            organization_id, [external_id], verdict, owner=owner, justification=justification, actor=actor
        )
        return decided[0]

    async def decide_many(
        self,
        organization_id: OrganizationId,
        external_ids: Sequence[str],
        verdict: ExternalVerdict,
        *,
        owner: str,
        justification: str,
        actor: Actor,
    ) -> Sequence[ExternalConnection]:
        """Decide about up to 500 connections at once, as ``decide``: about all of them, or about none.

        Raises:
            ExternalNotFound: One of them there is not.
            InvalidAsset: As ``decide``, or more are named.
            ReasonMissing: As ``decide``.
        """
        reason = check_reason(justification, is_required=verdict is not ExternalVerdict.UNDECIDED)
        if len(external_ids) > DECIDED_MAX:
            raise InvalidAsset(f"name at most {DECIDED_MAX} connections at once", limit=DECIDED_MAX)
        if len(owner) > OWNER_MAX_CHARS or clean(owner) != owner:
            raise InvalidAsset(f"an owner has at most {OWNER_MAX_CHARS} characters", limit=OWNER_MAX_CHARS)
        if verdict is ExternalVerdict.APPROVED and not owner.strip():
            raise InvalidAsset("say who answers for the connection", hint="name an owner")
        decision = _Decision(verdict, owner, reason, actor)

        def decide(tx: Transaction) -> Sequence[ExternalConnection]:
            return [
                self._decide(tx, organization_id, external_id, decision) for external_id in dict.fromkeys(external_ids)
            ]

        return await self._store.write(decide)

    def _decide(
        self, tx: Transaction, organization_id: OrganizationId, external_id: str, decision: _Decision
    ) -> ExternalConnection:
        former = _require(tx.connection, organization_id, external_id)
        changed = replace(
            former,
            verdict=decision.verdict,
            owner=decision.owner,
            justification=decision.reason,
            decided_by=(decision.actor.name or decision.actor.id)[:128],
            decided_at=self._clock.now(),
            revision=former.revision + 1,
        )
        repository.save_externals(tx.connection, organization_id, [changed])
        entry = Entry(
            organization_id=organization_id,
            actor=decision.actor,
            action="network.decide_external",
            target=external_id,
            target_name=(changed.name or changed.address)[:256],
            reason=decision.reason,
            details={"verdict": changed.verdict.value, "former": former.verdict.value, "owner": changed.owner},
        )
        event = ExternalDecided(
            organization_id=organization_id,
            generation_id="",
            external_id=external_id,
            asset_id=changed.asset_id,
            verdict=changed.verdict.value,
        )
        self._ledger.append(tx, entry, event=event)
        return changed


def _require(connection: sa.Connection, organization_id: str, external_id: str) -> ExternalConnection:
    found = repository.find_externals(connection, organization_id, [external_id]).get(external_id)
    if found is None:
        raise ExternalNotFound(f"there is no connection {external_id[:80]!r}", hint="see them: vedette link external")
    return found
