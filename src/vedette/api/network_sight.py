"""What of the inventory an asker may see: assets stand at sites, so rights over sites decide."""

from __future__ import annotations

from typing import Final

from vedette.api.sight import Sight
from vedette.kernel import OrganizationId
from vedette.network import AssetNotFound, NetworkAsset, NetworkReader

NOWHERE: Final = "\0"


def sites_of(sight: Sight) -> frozenset[str] | None:
    """Return the sites whose assets an asker may see; None: all.

    Rights that groups limit give none: an asset is in no group.
    """
    if sight.areas is None:
        return None
    areas = [area for area in sight.areas if not area.groups]
    if any(not area.sites for area in areas):
        return None
    return frozenset().union(*(area.sites for area in areas))


def narrow(sight: Sight, site: str | None) -> frozenset[str] | None:
    """Return the sites to look at, where only one was asked for."""
    seen = sites_of(sight)
    if site is None:
        return seen
    return frozenset({site}) if seen is None or site in seen else frozenset()


async def seen_asset(
    reader: NetworkReader, organization_id: OrganizationId, asset_id: str, sight: Sight
) -> NetworkAsset:
    """Return an asset that the asker may see.

    Raises:
        AssetNotFound: There is none, as far as they may know.
    """
    asset = await reader.asset(organization_id, asset_id)
    seen = sites_of(sight)
    if seen is not None and asset.site not in seen:
        raise AssetNotFound(f"there is no asset {asset_id[:80]!r}", hint="see them: vedette asset list")
    return asset
