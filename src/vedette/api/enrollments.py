"""``/v1/enrollments``: who may register with an onboarding identity, and what they get."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Body, Depends, Path, Query, Request, Response

from vedette.api.device_views import NewKeyView, show_new_key
from vedette.api.enrollment_views import (
    CreatedEnrollmentView,
    EnrollmentPatch,
    EnrollmentView,
    NewEnrollmentView,
    show_created_enrollment,
    show_enrollment,
)
from vedette.api.keys import KeyRotation
from vedette.api.registration_views import RegistrationView, show_registration
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
    holds_secret,
    refusals,
)
from vedette.enrollment import Enrollment, EnrollmentKind, EnrollmentService, RegistrationLocks
from vedette.kernel import OrganizationId
from vedette.pki import parse_symmetric_key

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
            f"{one}/keys/rotate",
            self.rotate_key,
            methods=["POST"],
            summary="Replace a symmetric key of an enrollment",
            responses=refusals(404, 409, 422, is_change=True),
            dependencies=[Depends(holds_secret)],
        )
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
        keys = await self._enrollments.keys_of(self._organization_id, [each.enrollment_id for each in found])
        return Page(items=[show_enrollment(each, keys) for each in found], next=following)

    async def create(
        self, new: NewEnrollmentView, who: Who, request: Request, response: Response
    ) -> CreatedEnrollmentView:
        """One device by its pinned certificate, or all that a verified authority vouches for; or by a symmetric key."""
        created = await self._enrollments.create(
            self._organization_id, new.to_new_enrollment(), actor=who, key_values=new.to_key_values()
        )
        response.headers["ETag"] = created.enrollment.etag
        return show_created_enrollment(created, request)

    async def show(self, enrollment_id: Id, response: Response) -> EnrollmentView:
        """One enrollment."""
        return await self._tagged(await self._enrollments.get(self._organization_id, enrollment_id), response)

    async def rotate_key(self, enrollment_id: Id, rotation: KeyRotation, who: Who, request: Request) -> NewKeyView:
        """The new key is shown this once; devices that registered with the old one keep what they have."""
        value = None if rotation.key is None else parse_symmetric_key(rotation.key)
        new = await self._enrollments.rotate_key(
            self._organization_id, enrollment_id, rotation.slot, actor=who, value=value
        )
        return show_new_key(new, request)

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
        return await self._tagged(enrollment, response)

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
        return await self._tagged(enrollment, response)

    async def _tagged(self, enrollment: Enrollment, response: Response) -> EnrollmentView:
        response.headers["ETag"] = enrollment.etag
        keys = await self._enrollments.keys_of(self._organization_id, [enrollment.enrollment_id])
        return show_enrollment(enrollment, keys)
