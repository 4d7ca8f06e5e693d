"""Assets and links of the room, as segmentation sees them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from typing import Final

from vedette.kernel import OrganizationId
from vedette.network.model import AssetSearch, AssetState, Criticality, NetworkAsset
from vedette.network.reader import NetworkReader
from vedette.network.segmentation import flow_repository
from vedette.network.segmentation.model import Flow, Member

# Tells the risk of assets that are at risk, 0 to 100, with the reason.
RiskOf = Callable[[OrganizationId], Awaitable[Mapping[str, tuple[int, str]]]]
# Tells which assets have open alerts, and how many.
OpenAlertsOf = Callable[[OrganizationId], Awaitable[Mapping[str, int]]]

_UNSUPPORTED: Final = ("windows xp", "windows 2000", "windows 7", "windows vista", "server 2003", "server 2008")
_UNSUPPORTED_RISK: Final = 70
_UNKNOWN_RISK: Final = 20
_CRITICAL: Final = frozenset({Criticality.HIGH, Criticality.CRITICAL})


class SegmentInventory:
    """Reads them.

    Args:
        reader: Of the room.
        risk_of: What others know of the risk of assets; what the inventory itself tells goes with it.
        alerts_of: Which assets have open alerts.
    """

    def __init__(
        self, reader: NetworkReader, *, risk_of: RiskOf | None = None, alerts_of: OpenAlertsOf | None = None
    ) -> None:
        self._reader = reader
        self._risk_of = risk_of
        self._alerts_of = alerts_of

    async def members(self, organization_id: OrganizationId) -> list[Member]:
        """Return every asset."""
        known = await self._risk_of(organization_id) if self._risk_of is not None else {}
        alerts = await self._alerts_of(organization_id) if self._alerts_of is not None else {}
        found: list[Member] = []
        async for assets in self._reader.every_asset(organization_id, AssetSearch()):
            found.extend(
                to_member(asset, known.get(asset.asset_id), has_alerts=bool(alerts.get(asset.asset_id)))
                for asset in assets
            )
        return found

    async def member(self, organization_id: OrganizationId, asset_id: str) -> tuple[NetworkAsset, Member]:
        """Return one asset.

        Raises:
            AssetNotFound: There is none.
        """
        asset = await self._reader.asset(organization_id, asset_id)
        return asset, to_member(asset, None)

    async def flows(
        self, organization_id: OrganizationId, *, asset_id: str = "", since: datetime | None = None
    ) -> list[Flow]:
        """Return every link with the classes of operations that were asked for on it.

        Args:
            organization_id: Whose.
            asset_id: Only links of this asset.
            since: Only links that the platform first heard of then or later.
        """
        return await self._reader.read(
            lambda connection: flow_repository.read_flows(connection, organization_id, asset_id=asset_id, since=since)
        )


def to_member(asset: NetworkAsset, risk: tuple[int, str] | None, *, has_alerts: bool = False) -> Member:
    """Return an asset as segmentation sees it."""
    score, why = max(_own_risk(asset), risk or (0, ""))
    return Member(
        asset_id=asset.asset_id,
        name=asset.name,
        addresses=asset.ips,
        site=asset.site,
        level=asset.level,
        level_reason="; ".join(asset.level_because)[:200],
        role=asset.role,
        vendor=asset.vendor,
        risk=min(max(score, 0), 100),
        risk_reason=why,
        is_critical=asset.criticality in _CRITICAL,
        has_alerts=has_alerts,
    )


def _own_risk(asset: NetworkAsset) -> tuple[int, str]:
    system = asset.operating_system.casefold()
    if any(each in system for each in _UNSUPPORTED):
        return _UNSUPPORTED_RISK, f"{asset.operating_system[:80]} gets no updates any more"
    if asset.state is AssetState.NEW and asset.management is None:
        return _UNKNOWN_RISK, "nobody has said yet what it is"
    return 0, ""
