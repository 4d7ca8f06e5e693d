"""What sensors send, taken once: batches become assets, links, operations and, through listeners, alerts."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Final

import sqlalchemy as sa

from vedette.kernel import Clock, GenerationId, IdSource, OrganizationId, Problem
from vedette.ledger import Actor, Entry, Ledger
from vedette.network import asset_repository, external_repository, link_repository, sensor_repository
from vedette.network.asset_intake import AssetIntake
from vedette.network.events import AssetsAppeared
from vedette.network.external_intake import AddressBook, take_externals
from vedette.network.identity import clean
from vedette.network.link_intake import LinkIntake
from vedette.network.model import NetworkAsset, SensorEntry, SensorReport, SensorState, moment_of
from vedette.network.sequence import NOTHING, Taken, is_taken, note
from vedette.protocols.sensor import (
    AlertRecord,
    AssetRecord,
    Batch,
    InvalidBatch,
    LinkRecord,
    OperationRecord,
    Record,
    StatusRecord,
    read_batch,
)
from vedette.store import Store, StoreFull, StoreUnavailable, Transaction

log = logging.getLogger(__name__)

OnAlerts = Callable[[Transaction, SensorEntry, Sequence[AlertRecord]], None]
"""Takes alerts in the transaction that notes that they were taken; the same ones may come again."""
OnAppeared = Callable[[Transaction, SensorEntry, Sequence[NetworkAsset]], None]
"""Hears of assets that nobody knew, in the transaction that adds them."""

# A slice is one transaction: the writer serves everybody else in between.
SLICE: Final = 64
BOOTS_KEPT: Final = 16
_TOLD_MAX: Final = 100
_LABEL_MAX_CHARS: Final = 200
_BECAUSE_MAX_CHARS: Final = 256
_ORDER: Final[tuple[type[Record], ...]] = (AssetRecord, LinkRecord, OperationRecord, AlertRecord, StatusRecord)
# What data can do to a transaction without the database being to blame.
_REFUSED: Final = (Problem, sa.exc.SQLAlchemyError, ArithmeticError, LookupError, TypeError, ValueError)


class Outcome(StrEnum):
    """What became of a message."""

    TAKEN = "taken"
    REPEATED = "repeated"
    REFUSED = "refused"
    IGNORED = "ignored"
    """Not from a sensor that is registered."""


@dataclass(frozen=True, slots=True, kw_only=True)
class IntakeLimits:
    """How much is kept of what sensors tell; what goes beyond is refused, and the sensor's entry says so."""

    assets: int = 50_000
    links: int = 1_000_000
    operations: int = 1_000_000
    externals: int = 100_000


@dataclass(slots=True)
class _Counted:
    """How much is kept at present; as of the last commit."""

    assets: int
    links: int
    operations: int
    externals: int


@dataclass(slots=True)
class _Slice:
    """What one transaction added and refused."""

    assets: int = 0
    links: int = 0
    operations: int = 0
    externals: int = 0
    refused: int = 0
    because: str = ""
    report: SensorReport | None = None
    appeared: list[NetworkAsset] = field(default_factory=list)


class SensorIntake:
    """Takes batches of registered sensors; a batch that comes again changes nothing.

    Args:
        store: Where everything is kept.
        ledger: Where assets that appear are told.
        clock: Source of time.
        ids: Of assets.
        limits: Bounds.
        addresses: Tells who addresses of the internet are assigned to; None: nobody does.
    """

    def __init__(
        self,
        store: Store,
        ledger: Ledger,
        *,
        clock: Clock,
        ids: IdSource,
        limits: IntakeLimits = IntakeLimits(),
        addresses: AddressBook | None = None,
    ) -> None:
        self._store = store
        self._ledger = ledger
        self._clock = clock
        self._ids = ids
        self._limits = limits
        self._addresses = addresses
        self._counted: dict[str, _Counted] = {}
        self._on_alerts: list[OnAlerts] = []
        self._on_appeared: list[OnAppeared] = []

    def on_alerts(self, listener: OnAlerts) -> None:
        """Have ``listener`` take the alerts of sensors."""
        self._on_alerts.append(listener)

    def on_appeared(self, listener: OnAppeared) -> None:
        """Have ``listener`` hear of assets that nobody knew."""
        self._on_appeared.append(listener)

    def count_again(self, organization_id: OrganizationId) -> None:
        """Look anew how much is kept, since something was forgotten."""
        self._counted.pop(organization_id, None)

    async def take(self, organization_id: OrganizationId, generation_id: str, body: bytes) -> Outcome:
        """Take one message; when this returns, what became of it is on disk.

        What it holds may be hostile: whatever cannot be taken is refused and counted, and never comes in the way of
        the next one.

        Raises:
            StoreUnavailable: The database does not answer; take it again.
            StoreFull: The disk is full; take it again.
        """
        sensor = await self._store.read(lambda c: sensor_repository.find_sensor(c, organization_id, generation_id))
        if sensor is None or sensor.state is not SensorState.ACTIVE:
            return Outcome.IGNORED
        return await self.take_from(sensor, body)

    async def take_from(self, sensor: SensorEntry, body: bytes) -> Outcome:
        """Take one message of a source that somebody vouches for: a sensor, or what a person uploaded.

        Raises:
            StoreUnavailable: As ``take``.
            StoreFull: As ``take``.
        """
        organization_id, generation_id = sensor.organization_id, sensor.generation_id
        try:
            return await self._take(sensor, read_batch(body))
        except (StoreUnavailable, StoreFull):
            raise
        except _REFUSED as error:
            because = (
                error.detail if isinstance(error, InvalidBatch) else f"it could not be kept ({type(error).__name__})"
            )
            log.warning("a batch of a sensor is refused", extra={"sensor": generation_id, "cause": because})
            self._counted.pop(organization_id, None)
            await self._store.write(lambda tx: _refuse(tx, organization_id, generation_id, 1, because))
            return Outcome.REFUSED

    async def _take(self, sensor: SensorEntry, batch: Batch) -> Outcome:
        boot = clean(batch.boot)
        organization_id, generation_id = sensor.organization_id, sensor.generation_id
        if await self._store.read(lambda c: is_taken(_taken(c, sensor, boot), batch.sequence)):
            await self._store.write(lambda tx: _repeat(tx, organization_id, generation_id))
            return Outcome.REPEATED
        counted = await self._count(organization_id)
        records = sorted(batch.records, key=lambda record: _ORDER.index(type(record)))
        slices = [records[start : start + SLICE] for start in range(0, len(records), SLICE)] or [[]]
        for index, part in enumerate(slices):
            is_last = index == len(slices) - 1

            def take(tx: Transaction, part: Sequence[Record] = part, *, is_last: bool = is_last) -> _Slice:
                done = self._slice(tx, sensor, boot, part, counted)
                self._note(tx, sensor, boot, batch.sequence, done, is_last=is_last)
                return done

            added = await self._store.write(take)
            for name in ("assets", "links", "operations", "externals"):
                setattr(counted, name, getattr(counted, name) + getattr(added, name))
        return Outcome.TAKEN

    def _slice(
        self, tx: Transaction, sensor: SensorEntry, boot: str, records: Sequence[Record], counted: _Counted
    ) -> _Slice:
        done, now, limits = _Slice(), self._clock.now(), self._limits
        assets = [record for record in records if isinstance(record, AssetRecord)]
        if assets:
            room = limits.assets - counted.assets
            taken = AssetIntake(tx.connection, sensor, ids=self._ids, now=now, room=room).take(assets)
            done.assets, done.appeared = len(taken.appeared), taken.appeared
            _note_refused(done, taken.refused, "assets without an address, or without room for them")
        links = [record for record in records if isinstance(record, LinkRecord)]
        operations = [record for record in records if isinstance(record, OperationRecord)]
        intake = LinkIntake(tx.connection, sensor, boot, now=now)
        intake.resolve([*links, *operations])
        if links:
            done.links, refused = intake.take_links(links, room=limits.links - counted.links)
            _note_refused(done, refused, "links without addresses, or without room for them")
            found, refused = take_externals(
                tx.connection,
                sensor,
                links,
                owner_of=intake.owner,
                addresses=self._addresses,
                now=now,
                room=limits.externals - counted.externals,
            )
            done.externals = len(found)
            _note_refused(done, refused, "connections to the outside without room for them")
        if operations:
            room = limits.operations - counted.operations
            done.operations, refused = intake.take_operations(operations, room=room)
            _note_refused(done, refused, "operations without addresses, or without room for them")
        alerts = [record for record in records if isinstance(record, AlertRecord)]
        if alerts:
            for listener in self._on_alerts:
                listener(tx, sensor, alerts)
        for record in records:
            if isinstance(record, StatusRecord):
                done.report = _report(record, boot, sensor, done.report)
        return done

    def _note(
        self, tx: Transaction, sensor: SensorEntry, boot: str, sequence: int, done: _Slice, *, is_last: bool
    ) -> None:
        """Write what became of a slice, with the slice: of the last one also that its batch was taken."""
        organization_id, generation_id, now = sensor.organization_id, sensor.generation_id, self._clock.now()
        if done.appeared:
            self._tell(tx, sensor, done.appeared)
        current = sensor_repository.find_sensor(tx.connection, organization_id, generation_id)
        lost = 0
        if is_last:
            taken, lost = note(_taken(tx.connection, sensor, boot), sequence)
            sensor_repository.save_intake(
                tx.connection,
                organization_id,
                generation_id,
                boot,
                taken=(taken.through, list(taken.beyond)),
                at=now,
            )
            sensor_repository.forget_boots(tx.connection, organization_id, generation_id, keep=BOOTS_KEPT)
        if current is None:  # what was uploaded has no entry of its own
            return
        changed = replace(
            current,
            heard_at=now,
            report=done.report or current.report,
            batches=current.batches + is_last,
            lost=min(current.lost + lost, 2**62),
            refused=current.refused + done.refused,
            refused_because=done.because or current.refused_because,
        )
        sensor_repository.save_sensor(tx.connection, changed)

    def _tell(self, tx: Transaction, sensor: SensorEntry, appeared: Sequence[NetworkAsset]) -> None:
        told = appeared[:_TOLD_MAX]
        event = AssetsAppeared(
            organization_id=sensor.organization_id,
            generation_id=sensor.generation_id,
            device_id=sensor.device_id,
            site=sensor.site,
            assets=tuple(asset.asset_id for asset in told),
            labels=tuple(label_of(asset)[:_LABEL_MAX_CHARS] for asset in told),
            count=len(appeared),
        )
        entry = Entry(
            organization_id=sensor.organization_id,
            actor=Actor("device", sensor.generation_id, sensor.device_id),
            action="network.see_assets",
            target=sensor.generation_id,
            target_name=sensor.device_id,
            reason="never seen before",
            details={"count": event.count, "assets": list(event.assets), "site": sensor.site},
        )
        self._ledger.append(tx, entry, event=event)
        for listener in self._on_appeared:
            listener(tx, sensor, appeared)

    async def _count(self, organization_id: OrganizationId) -> _Counted:
        counted = self._counted.get(organization_id)
        if counted is None:

            def read(connection: sa.Connection) -> _Counted:
                return _Counted(
                    asset_repository.count_all(connection, organization_id),
                    link_repository.count_rows(connection, link_repository.links, organization_id),
                    link_repository.count_rows(connection, link_repository.operations, organization_id),
                    external_repository.count_externals(connection, organization_id),
                )

            counted = self._counted[organization_id] = await self._store.read(read)
        return counted


def label_of(asset: NetworkAsset) -> str:
    """Return what to call an asset: its name, else an address."""
    return asset.name or next(iter(asset.addresses), asset.asset_id)


def _taken(connection: sa.Connection, sensor: SensorEntry, boot: str) -> Taken:
    found = sensor_repository.read_intake(connection, sensor.organization_id, sensor.generation_id, boot)
    return NOTHING if found is None else Taken(found[0], tuple(found[1]))


def _note_refused(done: _Slice, count: int, because: str) -> None:
    if count:
        done.refused += count
        done.because = because


def _refuse(tx: Transaction, organization_id: OrganizationId, generation_id: str, count: int, because: str) -> None:
    sensor = sensor_repository.find_sensor(tx.connection, organization_id, generation_id)
    if sensor is not None:
        because = clean(because)[:_BECAUSE_MAX_CHARS]
        sensor_repository.save_sensor(
            tx.connection, replace(sensor, refused=sensor.refused + count, refused_because=because)
        )


def _repeat(tx: Transaction, organization_id: OrganizationId, generation_id: GenerationId) -> None:
    sensor = sensor_repository.find_sensor(tx.connection, organization_id, generation_id)
    if sensor is not None:
        sensor_repository.save_sensor(tx.connection, replace(sensor, repeated=sensor.repeated + 1))


def _report(record: StatusRecord, boot: str, sensor: SensorEntry, former: SensorReport | None) -> SensorReport:
    """Return the later of two reports: what waited on a sensor's disk may come behind what is newer."""
    values = {name: getattr(record, name) for name in SensorReport.__slots__ if name not in {"at", "boot"}}
    words = {name: clean(value) for name, value in values.items() if isinstance(value, str)}
    report = SensorReport(at=moment_of(record.at), boot=boot, **values | words)
    latest = former or sensor.report
    return latest if latest is not None and latest.boot == boot and latest.at > report.at else report
