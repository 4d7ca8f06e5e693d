"""From the telemetry stream to the intake: read in order, the place remembered once all before it is on disk."""

from __future__ import annotations

import asyncio
import logging
from typing import Final

import msgspec
import sqlalchemy as sa

from vedette.bus import (
    BusConnection,
    BusTimeout,
    BusUnavailable,
    JetStream,
    JetStreamError,
    NoResponders,
    ReadFrom,
    StoredMessage,
    StreamReader,
)
from vedette.bus.contract import TELEMETRY_STREAM, TelemetryBatch, telemetry_subject
from vedette.kernel import Clock, OrganizationId
from vedette.network import sensor_repository
from vedette.network.intake import Outcome, SensorIntake
from vedette.network.model import SensorState
from vedette.network.sensor_service import SensorService
from vedette.protocols.sensor import CONTENT_TYPE
from vedette.store import Store, StoreFull, StoreUnavailable

log = logging.getLogger(__name__)

_BATCH_VERSION: Final = 1
_PULL: Final = 64
_WAIT_S: Final = 5.0
_RETRY_S: Final = 1.0
_REMEMBER_EVERY_S: Final = 10.0
_LOOK_AGAIN_S: Final = 30.0
_CONTENT: Final = "ct"
_SENSORS_MAX: Final = 1_000

_decode = msgspec.msgpack.Decoder(TelemetryBatch).decode


class SensorFeed:
    """Reads telemetry while there is a sensor, and hands its batches to the intake.

    The place in the stream is written behind what was taken, never before: after a kill the last messages are read
    again, and the intake knows them. Nothing is acknowledged to the bus, so a database that was restored to an earlier
    day takes again what the stream still holds.

    Attributes:
        ignored: Batches of devices that no person has registered as sensors, since the start.

    Args:
        organization_id: Whose telemetry.
        bus: A connection whose user may read TELEMETRY.
        store: Where the place is kept.
        sensors: Tells when there are others.
        intake: Takes the batches.
        clock: For how often the place is written.
    """

    def __init__(
        self,
        organization_id: OrganizationId,
        bus: BusConnection,
        store: Store,
        sensors: SensorService,
        intake: SensorIntake,
        *,
        clock: Clock,
    ) -> None:
        self._organization_id = organization_id
        self._bus = bus
        self._store = store
        self._intake = intake
        self._clock = clock
        self._is_changed = asyncio.Event()
        self._heard: frozenset[str] = frozenset()
        self._place = 0
        self._remembered = 0
        self._remembered_s = 0.0
        self.ignored = 0
        sensors.on_change(self._is_changed.set)

    async def run(self) -> None:
        """Read, until cancelled."""
        while True:
            try:
                await self._read()
            except (BusUnavailable, BusTimeout, NoResponders, JetStreamError, StoreUnavailable, StoreFull) as problem:
                log.warning("sensors are not heard at the moment", extra={"cause": problem.code})
                await asyncio.sleep(_RETRY_S)

    async def _read(self) -> None:
        """Read while the sensors stay the same."""
        self._is_changed.clear()
        start = await self._begin()
        if start is None:
            await self._wait()
            return
        filters = (telemetry_subject(self._organization_id, "*"),)
        reader = StreamReader(self._bus, TELEMETRY_STREAM, filters=filters, start=start)
        looked_s = self._clock.monotonic_s()
        try:
            while not self._is_changed.is_set() and self._clock.monotonic_s() - looked_s < _LOOK_AGAIN_S:
                has_taken = False
                for message in await reader.next(limit=_PULL, wait_s=_WAIT_S):
                    has_taken |= await self._take(message)
                    self._place = message.sequence
                await self._remember(is_due=has_taken)
        finally:
            await reader.close()
        await self._remember(is_due=True)

    async def _begin(self) -> ReadFrom | None:
        """Return where to go on; None while there is no sensor."""
        organization_id = self._organization_id

        def read(connection: sa.Connection) -> tuple[list[str], ReadFrom, int]:
            active = sensor_repository.list_sensors(
                connection, organization_id, limit=_SENSORS_MAX, state=SensorState.ACTIVE
            )
            place = sensor_repository.read_position(connection, organization_id, TELEMETRY_STREAM)
            since = min((sensor.registered_at for sensor in active), default=None)
            start = ReadFrom(since=since) if place is None else ReadFrom(after_sequence=place)
            return [sensor.generation_id for sensor in active], start, place or 0

        heard, start, place = await self._store.read(read)
        self._heard = frozenset(heard)
        if not heard:
            return None
        info = await JetStream(self._bus).stream_info(TELEMETRY_STREAM)
        if info is None or info.state.last_seq < place:
            # Another stream of that name: its numbers begin anew.
            start, place = ReadFrom(), 0
        self._place = self._remembered = place
        return start

    async def _wait(self) -> None:
        try:
            async with asyncio.timeout(_LOOK_AGAIN_S):
                await self._is_changed.wait()
        except TimeoutError:
            log.debug("no sensor is registered")

    async def _take(self, message: StoredMessage) -> bool:
        """Take the batches of one stream message; return whether there was any."""
        try:
            telemetry = _decode(message.payload)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            log.warning("a telemetry batch could not be read", extra={"sequence": message.sequence})
            return False
        if telemetry.version != _BATCH_VERSION:
            log.warning("a telemetry batch is of an unknown version", extra={"sequence": message.sequence})
            return False
        has_taken = False
        for record in telemetry.records:
            if record.system.get(_CONTENT) != CONTENT_TYPE or not 0 <= record.session < len(telemetry.sessions):
                continue
            generation_id = telemetry.sessions[record.session].generation_id
            if not await self._hears(generation_id):
                self.ignored += 1
                continue
            outcome = await self._intake.take(self._organization_id, generation_id, record.body)
            has_taken |= outcome is not Outcome.IGNORED
        return has_taken

    async def _hears(self, generation_id: str) -> bool:
        """Tell whether a device is a sensor; one that was registered a moment ago counts."""
        if generation_id not in self._heard and self._is_changed.is_set():
            found = await self._store.read(
                lambda connection: sensor_repository.find_sensor(connection, self._organization_id, generation_id)
            )
            if found is not None and found.state is SensorState.ACTIVE:
                self._heard |= {generation_id}
        return generation_id in self._heard

    async def _remember(self, *, is_due: bool) -> None:
        now_s = self._clock.monotonic_s()
        if self._place == self._remembered or not (is_due or now_s - self._remembered_s >= _REMEMBER_EVERY_S):
            return
        place = self._place
        await self._store.write(
            lambda tx: sensor_repository.save_position(tx.connection, self._organization_id, TELEMETRY_STREAM, place)
        )
        self._remembered, self._remembered_s = place, now_s
