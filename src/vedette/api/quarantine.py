"""``/v1/devices/{device_id}/quarantine`` and ``/v1/quarantines``: into it at once, out of it step by step."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Query
from pydantic import Field

from vedette.access import EnforcementTracker, Quarantined, QuarantineMode, QuarantinePreview, QuarantineService
from vedette.api.device_views import EnforcementView, show_enforcement
from vedette.api.schema import (
    REASON_MAX_CHARS,
    After,
    DevicePath,
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
from vedette.kernel import Clock, OrganizationId
from vedette.trust import Lifecycle


class QuarantineRequest(View):
    """Why a device is put into quarantine, and how deep."""

    reason: str = Field(min_length=1, max_length=REASON_MAX_CHARS, description="Why, in your own words.")
    mode: Literal["limited", "cut"] = Field(
        default="limited",
        description="`limited`: it may renew, report and fetch updates, nothing else; `cut`: it may not connect.",
    )
    review_at: Moment | None = Field(
        default=None, description="When somebody should look at it again; in a week if left out. Nothing ends by it."
    )
    is_override: bool = Field(
        default=False, description="Cut it off although a budget of the blast radius is spent. For people only."
    )


class QuarantineView(View):
    """A device in quarantine."""

    device_id: str
    generation_id: str
    mode: QuarantineMode
    asked_mode: QuarantineMode
    narrowed_because: str = Field(description="Why `mode` is less than what was asked for; empty: it is not.")
    reason: str
    source: str
    since: Timestamp
    review_at: Timestamp
    is_review_due: bool
    mode_since: Timestamp
    former_lifecycle: Lifecycle
    started_by: str
    asked_by: str = Field(description="Who asked for a cut that waits for a second person; empty: nobody.")
    rechecked_by: str


class QuarantineChange(View):
    """A quarantine that was changed, and how far the change has come."""

    quarantine: QuarantineView | None = Field(description="Null once it is over.")
    enforcement: EnforcementView


class BudgetView(View):
    """How much of one part of the fleet may be cut off within an hour, and was."""

    part: Literal["source", "site", "group"]
    name: str = Field(description="Of the site or source; the generated id of a group.")
    members: int = Field(description="Its devices; 0: a source has none.")
    cut: int = Field(description="Devices that were cut off within the hour, but for this one.")
    most: int
    is_spent: bool


class QuarantinePreviewView(View):
    """What would become of a device."""

    present_mode: QuarantineMode | None = Field(description="Its quarantine now; null: it is in none.")
    mode: QuarantineMode = Field(description="Its quarantine afterwards.")
    narrowed_because: str = Field(description="Why that is less than what was asked for; empty: it is not.")
    needs_second_person: bool = Field(description="Another person would have to approve what was asked for.")
    may_override: bool = Field(description="Whoever asks may go beyond what narrows it, by `is_override`.")
    is_last_gateway: bool = Field(description="No other gateway of its site is connected.")
    sessions: int = Field(description="Live sessions that would be narrowed or cut, those of its modules among them.")
    budgets: list[BudgetView] = Field(description="What a cut counts against.")


class QuarantineRoutes:
    """What the routes below do, for one organization."""

    def __init__(
        self,
        organization_id: OrganizationId,
        quarantines: QuarantineService,
        enforcement: EnforcementTracker,
        *,
        clock: Clock,
    ) -> None:
        self._organization_id = organization_id
        self._quarantines = quarantines
        self._enforcement = enforcement
        self._clock = clock

    def build(self) -> list[APIRouter]:
        """Return the routes of one device, and of the list."""
        router = api_router("quarantine", "/v1/devices/{device_id}/quarantine")
        change = refusals(404, 409, 422, is_change=True)
        add = router.add_api_route
        add("", self.show, methods=["GET"], summary="Show the quarantine of a device", responses=refusals(404, 422))
        add(
            "/preview",
            self.preview,
            methods=["GET"],
            summary="Preview a quarantine",
            responses=refusals(404, 422),
        )
        add("", self.quarantine, methods=["POST"], summary="Quarantine a device", responses=change)
        add("/approve", self.approve, methods=["POST"], summary="Approve a cut as the second person", responses=change)
        add("/recover", self.recover, methods=["POST"], summary="Lead a device one step back", responses=change)
        add("/sign-off", self.sign_off, methods=["POST"], summary="Sign a device off as recovered", responses=change)
        add("/release", self.release, methods=["POST"], summary="Undo a quarantine", responses=change)
        fleet = api_router("quarantine", "/v1/quarantines")
        fleet.add_api_route(
            "", self.list_quarantines, methods=["GET"], summary="List quarantines", responses=refusals(422)
        )
        return [router, fleet]

    async def show(self, device_id: DevicePath) -> QuarantineView:
        """Why it is there, since when, and what was asked for."""
        return self._show(await self._quarantines.get(self._organization_id, device_id))

    async def preview(
        self,
        device_id: DevicePath,
        who: Who,
        *,
        mode: Annotated[Literal["limited", "cut"], Query(description="How deep.")] = "limited",
        is_override: Annotated[bool, Query(description="As if you went beyond a spent budget.")] = False,
    ) -> QuarantinePreviewView:
        """What it would come to if you asked for it now; changes nothing."""
        found = await self._quarantines.previews.preview(
            self._organization_id, device_id, mode=QuarantineMode(mode), actor=who, is_override=is_override
        )
        return _show_preview(found)

    async def quarantine(self, device_id: DevicePath, asked: QuarantineRequest, who: Who) -> QuarantineChange:
        """Narrow it, or cut it off; what the blast radius forbids to cut is narrowed. Repeating it changes nothing."""
        done = await self._quarantines.quarantine(
            self._organization_id,
            device_id,
            reason=asked.reason,
            actor=who,
            mode=QuarantineMode(asked.mode),
            review_at=asked.review_at,
            is_override=asked.is_override,
        )
        return await self._enforced(done)

    async def approve(self, device_id: DevicePath, why: RequiredReason, who: Who) -> QuarantineChange:
        """Cut off a critical device, as another person has asked for."""
        done = await self._quarantines.approve(self._organization_id, device_id, actor=who, reason=why.reason)
        return await self._enforced(done)

    async def recover(self, device_id: DevicePath, why: RequiredReason, who: Who) -> QuarantineChange:
        """From `cut` to `limited`; from there, once nothing stands against it, to `probation`."""
        done = await self._quarantines.recover(self._organization_id, device_id, actor=who, reason=why.reason)
        return await self._enforced(done)

    async def sign_off(self, device_id: DevicePath, why: RequiredReason, who: Who) -> QuarantineChange:
        """End the quarantine of a device on probation, after one more look at what is known of it."""
        device = await self._quarantines.sign_off(self._organization_id, device_id, actor=who, reason=why.reason)
        return await self._ended(device.generation_id)

    async def release(self, device_id: DevicePath, why: RequiredReason, who: Who) -> QuarantineChange:
        """Undo a quarantine that was a mistake: the device is at once what it was before."""
        device = await self._quarantines.release(self._organization_id, device_id, actor=who, reason=why.reason)
        return await self._ended(device.generation_id)

    async def list_quarantines(
        self,
        sight: Seen,
        *,
        limit: Limit = 100,
        after: After = "",
        is_due: Annotated[bool, Query(description="Only those that somebody should look at again.")] = False,
        waits_for_approval: Annotated[
            bool | None, Query(description="Only those whose cut waits for a second person, or only the others.")
        ] = None,
    ) -> Page[QuarantineView]:
        """Devices in quarantine that you may see, in the order they were registered."""
        page = await self._quarantines.list(
            self._organization_id, after=after, limit=limit, is_due=is_due, waits_for_approval=waits_for_approval
        )
        seen = await sight.keep(page.items, lambda each: each.generation_id)
        return Page(items=[self._show(each) for each in seen], next=page.next)

    async def _enforced(self, done: Quarantined) -> QuarantineChange:
        enforcement = await self._enforcement.wait([done.generation_id])
        return QuarantineChange(quarantine=self._show(done), enforcement=show_enforcement(enforcement))

    async def _ended(self, generation_id: str) -> QuarantineChange:
        enforcement = await self._enforcement.wait([generation_id])
        return QuarantineChange(quarantine=None, enforcement=show_enforcement(enforcement))

    def _show(self, quarantined: Quarantined) -> QuarantineView:
        names = QuarantineView.model_fields.keys() - {"is_review_due"}
        return QuarantineView(
            is_review_due=quarantined.review_at <= self._clock.now(),
            **{name: getattr(quarantined, name) for name in names},
        )


def _show_preview(found: QuarantinePreview) -> QuarantinePreviewView:
    names = QuarantinePreviewView.model_fields.keys() - {"budgets"}
    budgets = [
        BudgetView(**{name: getattr(budget, name) for name in BudgetView.model_fields}) for budget in found.budgets
    ]
    return QuarantinePreviewView(budgets=budgets, **{name: getattr(found, name) for name in names})
