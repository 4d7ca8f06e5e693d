"""Registered devices that no sensor is known to see: compared by what they report of themselves."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Final

import sqlalchemy as sa

from vedette.kernel import InvalidId, OrganizationId, parse_generation_id
from vedette.network.model import AssetState, ManagedBy, Management, NetworkAsset
from vedette.registry import Device, DeviceFilter, DeviceLists, find_generation
from vedette.store import Store

_PAGE: Final = 500
_PREFIX: Final = "dev_"
_SAYS: Final = "is_defined(properties.reported.deviceInformation)"
_BECAUSE: Final = "it is this device; no sensor is known to see it"


class ToldDevices:
    """Reads them, each in the form of an asset under the generated id of its device.

    Args:
        organization_id: Whose.
        store: Of the registry.
    """

    def __init__(self, organization_id: OrganizationId, store: Store) -> None:
        self._organization_id = organization_id
        self._store = store
        self._lists = DeviceLists(store)

    async def pages(self, *, but: set[str]) -> AsyncIterator[list[NetworkAsset]]:
        """Yield devices that report what they are.

        Args:
            but: Generations of devices that are compared as the assets that a person said they are.
        """
        after: str | None = ""
        while after is not None:
            page = await self._lists.page(
                self._organization_id, after=after, limit=_PAGE, matching=DeviceFilter(), where=_SAYS
            )
            yield [_as_asset(device) for device in page.items if device.generation_id not in but]
            after = page.next

    async def find(self, asset_id: str) -> NetworkAsset | None:
        """Return the device with a generated id; None: it is no id of a device, or it is gone."""
        if not is_device(asset_id):
            return None
        try:
            generation_id = parse_generation_id(asset_id)
        except InvalidId:
            return None

        def read(connection: sa.Connection) -> Device | None:
            return find_generation(connection, self._organization_id, generation_id)

        device = await self._store.read(read)
        return None if device is None or device.deleted_at is not None else _as_asset(device)


def is_device(asset_id: str) -> bool:
    """Tell whether an id is that of a device, not of an asset."""
    return asset_id.startswith(_PREFIX)


def _as_asset(device: Device) -> NetworkAsset:
    return NetworkAsset(
        organization_id=device.organization_id,
        asset_id=device.generation_id,
        site=device.site or "",
        state=AssetState.ACKNOWLEDGED,
        name=device.device_id,
        level=device.purdue_level or "",
        management=Management(
            generation_id=device.generation_id, device_id=device.device_id, by=ManagedBy.PERSON, because=_BECAUSE
        ),
        first_at=device.created_at,
        last_at=device.updated_at,
        created_at=device.created_at,
    )
