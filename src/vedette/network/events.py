"""What this room tells: facts about networks, past tense."""

from __future__ import annotations

from typing import ClassVar

import msgspec


class AssetsAppeared(msgspec.Struct, frozen=True, kw_only=True):
    """A sensor saw assets that nobody knows.

    Attributes:
        generation_id: Of the sensor.
        assets: Their ids, at most 100.
        labels: Name or address of each.
        count: How many there are.
    """

    name: ClassVar[str] = "network.assets_appeared"
    version: ClassVar[int] = 1

    organization_id: str
    generation_id: str
    device_id: str
    site: str
    assets: tuple[str, ...]
    labels: tuple[str, ...]
    count: int


class SensorChanged(msgspec.Struct, frozen=True, kw_only=True):
    """A device was registered as a sensor, or is heard no more."""

    name: ClassVar[str] = "network.sensor_changed"
    version: ClassVar[int] = 1

    organization_id: str
    generation_id: str
    device_id: str
    site: str
    state: str


class AssetChanged(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody acknowledged, merged, parted or described an asset.

    Attributes:
        generation_id: Of the registered device that it is; empty: of none.
        act: What was done: ``acknowledge``, ``change``, ``merge``, ``part``, ``split``.
    """

    name: ClassVar[str] = "network.asset_changed"
    version: ClassVar[int] = 1

    organization_id: str
    generation_id: str
    asset_id: str
    act: str


class ExternalDecided(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody approved or refused a connection to the outside."""

    name: ClassVar[str] = "network.external_decided"
    version: ClassVar[int] = 1

    organization_id: str
    generation_id: str
    external_id: str
    asset_id: str
    verdict: str
