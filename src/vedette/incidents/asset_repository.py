"""Which assets alerts are about."""

from __future__ import annotations

from typing import Final

import sqlalchemy as sa

from vedette.incidents.alert_repository import alerts
from vedette.incidents.model import AlertState

ASSETS_MAX: Final = 10_000
_c: Final = alerts.c


def count_open_by_asset(connection: sa.Connection, organization_id: str) -> dict[str, int]:
    """Return how many open alerts that somebody is to look at each asset has at either end; of the first 10,000."""
    ends = _open_ends(organization_id)
    query = sa.select(ends.c.asset_id, sa.func.count()).group_by(ends.c.asset_id).order_by(sa.func.count().desc())
    return {asset_id: number for asset_id, number in connection.execute(query.limit(ASSETS_MAX))}  # noqa: C416 - rows are no pairs to mypy


def count_open_by_severity(connection: sa.Connection, organization_id: str) -> dict[str, dict[str, int]]:
    """Return how many open alerts of each severity each asset has; of the first 10,000 assets with any."""
    ends = _open_ends(organization_id)
    query = sa.select(ends.c.asset_id, ends.c.severity, sa.func.count()).group_by(ends.c.asset_id, ends.c.severity)
    found: dict[str, dict[str, int]] = {}
    for asset_id, severity, number in connection.execute(query.order_by(ends.c.asset_id)):
        if asset_id in found or len(found) < ASSETS_MAX:
            found.setdefault(asset_id, {})[severity] = number
    return found


def _open_ends(organization_id: str) -> sa.Subquery:
    mine = (_c.organization_id == organization_id, _c.is_loud.is_(True), _c.state != AlertState.CLOSED.value)
    # An alert whose two ends are one asset counts once: union leaves doubles out.
    return sa.union(
        *(
            sa.select(_c.alert_id.label("alert_id"), end.label("asset_id"), _c.severity.label("severity")).where(
                *mine, end != ""
            )
            for end in (_c.source_asset_id, _c.target_asset_id)
        )
    ).subquery()
