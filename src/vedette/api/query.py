"""``/v1/query``: the hub's query language over devices, modules and their twins."""

from __future__ import annotations

from typing import Any, Literal

from fastapi import APIRouter
from pydantic import Field

from vedette.api.schema import View, api_router, refusals
from vedette.api.sight import Seen
from vedette.kernel import OrganizationId
from vedette.registry import QueryService

QUERY_MAX_CHARS = 8192


class QueryRequest(View):
    """A question, and where to go on with its answer."""

    query: str = Field(
        min_length=1,
        max_length=QUERY_MAX_CHARS,
        description="Over `devices` or `devices.modules`. A refusal names the place in `context.position`, from 0.",
        examples=["SELECT * FROM devices WHERE tags.site = 'north'"],
    )
    limit: int = Field(default=100, ge=1, le=1000, description="Most items to return.")
    after: str = Field(default="", max_length=4096, description="`next` of the answer before; empty for the first.")


class QueryAnswer(View):
    """Some of what was found, in its order."""

    kind: Literal["twin", "raw"] = Field(description="`twin` for `SELECT *`: whole twins; `raw`: what was selected.")
    items: list[dict[str, Any]] = Field(description="With the names that Azure IoT Hub gives them.")
    next: str | None = Field(description="Pass it as `after` for more; null at the end.")


class QueryRoutes:
    """What the routes below do, for one organization."""

    def __init__(self, organization_id: OrganizationId, queries: QueryService) -> None:
        self._organization_id = organization_id
        self._queries = queries

    def build(self) -> APIRouter:
        """Return the routes."""
        router = api_router("query", "/v1/query")
        router.add_api_route(
            "",
            self.run,
            methods=["POST"],
            summary="Ask about devices, modules and their twins",
            responses=refusals(422, is_change=True),
        )
        return router

    async def run(self, question: QueryRequest, sight: Seen) -> QueryAnswer:
        """It changes nothing, so it needs no `Idempotency-Key`."""
        page = await self._queries.run(
            self._organization_id,
            question.query,
            limit=question.limit,
            after=question.after,
            within=sight.areas,
        )
        return QueryAnswer(kind=page.kind, items=list(page.items), next=page.next)
