"""Registry and inventory of one organization on a real store, and the records of an invented sensor."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from identity_house import ACTOR, RunningSigner
from registry_house import RegistryHouse

from vedette.kernel import Clock, RandomIds
from vedette.network import (
    AssetSearch,
    AssetService,
    DeviceMatching,
    ExternalService,
    IntakeLimits,
    LinkSearch,
    NetworkAsset,
    NetworkLink,
    NetworkReader,
    Outcome,
    SensorEntry,
    SensorIntake,
    SensorService,
    SnapshotService,
    UnknownAssets,
)
from vedette.protocols.sensor import (
    AlertRecord,
    AssetRecord,
    Batch,
    FactRecord,
    LinkRecord,
    OperationRecord,
    Record,
    write_batch,
)
from vedette.store import Store, Transaction

PLC, HMI = "10.0.0.5", "10.0.0.9"
PLC_MAC, HMI_MAC = "00:1b:1b:00:00:05", "00:1c:06:00:00:09"
BOOT = "boot-1"


class NetworkHouse(RegistryHouse):
    """What sensors tell, and what becomes of it.

    Attributes:
        alerts: As they were handed on.
    """

    def __init__(self, store: Store, signer: RunningSigner, clock: Clock, limits: IntakeLimits | None = None) -> None:
        super().__init__(store, signer, clock)
        self.clock = clock
        self.ids = RandomIds(clock)
        self.sensors = SensorService(store, self.ledger, clock=clock)
        self.ledger.project("sensors", self.sensors.project)
        self.intake = SensorIntake(store, self.ledger, clock=clock, ids=self.ids, limits=limits or IntakeLimits())
        self.alerts: list[AlertRecord] = []
        self.matching = DeviceMatching(self.organization_id, store)
        self.ledger.project("managed assets", self.matching.project)
        self.intake.on_alerts(self._note_alerts)
        self.intake.on_appeared(UnknownAssets(self.matching, self._note_alerts, clock=clock).hear)
        self.assets_service = AssetService(store, self.ledger, clock=clock, ids=self.ids)
        self.snapshots = SnapshotService(self.organization_id, store, self.ledger, clock=clock, ids=self.ids)
        self.externals = ExternalService(store, self.ledger, clock=clock)
        self.reader = NetworkReader(store)
        self._sequences: dict[tuple[str, str], int] = {}

    def _note_alerts(self, tx: Transaction, sensor: SensorEntry, records: Sequence[AlertRecord]) -> None:
        assert tx.connection.in_transaction()
        self.alerts.extend(records)

    async def sensor(self, name: str = "probe-1", site: str = "north") -> SensorEntry:
        """Register a device, and that as a sensor."""
        await self.device(name)
        return await self.sensors.register(self.organization_id, name, site=site, note="mirror port", actor=ACTOR)

    async def tell(
        self, sensor: SensorEntry, *records: Record, boot: str = BOOT, sequence: int | None = None
    ) -> Outcome:
        """Have a sensor send one batch."""
        key = (sensor.generation_id, boot)
        number = self._sequences.get(key, 0) + 1 if sequence is None else sequence
        self._sequences[key] = max(number, self._sequences.get(key, 0))
        body = write_batch(Batch(boot=boot, sequence=number, records=records))
        return await self.intake.take(self.organization_id, sensor.generation_id, body)

    async def assets(self, **search: Any) -> list[NetworkAsset]:
        """Return the assets that fit."""
        return (await self.reader.assets(self.organization_id, AssetSearch(**search), limit=1000)).items

    async def only(self, **search: Any) -> NetworkAsset:
        """Return the one asset that fits."""
        (found,) = await self.assets(**search)
        return found

    async def links(self, **search: Any) -> list[NetworkLink]:
        """Return the links that fit."""
        return (await self.reader.links(self.organization_id, LinkSearch(**search), limit=1000)).items


def asset(*addresses: str, at: int = 1_000, number: int = 1, **facts: str) -> AssetRecord:
    """Return what a sensor tells of an asset; facts are sure."""
    return AssetRecord(
        number=number,
        ips=tuple(each for each in addresses if each.count(":") != 5),
        macs=tuple(each for each in addresses if each.count(":") == 5),
        first_at=at,
        last_at=at + 1_000,
        facts=tuple(fact(name, value, at=at) for name, value in facts.items()),
    )


def fact(attribute: str, value: str, *, confidence: int = 95, at: int = 1_000, source: str = "modbus") -> FactRecord:
    """Return one fact."""
    return FactRecord(
        attribute=attribute, value=value, confidence=confidence, source=source, first_at=at, last_at=at + 1_000
    )


def link(client: str = HMI, server: str = PLC, **changes: Any) -> LinkRecord:
    """Return what a sensor tells of a link."""
    fields: dict[str, Any] = {
        "transport": "tcp",
        "port": 502,
        "protocol": "modbus",
        "certainty": "confirmed",
        "flows": 1,
        "packets": 10,
        "bytes": 1_000,
        "first_at": 1_000,
        "last_at": 2_000,
    }
    return LinkRecord(client=client, server=server, **fields | changes)


def operation(client: str = HMI, server: str = PLC, **changes: Any) -> OperationRecord:
    """Return what a sensor tells of an operation."""
    fields: dict[str, Any] = {
        "protocol": "modbus",
        "service": "read_holding_registers",
        "kind": "read",
        "times": 5,
        "first_at": 1_000,
        "last_at": 2_000,
    }
    return OperationRecord(client=client, server=server, **fields | changes)


def alert(**changes: Any) -> AlertRecord:
    """Return what a sensor tells of an alert."""
    fields: dict[str, Any] = {
        "id": "a-1",
        "rule": "ot.controller_stop",
        "engine": "operational",
        "severity": "high",
        "title": "a controller was stopped",
        "source": HMI,
        "target": PLC,
        "first_at": 1_000,
        "last_at": 1_000,
    }
    return AlertRecord(**fields | changes)
