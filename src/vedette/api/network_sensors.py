"""``/v1/sensors``: which devices are heard as sensors, and how they fare."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query

from vedette.api.network_sight import sites_of
from vedette.api.network_views import NewSensor, SensorView, show_sensor
from vedette.api.schema import After, DevicePath, Limit, Page, RequiredReason, Who, api_router, refusals
from vedette.api.sight import Seen
from vedette.kernel import OrganizationId
from vedette.network import SensorService, SensorState


class SensorRoutes:
    """What the routes below do, for one organization."""

    def __init__(self, organization_id: OrganizationId, sensors: SensorService) -> None:
        self._organization_id = organization_id
        self._sensors = sensors

    def build(self) -> APIRouter:
        """Return the routes."""
        router = api_router("sensors", "/v1/sensors")
        add = router.add_api_route
        add("", self.list_sensors, methods=["GET"], summary="List sensors", responses=refusals(422))
        add(
            "",
            self.register,
            methods=["POST"],
            status_code=201,
            summary="Hear a device as a sensor",
            responses=refusals(404, 409, 422, is_change=True),
        )
        add("/{device_id}", self.show, methods=["GET"], summary="Show a sensor", responses=refusals(404, 422))
        add(
            "/{device_id}/retire",
            self.retire,
            methods=["POST"],
            summary="Hear a sensor no more",
            responses=refusals(404, 422, is_change=True),
        )
        return router

    async def list_sensors(
        self,
        sight: Seen,
        *,
        limit: Limit = 100,
        after: After = "",
        state: Annotated[SensorState | None, Query(description="Only in this state.")] = None,
    ) -> Page[SensorView]:
        """In the order in which their devices were registered."""
        found, following = await self._sensors.list(self._organization_id, state=state, after=after, limit=limit)
        seen = sites_of(sight)
        return Page(items=[show_sensor(each) for each in found if seen is None or each.site in seen], next=following)

    async def register(self, new: NewSensor, who: Who) -> SensorView:
        """What it sends fills the inventory of its site, so whoever names it vouches for it. Tags name no sensor."""
        sensor = await self._sensors.register(
            self._organization_id, new.device_id, site=new.site, note=new.note, actor=who
        )
        return show_sensor(sensor)

    async def show(self, device_id: DevicePath) -> SensorView:
        """How it fares, and what was taken from it; also one that was retired."""
        return show_sensor(await self._sensors.get(self._organization_id, device_id))

    async def retire(self, device_id: DevicePath, why: RequiredReason, who: Who) -> SensorView:
        """What it told stays in the inventory."""
        return show_sensor(await self._sensors.retire(self._organization_id, device_id, reason=why.reason, actor=who))
