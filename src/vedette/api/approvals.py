"""``/v1/approvals``: acts that wait for another person."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Path, Query
from pydantic import Field

from vedette.api.schema import (
    REASON_MAX_CHARS,
    After,
    Caller,
    Limit,
    Page,
    Timestamp,
    View,
    Who,
    api_router,
    refusals,
)
from vedette.api.sight import Seen, Sight
from vedette.kernel import GenerationId, OrganizationId
from vedette.operators import Action, Approval, ApprovalService, PersonNeeded, Subject
from vedette.registry import DevicePlace, PlaceService

Id = Annotated[str, Path(max_length=64, description="Generated id of the act.", examples=["apr_06h0"])]
State = Literal["waiting", "approved", "refused", "used", "expired"]


class WaitingActView(View):
    """An act that somebody asked for and that waits, or waited, for another person."""

    approval_id: str
    asked_by: str = Field(description="Id of who asked, as in the ledger.")
    asked_by_name: str
    method: str
    path: str
    body: str = Field(description="What was sent, shortened; members that may hold a secret are hidden.")
    body_sha256: str = Field(description="Of what was sent; only exactly this is approved.")
    action: str
    asked_at: Timestamp
    expires_at: Timestamp
    state: State = Field(description="`used`: it was carried out after it was approved.")
    decided_at: Timestamp | None
    decided_by: str
    note: str


class Note(View):
    """What the decider says to it."""

    note: str = Field(default="", max_length=REASON_MAX_CHARS, description="It stands in the ledger.")


_NO_NOTE = Note()


class ApprovalRoutes:
    """What the routes below do, for one organization."""

    def __init__(self, organization_id: OrganizationId, approvals: ApprovalService, places: PlaceService) -> None:
        self._organization_id = organization_id
        self._approvals = approvals
        self._places = places

    def build(self) -> APIRouter:
        """Return the routes."""
        router = api_router("roles", "/v1/approvals")
        add = router.add_api_route
        add("", self.list_acts, methods=["GET"], summary="List acts that wait for approval", responses=refusals(422))
        add(
            "/{approval_id}", self.show, methods=["GET"], summary="Show an act that waits", responses=refusals(404, 422)
        )
        for path, act, text in (
            ("approve", self.approve, "Approve somebody's act"),
            ("refuse", self.refuse, "Refuse somebody's act"),
        ):
            add(
                f"/{{approval_id}}/{path}",
                act,
                methods=["POST"],
                summary=text,
                responses=refusals(404, 422, is_change=True),
            )
        return router

    async def list_acts(
        self,
        caller: Caller,
        sight: Seen,
        *,
        limit: Limit = 100,
        after: After = "",
        is_open: Annotated[bool | None, Query(description="Only those that wait, or only the others.")] = None,
    ) -> Page[WaitingActView]:
        """Youngest first: one's own, and for who may audit all of them. A page may be short."""
        found, following = await self._approvals.list(self._organization_id, is_open=is_open, after=after, limit=limit)
        is_auditor = sight.may(Action.AUDIT)
        seen = [each for each in found if is_auditor or each.asked_by.id == caller.actor.id]
        return Page(items=[self._show(each) for each in seen], next=following)

    async def show(self, approval_id: Id, caller: Caller, sight: Seen) -> WaitingActView:
        """With what was sent, so that it can be judged."""
        found = await self._approvals.get(self._organization_id, approval_id)
        if found.asked_by.id != caller.actor.id and not sight.may(Action.AUDIT):
            await self._check_may(found, sight)
        return self._show(found)

    async def approve(
        self, approval_id: Id, who: Who, caller: Caller, sight: Seen, said: Note = _NO_NOTE
    ) -> WaitingActView:
        """A person, or the host's token, that may do it, but not who asked; who asked then repeats the same request."""
        found = await self._approvals.get(self._organization_id, approval_id)
        if caller.person_id is None and not caller.is_host:
            # Whoever asked can make either for themselves.
            raise PersonNeeded("a program or a one-time link approves nothing", hint="log in as a person")
        await self._check_may(found, sight)
        return self._show(
            await self._approvals.decide(self._organization_id, approval_id, "approved", actor=who, note=said.note)
        )

    async def refuse(
        self, approval_id: Id, who: Who, caller: Caller, sight: Seen, said: Note = _NO_NOTE
    ) -> WaitingActView:
        """Whoever may do it themselves; who asked takes it back so."""
        found = await self._approvals.get(self._organization_id, approval_id)
        if found.asked_by.id != caller.actor.id:
            await self._check_may(found, sight)
        return self._show(
            await self._approvals.decide(self._organization_id, approval_id, "refused", actor=who, note=said.note)
        )

    async def _check_may(self, found: Approval, sight: Sight) -> None:
        """Check that somebody could do themselves, confirmations included, what they decide.

        Raises:
            Problem: They could not.
        """
        subject = Subject()
        if found.device_id:
            place = await self._places.find(self._organization_id, found.device_id)
            subject = Subject(place=place or DevicePlace(GenerationId(""), "", None, "", frozenset()))
        sight.require(Action(found.action), subject, is_approved=True)

    def _show(self, found: Approval) -> WaitingActView:
        state: State = found.state
        if state in {"waiting", "approved"} and self._approvals.has_expired(found):
            state = "expired"
        return WaitingActView(
            approval_id=found.approval_id,
            asked_by=found.asked_by.id,
            asked_by_name=found.asked_by.name,
            method=found.method,
            path=found.path,
            body=found.body,
            body_sha256=found.body_sha256,
            action=found.action,
            asked_at=found.asked_at,
            expires_at=found.expires_at,
            state=state,
            decided_at=found.decided_at,
            decided_by=found.decided_by_id,
            note=found.note,
        )
