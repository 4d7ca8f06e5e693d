"""Which assets a request means: the same for the list and the export."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Annotated, NamedTuple

from fastapi import Depends, Query

from vedette.api.network_sight import narrow
from vedette.api.network_views import Level
from vedette.api.schema import Moment
from vedette.api.sight import Sight
from vedette.network import AssetSearch, AssetState, Criticality


class Asked(NamedTuple):
    """Which assets a request means, before it is known who asks and which of them have alerts."""

    search: AssetSearch
    site: str | None
    is_legacy: bool | None
    has_alerts: bool | None

    @property
    def is_narrowed(self) -> bool:
        """Tell whether anything but the site is asked for."""
        return self._replace(site=None) != Asked(AssetSearch(), None, None, None)

    def as_search(self, sight: Sight, *, alerted: frozenset[str], today: date) -> AssetSearch:
        """Return the search.

        Args:
            sight: What the asker may see.
            alerted: Assets with open alerts.
            today: What counts for the end of support.
        """
        return replace(
            self.search,
            sites=narrow(sight, self.site),
            asset_ids=alerted if self.has_alerts else None,
            but_ids=alerted if self.has_alerts is False else None,
            without_support=today if self.is_legacy else None,
            but_without_support=today if self.is_legacy is False else None,
        )


async def filter_of(
    *,
    site: Annotated[str | None, Query(max_length=128, description="Only at this site.")] = None,
    state: Annotated[AssetState | None, Query(description="Only in this state.")] = None,
    text: Annotated[
        str, Query(max_length=128, description="Somewhere in name, maker, model, serial number or an address.")
    ] = "",
    address: Annotated[str, Query(max_length=64, description="Exactly this IP or MAC address.")] = "",
    vendor: Annotated[str, Query(max_length=512, description="Exactly this maker.")] = "",
    device_type: Annotated[str, Query(max_length=512, description="Only of this type, such as `camera`.")] = "",
    role: Annotated[str, Query(max_length=64, description="Only in this role, such as `controller`.")] = "",
    level: Annotated[Level | None, Query(description="Only at this Purdue level.")] = None,
    criticality: Annotated[Criticality | None, Query(description="Only as critical as this.")] = None,
    is_managed: Annotated[
        bool | None, Query(description="Only those that are registered devices, or only the others.")
    ] = None,
    device_id: Annotated[str, Query(max_length=128, description="Only what is this registered device.")] = "",
    is_legacy: Annotated[
        bool | None, Query(description="Only those whose system gets security updates no more, or only the others.")
    ] = None,
    has_alerts: Annotated[
        bool | None, Query(description="Only those with open alerts that somebody is to look at, or only the others.")
    ] = None,
    since: Annotated[Moment | None, Query(description="Only those first heard of then or later.")] = None,
) -> Asked:
    """Return which assets a request means."""
    search = AssetSearch(
        state=state,
        text=text,
        address=address.lower(),
        vendor=vendor,
        device_type=device_type,
        role=role,
        level=level or "",
        criticality=criticality,
        is_managed=is_managed,
        device_id=device_id,
        since=since,
    )
    return Asked(search, site, is_legacy, has_alerts)


Wanted = Annotated[Asked, Depends(filter_of)]
