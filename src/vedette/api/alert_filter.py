"""Which alerts a request means, and which of those the asker may see."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Final, NamedTuple

from fastapi import Depends, Query

from vedette.api.errors import InvalidRequest
from vedette.api.schema import Moment
from vedette.api.sight import Sight
from vedette.incidents import AlertFilter, AlertService, AlertState, Engine, Severity, Verdict
from vedette.kernel import OrganizationId
from vedette.network.segmentation import PlanState, SegmentationService, require_zone

_ZONE_MAX: Final = 10_000


class Asked(NamedTuple):
    """Which alerts a request means; the zone is looked up."""

    wanted: AlertFilter
    zone: str


async def filter_of(
    *,
    state: Annotated[list[AlertState] | None, Query(max_length=3, description="Any of these.")] = None,
    severity: Annotated[Severity | None, Query(description="At least so grave.")] = None,
    engine: Annotated[Engine | None, Query(description="What kind of detection.")] = None,
    verdict: Annotated[Verdict | None, Query(description="What it turned out to be; empty: not closed.")] = None,
    rule: Annotated[str, Query(max_length=128, description="A rule, or a beginning that ends in `*`.")] = "",
    technique: Annotated[str, Query(max_length=16, description="ATT&CK for ICS id.")] = "",
    address: Annotated[str, Query(max_length=64, description="Of either end.")] = "",
    asset_id: Annotated[str, Query(max_length=64, description="Of either end.")] = "",
    device_id: Annotated[str, Query(max_length=128, description="Of either end, or the sensor itself.")] = "",
    site: Annotated[str, Query(max_length=512, description="Of the sensor.")] = "",
    protocol: Annotated[str, Query(max_length=128, description="That it was seen in.")] = "",
    text: Annotated[str, Query(max_length=512, description="Part of the title.")] = "",
    merged_into: Annotated[str, Query(max_length=64, description="The alert that speaks for them.")] = "",
    exception_id: Annotated[str, Query(max_length=64, description="That hides them.")] = "",
    ticket_id: Annotated[str, Query(max_length=64, description="That authorized them.")] = "",
    incident_id: Annotated[str, Query(max_length=64, description="That they are part of.")] = "",
    sensor: Annotated[str, Query(max_length=128, description="Device id of the sensor.")] = "",
    zone: Annotated[str, Query(max_length=64, description="Of the approved plan; either end is an asset in it.")] = "",
    is_loud: Annotated[bool | None, Query(description="Only those that somebody is to look at, or the others.")] = None,
    is_managed: Annotated[bool | None, Query(description="Whether a registered device stands behind it.")] = None,
    since: Annotated[Moment | None, Query(description="Last seen then or later.")] = None,
    until: Annotated[Moment | None, Query(description="Last seen before.")] = None,
) -> Asked:
    """Return which alerts a request means."""
    wanted = AlertFilter(
        states=tuple(state or ()),
        severity=severity,
        engine=engine,
        verdict=verdict,
        rule=rule,
        technique=technique,
        address=address,
        asset_id=asset_id,
        device_id=device_id,
        site=site,
        protocol=protocol,
        text=text,
        merged_into=merged_into,
        exception_id=exception_id,
        ticket_id=ticket_id,
        is_loud=is_loud,
        is_managed=is_managed,
        since=since,
        until=until,
        incident_id=incident_id,
        sensor_name=sensor,
    )
    return Asked(wanted, zone)


Wanted = Annotated[Asked, Depends(filter_of)]


class AlertScope:
    """Limits what is asked for to what may be seen.

    Args:
        organization_id: Whose alerts.
        alerts: Tells which sensors there are.
        segments: Tells which assets are in a zone.
    """

    def __init__(self, organization_id: OrganizationId, alerts: AlertService, segments: SegmentationService) -> None:
        self._organization_id = organization_id
        self._alerts = alerts
        self._segments = segments

    async def limit(self, asked: Asked, sight: Sight) -> AlertFilter:
        """Return a filter that means only what the asker may see.

        Raises:
            Problem: There is no such zone, or no plan is approved.
            InvalidRequest: The zone is too large.
        """
        wanted = asked.wanted
        if asked.zone:
            wanted = replace(wanted, assets=await self._members(asked.zone))
        if sight.areas is None:
            return wanted
        sensors = await self._alerts.sensors(self._organization_id)
        return replace(wanted, sensors=tuple(await sight.keep(sensors, str)))

    async def _members(self, zone_id: str) -> tuple[str, ...]:
        version = await self._segments.plans.get(self._organization_id, PlanState.APPROVED)
        require_zone(version.plan, zone_id)
        membership = await self._segments.membership(self._organization_id, version)
        members = membership.members_of(zone_id)
        if len(members) > _ZONE_MAX:
            raise InvalidRequest(f"alerts are looked for in zones of {_ZONE_MAX} assets at most", hint="name a site")
        return tuple(each.asset_id for each in members)
