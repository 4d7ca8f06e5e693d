"""The alarm for devices that nobody knows: what appears once a sensor has had a day to see what was always there."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Final

from vedette.kernel import Clock
from vedette.network.intake import OnAlerts, label_of
from vedette.network.matching import DeviceMatching
from vedette.network.model import NetworkAsset, SensorEntry
from vedette.protocols.sensor import AlertRecord
from vedette.store import Transaction

RULE: Final = "network.unknown_asset"
LEARNING: Final = timedelta(days=1)
_TITLE_MAX_CHARS: Final = 512
_ADDRESS_MAX_CHARS: Final = 64
_DETAIL_MAX_CHARS: Final = 256


class UnknownAssets:
    """Raises an alert for each asset that appears at a site and is no registered device.

    In the first day of a sensor nothing is raised: all that it sees is new to it. Such assets stand in the inventory as
    ``new`` all the same, until somebody acknowledges them.

    Args:
        matching: Tells which assets are registered devices.
        on_alerts: Takes the alerts, in the transaction that adds the assets.
        clock: Source of time.
    """

    def __init__(self, matching: DeviceMatching, on_alerts: OnAlerts, *, clock: Clock) -> None:
        self._matching = matching
        self._on_alerts = on_alerts
        self._clock = clock

    def hear(self, tx: Transaction, sensor: SensorEntry, assets: Sequence[NetworkAsset]) -> None:
        """Hear of assets that nobody knew."""
        managed = self._matching.match_in(tx, assets)
        if self._clock.now() - sensor.registered_at < LEARNING:
            return
        unknown = [asset for asset in assets if asset.asset_id not in managed]
        if unknown:
            self._on_alerts(tx, sensor, [_alert(asset) for asset in unknown])


def _alert(asset: NetworkAsset) -> AlertRecord:
    at = int(asset.last_at.timestamp() * 1000)
    made_by = f" made by {asset.vendor}" if asset.vendor else ""
    return AlertRecord(
        id=asset.asset_id,
        rule=RULE,
        engine="policy",
        severity="medium",
        title=f"a device that nobody knows appeared at {asset.site}: {label_of(asset)}{made_by}"[:_TITLE_MAX_CHARS],
        source=next(iter(asset.addresses), "")[:_ADDRESS_MAX_CHARS],
        detail={
            "asset": asset.asset_id,
            "site": asset.site[:_DETAIL_MAX_CHARS],
            "vendor": asset.vendor[:_DETAIL_MAX_CHARS],
            "model": asset.model[:_DETAIL_MAX_CHARS],
            "addresses": ", ".join(asset.addresses)[:_DETAIL_MAX_CHARS],
        },
        first_at=at,
        last_at=at,
    )
