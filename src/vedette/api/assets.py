"""``/v1/assets``: every device that sensors saw, managed or not."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

from fastapi import APIRouter, Query, Response

from vedette.api.asset_filter import Wanted
from vedette.api.network_sight import narrow, seen_asset
from vedette.api.network_views import (
    Acknowledged,
    AcknowledgedCount,
    AssetCountsView,
    AssetDetails,
    AssetPatch,
    AssetPath,
    AssetView,
    MergeRequest,
    SplitRequest,
    show_asset,
    show_counts,
    show_fact,
)
from vedette.api.schema import (
    After,
    Limit,
    Page,
    Reason,
    Revision,
    Who,
    api_router,
    refusals,
    takes_merge_patch,
)
from vedette.api.sight import Seen
from vedette.incidents import AssetAlerts
from vedette.kernel import Clock, OrganizationId
from vedette.network import (
    AssetSearch,
    AssetService,
    NetworkAsset,
    NetworkReader,
    read_facts,
)


class AssetRoutes:
    """What the routes below do, for one organization."""

    def __init__(
        self,
        organization_id: OrganizationId,
        reader: NetworkReader,
        assets: AssetService,
        alerts: AssetAlerts,
        *,
        clock: Clock,
    ) -> None:
        self._organization_id = organization_id
        self._reader = reader
        self._assets = assets
        self._alerts = alerts
        self._clock = clock

    def build(self) -> list[APIRouter]:
        """Return the routes."""
        router = api_router("assets", "/v1/assets")
        add = router.add_api_route
        change = refusals(404, 422, is_change=True)
        add("", self.list_assets, methods=["GET"], summary="List assets", responses=refusals(422))
        add("/{asset_id}", self.show, methods=["GET"], summary="Show an asset", responses=refusals(404, 422))
        add(
            "/{asset_id}",
            self.patch,
            methods=["PATCH"],
            summary="Change an asset",
            responses=refusals(404, 412, 422, is_change=True),
            openapi_extra=takes_merge_patch("AssetPatch"),
        )
        add("/{asset_id}/merge", self.merge, methods=["POST"], summary="Merge an asset into another", responses=change)
        add("/{asset_id}/part", self.part, methods=["POST"], summary="Undo a merge", responses=change)
        add("/{asset_id}/split", self.split, methods=["POST"], summary="Split addresses off", responses=change)
        many = api_router("assets", "/v1/bulk/assets")
        many.add_api_route(
            "", self.acknowledge, methods=["POST"], summary="Say that assets are known", responses=change
        )
        counts = api_router("assets", "/v1/asset-counts")
        counts.add_api_route("", self.count, methods=["GET"], summary="Count assets", responses=refusals(422))
        return [router, many, counts]

    async def list_assets(
        self,
        sight: Seen,
        wanted: Wanted,
        limit: Limit = 100,
        after: After = "",
    ) -> Page[AssetView]:
        """In the order in which the platform heard of them."""
        alerts = await self._alerts.counts(self._organization_id)
        search = wanted.as_search(sight, alerted=frozenset(alerts), today=self._clock.now().date())
        page = await self._reader.assets(self._organization_id, search, after=after, limit=limit)
        return Page(items=[show_asset(asset, alerts) for asset in page.items], next=page.next)

    async def count(
        self,
        sight: Seen,
        site: Annotated[str | None, Query(max_length=128, description="Only at this site.")] = None,
    ) -> AssetCountsView:
        """Of all, of those that want a look, and by the values that a list can be narrowed to."""
        alerts = await self._alerts.counts(self._organization_id)
        search = AssetSearch(sites=narrow(sight, site))
        counts = await self._reader.counts(self._organization_id, search, today=self._clock.now().date())
        alerted = replace(search, asset_ids=frozenset(alerts))
        with_alerts = await self._reader.count(self._organization_id, alerted) if alerts else 0
        return show_counts(counts, with_alerts=with_alerts)

    async def show(self, asset_id: AssetPath, sight: Seen, response: Response) -> AssetDetails:
        """What is known of it, from whom, how sure, since when; also what contradicts."""
        asset = await seen_asset(self._reader, self._organization_id, asset_id, sight)
        facts = await self._reader.read(
            lambda connection: read_facts(connection, self._organization_id, [asset.asset_id])
        )
        response.headers["ETag"] = f'"{asset.revision}"'
        alerts = await self._alerts.counts(self._organization_id)
        return AssetDetails(asset=show_asset(asset, alerts), facts=[show_fact(fact) for fact in facts[asset.asset_id]])

    async def patch(
        self,
        asset_id: AssetPath,
        patch: AssetPatch,
        *,
        sight: Seen,
        who: Who,
        revision: Revision,
        response: Response,
    ) -> AssetView:
        """Say what it is, how critical, or that it is known; null leaves that to what is observed."""
        asset = await seen_asset(self._reader, self._organization_id, asset_id, sight)
        told = patch.model_dump(exclude_unset=True, mode="json")
        changed = await self._assets.change(self._organization_id, asset.asset_id, told, actor=who, if_match=revision)
        return await self._answer(changed, response)

    async def acknowledge(self, asked: Acknowledged, sight: Seen, who: Who) -> AcknowledgedCount:
        """What is not acknowledged counts as unknown."""
        for asset_id in asked.asset_ids:
            await seen_asset(self._reader, self._organization_id, asset_id, sight)
        changed = await self._assets.acknowledge(
            self._organization_id, asked.asset_ids, actor=who, reason=asked.reason, state=asked.state
        )
        return AcknowledgedCount(changed=len(changed), asset_ids=changed)

    async def merge(
        self, asset_id: AssetPath, asked: MergeRequest, sight: Seen, who: Who, response: Response
    ) -> AssetView:
        """Say that it is the same device as another; what was observed at each stays apart, so it can be undone."""
        await seen_asset(self._reader, self._organization_id, asset_id, sight)
        await seen_asset(self._reader, self._organization_id, asked.into, sight)
        merged = await self._assets.merge(self._organization_id, asset_id, asked.into, actor=who, reason=asked.reason)
        return await self._answer(merged, response)

    async def part(self, asset_id: AssetPath, why: Reason, sight: Seen, who: Who, response: Response) -> AssetView:
        """It stands for itself again, with all that was observed at it."""
        await seen_asset(self._reader, self._organization_id, asset_id, sight)
        parted = await self._assets.part(self._organization_id, asset_id, actor=who, reason=why.reason)
        return await self._answer(parted, response)

    async def split(
        self, asset_id: AssetPath, asked: SplitRequest, sight: Seen, who: Who, response: Response
    ) -> AssetView:
        """Say that some of its addresses are another device's; the answer is that one. Merging undoes it."""
        await seen_asset(self._reader, self._organization_id, asset_id, sight)
        done = await self._assets.split(
            self._organization_id, asset_id, asked.addresses, actor=who, reason=asked.reason
        )
        return await self._answer(done, response)

    async def _answer(self, asset: NetworkAsset, response: Response) -> AssetView:
        response.headers["ETag"] = f'"{asset.revision}"'
        return show_asset(asset, await self._alerts.counts(self._organization_id))
