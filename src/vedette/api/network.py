"""``/v1/network-links``, ``/v1/network-operations``, ``/v1/external-connections``: who talks with whom."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query

from vedette.api.network_sight import narrow, seen_asset, sites_of
from vedette.api.network_views import (
    ExternalDecision,
    ExternalDecisions,
    ExternalView,
    LinkView,
    OperationView,
    ProtocolView,
    show_external,
    show_link,
    show_operation,
    show_protocol,
)
from vedette.api.schema import After, Limit, Moment, Page, Who, api_router, refusals
from vedette.api.sight import Seen, Sight
from vedette.kernel import OrganizationId
from vedette.network import (
    ExternalConnection,
    ExternalNotFound,
    ExternalService,
    ExternalVerdict,
    LinkSearch,
    NetworkReader,
)

_ExternalPath = Annotated[str, Path(max_length=64, description="Id of the connection.")]
_Site = Annotated[str | None, Query(max_length=128, description="Only at this site.")]
_Asset = Annotated[str, Query(max_length=64, description="Only those of which this asset is an end.")]
_Protocol = Annotated[str, Query(max_length=128, description="Only in this protocol, such as `modbus`.")]
_Since = Annotated[Moment | None, Query(description="Only those first heard of then or later.")]


class TalkRoutes:
    """What the routes below do, for one organization."""

    def __init__(self, organization_id: OrganizationId, reader: NetworkReader, externals: ExternalService) -> None:
        self._organization_id = organization_id
        self._reader = reader
        self._externals = externals

    def build(self) -> list[APIRouter]:
        """Return the routes."""
        links = api_router("network", "/v1/network-links")
        links.add_api_route(
            "", self.list_links, methods=["GET"], summary="List network links", responses=refusals(404, 422)
        )
        operations = api_router("network", "/v1/network-operations")
        operations.add_api_route(
            "", self.list_operations, methods=["GET"], summary="List network operations", responses=refusals(404, 422)
        )
        externals = api_router("network", "/v1/external-connections")
        add = externals.add_api_route
        add("", self.list_externals, methods=["GET"], summary="List external connections", responses=refusals(404, 422))
        add(
            "/{external_id}",
            self.show_external,
            methods=["GET"],
            summary="Show an external connection",
            responses=refusals(404, 422),
        )
        add(
            "/{external_id}/decide",
            self.decide,
            methods=["POST"],
            summary="Approve or refuse an external connection",
            responses=refusals(404, 422, is_change=True),
        )
        many = api_router("network", "/v1/bulk/external-connections")
        many.add_api_route(
            "",
            self.decide_many,
            methods=["POST"],
            summary="Approve or refuse many external connections",
            responses=refusals(404, 422, is_change=True),
        )
        protocols = api_router("network", "/v1/network-protocols")
        protocols.add_api_route(
            "", self.list_protocols, methods=["GET"], summary="List network protocols", responses=refusals(422)
        )
        return [links, operations, externals, many, protocols]

    async def list_links(
        self,
        sight: Seen,
        *,
        limit: Limit = 100,
        after: After = "",
        site: _Site = None,
        asset_id: _Asset = "",
        protocol: _Protocol = "",
        is_external: Annotated[
            bool | None, Query(description="Only those that leave the network, or only the others.")
        ] = None,
        since: _Since = None,
    ) -> Page[LinkView]:
        """One for each client and service of a server; counts are totals since it was first seen."""
        search = LinkSearch(
            sites=narrow(sight, site),
            asset_id=await self._head(asset_id, sight),
            protocol=protocol,
            is_external=is_external,
            since=since,
        )
        page = await self._reader.links(self._organization_id, search, after=after, limit=limit)
        return Page(items=[show_link(link) for link in page.items], next=page.next)

    async def list_operations(
        self,
        sight: Seen,
        *,
        limit: Limit = 100,
        after: After = "",
        site: _Site = None,
        asset_id: _Asset = "",
        protocol: _Protocol = "",
        kind: Annotated[str, Query(max_length=128, description="Only of this class, such as `program`.")] = "",
        since: _Since = None,
    ) -> Page[OperationView]:
        """What clients ask of servers: reads, writes, program transfers and so on, by function."""
        search = LinkSearch(
            sites=narrow(sight, site),
            asset_id=await self._head(asset_id, sight),
            protocol=protocol,
            kind=kind,
            since=since,
        )
        page = await self._reader.operations(self._organization_id, search, after=after, limit=limit)
        return Page(items=[show_operation(operation) for operation in page.items], next=page.next)

    async def list_externals(
        self,
        sight: Seen,
        *,
        limit: Limit = 100,
        after: After = "",
        site: _Site = None,
        asset_id: _Asset = "",
        verdict: Annotated[ExternalVerdict | None, Query(description="Only those with this verdict.")] = None,
        text: Annotated[
            str, Query(max_length=128, description="Somewhere in a name, an address, the network or the owner.")
        ] = "",
        country: Annotated[str, Query(pattern="^([A-Za-z]{2})?$", description="Only in this country.")] = "",
        is_inbound: Annotated[
            bool | None, Query(description="Only those that the outside began, or only the others.")
        ] = None,
    ) -> Page[ExternalView]:
        """One for each asset and name outside, or address where no name was seen."""
        found, following = await self._externals.list(
            self._organization_id,
            sites=narrow(sight, site),
            asset_id=await self._head(asset_id, sight),
            verdict=verdict,
            text=text,
            country=country,
            is_inbound=is_inbound,
            after=after,
            limit=limit,
        )
        return Page(items=[show_external(each) for each in found], next=following)

    async def show_external(self, external_id: _ExternalPath, sight: Seen) -> ExternalView:
        """Who talks with whom outside, and who answers for it."""
        return show_external(await self._find(external_id, sight))

    async def decide(
        self, external_id: _ExternalPath, decision: ExternalDecision, sight: Seen, who: Who
    ) -> ExternalView:
        """Say who answers for a connection and what for, or that it should not be; traffic is not touched."""
        await self._find(external_id, sight)
        decided = await self._externals.decide(
            self._organization_id,
            external_id,
            decision.verdict,
            owner=decision.owner,
            justification=decision.justification,
            actor=who,
        )
        return show_external(decided)

    async def decide_many(self, decision: ExternalDecisions, sight: Seen, who: Who) -> list[ExternalView]:
        """All of them, or none; traffic is not touched."""
        for external_id in decision.external_ids:
            await self._find(external_id, sight)
        decided = await self._externals.decide_many(
            self._organization_id,
            decision.external_ids,
            decision.verdict,
            owner=decision.owner,
            justification=decision.justification,
            actor=who,
        )
        return [show_external(each) for each in decided]

    async def list_protocols(self, sight: Seen, *, site: _Site = None) -> list[ProtocolView]:
        """Those on most links first: who speaks them, what was asked in them, what can be read by anybody."""
        found = await self._reader.protocols(self._organization_id, sites=narrow(sight, site))
        return [show_protocol(each) for each in found]

    async def _find(self, external_id: str, sight: Sight) -> ExternalConnection:
        found = await self._externals.get(self._organization_id, external_id)
        seen = sites_of(sight)
        if seen is not None and found.site not in seen:
            raise ExternalNotFound(
                f"there is no connection {external_id[:80]!r}", hint="see them: vedette link external"
            )
        return found

    async def _head(self, asset_id: str, sight: Sight) -> str:
        """Return the asset that stands for one that is named; empty if none is."""
        if not asset_id:
            return ""
        return (await seen_asset(self._reader, self._organization_id, asset_id, sight)).asset_id
