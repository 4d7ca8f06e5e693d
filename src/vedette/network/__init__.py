"""Everything on the networks that sensors listen to, whether it is managed or not.

Terms: a *sensor* is a registered device that a person has named as one; an *asset* a device that sensors saw; a *fact*
one value of one attribute of it; a *link* a client that talks to a service of a server; an *operation* what it asks
there. Invariants: only registered sensors are heard; what comes twice changes nothing; all that sensors tell comes from
networks where anybody may lie, so no asset inherits anything from an address at another site, and nothing here by
itself widens a right.
"""

from __future__ import annotations

from vedette.network.errors import (
    AssetChanged,
    AssetNotFound,
    ExternalNotFound,
    InvalidAsset,
    SensorExists,
    SensorNotFound,
    SnapshotNotFound,
    TooManySensors,
)
from vedette.network.model import (
    AssetFact,
    AssetPage,
    AssetSearch,
    AssetState,
    Criticality,
    LinkPage,
    LinkSearch,
    ManagedBy,
    Management,
    NetworkAsset,
    NetworkLink,
    NetworkOperation,
    OperationPage,
    SensorEntry,
    SensorReport,
    SensorState,
)
from vedette.network.reader import (
    NetworkReader,
    find_by_addresses,
    find_managed_assets,
    read_facts,
    require_asset,
)

__all__ = [
    "AssetChanged",
    "AssetFact",
    "AssetNotFound",
    "AssetPage",
    "AssetSearch",
    "AssetState",
    "Criticality",
    "ExternalNotFound",
    "InvalidAsset",
    "LinkPage",
    "LinkSearch",
    "ManagedBy",
    "Management",
    "NetworkAsset",
    "NetworkLink",
    "NetworkOperation",
    "NetworkReader",
    "OperationPage",
    "SensorEntry",
    "SensorExists",
    "SensorNotFound",
    "SensorReport",
    "SensorState",
    "SnapshotNotFound",
    "TooManySensors",
    "find_by_addresses",
    "find_managed_assets",
    "read_facts",
    "require_asset",
]
