"""``/v1/access-lists``: who may not enter, and who alone may."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query
from pydantic import Field

from vedette.api.schema import REASON_MAX_CHARS, After, Limit, Page, Timestamp, View, Who, api_router, refusals
from vedette.kernel import OrganizationId
from vedette.registry import AccessEffect, AccessKind, AccessListEntry, AccessListService

Id = Annotated[str, Path(max_length=64, description="Generated id of the entry.", examples=["ale_06h0"])]


class AccessEntryView(View):
    """One line of a list, with who put it there and why."""

    entry_id: str
    effect: AccessEffect = Field(description="Block wins; the allow list counts once it has an entry.")
    kind: AccessKind
    value: str
    reason: str
    created_at: Timestamp
    created_by: str


class NewAccessEntry(View):
    """A line to be put on a list."""

    effect: AccessEffect
    kind: AccessKind = Field(description="What `value` names.")
    value: str = Field(min_length=1, max_length=256, examples=["pump-7"])
    reason: str = Field(min_length=1, max_length=REASON_MAX_CHARS, description="Why, in your own words.")


class AccessListRoutes:
    """What the routes below do, for one organization."""

    def __init__(self, organization_id: OrganizationId, lists: AccessListService) -> None:
        self._organization_id = organization_id
        self._lists = lists

    def build(self) -> APIRouter:
        """Return the routes."""
        router = api_router("access lists", "/v1/access-lists")
        add = router.add_api_route
        add("", self.list_entries, methods=["GET"], summary="List allow and block entries", responses=refusals(422))
        add(
            "",
            self.add,
            methods=["POST"],
            status_code=201,
            summary="Add an entry",
            responses=refusals(409, 422, is_change=True),
        )
        add(
            "/{entry_id}",
            self.remove,
            methods=["DELETE"],
            status_code=204,
            summary="Remove an entry",
            responses=refusals(404, 409, 422, is_change=True),
        )
        return router

    async def list_entries(
        self,
        *,
        limit: Limit = 100,
        after: After = "",
        effect: Annotated[AccessEffect | None, Query(description="Only this list.")] = None,
    ) -> Page[AccessEntryView]:
        """In the order they were made."""
        found, following = await self._lists.list(self._organization_id, after=after, limit=limit, effect=effect)
        return Page(items=[_show(entry) for entry in found], next=following)

    async def add(self, new: NewAccessEntry, who: Who) -> AccessEntryView:
        """Every device that it concerns is judged again before this is answered; live sessions are cut."""
        entry = await self._lists.add(
            self._organization_id, new.effect, new.kind, new.value, actor=who, reason=new.reason
        )
        return _show(entry)

    async def remove(
        self,
        entry_id: Id,
        who: Who,
        reason: Annotated[str, Query(min_length=1, max_length=REASON_MAX_CHARS, description="Why.")],
    ) -> None:
        """Every device that it concerned is judged again before this is answered."""
        await self._lists.remove(self._organization_id, entry_id, actor=who, reason=reason)


def _show(entry: AccessListEntry) -> AccessEntryView:
    return AccessEntryView(**{name: getattr(entry, name) for name in AccessEntryView.model_fields})
