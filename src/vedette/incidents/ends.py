"""Who stands at the ends of an alert, as the inventory of the network knows."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

import sqlalchemy as sa

from vedette.incidents.model import End
from vedette.kernel import OrganizationId
from vedette.network import find_by_addresses

_NAME_MAX: Final = 512


def find_ends(
    connection: sa.Connection, organization_id: OrganizationId, site: str, addresses: Collection[str]
) -> dict[str, End]:
    """Return what the inventory knows of addresses at a site; others are left out."""
    if not addresses:
        return {}
    found = {}
    for address, asset in find_by_addresses(connection, organization_id, site, addresses).items():
        management = asset.management
        found[address] = End(
            address=address,
            asset_id=asset.asset_id,
            name=asset.name[:_NAME_MAX],
            criticality=asset.criticality,
            generation_id="" if management is None else management.generation_id,
            device_id="" if management is None else management.device_id,
        )
    return found
