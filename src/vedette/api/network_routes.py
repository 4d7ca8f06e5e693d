"""All routes of the inventory, built from the services that they call."""

from __future__ import annotations

from dataclasses import dataclass

from fastapi import APIRouter

from vedette.api.address_list import AddressListRoutes
from vedette.api.advisories import AdvisoryRoutes
from vedette.api.assets import AssetRoutes
from vedette.api.captures import CaptureRoutes
from vedette.api.network import TalkRoutes
from vedette.api.network_export import InventoryExport
from vedette.api.network_map import MapRoutes
from vedette.api.network_sensors import SensorRoutes
from vedette.api.network_snapshots import SnapshotRoutes
from vedette.api.vulnerabilities import VulnerabilityRoutes
from vedette.health.advisories import AdvisoryService
from vedette.incidents import AssetAlerts
from vedette.kernel import Clock, OrganizationId
from vedette.network import AssetService, ExternalService, NetworkReader, SensorService, SnapshotService
from vedette.network.addresses import AddressListService
from vedette.network.captures import CaptureService
from vedette.network.exposure import ExposureAssessor, ExposureService
from vedette.network.map import MapService
from vedette.paper import Printer


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkServices:
    """What the routes of the inventory call."""

    sensors: SensorService
    reader: NetworkReader
    assets: AssetService
    asset_alerts: AssetAlerts
    externals: ExternalService
    snapshots: SnapshotService
    advisories: AdvisoryService
    assessor: ExposureAssessor
    exposure: ExposureService
    captures: CaptureService
    maps: MapService
    addresses: AddressListService
    clock: Clock


def network_routers(organization_id: OrganizationId, services: NetworkServices, printer: Printer) -> list[APIRouter]:
    """Return the routes."""
    return [
        SensorRoutes(organization_id, services.sensors).build(),
        *AssetRoutes(
            organization_id, services.reader, services.assets, services.asset_alerts, clock=services.clock
        ).build(),
        *TalkRoutes(organization_id, services.reader, services.externals).build(),
        AddressListRoutes(services.addresses).build(),
        *SnapshotRoutes(services.snapshots).build(),
        InventoryExport(
            organization_id, services.reader, services.externals, services.asset_alerts, clock=services.clock
        ).build(),
        MapRoutes(organization_id, services.reader, services.maps).build(),
        CaptureRoutes(services.captures, printer, clock=services.clock).build(),
        *AdvisoryRoutes(organization_id, services.advisories, services.assessor).build(),
        *VulnerabilityRoutes(organization_id, services.exposure, services.reader).build(),
    ]
