"""``/v1/pending-registrations``: devices that an operator is asked about."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated

from fastapi import APIRouter, Path, Query

from vedette.api.registration_views import Approving, PendingRegistrationView, Rejecting, show_pending
from vedette.api.schema import After, Limit, Page, Who, api_router, refusals
from vedette.enrollment import EnrollmentService, PendingRegistration, PendingState, RegistrationApprovals
from vedette.kernel import OrganizationId

RegistrationPath = Annotated[
    str,
    Path(description="Registration id.", pattern=r"^[A-Za-z0-9\-._:]{1,128}$", examples=["pump-7"]),
]


class PendingRegistrationRoutes:
    """What the routes below do, for one organization."""

    def __init__(
        self, organization_id: OrganizationId, approvals: RegistrationApprovals, enrollments: EnrollmentService
    ) -> None:
        self._organization_id = organization_id
        self._approvals = approvals
        self._enrollments = enrollments

    def build(self) -> APIRouter:
        """Return the routes."""
        router = api_router("enrollments", "")
        add = router.add_api_route
        base = "/v1/pending-registrations"
        one = f"{base}/{{registration_id}}"
        add(
            base,
            self.list_pending,
            methods=["GET"],
            summary="List registrations that wait for approval",
            responses=refusals(422),
        )
        add(one, self.show, methods=["GET"], summary="Show a registration that waits", responses=refusals(404, 422))
        add(
            f"{one}/approve",
            self.approve,
            methods=["POST"],
            summary="Let a device in that waits",
            responses=refusals(404, 409, 412, 422, is_change=True),
        )
        add(
            f"{one}/reject",
            self.reject,
            methods=["POST"],
            summary="Keep a device out that waits",
            responses=refusals(404, 412, 422, is_change=True),
        )
        return router

    async def list_pending(
        self,
        *,
        limit: Limit = 100,
        after: After = "",
        state: Annotated[PendingState | None, Query(description="Only in this state.")] = None,
        enrollment_id: Annotated[str | None, Query(max_length=64, description="Only through this one.")] = None,
    ) -> Page[PendingRegistrationView]:
        """Oldest first; an approved one stays until the device has fetched its answer, a rejected one for a day."""
        found, following = await self._approvals.list(
            self._organization_id, state=state, enrollment_id=enrollment_id, after=after, limit=limit
        )
        return Page(items=await self._show(found), next=following)

    async def show(self, registration_id: RegistrationPath) -> PendingRegistrationView:
        """With all that a decision needs."""
        waiting = await self._approvals.get(self._organization_id, registration_id)
        return (await self._show([waiting]))[0]

    async def approve(self, registration_id: RegistrationPath, what: Approving, who: Who) -> PendingRegistrationView:
        """The device is told when it asks next, after every other check was made once more."""
        waiting = await self._approvals.approve(
            self._organization_id, registration_id, binding_sha256=what.binding_sha256, actor=who, reason=what.reason
        )
        return (await self._show([waiting]))[0]

    async def reject(self, registration_id: RegistrationPath, what: Rejecting, who: Who) -> PendingRegistrationView:
        """For a day the device is refused without a question; approving it takes that back."""
        waiting = await self._approvals.reject(
            self._organization_id, registration_id, binding_sha256=what.binding_sha256, actor=who, reason=what.reason
        )
        return (await self._show([waiting]))[0]

    async def _show(self, found: Iterable[PendingRegistration]) -> list[PendingRegistrationView]:
        listed = list(found)
        ids = sorted({each.enrollment_id for each in listed})
        names = await self._enrollments.names_of(self._organization_id, ids) if ids else {}
        return [show_pending(each, names.get(each.enrollment_id, "")) for each in listed]
