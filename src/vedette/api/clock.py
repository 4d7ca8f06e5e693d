"""``/v1/clock``: whether the wall clock is believed, and an operator's word that it is right."""

from __future__ import annotations

from fastapi import APIRouter
from pydantic import Field

from vedette.api.schema import RequiredReason, Timestamp, View, Who, api_router, refusals
from vedette.kernel import OrganizationId
from vedette.ledger import Ledger
from vedette.registry import ClockGuard, accept_clock
from vedette.store import Store


class ClockView(View):
    """The wall clock of control against the time it should be: the last one on record, and the time since."""

    at: Timestamp = Field(description="What the clock reads.")
    expected: Timestamp = Field(description="What it should read.")
    drift_s: float = Field(description="How far it is off, in seconds: negative when it was set back.")
    limit_s: float = Field(description="How far it may be off, in seconds.")
    is_held: bool = Field(description="Whether nothing that widens access is done; restricting always works.")


class ClockRoutes:
    """What the routes below do, for one organization."""

    def __init__(self, organization_id: OrganizationId, guard: ClockGuard, store: Store, ledger: Ledger) -> None:
        self._organization_id = organization_id
        self._guard = guard
        self._store = store
        self._ledger = ledger

    def build(self) -> APIRouter:
        """Return the routes."""
        router = api_router("clock", "/v1/clock")
        add = router.add_api_route
        add("", self.show, methods=["GET"], summary="Show whether the clock is believed", responses=refusals())
        add(
            "/accept",
            self.accept,
            methods=["POST"],
            summary="Believe the clock as it stands",
            responses=refusals(422, is_change=True),
        )
        return router

    async def show(self) -> ClockView:
        """A clock that jumped holds all that widens access until it is set right, or accepted."""
        return self._shown()

    async def accept(self, why: RequiredReason, who: Who) -> ClockView:
        """From now on its time is the time on record; a clock that is believed already stays as it is."""
        await accept_clock(self._guard, self._store, self._ledger, self._organization_id, actor=who, reason=why.reason)
        return self._shown()

    def _shown(self) -> ClockView:
        reading = self._guard.read()
        return ClockView(
            at=reading.at,
            expected=reading.expected,
            drift_s=round(reading.drift.total_seconds(), 3),
            limit_s=reading.limit.total_seconds(),
            is_held=reading.is_held,
        )
