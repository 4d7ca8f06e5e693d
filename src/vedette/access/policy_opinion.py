"""What another bundle would have said to a decision of the log."""

from __future__ import annotations

import asyncio

import msgspec

from vedette.access.policy_repository import find_slices
from vedette.access.policy_store import PolicyStore
from vedette.bus.contract import DecisionRecord
from vedette.kernel import OrganizationId, Problem
from vedette.store import Store
from vedette.trust import BadEntity, EntitySlice, PolicyEngine


class SecondOpinion:
    """Makes decisions again under one other bundle, compiled once for as long as it is the one that is asked.

    Args:
        organization_id: Whose.
        bundles: Keeps the bundles.
        store: Keeps what identities looked like.
    """

    def __init__(self, organization_id: OrganizationId, bundles: PolicyStore, store: Store) -> None:
        self._organization_id = organization_id
        self._bundles = bundles
        self._store = store
        self._sha256 = ""
        self._engine: PolicyEngine | None = None

    async def denies(self, sha256: str, record: DecisionRecord, attributes: bytes | None) -> bool:
        """Tell whether a bundle would have refused too; ``False`` where that cannot be told.

        Args:
            sha256: The bundle; empty for none.
            record: What was decided, and on which facts.
            attributes: What the identity looked like, if that is at hand.
        """
        if not sha256 or record.generation_id is None or record.slice_sha256 is None or not record.facts:
            return False
        digest = record.slice_sha256
        if attributes is None:
            found = await self._store.read(lambda connection: find_slices(connection, self._organization_id, [digest]))
            attributes = found.get(digest)
        engine = await self._engine_of(sha256)
        if attributes is None or engine is None:
            return False
        try:
            identity = msgspec.json.decode(attributes, type=EntitySlice)
            principal = engine.principal_of(identity, record.generation_id, self._organization_id)
            return not engine.evaluate(principal, record.action, record.facts).is_permitted
        except (BadEntity, msgspec.MsgspecError):
            return False

    async def _engine_of(self, sha256: str) -> PolicyEngine | None:
        if self._sha256 != sha256:
            try:
                content = await self._bundles.content_of(sha256)
            except Problem:
                return None
            self._engine, self._sha256 = await asyncio.to_thread(PolicyEngine, content), sha256
        return self._engine
