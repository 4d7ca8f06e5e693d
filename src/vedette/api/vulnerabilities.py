"""``/v1/vulnerabilities`` and ``/v1/exposures``: what assets are vulnerable to, and who lives with it until when."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from typing import Annotated, Final, Literal

from fastapi import APIRouter, Path, Query
from fastapi.responses import StreamingResponse

from vedette.api.network_export import CSV_MEDIA_TYPE, as_csv, as_json
from vedette.api.network_sight import narrow, seen_asset, sites_of
from vedette.api.network_views import AssetPath
from vedette.api.schema import After, Limit, Page, RequiredReason, View, Who, api_router, refusals
from vedette.api.sight import Seen, Sight
from vedette.api.vulnerability_views import (
    TABLE_COLUMNS,
    ExposureView,
    NewAcceptance,
    SummaryView,
    VulnerabilityDetails,
    VulnerabilityView,
    show_details,
    show_exposure,
    show_summary,
    show_vulnerability,
)
from vedette.health.advisories import Certainty
from vedette.kernel import OrganizationId
from vedette.network import AssetNotFound, NetworkReader
from vedette.network.exposure import (
    ExposureService,
    VulnerabilityNotFound,
    VulnerabilitySearch,
    VulnerabilityState,
    is_device,
)

_NamePath = Annotated[
    str, Path(max_length=128, description="CVE id, or the advisory's key and a number.", examples=["CVE-2026-1234"])
]
_PAGE: Final = 1_000
_SiteQuery = Annotated[str | None, Query(max_length=128, description="Only at this site.")]


class VulnerabilityRoutes:
    """What the routes below do, for one organization."""

    def __init__(self, organization_id: OrganizationId, exposure: ExposureService, reader: NetworkReader) -> None:
        self._organization_id = organization_id
        self._exposure = exposure
        self._reader = reader

    def build(self) -> list[APIRouter]:
        """Return the routes."""
        lists = api_router("vulnerabilities", "/v1")
        add = lists.add_api_route
        add(
            "/vulnerabilities",
            self.list_vulnerabilities,
            methods=["GET"],
            summary="List vulnerabilities of assets",
            responses=refusals(422),
        )
        add(
            "/vulnerabilities/summary",
            self.summary,
            methods=["GET"],
            summary="Show what all vulnerabilities come to",
            responses=refusals(422),
        )
        add(
            "/vulnerability-export",
            self.export,
            methods=["GET"],
            summary="Export vulnerabilities of assets",
            response_class=StreamingResponse,
            responses={
                200: {"content": {"text/csv": {"schema": {"type": "string"}}, "application/json": {}}},
                **refusals(422),
            },
        )
        add(
            "/exposures",
            self.list_exposures,
            methods=["GET"],
            summary="List what vulnerabilities of each asset come to",
            responses=refusals(404, 422),
        )
        of_asset = api_router("vulnerabilities", "/v1/assets/{asset_id}")
        add = of_asset.add_api_route
        add(
            "/exposure",
            self.show_exposure,
            methods=["GET"],
            summary="Show what an asset's vulnerabilities come to",
            responses=refusals(404, 422),
        )
        one = "/vulnerabilities/{name}"
        add(
            one,
            self.show,
            methods=["GET"],
            summary="Show a vulnerability of an asset",
            responses=refusals(404, 422),
        )
        add(
            f"{one}/accept",
            self.accept,
            methods=["POST"],
            summary="Accept a vulnerability for a while",
            responses=refusals(404, 409, 422, is_change=True),
        )
        add(
            f"{one}/reopen",
            self.reopen,
            methods=["POST"],
            summary="Take an acceptance back",
            responses=refusals(404, 422, is_change=True),
        )
        return [lists, of_asset]

    async def list_vulnerabilities(
        self,
        sight: Seen,
        *,
        limit: Limit = 100,
        after: After = "",
        asset_id: Annotated[str, Query(max_length=64, description="Only of this asset.")] = "",
        name: Annotated[str, Query(max_length=128, description="Only this one: a CVE id.")] = "",
        site: _SiteQuery = None,
        certainty: Annotated[Certainty | None, Query(description="Only so sure.")] = None,
        state: Annotated[VulnerabilityState | None, Query(description="Only in this state.")] = None,
        is_known_exploited: Annotated[bool | None, Query(description="Only those, or only the others.")] = None,
        priority: Annotated[int, Query(ge=0, le=100, description="Only from this priority on.")] = 0,
    ) -> Page[VulnerabilityView]:
        """Those that matter most first; what is unknown stands in the list of exposures."""
        search = VulnerabilitySearch(
            asset_id=asset_id,
            name=name,
            sites=narrow(sight, site),
            certainty=certainty,
            state=state,
            is_known_exploited=is_known_exploited,
            priority_min=priority,
        )
        page = await self._exposure.list(self._organization_id, search, after=after, limit=limit)
        return Page(items=[show_vulnerability(each) for each in page.items], next=page.next)

    async def export(
        self,
        sight: Seen,
        *,
        form: Annotated[Literal["csv", "json"], Query(description="As a table, or as an array of objects.")] = "csv",
        asset_id: Annotated[str, Query(max_length=64, description="Only of this asset.")] = "",
        name: Annotated[str, Query(max_length=128, description="Only this one: a CVE id.")] = "",
        site: _SiteQuery = None,
        certainty: Annotated[Certainty | None, Query(description="Only so sure.")] = None,
        state: Annotated[VulnerabilityState | None, Query(description="Only in this state.")] = None,
        is_known_exploited: Annotated[bool | None, Query(description="Only those, or only the others.")] = None,
        priority: Annotated[int, Query(ge=0, le=100, description="Only from this priority on.")] = 0,
    ) -> StreamingResponse:
        """All that fit, those that matter most first; the table leaves out factors and evidence."""
        search = VulnerabilitySearch(
            asset_id=asset_id,
            name=name,
            sites=narrow(sight, site),
            certainty=certainty,
            state=state,
            is_known_exploited=is_known_exploited,
            priority_min=priority,
        )
        headers = {
            "Content-Disposition": f'attachment; filename="vulnerabilities.{form}"',
            "X-Content-Type-Options": "nosniff",
        }
        pages = self._pages(search)
        if form == "json":
            return StreamingResponse(as_json(pages), media_type="application/json", headers=headers)
        return StreamingResponse(as_csv(TABLE_COLUMNS, pages), media_type=CSV_MEDIA_TYPE, headers=headers)

    async def _pages(self, search: VulnerabilitySearch) -> AsyncIterator[Iterable[View]]:
        after: str | None = ""
        while after is not None:
            page = await self._exposure.list(self._organization_id, search, after=after, limit=_PAGE)
            yield [show_vulnerability(each) for each in page.items]
            after = page.next

    async def summary(self, sight: Seen) -> SummaryView:
        """Counted over the sites that you may see."""
        return show_summary(await self._exposure.summary(self._organization_id, sites=sites_of(sight)))

    async def list_exposures(
        self,
        sight: Seen,
        *,
        limit: Limit = 100,
        after: After = "",
        site: _SiteQuery = None,
        asset_id: Annotated[str, Query(max_length=64, description="Only of this asset, whatever else is asked.")] = "",
        is_unknown: Annotated[
            bool | None, Query(description="Only assets of which it cannot be told, or only the others.")
        ] = None,
    ) -> Page[ExposureView]:
        """By asset; one that is not here was not compared yet."""
        if asset_id:
            await self._require_seen(asset_id, sight)
            one = await self._exposure.exposure(self._organization_id, asset_id)
            return Page(items=[] if one is None else [show_exposure(one)], next=None)
        page = await self._exposure.exposures(
            self._organization_id, sites=narrow(sight, site), is_unknown=is_unknown, after=after, limit=limit
        )
        return Page(items=[show_exposure(each) for each in page.items], next=page.next)

    async def show_exposure(self, asset_id: AssetPath, sight: Seen) -> ExposureView:
        """Also why something cannot be told."""
        await self._require_seen(asset_id, sight)
        found = await self._exposure.exposure(self._organization_id, asset_id)
        if found is None:
            raise VulnerabilityNotFound(
                f"{asset_id} was not compared with advisories yet", hint="import some: vedette advisory import"
            )
        return show_exposure(found)

    async def show(self, asset_id: AssetPath, name: _NamePath, sight: Seen) -> VulnerabilityDetails:
        """On what it rests, how it is ranked, and what to do about it."""
        await self._require_seen(asset_id, sight)
        return show_details(await self._exposure.show(self._organization_id, asset_id, name))

    async def accept(
        self, asset_id: AssetPath, name: _NamePath, accepted: NewAcceptance, sight: Seen, who: Who
    ) -> VulnerabilityView:
        """It returns when its time is over, or when what it rests on changes."""
        await self._require_seen(asset_id, sight)
        found = await self._exposure.accept(
            self._organization_id,
            asset_id,
            name,
            owner=accepted.owner,
            until=accepted.until,
            actor=who,
            reason=accepted.reason,
            evidence_id=accepted.evidence_id,
        )
        return show_vulnerability(found)

    async def reopen(
        self, asset_id: AssetPath, name: _NamePath, why: RequiredReason, sight: Seen, who: Who
    ) -> VulnerabilityView:
        """It counts again from now on."""
        await self._require_seen(asset_id, sight)
        found = await self._exposure.reopen(self._organization_id, asset_id, name, actor=who, reason=why.reason)
        return show_vulnerability(found)

    async def _require_seen(self, asset_id: str, sight: Sight) -> None:
        """Refuse assets, and devices that no sensor saw, of which the asker may not know."""
        if not is_device(asset_id):
            await seen_asset(self._reader, self._organization_id, asset_id, sight)
            return
        found = await self._exposure.exposure(self._organization_id, asset_id)
        seen = sites_of(sight)
        if found is None or (seen is not None and found.site not in seen):
            raise AssetNotFound(
                f"there is no asset {asset_id[:80]!r}", hint="see them: vedette vulnerability exposures"
            )
