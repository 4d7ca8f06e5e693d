"""Alerts of one sensor on the rooms that signals and quarantines stand on, as control wires them."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any, TypeVar

import sqlalchemy as sa
from response_house import ResponseHouse

from vedette.incidents import (
    Alert,
    AlertFilter,
    AlertIntake,
    AlertLimits,
    AlertService,
    AlertUpkeep,
    End,
    ExceptionService,
    PostureLoop,
    Retention,
    SensorSight,
    SliceStore,
    Taken,
    TicketService,
)
from vedette.kernel import DeviceId, GenerationId, OrganizationId, RandomIds
from vedette.pki import SecretBox
from vedette.protocols.sensor import AlertRecord
from vedette.store import Transaction

T = TypeVar("T")

SLICE = b"\x0a\x0d\x0d\x0a" + bytes(range(256)) * 4


class AlertHouse:
    """What alerts do to people's lists and to posture records.

    Attributes:
        known: What the inventory knows of addresses; the tests' own.
    """

    def __init__(self, house: ResponseHouse, *, per_hour: int = 2_000, retention: Retention | None = None) -> None:
        self.house = house
        self.organization_id = house.organization_id
        clock, ids = house.clock, RandomIds(house.clock)
        self.sensor = SensorSight(
            generation_id=GenerationId(ids.new("dev")), device_id=DeviceId("sensor-1"), site="north"
        )
        self.known: dict[str, End] = {}
        self.box = SecretBox(bytes(32), ids=ids)
        posture = PostureLoop(house.signals)
        self.slices = SliceStore(house.store, house.ledger, self.box, clock=clock)
        self.intake = AlertIntake(
            house.store,
            house.ledger,
            posture,
            self.slices,
            find_ends=self._find_ends,
            limits=AlertLimits(per_hour=per_hour),
            clock=clock,
            ids=ids,
        )
        self.alerts = AlertService(house.store, house.ledger, posture, clock=clock)
        house.ledger.project("alerts", self.alerts.project)
        self.exceptions = ExceptionService(house.store, house.ledger, clock=clock, ids=ids)
        self.tickets = TicketService(house.store, house.ledger, clock=clock, ids=ids)
        self.upkeep = AlertUpkeep(
            house.organization_id, house.store, house.guard, retention=retention or Retention(), clock=clock
        )

    def record(self, **changes: Any) -> AlertRecord:
        """Return a stopped controller, or another record."""
        millis = int(self.house.clock.now().timestamp() * 1000)
        fields: dict[str, Any] = {
            "id": "a-1",
            "rule": "ot.controller_stop",
            "engine": "operational",
            "severity": "high",
            "title": "10.0.0.9 stopped the controller 10.0.0.2",
            "source": "10.0.0.9",
            "target": "10.0.0.2",
            "protocol": "s7comm",
            "technique": "T0858",
            "first_at": millis,
            "last_at": millis,
        }
        return AlertRecord(**{**fields, **changes})

    async def hear(self, *records: AlertRecord) -> Taken:
        """Take records as the intake does."""
        return await self.intake.take(self.organization_id, self.sensor, records)

    async def listed(self, **wanted: Any) -> list[Alert]:
        """Return alerts, youngest first."""
        return (await self.alerts.search(self.organization_id, AlertFilter(**wanted))).items

    async def raised(self, **changes: Any) -> Alert:
        """Let an alert be raised, and return it."""
        record = self.record(**changes)
        await self.hear(record)
        return next(each for each in await self.listed() if each.sensor_alert_id == record.id)

    async def manage(self, address: str, name: str) -> End:
        """Let the inventory take an address for an active device."""
        device = await self.house.active(name)
        end = End(address=address, name=name, generation_id=device.generation_id, device_id=device.device_id)
        self.known[address] = end
        return end

    async def acts(self) -> list[str]:
        """Return the actions that stand in the ledger, of this room."""

        def read(connection: sa.Connection) -> list[str]:
            rows = connection.execute(sa.text("select action from ledger_entries order by position"))
            return [row[0] for row in rows if row[0].startswith("incidents.")]

        return await self.house.store.read(read)

    async def write(self, fn: Callable[[Transaction], T]) -> T:
        """Run a unit of work."""
        return await self.house.store.write(fn)

    def _find_ends(
        self, _connection: sa.Connection, _organization_id: OrganizationId, _site: str, addresses: Collection[str]
    ) -> dict[str, End]:
        return {address: end for address, end in self.known.items() if address in addresses}
