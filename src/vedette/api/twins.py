"""``/v1/devices/{device_id}/twin`` and that of its modules: what they should be set to, and what they say they are."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Body, Response
from pydantic import Field

from vedette.api.schema import (
    OF_MODULE,
    IdentityPath,
    Revision,
    Timestamp,
    View,
    Who,
    api_router,
    refusals,
    takes_merge_patch,
)
from vedette.kernel import OrganizationId
from vedette.registry import Twin, TwinService

Properties = dict[str, Any]  # Any: JSON


class TwinView(View):
    """The twin of a device or a module."""

    device_id: str
    module_id: str | None
    generation_id: str
    tags: Properties = Field(description="For operators, groups and policies; the device never sees them.")
    desired: Properties = Field(description="What the device should be set to.", examples=[{"interval_s": 10}])
    desired_version: int = Field(description="Grows by 1 with each change of the desired properties.")
    desired_metadata: Properties = Field(
        description="The tree of `desired` with `$lastUpdated` and `$lastUpdatedVersion`."
    )
    reported: Properties = Field(description="What the device says; not proved by anything.")
    reported_version: int = Field(description="Grows by 1 with each report.")
    reported_metadata: Properties = Field(description="The tree of `reported` with `$lastUpdated`.")
    updated_at: Timestamp | None = Field(description="Of the last change of either; null before the first.")
    revision: int = Field(description="Of what an operator can change; the `ETag` is this number in quotes.")


class TwinPatch(View):
    """A merge patch (RFC 7396): null takes a member away, an absent one stays as it is."""

    tags: Properties = Field(default_factory=dict, description="Merged into the tags.")
    desired: Properties = Field(
        default_factory=dict,
        description="Merged into the desired properties, and sent to the device if it is connected.",
    )


class TwinReplacement(View):
    """All that an operator can set, whole."""

    tags: Properties = Field(description="Instead of all tags.")
    desired: Properties = Field(description="Instead of all desired properties.")


class TwinRoutes:
    """What the routes below do, for one organization."""

    def __init__(self, organization_id: OrganizationId, twins: TwinService) -> None:
        self._organization_id = organization_id
        self._twins = twins

    def build(self) -> APIRouter:
        """Return the routes."""
        router = api_router("twins", "/v1/devices/{device_id}")
        change = refusals(404, 409, 412, 422, is_change=True)
        add = router.add_api_route
        for path, of, shared in (("/twin", "a device", {}), ("/modules/{module_id}/twin", "a module", OF_MODULE)):
            add(
                path,
                self.show,
                methods=["GET"],
                summary=f"Show the twin of {of}",
                responses=refusals(404, 422),
                openapi_extra=shared,
            )
            add(
                path,
                self.patch,
                methods=["PATCH"],
                summary=f"Change the twin of {of}",
                responses=change,
                openapi_extra=shared | takes_merge_patch("TwinPatch"),
            )
            add(
                path,
                self.replace,
                methods=["PUT"],
                summary=f"Replace the twin of {of}",
                responses=change,
                openapi_extra=shared,
            )
        return router

    async def show(self, identity: IdentityPath, response: Response) -> TwinView:
        """Tags, desired and reported properties, with versions and times."""
        return _tagged(await self._twins.get(self._organization_id, identity.device_id, identity.module_id), response)

    async def patch(
        self,
        identity: IdentityPath,
        patch: Annotated[TwinPatch, Body()],
        who: Who,
        revision: Revision,
        response: Response,
    ) -> TwinView:
        """Merge patch (RFC 7396). Whoever is connected gets the change of its desired properties at once."""
        changed = await self._twins.patch(
            self._organization_id,
            identity.device_id,
            identity.module_id,
            tags=patch.tags or None,
            desired=patch.desired or None,
            actor=who,
            if_match=revision,
        )
        return _tagged(changed, response)

    async def replace(
        self, identity: IdentityPath, whole: TwinReplacement, who: Who, revision: Revision, response: Response
    ) -> TwinView:
        """What is not sent is taken away; reported properties stay."""
        changed = await self._twins.replace(
            self._organization_id,
            identity.device_id,
            identity.module_id,
            tags=whole.tags,
            desired=whole.desired,
            actor=who,
            if_match=revision,
        )
        return _tagged(changed, response)


def _tagged(twin: Twin, response: Response) -> TwinView:
    response.headers["ETag"] = twin.etag
    desired, reported = twin.desired, twin.reported
    return TwinView(
        device_id=twin.device_id,
        module_id=twin.module_id,
        generation_id=twin.generation_id,
        tags=twin.tags,
        desired=desired.values,
        desired_version=desired.version,
        desired_metadata=desired.metadata,
        reported=reported.values,
        reported_version=reported.version,
        reported_metadata=reported.metadata,
        updated_at=twin.updated_at,
        revision=twin.revision,
    )
