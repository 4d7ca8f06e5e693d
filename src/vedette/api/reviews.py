"""``/v1/reviews``: who may what, listed and signed off line by line."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Path, Query, Response
from pydantic import Field

from vedette.api.schema import (
    REASON_MAX_CHARS,
    After,
    Limit,
    Moment,
    Page,
    RequiredReason,
    Timestamp,
    View,
    Who,
    api_router,
    refusals,
)
from vedette.api.sight import Seen
from vedette.kernel import OrganizationId
from vedette.operators import Action, Review, ReviewEntry, ReviewService

Id = Annotated[str, Path(max_length=64, description="Generated id of the review.", examples=["rev_06h0"])]
EntryPath = Annotated[str, Path(max_length=16, description="Number of the line.", examples=["000001"])]


class ReviewView(View):
    """A review of who may what, as it was when it began."""

    review_id: str
    name: str
    created_at: Timestamp
    created_by: str
    due_at: Timestamp
    closed_at: Timestamp | None = Field(description="By itself when the last line is signed off.")
    total_entries: int
    open_entries: int
    is_overdue: bool = Field(description="Lines are open though the day is over.")


class NewReviewView(View):
    """A review to begin."""

    name: str = Field(min_length=1, max_length=128, examples=["Q4 access review"])
    due_at: Moment = Field(description="Until when it is to be signed off; within a year.")


class ReviewEntryView(View):
    """One line: who holds what, where, since when, and what was said to it."""

    entry_id: str
    subject_kind: Literal["person", "service-token", "service-policy"]
    subject_id: str
    subject_name: str
    role: str = Field(description="Of a program all it has, separated by spaces.")
    sites: list[str]
    groups: list[str]
    mode: str
    grant_id: str = Field(description="Empty for programs.")
    granted_at: Timestamp
    last_used_at: Timestamp | None = Field(description="Last login, or last use; null: never.")
    outcome: Literal["", "kept", "withdrawn"] = Field(description="Empty: nobody has signed it off.")
    signed_at: Timestamp | None
    signed_by: str
    note: str


class SignOff(View):
    """What is said to a line."""

    outcome: Literal["kept", "withdrawn"] = Field(description="`withdrawn` takes it away at once.")
    note: str = Field(default="", max_length=REASON_MAX_CHARS, description="Why; it stands in the ledger.")


class ReviewRoutes:
    """What the routes below do, for one organization."""

    def __init__(self, organization_id: OrganizationId, reviews: ReviewService) -> None:
        self._organization_id = organization_id
        self._reviews = reviews

    def build(self) -> APIRouter:
        """Return the routes."""
        router = api_router("roles", "/v1/reviews")
        add = router.add_api_route
        add("", self.list_reviews, methods=["GET"], summary="List access reviews", responses=refusals(422))
        add(
            "",
            self.begin,
            methods=["POST"],
            status_code=201,
            summary="Begin an access review",
            responses=refusals(422, is_change=True),
        )
        one = "/{review_id}"
        add(one, self.show, methods=["GET"], summary="Show an access review", responses=refusals(404, 422))
        add(
            f"{one}/entries",
            self.list_entries,
            methods=["GET"],
            summary="List who may what in a review",
            responses=refusals(404, 422),
        )
        add(
            f"{one}/export",
            self.export,
            methods=["GET"],
            summary="Export an access review as CSV",
            response_class=Response,
            responses={200: {"content": {"text/csv": {"schema": {"type": "string"}}}}, **refusals(404, 422)},
        )
        add(
            f"{one}/entries/{{entry_id}}/sign",
            self.sign,
            methods=["POST"],
            summary="Sign a line of a review off",
            responses=refusals(404, 409, 422, is_change=True),
        )
        add(
            f"{one}/close",
            self.close,
            methods=["POST"],
            summary="Close a review that has open lines",
            responses=refusals(404, 409, 422, is_change=True),
        )
        return router

    async def list_reviews(self, *, limit: Limit = 100, after: After = "") -> Page[ReviewView]:
        """Youngest first."""
        found, following = await self._reviews.list(self._organization_id, after=after, limit=limit)
        return Page(items=[self._show(each) for each in found], next=following)

    async def begin(self, new: NewReviewView, who: Who) -> ReviewView:
        """Lists every grant, service token and service policy that counts now; what comes later is not in it."""
        return self._show(await self._reviews.begin(self._organization_id, new.name, due_at=new.due_at, actor=who))

    async def show(self, review_id: Id) -> ReviewView:
        """How far it is."""
        return self._show(await self._reviews.get(self._organization_id, review_id))

    async def list_entries(
        self,
        review_id: Id,
        *,
        limit: Limit = 100,
        after: After = "",
        is_open: Annotated[bool | None, Query(description="Only open lines, or only the others.")] = None,
    ) -> Page[ReviewEntryView]:
        """In the order in which they were listed: people, tokens, policies."""
        found, following = await self._reviews.entries(
            self._organization_id, review_id, is_open=is_open, after=after, limit=limit
        )
        return Page(items=[_show_entry(each) for each in found], next=following)

    async def export(self, review_id: Id) -> Response:
        """All lines, RFC 4180; no cell is a formula. As JSON: `entries`."""
        text = await self._reviews.export_csv(self._organization_id, review_id)
        headers = {"Content-Disposition": f'attachment; filename="{review_id}.csv"'}
        return Response(text, media_type="text/csv; charset=utf-8; header=present", headers=headers)

    async def sign(self, review_id: Id, entry_id: EntryPath, said: SignOff, who: Who, sight: Seen) -> ReviewEntryView:
        """Nobody signs off their own. To withdraw takes an administrator; what is withdrawn ends at once."""
        if said.outcome == "withdrawn":
            sight.require(Action.MANAGE_PEOPLE)
        signed = await self._reviews.sign(
            self._organization_id, review_id, entry_id, said.outcome, actor=who, note=said.note
        )
        return _show_entry(signed)

    async def close(self, review_id: Id, why: RequiredReason, who: Who) -> ReviewView:
        """Though lines are open; a reason is required."""
        return self._show(await self._reviews.close(self._organization_id, review_id, actor=who, reason=why.reason))

    def _show(self, review: Review) -> ReviewView:
        return ReviewView(
            review_id=review.review_id,
            name=review.name,
            created_at=review.created_at,
            created_by=review.created_by.id,
            due_at=review.due_at,
            closed_at=review.closed_at,
            total_entries=review.total_entries,
            open_entries=review.open_entries,
            is_overdue=self._reviews.is_overdue(review),
        )


def _show_entry(entry: ReviewEntry) -> ReviewEntryView:
    return ReviewEntryView(
        entry_id=entry.entry_id,
        subject_kind=entry.subject_kind,
        subject_id=entry.subject_id,
        subject_name=entry.subject_name,
        role=entry.role,
        sites=sorted(entry.scopes.sites),
        groups=sorted(entry.scopes.groups),
        mode=entry.mode,
        grant_id=entry.grant_id,
        granted_at=entry.granted_at,
        last_used_at=entry.last_used_at,
        outcome=entry.outcome,
        signed_at=entry.signed_at,
        signed_by="" if entry.signed_by is None else entry.signed_by.id,
        note=entry.note,
    )
