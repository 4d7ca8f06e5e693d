"""Everything on the networks that sensors listen to, whether it is managed or not.

Terms: a *sensor* is a registered device that a person has named as one; an *asset* a device that sensors saw; a *fact*
one value of one attribute of it; a *link* a client that talks to a service of a server; an *operation* what it asks
there. Invariants: only registered sensors are heard; what comes twice changes nothing; all that sensors tell comes from
networks where anybody may lie, so no asset inherits anything from an address at another site, and nothing here by
itself widens a right.
"""

from __future__ import annotations

from vedette.network.asset_service import AssetService
from vedette.network.errors import (
    AssetNotFound,
    AssetRevisionMismatch,
    ExternalNotFound,
    InvalidAsset,
    SensorExists,
    SensorNotFound,
    SnapshotNotFound,
    TooManySensors,
)
from vedette.network.events import AssetChanged, AssetsAppeared, ExternalDecided, SensorChanged
from vedette.network.external_intake import AddressBook, NetworkOwner
from vedette.network.external_service import ExternalService
from vedette.network.feed import SensorFeed
from vedette.network.intake import IntakeLimits, OnAlerts, OnAppeared, Outcome, SensorIntake, label_of
from vedette.network.matching import DeviceMatching
from vedette.network.model import (
    AssetCounts,
    AssetFact,
    AssetPage,
    AssetSearch,
    AssetState,
    Criticality,
    ExternalConnection,
    ExternalVerdict,
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
from vedette.network.protocol_repository import SeenProtocol
from vedette.network.protocol_traits import KNOWN_PROTOCOLS, Traits
from vedette.network.reader import (
    NetworkReader,
    find_by_addresses,
    find_managed_assets,
    read_facts,
    require_asset,
)
from vedette.network.sensor_service import SensorService
from vedette.network.snapshot import AssetPicture, AttributeChange, Comparison, Snapshot
from vedette.network.snapshot_service import Changes, SnapshotService
from vedette.network.unknown import UnknownAssets
from vedette.network.upkeep import InventoryUpkeep

__all__ = [
    "KNOWN_PROTOCOLS",
    "AddressBook",
    "AssetChanged",
    "AssetCounts",
    "AssetFact",
    "AssetNotFound",
    "AssetPage",
    "AssetPicture",
    "AssetRevisionMismatch",
    "AssetSearch",
    "AssetService",
    "AssetState",
    "AssetsAppeared",
    "AttributeChange",
    "Changes",
    "Comparison",
    "Criticality",
    "DeviceMatching",
    "ExternalConnection",
    "ExternalDecided",
    "ExternalNotFound",
    "ExternalService",
    "ExternalVerdict",
    "IntakeLimits",
    "InvalidAsset",
    "InventoryUpkeep",
    "LinkPage",
    "LinkSearch",
    "ManagedBy",
    "Management",
    "NetworkAsset",
    "NetworkLink",
    "NetworkOperation",
    "NetworkOwner",
    "NetworkReader",
    "OnAlerts",
    "OnAppeared",
    "OperationPage",
    "Outcome",
    "SeenProtocol",
    "SensorChanged",
    "SensorEntry",
    "SensorExists",
    "SensorFeed",
    "SensorIntake",
    "SensorNotFound",
    "SensorReport",
    "SensorService",
    "SensorState",
    "Snapshot",
    "SnapshotNotFound",
    "SnapshotService",
    "TooManySensors",
    "Traits",
    "UnknownAssets",
    "find_by_addresses",
    "find_managed_assets",
    "label_of",
    "read_facts",
    "require_asset",
]
