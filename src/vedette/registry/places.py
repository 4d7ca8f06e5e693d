"""Where devices are, as rights over them are limited: by site, and by the groups that policies may see."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Final

import sqlalchemy as sa

from vedette.kernel import GenerationId, OrganizationId
from vedette.registry.errors import InvalidFilter
from vedette.registry.group_repository import find, find_by_name, policy_groups_of
from vedette.registry.model import Device
from vedette.registry.module_repository import find_module_generations
from vedette.registry.repository import find_by_name as find_device
from vedette.registry.repository import find_generations
from vedette.store import Store

ASKED_MAX: Final = 1000


@dataclass(frozen=True, slots=True)
class Area:
    """A part of the fleet: at these sites and in one of these groups; an empty line limits nothing."""

    sites: frozenset[str] = frozenset()
    groups: frozenset[str] = frozenset()


Areas = tuple[Area, ...]


@dataclass(frozen=True, slots=True)
class DevicePlace:
    """Where a device is.

    Attributes:
        groups: Ids of its groups that policies may see: into others a device can report itself.
    """

    generation_id: GenerationId
    device_id: str
    site: str | None
    device_class: str
    groups: frozenset[str]

    def is_in(self, areas: Areas | None) -> bool:
        """Tell whether it is in one of some areas; ``None`` is everywhere."""
        return areas is None or any(
            (not area.sites or self.site in area.sites) and (not area.groups or not area.groups.isdisjoint(self.groups))
            for area in areas
        )


class PlaceService:
    """Knows where devices are."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def find(self, organization_id: OrganizationId, device_id: str) -> DevicePlace | None:
        """Return where the device is that holds a name."""

        def read(connection: sa.Connection) -> DevicePlace | None:
            device = find_device(connection, organization_id, device_id)
            if device is None:
                return None
            return next(iter(_places(connection, organization_id, {device.generation_id: device}).values()))

        return await self._store.read(read)

    async def find_group(self, organization_id: OrganizationId, group: str) -> str | None:
        """Return the id of a group that is given by id or name, if policies may see it."""

        def read(connection: sa.Connection) -> str | None:
            found = find(connection, organization_id, group) or find_by_name(connection, organization_id, group)
            return None if found is None or not found.feeds_policies else found.group_id

        return await self._store.read(read)

    async def of_generations(
        self, organization_id: OrganizationId, generation_ids: Collection[str]
    ) -> Mapping[str, DevicePlace]:
        """Return where up to 1000 devices or modules are; unknown ones are left out.

        Raises:
            InvalidFilter: More are asked for.
        """
        if len(generation_ids) > ASKED_MAX:
            raise InvalidFilter(f"ask for at most {ASKED_MAX} identities at once", limit=ASKED_MAX)
        if not generation_ids:
            return {}

        def read(connection: sa.Connection) -> dict[str, DevicePlace]:
            return _of_identities(connection, organization_id, generation_ids)

        return await self._store.read(read)


def _of_identities(
    connection: sa.Connection, organization_id: OrganizationId, generation_ids: Iterable[str]
) -> dict[str, DevicePlace]:
    wanted = list(generation_ids)
    modules = find_module_generations(connection, organization_id, wanted)
    owners: dict[str, str] = {each: modules[each].device_generation_id for each in modules}
    devices = find_generations(connection, organization_id, {owners.get(each, each) for each in wanted})
    places = _places(connection, organization_id, devices)
    found = {each: places.get(GenerationId(owners.get(each, each))) for each in wanted}
    return {each: place for each, place in found.items() if place is not None}


def _places(
    connection: sa.Connection, organization_id: OrganizationId, devices: Mapping[GenerationId, Device]
) -> dict[GenerationId, DevicePlace]:
    groups = policy_groups_of(connection, organization_id, devices)
    return {
        generation_id: DevicePlace(
            generation_id,
            device.device_id,
            device.site,
            device.device_class,
            frozenset(groups.get(generation_id, ())),
        )
        for generation_id, device in devices.items()
    }
