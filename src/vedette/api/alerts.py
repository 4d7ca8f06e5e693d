"""``/v1/alerts``: what sensors raise about behavior, and what people say to it."""

from __future__ import annotations

import asyncio
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Path, Query, Response

from vedette.api.alert_export import MEDIA_TYPES, SUFFIXES, Format, write_alerts
from vedette.api.alert_views import (
    AlertsView,
    AlertView,
    Closing,
    CountsView,
    ManyAlerts,
    Merging,
    show_alert,
    show_counts,
)
from vedette.api.schema import (
    After,
    Limit,
    Moment,
    Page,
    Reason,
    RequiredReason,
    Revision,
    Who,
    api_router,
    refusals,
)
from vedette.api.sight import Seen, Sight
from vedette.incidents import (
    Alert,
    AlertFilter,
    AlertNotFound,
    AlertService,
    AlertState,
    Engine,
    InvalidAlertAct,
    Severity,
    SliceStore,
    Verdict,
)
from vedette.kernel import GenerationId, OrganizationId
from vedette.operators import Action, Subject
from vedette.registry import PlaceService

Id = Annotated[str, Path(max_length=64, description="Generated id of the alert.", examples=["alr_06h0"])]


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
    is_loud: Annotated[bool | None, Query(description="Only those that somebody is to look at, or the others.")] = None,
    is_managed: Annotated[bool | None, Query(description="Whether a registered device stands behind it.")] = None,
    since: Annotated[Moment | None, Query(description="Last seen then or later.")] = None,
    until: Annotated[Moment | None, Query(description="Last seen before.")] = None,
) -> AlertFilter:
    """Return which alerts a request means."""
    return AlertFilter(
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
    )


Wanted = Annotated[AlertFilter, Depends(filter_of)]


_TEXT: Final = {"schema": {"type": "string"}}
_EXPORTED: Final = {
    MEDIA_TYPES["csv"]: _TEXT,
    MEDIA_TYPES["ocsf"]: _TEXT,
    MEDIA_TYPES["json"]: {"schema": {"type": "array", "items": {"type": "object"}}},
    MEDIA_TYPES["stix"]: {"schema": {"type": "object"}},
}


class AlertRoutes:
    """What the routes below do, for one organization.

    An alert is seen by whoever sees its sensor.
    """

    def __init__(
        self, organization_id: OrganizationId, alerts: AlertService, slices: SliceStore, places: PlaceService
    ) -> None:
        self._organization_id = organization_id
        self._alerts = alerts
        self._slices = slices
        self._places = places

    def build(self) -> list[APIRouter]:
        """Return the routes of alerts, and of many at once."""
        router = api_router("alerts", "/v1/alerts")
        add = router.add_api_route
        add("", self.list_alerts, methods=["GET"], summary="List alerts", responses=refusals(400, 422))
        add("/overview", self.overview, methods=["GET"], summary="Count alerts", responses=refusals(422))
        binary = {"schema": {"type": "string", "format": "binary"}}
        add(
            "/export",
            self.export,
            methods=["GET"],
            summary="Export alerts",
            response_class=Response,
            responses={200: {"content": _EXPORTED}, **refusals(422)},
        )
        one = "/{alert_id}"
        add(one, self.show, methods=["GET"], summary="Show an alert", responses=refusals(404, 422))
        add(
            f"{one}/slice",
            self.read_slice,
            methods=["GET"],
            summary="Read the packets behind an alert",
            response_class=Response,
            responses={200: {"content": {"application/octet-stream": binary}}, **refusals(404, 422)},
        )
        for name, act, summary in (
            ("acknowledge", self.acknowledge, "Acknowledge an alert"),
            ("close", self.close, "Close an alert with a verdict"),
            ("reopen", self.reopen, "Open an alert again"),
            ("merge", self.merge, "Merge other alerts into one"),
        ):
            add(
                f"{one}/{name}",
                act,
                methods=["POST"],
                summary=summary,
                responses=refusals(404, 409, 412, 422, is_change=True),
            )
        many = api_router("alerts", "/v1/bulk/alerts")
        many.add_api_route(
            "",
            self.act_on_many,
            methods=["POST"],
            summary="Acknowledge, close or reopen many alerts",
            responses=refusals(404, 409, 422, is_change=True),
        )
        return [router, many]

    async def list_alerts(
        self, wanted: Wanted, sight: Seen, *, limit: Limit = 100, after: After = ""
    ) -> Page[AlertView]:
        """Youngest first. Hidden ones are listed too: `is_loud=true` leaves them out."""
        page = await self._alerts.search(
            self._organization_id, await self._limited(wanted, sight), after=after, limit=limit
        )
        return Page(items=[show_alert(each) for each in page.items], next=page.next)

    async def overview(self, wanted: Wanted, sight: Seen) -> CountsView:
        """How many there are, by state, severity, engine and rule."""
        return show_counts(await self._alerts.count(self._organization_id, await self._limited(wanted, sight)))

    async def export(
        self,
        wanted: Wanted,
        sight: Seen,
        form: Annotated[Format, Query(alias="format", description="OCSF and ECS: one document a line.")] = "csv",
    ) -> Response:
        """The youngest 50,000 that a filter means."""
        found = await self._alerts.export(self._organization_id, await self._limited(wanted, sight))
        content = await asyncio.to_thread(write_alerts, found, form)
        headers = {"Content-Disposition": f'attachment; filename="alerts.{SUFFIXES[form]}"'}
        return Response(content, media_type=MEDIA_TYPES[form], headers=headers)

    async def show(self, alert_id: Id, sight: Seen, response: Response) -> AlertView:
        """One alert, with what could be done about it."""
        return _answer((await self._find([alert_id], sight))[0], response)

    async def read_slice(self, alert_id: Id, who: Who, sight: Seen) -> Response:
        """A capture file (pcapng), payload masked unless the sensor was told otherwise; the ledger says who read it."""
        await self._find([alert_id], sight)
        found = await self._slices.read(self._organization_id, alert_id, actor=who)
        headers = {
            "Content-Disposition": f'attachment; filename="{found.alert.alert_id}.pcapng"',
            "Cache-Control": "no-store",
        }
        return Response(found.capture, media_type="application/octet-stream", headers=headers)

    async def acknowledge(
        self, alert_id: Id, why: Reason, *, who: Who, sight: Seen, revision: Revision, response: Response
    ) -> AlertView:
        """Say that somebody looks into it; a second time changes nothing."""
        await self._find([alert_id], sight)
        done = await self._alerts.acknowledge(
            self._organization_id, [alert_id], actor=who, reason=why.reason, revision=revision
        )
        return _answer(done[0], response)

    async def close(
        self, alert_id: Id, said: Closing, *, who: Who, sight: Seen, revision: Revision, response: Response
    ) -> AlertView:
        """Say what it turned out to be. A real one opens again by itself if it goes on."""
        found = await self._find([alert_id], sight)
        if said.gives_back:
            await self._check_giving_back(found[0], sight)
        done = await self._alerts.close(
            self._organization_id,
            [alert_id],
            verdict=Verdict(said.verdict),
            actor=who,
            reason=said.reason,
            revision=revision,
        )
        if said.gives_back:
            await self._alerts.restore(self._organization_id, done, actor=who, reason=said.reason)
        return _answer(done[0], response)

    async def reopen(
        self, alert_id: Id, why: RequiredReason, *, who: Who, sight: Seen, revision: Revision, response: Response
    ) -> AlertView:
        """As if nobody had looked; a hidden one is loud until it is judged again."""
        await self._find([alert_id], sight)
        done = await self._alerts.reopen(
            self._organization_id, [alert_id], actor=who, reason=why.reason, revision=revision
        )
        return _answer(done[0], response)

    async def merge(self, alert_id: Id, said: Merging, who: Who, sight: Seen, response: Response) -> AlertView:
        """Let this one speak for others; what they count later is counted in it."""
        await self._find([alert_id, *said.alert_ids], sight)
        done = await self._alerts.merge(self._organization_id, alert_id, said.alert_ids, actor=who, reason=said.reason)
        return _answer(done, response)

    async def act_on_many(self, said: ManyAlerts, who: Who, sight: Seen) -> AlertsView:
        """All of them, or none."""
        await self._find(said.alert_ids, sight)
        if (said.verdict is not None) is not (said.act == "close"):
            raise InvalidAlertAct("a verdict is what closes alerts, and nothing else", hint="add or leave out verdict")
        mine, ids = self._organization_id, said.alert_ids
        if said.act == "acknowledge":
            done = await self._alerts.acknowledge(mine, ids, actor=who, reason=said.reason)
        elif said.act == "reopen":
            done = await self._alerts.reopen(mine, ids, actor=who, reason=said.reason)
        else:
            done = await self._alerts.close(
                mine, ids, verdict=Verdict(said.verdict or ""), actor=who, reason=said.reason
            )
        return AlertsView(items=[show_alert(each) for each in done])

    async def _limited(self, wanted: AlertFilter, sight: Sight) -> AlertFilter:
        """Return a filter that means only what the asker may see."""
        if sight.areas is None:
            return wanted
        sensors = await self._alerts.sensors(self._organization_id)
        return AlertFilter(
            **{name: getattr(wanted, name) for name in AlertFilter.__slots__ if name != "sensors"},
            sensors=tuple(await sight.keep(sensors, str)),
        )

    async def _find(self, alert_ids: list[str], sight: Sight) -> list[Alert]:
        found = await self._alerts.get_many(self._organization_id, alert_ids)
        seen = await sight.keep(found, lambda alert: alert.sensor_id)
        if len(seen) < len(found):
            hidden = next(each for each in found if each not in seen)
            raise AlertNotFound(f"there is no alert {hidden.alert_id}", hint="see them: vedette alert list")
        return found

    async def _check_giving_back(self, alert: Alert, sight: Sight) -> None:
        """Check that the asker may give rights back to the devices behind an alert.

        Raises:
            Problem: They may not.
        """
        wanted = {GenerationId(end.generation_id) for end in alert.managed_ends}
        places = await self._places.of_generations(self._organization_id, wanted)
        for place in places.values():
            sight.require(Action.QUARANTINE, Subject(place=place))


def _answer(alert: Alert, response: Response) -> AlertView:
    response.headers["ETag"] = alert.etag
    return show_alert(alert)
