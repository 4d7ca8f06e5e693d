"""``/v1/inventory-export``: the whole inventory as CSV or JSON, streamed."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterable
from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, Query
from fastapi.responses import StreamingResponse

from vedette.api.asset_filter import Asked, Wanted
from vedette.api.errors import InvalidRequest
from vedette.api.network_sight import narrow
from vedette.api.network_views import AssetView, ExternalView, LinkView, show_asset, show_external, show_link
from vedette.api.schema import View, api_router, refusals
from vedette.api.sight import Seen, Sight
from vedette.incidents import AssetAlerts
from vedette.kernel import Clock, OrganizationId, escape_csv
from vedette.network import ExternalService, LinkSearch, NetworkReader

What = Literal["assets", "links", "external-connections"]
_PAGE: Final = 1_000
_VIEWS: Final[dict[What, type[View]]] = {
    "assets": AssetView,
    "links": LinkView,
    "external-connections": ExternalView,
}
CSV_MEDIA_TYPE: Final = "text/csv; charset=utf-8; header=present"


class InventoryExport:
    """What the route below does, for one organization."""

    def __init__(
        self,
        organization_id: OrganizationId,
        reader: NetworkReader,
        externals: ExternalService,
        alerts: AssetAlerts,
        *,
        clock: Clock,
    ) -> None:
        self._organization_id = organization_id
        self._reader = reader
        self._externals = externals
        self._alerts = alerts
        self._clock = clock

    def build(self) -> APIRouter:
        """Return the route."""
        router = api_router("assets", "/v1/inventory-export")
        string = {"schema": {"type": "string"}}
        router.add_api_route(
            "",
            self.export,
            methods=["GET"],
            summary="Export the inventory",
            response_class=StreamingResponse,
            responses={200: {"content": {"text/csv": string, "application/json": {}}}, **refusals(422)},
        )
        return router

    async def export(
        self,
        sight: Seen,
        wanted: Wanted,
        *,
        what: Annotated[What, Query(description="Which part.")] = "assets",
        form: Annotated[Literal["csv", "json"], Query(description="As a table, or as an array of objects.")] = "csv",
    ) -> StreamingResponse:
        """In the order of ids; what changes meanwhile may be in it or not. Links and connections take a site alone."""
        if what != "assets" and wanted.is_narrowed:
            raise InvalidRequest(f"{what} can be narrowed by site alone", hint="leave out the other filters")
        pages = self._pages(what, wanted, sight)
        headers = {"Content-Disposition": f'attachment; filename="{what}.{form}"', "X-Content-Type-Options": "nosniff"}
        if form == "json":
            return StreamingResponse(as_json(pages), media_type="application/json", headers=headers)
        return StreamingResponse(
            as_csv(tuple(_VIEWS[what].model_fields), pages), media_type=CSV_MEDIA_TYPE, headers=headers
        )

    async def _pages(self, what: What, wanted: Asked, sight: Sight) -> AsyncIterator[Iterable[View]]:
        sites = narrow(sight, wanted.site)
        if what == "assets":
            alerts = await self._alerts.counts(self._organization_id)
            search = wanted.as_search(sight, alerted=frozenset(alerts), today=self._clock.now().date())
            async for assets in self._reader.every_asset(self._organization_id, search):
                yield [show_asset(asset, alerts) for asset in assets]
        elif what == "links":
            async for links in self._reader.every_link(self._organization_id, LinkSearch(sites=sites)):
                yield [show_link(link) for link in links]
        else:
            after: str | None = ""
            while after is not None:
                found, after = await self._externals.list(self._organization_id, sites=sites, after=after, limit=_PAGE)
                yield [show_external(each) for each in found]


async def as_json(pages: AsyncIterator[Iterable[View]]) -> AsyncIterator[str]:
    """Write views as an array, a line each."""
    separator = "["
    async for page in pages:
        for view in page:
            yield f"{separator}\n{view.model_dump_json()}"
            separator = ","
    yield "[]\n" if separator == "[" else "\n]\n"


async def as_csv(names: tuple[str, ...], pages: AsyncIterator[Iterable[View]]) -> AsyncIterator[str]:
    """Write members of views as a table, with a heading."""
    yield ",".join(names) + "\r\n"
    async for page in pages:
        lines = [_line(names, view.model_dump(mode="json")) for view in page]
        if lines:
            yield "".join(lines)


def _line(names: tuple[str, ...], values: dict[str, Any]) -> str:  # Any: JSON
    return ",".join(escape_csv(_cell(values[name])) for name in names) + "\r\n"


def _cell(value: Any) -> str:  # Any: JSON
    if value is None:
        return ""
    if isinstance(value, list):
        return "; ".join(str(each) for each in value)
    return json.dumps(value) if isinstance(value, dict | bool) else str(value)
