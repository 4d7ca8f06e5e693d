"""``/v1/network-map``: where every asset stands, and who says how much to whom."""

from __future__ import annotations

import contextlib
from datetime import datetime
from typing import Annotated, Final

from fastapi import APIRouter, Header, Query
from fastapi.responses import Response
from starlette.background import BackgroundTask

from vedette.api.network_map_views import NetworkMapView
from vedette.api.network_sight import narrow, seen_asset
from vedette.api.network_views import Level
from vedette.api.schema import Moment, api_router, refusals
from vedette.api.sight import Seen
from vedette.kernel import OrganizationId
from vedette.network import NetworkReader
from vedette.network.map import HOPS_MAX, NODES_MAX, OPENED_MAX, Grouping, MapNotReady, MapQuery, MapService

_LATEST_S: Final = 253_402_300_799


class MapRoutes:
    """What the route below does, for one organization."""

    def __init__(self, organization_id: OrganizationId, reader: NetworkReader, maps: MapService) -> None:
        self._organization_id = organization_id
        self._reader = reader
        self._maps = maps

    def build(self) -> APIRouter:
        """Return the route."""
        router = api_router("network", "/v1/network-map")
        router.add_api_route(
            "",
            self.show,
            methods=["GET"],
            summary="Show the network map",
            response_model=NetworkMapView,
            responses={304: {"description": "It is as `If-None-Match` knows it."}, **refusals(404, 422)},
        )
        return router

    async def show(
        self,
        sight: Seen,
        *,
        grouping: Annotated[
            Grouping, Query(description="Which groups there are in a site, around its Purdue levels.")
        ] = Grouping.ZONE,
        site: Annotated[str | None, Query(max_length=128, description="Only at this site.")] = None,
        zone: Annotated[
            str, Query(max_length=64, description="Only assets in this zone, and whom they talk with.")
        ] = "",
        level: Annotated[
            Level | None, Query(description="Only assets at this Purdue level, and whom they talk with.")
        ] = None,
        protocol: Annotated[str, Query(max_length=128, description="Only who speaks it, and what is said in it.")] = "",
        since: Annotated[Moment | None, Query(description="Only what was last said then or later.")] = None,
        until: Annotated[Moment | None, Query(description="Only what was first said before.")] = None,
        is_alerting: Annotated[
            bool, Query(description="Only assets with open alerts, and whom they talk with.")
        ] = False,
        focus: Annotated[
            str, Query(max_length=64, description="Only this asset and what lies within `hops` of it.")
        ] = "",
        hops: Annotated[int, Query(ge=1, le=HOPS_MAX, description="How far around `focus`.")] = 1,
        opened: Annotated[
            list[Annotated[str, Query(max_length=64)]],
            Query(alias="open", max_length=OPENED_MAX, description="Ids of groups to open where not all can be."),
        ] = [],  # noqa: B006 - FastAPI copies it
        is_closed: Annotated[bool, Query(description="Close every group that `open` does not name.")] = False,
        limit: Annotated[int, Query(ge=1, le=NODES_MAX, description="Most nodes; beyond, groups are closed.")] = 2_000,
        if_none_match: Annotated[
            str | None, Header(max_length=256, description="`ETag` of a map that is known.")
        ] = None,
    ) -> Response:
        """Nodes at their places, edges for each pair, and the groups around them.

        An asset keeps its place when others come or go.
        """
        if focus:
            focus = (await seen_asset(self._reader, self._organization_id, focus, sight)).asset_id
        query = MapQuery(
            sites=narrow(sight, site),
            grouping=grouping,
            zone=zone,
            level=level or "",
            protocol=protocol,
            since=_seconds(since),
            until=_seconds(until),
            is_alerting=is_alerting,
            focus=focus,
            hops=hops if focus else 1,
            opened=tuple(sorted(set(opened))),
            is_closed=is_closed,
            limit=limit,
        )
        drawn = await self._maps.get(query)
        after = BackgroundTask(self._refresh, query) if drawn.is_stale else None
        headers = {"ETag": drawn.etag}
        if if_none_match is not None and drawn.etag in if_none_match:
            return Response(status_code=304, headers=headers, background=after)
        return Response(drawn.body, media_type="application/json", headers=headers, background=after)

    async def _refresh(self, query: MapQuery) -> None:
        """Draw a map anew once its answer is sent; whoever asks next hears if that cannot be done."""
        with contextlib.suppress(MapNotReady):
            await self._maps.refresh(query)


def _seconds(moment: datetime | None) -> int:
    return 0 if moment is None else min(max(int(moment.timestamp()), 1), _LATEST_S)
