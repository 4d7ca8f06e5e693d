"""``/v1/zones`` and ``/v1/conduits``: what may talk with what; changes go into the draft."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Annotated, TypeVar

from fastapi import APIRouter, Body, Response

from vedette.api.schema import (
    After,
    Limit,
    Page,
    Revision,
    Who,
    api_router,
    refusals,
    takes_merge_patch,
)
from vedette.api.zone_views import (
    ConduitPatch,
    ConduitPath,
    ConduitView,
    MovedMembers,
    NewConduit,
    NewZone,
    Which,
    ZoneMember,
    ZonePatch,
    ZonePath,
    ZoneView,
    names_of,
    show_conduit,
    show_zone,
    which_of,
)
from vedette.kernel import OrganizationId
from vedette.network.segmentation import PlanVersion, SegmentationService, require_conduit, require_zone

T = TypeVar("T")


class ZoneRoutes:
    """What the routes below do, for one organization."""

    def __init__(self, organization_id: OrganizationId, segments: SegmentationService) -> None:
        self._organization_id = organization_id
        self._segments = segments

    def build(self) -> list[APIRouter]:
        """Return the routes of zones, and of conduits."""
        return [self._build_zones(), self._build_conduits()]

    def _build_zones(self) -> APIRouter:
        router = api_router("segmentation", "/v1/zones")
        add = router.add_api_route
        change = refusals(404, 409, 412, 422, is_change=True)
        add("", self.list_zones, methods=["GET"], summary="List zones", responses=refusals(404, 422))
        add("", self.add_zone, methods=["POST"], status_code=201, summary="Add a zone to the draft", responses=change)
        one = "/{zone_id}"
        add(one, self.show_zone, methods=["GET"], summary="Show a zone", responses=refusals(404, 422))
        add(
            one,
            self.change_zone,
            methods=["PATCH"],
            summary="Change a zone of the draft",
            responses=change,
            openapi_extra=takes_merge_patch("ZonePatch"),
        )
        add(
            one,
            self.remove_zone,
            methods=["DELETE"],
            status_code=204,
            summary="Remove a zone, and its conduits, from the draft",
            responses=change,
        )
        add(
            f"{one}/members",
            self.list_members,
            methods=["GET"],
            summary="List the assets of a zone",
            responses=refusals(404, 422),
        )
        add(
            f"{one}/members",
            self.move_members,
            methods=["POST"],
            summary="Put assets into a zone of the draft",
            responses=change,
        )
        return router

    def _build_conduits(self) -> APIRouter:
        router = api_router("segmentation", "/v1/conduits")
        add = router.add_api_route
        change = refusals(404, 409, 412, 422, is_change=True)
        add("", self.list_conduits, methods=["GET"], summary="List conduits", responses=refusals(404, 422))
        add(
            "",
            self.add_conduit,
            methods=["POST"],
            status_code=201,
            summary="Add a conduit to the draft",
            responses=change,
        )
        one = "/{conduit_id}"
        add(one, self.show_conduit, methods=["GET"], summary="Show a conduit", responses=refusals(404, 422))
        add(
            one,
            self.change_conduit,
            methods=["PATCH"],
            summary="Change a conduit of the draft",
            responses=change,
            openapi_extra=takes_merge_patch("ConduitPatch"),
        )
        add(
            one,
            self.remove_conduit,
            methods=["DELETE"],
            status_code=204,
            summary="Remove a conduit from the draft",
            responses=change,
        )
        return router

    async def list_zones(self, *, plan: Which = "approved", limit: Limit = 100, after: After = "") -> Page[ZoneView]:
        """Zones by id."""
        version = await self._version(plan)
        found, following = page_of(version.plan.zones, lambda zone: zone.zone_id, after, limit)
        return Page(items=[show_zone(zone, version) for zone in found], next=following)

    async def show_zone(self, zone_id: ZonePath, response: Response, *, plan: Which = "approved") -> ZoneView:
        """A zone, why it was proposed, and what takes assets into it."""
        version = await self._version(plan)
        _tag(response, version)
        return show_zone(require_zone(version.plan, zone_id), version)

    async def add_zone(self, new: NewZone, who: Who, revision: Revision, response: Response) -> ZoneView:
        """The draft is begun from the approved version if there is none."""
        version, zone = await self._segments.editor.add_zone(
            self._organization_id, new.to_zone(), actor=who, revision=revision
        )
        _tag(response, version)
        return show_zone(zone, version)

    async def change_zone(
        self,
        zone_id: ZonePath,
        patch: Annotated[ZonePatch, Body()],
        who: Who,
        revision: Revision,
        response: Response,
    ) -> ZoneView:
        """Merge patch (RFC 7396)."""
        version, zone = await self._segments.editor.change_zone(
            self._organization_id, zone_id, patch.to_changes(), actor=who, revision=revision
        )
        _tag(response, version)
        return show_zone(zone, version)

    async def remove_zone(self, zone_id: ZonePath, who: Who, revision: Revision) -> None:
        """Its assets are in no zone then, unless a rule of another takes them."""
        await self._segments.editor.remove_zone(self._organization_id, zone_id, actor=who, revision=revision)

    async def list_members(
        self, zone_id: ZonePath, *, plan: Which = "approved", limit: Limit = 100, after: After = ""
    ) -> Page[ZoneMember]:
        """Assets that are in the zone now, by hand or by rule, by id."""
        version = await self._version(plan)
        require_zone(version.plan, zone_id)
        membership = await self._segments.membership(self._organization_id, version)
        members = membership.members_of(zone_id)
        found, following = page_of(members, lambda member: member.asset_id, after, limit)
        items = [
            ZoneMember(
                addresses=list(member.addresses),
                **{name: getattr(member, name) for name in ZoneMember.model_fields.keys() - {"addresses"}},
            )
            for member in found
        ]
        return Page(items=items, next=following)

    async def move_members(
        self, zone_id: ZonePath, moved: MovedMembers, who: Who, revision: Revision, response: Response
    ) -> ZoneView:
        """Out of any other zone that named them."""
        version = await self._segments.editor.move_members(
            self._organization_id, zone_id, tuple(moved.asset_ids), actor=who, revision=revision
        )
        _tag(response, version)
        return show_zone(require_zone(version.plan, zone_id), version)

    async def list_conduits(
        self, *, plan: Which = "approved", limit: Limit = 100, after: After = ""
    ) -> Page[ConduitView]:
        """Conduits by id."""
        version = await self._version(plan)
        names = names_of(version)
        found, following = page_of(version.plan.conduits, lambda conduit: conduit.conduit_id, after, limit)
        return Page(items=[show_conduit(each, version, names) for each in found], next=following)

    async def show_conduit(
        self, conduit_id: ConduitPath, response: Response, *, plan: Which = "approved"
    ) -> ConduitView:
        """A conduit, who answers for it, and until when."""
        version = await self._version(plan)
        _tag(response, version)
        return show_conduit(require_conduit(version.plan, conduit_id), version, names_of(version))

    async def add_conduit(self, new: NewConduit, who: Who, revision: Revision, response: Response) -> ConduitView:
        """The draft is begun from the approved version if there is none."""
        version, conduit = await self._segments.editor.add_conduit(
            self._organization_id, new.to_conduit(), actor=who, revision=revision
        )
        _tag(response, version)
        return show_conduit(conduit, version, names_of(version))

    async def change_conduit(
        self,
        conduit_id: ConduitPath,
        patch: Annotated[ConduitPatch, Body()],
        who: Who,
        revision: Revision,
        response: Response,
    ) -> ConduitView:
        """Merge patch (RFC 7396); to lead elsewhere, add another."""
        version, conduit = await self._segments.editor.change_conduit(
            self._organization_id, conduit_id, patch.to_changes(), actor=who, revision=revision
        )
        _tag(response, version)
        return show_conduit(conduit, version, names_of(version))

    async def remove_conduit(self, conduit_id: ConduitPath, who: Who, revision: Revision) -> None:
        """Nothing passes there once the draft is approved and enforced."""
        await self._segments.editor.remove_conduit(self._organization_id, conduit_id, actor=who, revision=revision)

    async def _version(self, plan: str) -> PlanVersion:
        return await self._segments.plans.get(self._organization_id, which_of(plan))


def page_of(items: Sequence[T], key: Callable[[T], str], after: str, limit: int) -> tuple[list[T], str | None]:
    """Return a page of items by their key, and where the next begins."""
    ordered = sorted((item for item in items if key(item) > after), key=key)
    found = ordered[:limit]
    return found, key(found[-1]) if len(ordered) > limit else None


def _tag(response: Response, version: PlanVersion) -> None:
    response.headers["ETag"] = f'"{version.revision}"'
