"""``/v1/enrollments``: who may register with an onboarding identity, and what they get."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Body, Path, Query, Response

from vedette.api.enrollment_views import (
    EnrollmentPatch,
    EnrollmentView,
    NewEnrollmentView,
    RegistrationView,
    show_enrollment,
    show_registration,
)
from vedette.api.schema import (
    MERGE_PATCH,
    REASON_MAX_CHARS,
    After,
    DevicePath,
    Limit,
    Page,
    Reason,
    RequiredReason,
    Revision,
    Who,
    api_router,
    refusals,
)
from vedette.enrollment import Enrollment, EnrollmentKind, EnrollmentService, RegistrationLocks
from vedette.kernel import OrganizationId

Id = Annotated[str, Path(max_length=64, description="Generated id of the enrollment.", examples=["enr_06h0"])]
_NO_REASON = Reason()


class EnrollmentRoutes:
    """What the routes below do, for one organization."""

    def __init__(
        self, organization_id: OrganizationId, enrollments: EnrollmentService, locks: RegistrationLocks
    ) -> None:
        self._organization_id = organization_id
        self._enrollments = enrollments
        self._locks = locks

    def build(self) -> APIRouter:
        """Return the routes."""
        router = api_router("enrollments", "")
        change = refusals(404, 409, 412, 422, is_change=True)
        add = router.add_api_route
        base = "/v1/enrollments"
        add(base, self.list_enrollments, methods=["GET"], summary="List enrollments", responses=refusals(422))
        add(
            base,
            self.create,
            methods=["POST"],
            status_code=201,
            summary="Create an enrollment",
            responses=refusals(404, 409, 422, is_change=True),
        )
        one = f"{base}/{{enrollment_id}}"
        add(one, self.show, methods=["GET"], summary="Show an enrollment", responses=refusals(404, 422))
        add(
            one,
            self.patch,
            methods=["PATCH"],
            summary="Change an enrollment",
            responses=change,
            openapi_extra={
                "requestBody": {"content": {MERGE_PATCH: {"schema": {"$ref": "#/components/schemas/EnrollmentPatch"}}}}
            },
        )
        add(one, self.delete, methods=["DELETE"], status_code=204, summary="Delete an enrollment", responses=change)
        add(f"{one}/disable", self.disable, methods=["POST"], summary="Disable an enrollment", responses=change)
        add(f"{one}/enable", self.enable, methods=["POST"], summary="Enable an enrollment", responses=change)
        add(
            f"{one}/registrations",
            self.list_registrations,
            methods=["GET"],
            summary="List who registered through an enrollment",
            responses=refusals(404, 422),
        )
        add(
            "/v1/devices/{device_id}/allow-reenrollment",
            self.allow_again,
            methods=["POST"],
            summary="Allow a device to register once more",
            responses=change,
        )
        return router

    async def list_enrollments(
        self,
        *,
        limit: Limit = 100,
        after: After = "",
        kind: Annotated[EnrollmentKind | None, Query(description="Only of this kind.")] = None,
    ) -> Page[EnrollmentView]:
        """In the order they were made."""
        found, following = await self._enrollments.list(self._organization_id, after=after, limit=limit, kind=kind)
        return Page(items=[show_enrollment(each) for each in found], next=following)

    async def create(self, new: NewEnrollmentView, who: Who, response: Response) -> EnrollmentView:
        """One device by its pinned certificate, or all that a verified authority vouches for."""
        enrollment = await self._enrollments.create(self._organization_id, new.to_new_enrollment(), actor=who)
        return _tagged(enrollment, response)

    async def show(self, enrollment_id: Id, response: Response) -> EnrollmentView:
        """One enrollment."""
        return _tagged(await self._enrollments.get(self._organization_id, enrollment_id), response)

    async def patch(
        self,
        enrollment_id: Id,
        patch: Annotated[EnrollmentPatch, Body()],
        who: Who,
        revision: Revision,
        response: Response,
    ) -> EnrollmentView:
        """Merge patch (RFC 7396); devices that registered before keep what they have."""
        enrollment = await self._enrollments.update(
            self._organization_id, enrollment_id, patch.to_patch(), actor=who, if_match=revision
        )
        return _tagged(enrollment, response)

    async def disable(
        self, enrollment_id: Id, who: Who, revision: Revision, response: Response, why: Reason = _NO_REASON
    ) -> EnrollmentView:
        """Nobody registers through it from now on; an entry that matches first still blocks."""
        return await self._switch(enrollment_id, response, is_enabled=False, who=who, revision=revision, why=why)

    async def enable(
        self, enrollment_id: Id, who: Who, revision: Revision, response: Response, why: Reason = _NO_REASON
    ) -> EnrollmentView:
        """Devices register through it again."""
        return await self._switch(enrollment_id, response, is_enabled=True, who=who, revision=revision, why=why)

    async def delete(
        self,
        enrollment_id: Id,
        who: Who,
        revision: Revision,
        reason: Annotated[str, Query(max_length=REASON_MAX_CHARS, description="Why; it stands in the ledger.")] = "",
    ) -> None:
        """Devices that registered through it keep what they have."""
        await self._enrollments.delete(
            self._organization_id, enrollment_id, actor=who, reason=reason, if_match=revision
        )

    async def list_registrations(
        self, enrollment_id: Id, *, limit: Limit = 100, after: After = ""
    ) -> Page[RegistrationView]:
        """By registration id."""
        await self._enrollments.get(self._organization_id, enrollment_id)
        found, following = await self._enrollments.registrations(
            self._organization_id, enrollment_id, after=after, limit=limit
        )
        return Page(items=[show_registration(each) for each in found], next=following)

    async def allow_again(self, device_id: DevicePath, why: RequiredReason, who: Who) -> RegistrationView:
        """For a day, once: for a device that was reset, replaced or revoked. A reason is required."""
        return show_registration(
            await self._locks.allow_reenrollment(self._organization_id, device_id, actor=who, reason=why.reason)
        )

    async def _switch(
        self, enrollment_id: str, response: Response, *, is_enabled: bool, who: Who, revision: Revision, why: Reason
    ) -> EnrollmentView:
        enrollment = await self._enrollments.update(
            self._organization_id,
            enrollment_id,
            {"is_enabled": is_enabled},
            actor=who,
            reason=why.reason,
            if_match=revision,
        )
        return _tagged(enrollment, response)


def _tagged(enrollment: Enrollment, response: Response) -> EnrollmentView:
    response.headers["ETag"] = enrollment.etag
    return show_enrollment(enrollment)
