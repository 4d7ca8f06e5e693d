"""What can go wrong around sensors and assets."""

from __future__ import annotations

from typing import ClassVar

from vedette.kernel import Problem


class AssetNotFound(Problem):
    """No asset of that id is known."""

    code: ClassVar[str] = "network.asset_not_found"
    status: ClassVar[int] = 404


class AssetRevisionMismatch(Problem):
    """Somebody changed it since it was read."""

    code: ClassVar[str] = "network.asset_revision_mismatch"
    status: ClassVar[int] = 412


class InvalidAsset(Problem):
    """A change of an asset that makes no sense, or a value outside its limits."""

    code: ClassVar[str] = "network.invalid_asset"
    status: ClassVar[int] = 422


class SensorNotFound(Problem):
    """No such device is registered as a sensor."""

    code: ClassVar[str] = "network.sensor_not_found"
    status: ClassVar[int] = 404


class SensorExists(Problem):
    """The device is registered as a sensor already."""

    code: ClassVar[str] = "network.sensor_exists"
    status: ClassVar[int] = 409


class TooManySensors(Problem):
    """There are as many sensors as there may be."""

    code: ClassVar[str] = "network.too_many_sensors"
    status: ClassVar[int] = 409


class SnapshotNotFound(Problem):
    """No snapshot of that id is kept."""

    code: ClassVar[str] = "network.snapshot_not_found"
    status: ClassVar[int] = 404


class ExternalNotFound(Problem):
    """No external connection of that id is known."""

    code: ClassVar[str] = "network.external_not_found"
    status: ClassVar[int] = 404
