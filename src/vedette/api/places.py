"""Where roles hold, as bodies name it: sites, and groups by id or name."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Final

from pydantic import Field

from vedette.kernel import OrganizationId
from vedette.operators import InvalidGrant, Scopes, check_scopes
from vedette.registry import PlaceService

PLACES_MAX: Final = 50
PLACE_MAX_CHARS: Final = 128
Places = Annotated[list[Annotated[str, Field(min_length=1, max_length=PLACE_MAX_CHARS)]], Field(max_length=PLACES_MAX)]


async def read_places(
    places: PlaceService, organization_id: OrganizationId, *, sites: Iterable[str], groups: Iterable[str]
) -> Scopes:
    """Return places by what names them; groups are kept by id, so that a name used again inherits nothing.

    Raises:
        InvalidGrant: A group is not there, or is one that devices can report themselves into.
    """
    ids = []
    for name in groups:
        found = await places.find_group(organization_id, name)
        if found is None:
            raise InvalidGrant(
                f"{name[:PLACE_MAX_CHARS]!r} is no group that limits a role",
                hint="it must exist, and its condition must not ask for what devices report",
            )
        ids.append(found)
    return check_scopes(sites, ids)
