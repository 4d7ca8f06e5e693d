"""``/v1/ledger``: what was done, by whom and why, and the signed statement of it."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Path, Query
from fastapi.responses import PlainTextResponse
from pydantic import Field

from vedette.api.errors import NotFound
from vedette.api.ledger_views import EntryView, show_entry
from vedette.api.schema import Limit, Moment, Page, View, api_router, refusals
from vedette.kernel import OrganizationId
from vedette.ledger import CheckpointService, EntryFilter, Ledger

Position = Annotated[int, Path(ge=1, le=10**15, description="Counts from 1.")]


class LedgerState(View):
    """How long the log is."""

    size: int = Field(description="Entries, which is the position of the last one.")
    checkpoint: str | None = Field(
        description="The newest signed checkpoint, a C2SP signed note; null before the first."
    )


class Proof(View):
    """A proof in the log's Merkle tree (RFC 9162): SHA-256, leaves and nodes prefixed as there."""

    size: int
    hashes: list[str] = Field(description="Lower-case hex, in the order of the RFC.")


class LedgerRoutes:
    """What the routes below do, for one organization."""

    def __init__(self, organization_id: OrganizationId, ledger: Ledger, checkpoints: CheckpointService) -> None:
        self._organization_id = organization_id
        self._ledger = ledger
        self._checkpoints = checkpoints

    def build(self) -> APIRouter:
        """Return the routes."""
        router = api_router("ledger", "/v1/ledger")
        add = router.add_api_route
        add("", self.state, methods=["GET"], summary="Show the state of the ledger", responses=refusals())
        add("/entries", self.list_entries, methods=["GET"], summary="List entries", responses=refusals(422))
        add("/entries/{position}", self.show, methods=["GET"], summary="Show an entry", responses=refusals(404, 422))
        add(
            "/entries/{position}/proof",
            self.prove_inclusion,
            methods=["GET"],
            summary="Prove that an entry is in the log",
            responses=refusals(422),
        )
        add(
            "/consistency",
            self.prove_consistency,
            methods=["GET"],
            summary="Prove that the log only grew",
            responses=refusals(422),
        )
        add(
            "/checkpoint",
            self.checkpoint,
            methods=["GET"],
            summary="Fetch the newest checkpoint",
            response_class=PlainTextResponse,
            responses=refusals(404),
        )
        return router

    async def state(self) -> LedgerState:
        """Its size, and the newest signed checkpoint."""
        return LedgerState(
            size=await self._ledger.size(self._organization_id),
            checkpoint=await self._checkpoints.latest(self._organization_id),
        )

    async def list_entries(
        self,
        *,
        limit: Limit = 100,
        after: Annotated[str, Query(pattern="^[0-9]{0,15}$", description="Position to begin after.")] = "",
        target: Annotated[str | None, Query(max_length=256, description="Generated id of what was acted on.")] = None,
        actor: Annotated[str | None, Query(max_length=256, description="Who acted.")] = None,
        action: Annotated[
            str | None, Query(max_length=256, description="What was done.", examples=["registry.disable_device"])
        ] = None,
        decision: Annotated[
            Literal["allowed", "denied"] | None, Query(description="Only what was allowed, or denied.")
        ] = None,
        since: Annotated[Moment | None, Query(description="Then or later, RFC 3339.")] = None,
        until: Annotated[Moment | None, Query(description="Before, RFC 3339.")] = None,
    ) -> Page[EntryView]:
        """Oldest first."""
        matching = EntryFilter(
            target=target, actor_id=actor, action=action, decision=decision, since=since, until=until
        )
        found = await self._ledger.entries(self._organization_id, after=int(after or 0), limit=limit, matching=matching)
        return Page(
            items=[show_entry(record) for record in found],
            next=str(found[-1].position) if len(found) == limit else None,
        )

    async def show(self, position: Position) -> EntryView:
        """One entry, by its position."""
        found = await self._ledger.entries(self._organization_id, after=position - 1, limit=1)
        if not found or found[0].position != position:
            raise NotFound(f"the ledger has no entry {position}", hint="see its size: GET /v1/ledger")
        return show_entry(found[0])

    async def prove_inclusion(
        self,
        position: Position,
        size: Annotated[int, Query(ge=1, le=10**15, description="Entries of the log, as a checkpoint names them.")],
    ) -> Proof:
        """RFC 9162 §2.1.3: with it and a checkpoint anybody can check that the entry stands where it did."""
        found = await self._ledger.prove_inclusion(self._organization_id, position=position, size=size)
        return Proof(size=size, hashes=[each.hex() for each in found])

    async def prove_consistency(
        self,
        old_size: Annotated[int, Query(ge=0, le=10**15, description="Entries of the older checkpoint.")],
        size: Annotated[int, Query(ge=1, le=10**15, description="Entries of the newer checkpoint.")],
    ) -> Proof:
        """RFC 9162 §2.1.4: with it and two checkpoints anybody can check that nothing was rewritten between."""
        found = await self._ledger.prove_consistency(self._organization_id, old_size=old_size, size=size)
        return Proof(size=size, hashes=[each.hex() for each in found])

    async def checkpoint(self) -> str:
        """A C2SP signed note: keep copies elsewhere, they show whether the log was rewritten."""
        note = await self._checkpoints.latest(self._organization_id)
        if note is None:
            raise NotFound("no checkpoint is signed yet", hint="the first one follows within a minute of the first act")
        return note
