"""What sensors tell, taken into an inventory in memory: whatever a batch holds, its records are kept or refused."""

from __future__ import annotations

import contextlib
from datetime import UTC, datetime
from typing import Final

import sqlalchemy as sa

from vedette.kernel import GenerationId, OrganizationId, RandomIds, SystemClock
from vedette.network import SensorEntry, SensorState
from vedette.network.asset_intake import AssetIntake
from vedette.network.external_intake import take_externals
from vedette.network.link_intake import LinkIntake
from vedette.protocols.sensor import (
    AssetRecord,
    Batch,
    FactRecord,
    InvalidBatch,
    LinkRecord,
    OperationRecord,
    read_batch,
    write_batch,
)
from vedette.store import metadata

_NOW: Final = datetime(2026, 11, 22, tzinfo=UTC)
_SENSOR: Final = SensorEntry(
    organization_id=OrganizationId("org"),
    generation_id=GenerationId("dev"),
    device_id="probe",
    site="north",
    note="",
    state=SensorState.ACTIVE,
    registered_at=_NOW,
)
_IDS: Final = RandomIds(SystemClock())
_ENGINE: Final = sa.create_engine("sqlite://", poolclass=sa.pool.StaticPool)
metadata.create_all(_ENGINE, tables=[table for table in metadata.sorted_tables if table.name.startswith("network_")])

_FACT: Final = FactRecord(attribute="serial", value="SC-77", confidence=95, source="s7", first_at=1, last_at=2)
_MAKER: Final = FactRecord(attribute="vendor", value="Maker", confidence=95, source="s7", first_at=1, last_at=2)
_ASSETS: Final = (
    AssetRecord(number=1, ips=("10.0.0.1",), macs=("00:80:f4:00:00:01",), first_at=1, last_at=2, facts=(_FACT, _MAKER)),
    AssetRecord(number=2, ips=("10.0.0.1", "fe80::1"), first_at=1, last_at=2, facts=(_FACT,)),
    AssetRecord(number=3, macs=("00:80:f4:00:00:02", "01:00:5e:00:00:01"), first_at=2**48, last_at=0),
)
_TALK: Final = (
    LinkRecord(client="10.0.0.1", server="10.0.0.2", transport="tcp", port=502, packets=9, first_at=1, last_at=2),
    LinkRecord(
        client="10.0.0.1", server="8.8.8.8", transport="udp", is_external=True, name="a.b", first_at=1, last_at=2
    ),
    OperationRecord(
        client="10.0.0.1", server="10.0.0.2", protocol="s7", service="read", kind="read", first_at=1, last_at=2
    ),
)
SEEDS: Final = [
    write_batch(Batch(boot="b", sequence=1, records=_ASSETS)),
    write_batch(Batch(boot="b", sequence=2, records=_TALK)),
    write_batch(Batch(boot="b", sequence=3, records=(*_ASSETS, *_TALK, *_ASSETS, *_TALK))),
]


def fuzz_one(data: bytes) -> None:
    """Take a batch twice, in a transaction that is given up; the second time nothing is new."""
    try:
        batch = read_batch(data)
    except InvalidBatch:
        return
    with _ENGINE.connect() as connection, contextlib.closing(connection.begin()):
        first = _take(connection, batch)
        again = _take(connection, batch)
        assert not again, (first, again)


def _take(connection: sa.Connection, batch: Batch) -> int:
    """Return how many things were new."""
    assets = [each for each in batch.records if isinstance(each, AssetRecord)]
    links = [each for each in batch.records if isinstance(each, LinkRecord)]
    operations = [each for each in batch.records if isinstance(each, OperationRecord)]
    taken = AssetIntake(connection, _SENSOR, ids=_IDS, now=_NOW, room=100).take(assets)
    intake = LinkIntake(connection, _SENSOR, batch.boot.replace("\0", ""), now=_NOW)
    intake.resolve([*links, *operations])
    new_links, _ = intake.take_links(links, room=100)
    new_operations, _ = intake.take_operations(operations, room=100)
    externals, _ = take_externals(connection, _SENSOR, links, owner_of=intake.owner, addresses=None, now=_NOW, room=100)
    return len(taken.appeared) + new_links + new_operations + len(externals)
