"""``/v1/alerts``: what sensors raise about behavior, and what people say to it."""

from __future__ import annotations

import asyncio
from typing import Annotated, Final, Literal

from fastapi import APIRouter, Path, Query, Response

from vedette.api.alert_export import MEDIA_TYPES, SUFFIXES, Format, write_alerts
from vedette.api.alert_filter import AlertScope, Wanted
from vedette.api.alert_views import (
    AlertGroupsView,
    AlertsView,
    AlertView,
    Closing,
    CountsView,
    ManyAlerts,
    Merging,
    show_alert,
    show_counts,
    show_group,
)
from vedette.api.schema import (
    After,
    Limit,
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
    AlertNotFound,
    AlertService,
    GroupedBy,
    InvalidAlertAct,
    SliceStore,
    Verdict,
)
from vedette.kernel import GenerationId, OrganizationId
from vedette.operators import Action, Subject
from vedette.registry import PlaceService

Id = Annotated[str, Path(max_length=64, description="Generated id of the alert.", examples=["alr_06h0"])]


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
        self,
        organization_id: OrganizationId,
        alerts: AlertService,
        slices: SliceStore,
        places: PlaceService,
        scope: AlertScope,
    ) -> None:
        self._organization_id = organization_id
        self._alerts = alerts
        self._slices = slices
        self._places = places
        self._scope = scope

    def build(self) -> list[APIRouter]:
        """Return the routes of alerts, and of many at once."""
        router = api_router("alerts", "/v1/alerts")
        add = router.add_api_route
        add("", self.list_alerts, methods=["GET"], summary="List alerts", responses=refusals(400, 404, 422))
        add("/overview", self.overview, methods=["GET"], summary="Count alerts", responses=refusals(404, 422))
        add(
            "/groups",
            self.list_groups,
            methods=["GET"],
            summary="Count alerts by what they share",
            responses=refusals(404, 422),
        )
        binary = {"schema": {"type": "string", "format": "binary"}}
        add(
            "/export",
            self.export,
            methods=["GET"],
            summary="Export alerts",
            response_class=Response,
            responses={200: {"content": _EXPORTED}, **refusals(404, 422)},
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
            ("unmerge", self.unmerge, "Let a merged alert speak for itself again"),
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
        self,
        asked: Wanted,
        sight: Seen,
        *,
        order: Annotated[Literal["youngest", "gravest"], Query(description="Of those alike, the youngest first.")] = (
            "youngest"
        ),
        limit: Limit = 100,
        after: After = "",
    ) -> Page[AlertView]:
        """Youngest first, or gravest. Hidden ones are listed too: `is_loud=true` leaves them out."""
        page = await self._alerts.search(
            self._organization_id,
            await self._scope.limit(asked, sight),
            after=after,
            limit=limit,
            by_severity=order == "gravest",
        )
        return Page(items=[show_alert(each) for each in page.items], next=page.next)

    async def list_groups(
        self,
        asked: Wanted,
        sight: Seen,
        by: Annotated[GroupedBy, Query(description="What the alerts of a group share.")] = GroupedBy.INCIDENT,
        limit: Annotated[int, Query(ge=1, le=500, description="Groups at most.")] = 200,
    ) -> AlertGroupsView:
        """The gravest first. An incident is what one doer did at a site, without a pause of half an hour."""
        found = await self._alerts.groups(self._organization_id, await self._scope.limit(asked, sight), by, limit=limit)
        return AlertGroupsView(items=[show_group(each) for each in found])

    async def overview(self, asked: Wanted, sight: Seen) -> CountsView:
        """How many there are, by state, severity, engine and rule."""
        return show_counts(await self._alerts.count(self._organization_id, await self._scope.limit(asked, sight)))

    async def export(
        self,
        asked: Wanted,
        sight: Seen,
        form: Annotated[Format, Query(alias="format", description="OCSF and ECS: one document a line.")] = "csv",
    ) -> Response:
        """The youngest 50,000 that a filter means."""
        found = await self._alerts.export(self._organization_id, await self._scope.limit(asked, sight))
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

    async def unmerge(
        self, alert_id: Id, why: RequiredReason, *, who: Who, sight: Seen, revision: Revision, response: Response
    ) -> AlertView:
        """It is loud again, and what it counted is taken from the one that spoke for it."""
        await self._find([alert_id], sight)
        done = await self._alerts.unmerge(
            self._organization_id, alert_id, actor=who, reason=why.reason, revision=revision
        )
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
