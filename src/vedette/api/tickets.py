"""``/v1/tickets``: changes that were announced, whose alerts are kept and raised to nobody."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Path, Query
from pydantic import Field

from vedette.api.alert_views import PatternView, read_pattern, show_pattern_view
from vedette.api.schema import After, Limit, Moment, Page, Reason, Timestamp, View, Who, api_router, refusals
from vedette.incidents import NewTicket, Ticket, TicketService
from vedette.kernel import Clock, OrganizationId

Id = Annotated[str, Path(max_length=64, description="Generated id of the ticket.", examples=["tkt_06h0"])]
_Name = Annotated[str, Field(min_length=1, max_length=256)]


class NewTicketView(View):
    """A change that is announced."""

    reference: str = Field(
        min_length=1, max_length=256, description="What it is called where it was approved.", examples=["CHG-1042"]
    )
    summary: str = Field(default="", max_length=256)
    people: Annotated[list[_Name], Field(default_factory=list, max_length=32)] = Field(description="Who does it.")
    pattern: PatternView = Field(
        description="Its targets are the assets that are changed, and needed; its sources where that is done from, its "
        "rules what is done."
    )
    begins_at: Moment
    ends_at: Moment = Field(description="Within 92 days of the beginning.")


class TicketView(View):
    """A change that was announced."""

    ticket_id: str
    reference: str
    summary: str
    people: list[str]
    pattern: PatternView
    state: Literal["planned", "running", "over"]
    begins_at: Timestamp
    ends_at: Timestamp
    created_at: Timestamp
    created_by: str
    matched: int = Field(description="How many alerts it has authorized.")
    last_matched_at: Timestamp | None
    ended_at: Timestamp | None
    ended_by: str


class TicketRoutes:
    """What the routes below do, for one organization."""

    def __init__(self, organization_id: OrganizationId, tickets: TicketService, *, clock: Clock) -> None:
        self._organization_id = organization_id
        self._tickets = tickets
        self._clock = clock

    def build(self) -> APIRouter:
        """Return the routes."""
        router = api_router("alerts", "/v1/tickets")
        add = router.add_api_route
        add("", self.list_tickets, methods=["GET"], summary="List tickets", responses=refusals(400, 422))
        add(
            "",
            self.open,
            methods=["POST"],
            status_code=201,
            summary="Open a ticket",
            responses=refusals(409, 422, is_change=True),
        )
        one = "/{ticket_id}"
        add(one, self.show, methods=["GET"], summary="Show a ticket", responses=refusals(404, 422))
        add(
            f"{one}/end",
            self.end,
            methods=["POST"],
            summary="End a ticket",
            responses=refusals(404, 422, is_change=True),
        )
        return router

    async def list_tickets(
        self,
        *,
        limit: Limit = 100,
        after: After = "",
        is_over: Annotated[bool | None, Query(description="Only those, or only the others.")] = None,
    ) -> Page[TicketView]:
        """Youngest first."""
        found, following = await self._tickets.search(self._organization_id, is_over=is_over, after=after, limit=limit)
        return Page(items=[self._show(each) for each in found], next=following)

    async def open(self, new: NewTicketView, who: Who) -> TicketView:
        """It begins now or later: what happened before is judged alert by alert. Malware is never authorized."""
        asked = NewTicket(
            reference=new.reference,
            summary=new.summary,
            people=tuple(new.people),
            pattern=read_pattern(new.pattern),
            begins_at=new.begins_at,
            ends_at=new.ends_at,
        )
        return self._show(await self._tickets.open(self._organization_id, asked, actor=who))

    async def show(self, ticket_id: Id) -> TicketView:
        """One ticket."""
        return self._show(await self._tickets.get(self._organization_id, ticket_id))

    async def end(self, ticket_id: Id, why: Reason, who: Who) -> TicketView:
        """Before its time: from now on it authorizes nothing more. A second time changes nothing."""
        return self._show(await self._tickets.end(self._organization_id, ticket_id, actor=who, reason=why.reason))

    def _show(self, found: Ticket) -> TicketView:
        names = TicketView.model_fields.keys() - {"pattern", "state", "people"}
        return TicketView(
            pattern=show_pattern_view(found.pattern),
            state=found.state(self._clock.now()),
            people=list(found.people),
            **{name: getattr(found, name) for name in names},
        )
