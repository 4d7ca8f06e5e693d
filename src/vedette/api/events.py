"""``GET /v1/events``: what happens, as it happens; the id is the ledger position, so nothing is missed on return."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Annotated, Final

import msgspec
from fastapi import APIRouter, Header, Query
from fastapi.responses import StreamingResponse

from vedette.api.schema import api_router, refusals
from vedette.api.streams import EVENT_STREAM, KEEP_ALIVE_S, Bell, StreamLimit, encode_event
from vedette.kernel import OrganizationId
from vedette.ledger import Envelope, Ledger

_BATCH: Final = 200
_POSITION: Final = "^[0-9]{0,15}$"


class EventRoutes:
    """What the routes below do, for one organization."""

    def __init__(self, organization_id: OrganizationId, ledger: Ledger, limit: StreamLimit) -> None:
        self._organization_id = organization_id
        self._ledger = ledger
        self._limit = limit
        self._bell = Bell()
        ledger.on_growth(self._bell.ring)

    def build(self) -> APIRouter:
        """Return the routes."""
        router = api_router("events", "")
        router.add_api_route(
            "/v1/events",
            self.stream,
            methods=["GET"],
            summary="Follow events",
            response_class=StreamingResponse,
            responses={200: EVENT_STREAM, **refusals(422)},
        )
        return router

    async def stream(
        self,
        *,
        after: Annotated[
            str, Query(pattern=_POSITION, description="Ledger position to begin after; empty for now.")
        ] = "",
        last_event_id: Annotated[
            str | None, Header(pattern=_POSITION, description="As browsers send it; wins over `after`.")
        ] = None,
    ) -> StreamingResponse:
        """Server-sent events: `event` is the event's name, `data` its envelope in JSON."""
        begin = last_event_id or after
        position = int(begin) if begin else await self._ledger.size(self._organization_id)
        return self._limit.respond(self._follow(position))

    async def _follow(self, position: int) -> AsyncIterator[bytes | None]:
        while True:
            found = await self._ledger.events(self._organization_id, after=position, limit=_BATCH)
            for envelope in found:
                yield _encode(envelope)
                position = envelope.position
            # Another control process may have appended, which rings no bell here: look again after a while.
            if not found and not await self._bell.wait(KEEP_ALIVE_S):
                yield None


def _encode(envelope: Envelope) -> bytes:
    return encode_event(envelope.name, msgspec.to_builtins(envelope), event_id=str(envelope.position))
