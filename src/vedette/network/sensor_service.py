"""Which devices are heard as sensors: a person says so, and where they listen."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Final

from vedette.kernel import Clock, OrganizationId
from vedette.ledger import Actor, Entry, Event, Ledger
from vedette.network import sensor_repository as repository
from vedette.network.errors import InvalidAsset, SensorExists, SensorNotFound, TooManySensors
from vedette.network.events import SensorChanged
from vedette.network.identity import clean
from vedette.network.model import SensorEntry, SensorState
from vedette.registry import DeviceDeleted, DeviceNotFound, check_reason, find_by_name
from vedette.store import Store, Transaction

SENSORS_MAX: Final = 500
SITE_MAX_CHARS: Final = 128
NOTE_MAX_CHARS: Final = 1024

_PAGE: Final = 200


class SensorService:
    """Keeps the list of sensors.

    Whoever is on it fills the inventory of its site, so the list is kept apart from what devices can be told by others:
    tags, groups, twins. ``project`` must be registered with the ledger.
    """

    def __init__(self, store: Store, ledger: Ledger, *, clock: Clock) -> None:
        self._store = store
        self._ledger = ledger
        self._clock = clock
        self._listeners: list[Callable[[], None]] = []

    def on_change(self, listener: Callable[[], None]) -> None:
        """Have ``listener`` called when the list has changed."""
        self._listeners.append(listener)

    async def register(
        self, organization_id: OrganizationId, device_id: str, *, site: str | None, note: str, actor: Actor
    ) -> SensorEntry:
        """Hear a device as a sensor from now on; one that was retired is heard again.

        Args:
            organization_id: Its owner.
            device_id: Of a registered device.
            site: Where it listens; None: where the registry says it is.
            note: Such as which mirror port.
            actor: Who says so.

        Raises:
            DeviceNotFound: There is no such device.
            SensorExists: It is heard already.
            InvalidAsset: No site is known, or a text is too long.
            TooManySensors: There are ``SENSORS_MAX``.
        """

        def register(tx: Transaction) -> SensorEntry:
            device = find_by_name(tx.connection, organization_id, device_id)
            if device is None:
                raise DeviceNotFound(f"there is no device {device_id[:160]!r}", hint="see them: vedette device list")
            former = repository.find_sensor(tx.connection, organization_id, device.generation_id)
            if former is not None and former.state is SensorState.ACTIVE:
                raise SensorExists(f"{device_id} is a sensor already", hint=f"see it: vedette sensor show {device_id}")
            if len(repository.list_sensors(tx.connection, organization_id, state=SensorState.ACTIVE)) >= SENSORS_MAX:
                raise TooManySensors(
                    f"there are {SENSORS_MAX} sensors", hint="retire one: vedette sensor retire", limit=SENSORS_MAX
                )
            sensor = SensorEntry(
                organization_id=organization_id,
                generation_id=device.generation_id,
                device_id=device.device_id,
                site=_check_site(device.site if site is None else site),
                note=_check_note(note),
                state=SensorState.ACTIVE,
                registered_at=self._clock.now(),
            )
            if former is not None:
                sensor = replace(
                    former, site=sensor.site, note=sensor.note, state=sensor.state, registered_at=sensor.registered_at
                )
            repository.save_sensor(tx.connection, sensor)
            self._record(tx, sensor, "network.register_sensor", actor, reason=note)
            return sensor

        return await self._store.write(register)

    async def retire(
        self, organization_id: OrganizationId, device_id: str, *, reason: str, actor: Actor
    ) -> SensorEntry:
        """Hear a device no more as a sensor; what it told stays.

        Raises:
            SensorNotFound: It is none.
            ReasonMissing: No reason is given.
        """
        checked = check_reason(reason, is_required=True)

        def retire(tx: Transaction) -> SensorEntry:
            sensor = repository.find_sensor_by_name(tx.connection, organization_id, device_id)
            if sensor is None or sensor.state is not SensorState.ACTIVE:
                raise _not_found(device_id)
            return self._retire(tx, sensor, actor, checked)

        return await self._store.write(retire, restricting=True)

    async def get(self, organization_id: OrganizationId, device_id: str) -> SensorEntry:
        """Return a sensor, also one that was retired.

        Raises:
            SensorNotFound: It is none.
        """
        found = await self._store.read(lambda c: repository.find_sensor_by_name(c, organization_id, device_id))
        if found is None:
            raise _not_found(device_id)
        return found

    async def list(
        self,
        organization_id: OrganizationId,
        *,
        state: SensorState | None = None,
        after: str = "",
        limit: int = 100,
    ) -> tuple[list[SensorEntry], str | None]:
        """Return sensors by generation, and what reads on."""
        found = await self._store.read(
            lambda c: repository.list_sensors(c, organization_id, after=after, limit=limit + 1, state=state)
        )
        return found[:limit], found[limit - 1].generation_id if len(found) > limit else None

    async def held_back(self, organization_id: OrganizationId) -> dict[str, int]:
        """Return how many alerts the sensors hold back by each exception, since they were started."""
        found: dict[str, int] = {}
        after: str | None = ""
        while after is not None:
            sensors, after = await self.list(organization_id, after=after, limit=_PAGE)
            for sensor in sensors:
                for exception_id, count in (sensor.report.held_back_by if sensor.report else {}).items():
                    found[exception_id] = found.get(exception_id, 0) + count
        return found

    def project(self, tx: Transaction, event: Event) -> None:
        """Retire a sensor with the end of its device, in the registry's own transaction."""
        if isinstance(event, DeviceDeleted):
            sensor = repository.find_sensor(tx.connection, event.organization_id, event.generation_id)
            if sensor is not None and sensor.state is SensorState.ACTIVE:
                self._retire(tx, sensor, Actor("system", "network"), "its device was deleted")

    def _retire(self, tx: Transaction, sensor: SensorEntry, actor: Actor, reason: str) -> SensorEntry:
        changed = replace(sensor, state=SensorState.RETIRED)
        repository.save_sensor(tx.connection, changed)
        self._record(tx, changed, "network.retire_sensor", actor, reason=reason)
        return changed

    def _record(self, tx: Transaction, sensor: SensorEntry, action: str, actor: Actor, *, reason: str) -> None:
        entry = Entry(
            organization_id=sensor.organization_id,
            actor=actor,
            action=action,
            target=sensor.generation_id,
            target_name=sensor.device_id,
            reason=reason,
            details={"site": sensor.site},
        )
        event = SensorChanged(
            organization_id=sensor.organization_id,
            generation_id=sensor.generation_id,
            device_id=sensor.device_id,
            site=sensor.site,
            state=sensor.state.value,
        )
        self._ledger.append(tx, entry, event=event)
        for listener in self._listeners:
            tx.on_commit(listener)


def _check_site(site: str | None) -> str:
    if not site:
        raise InvalidAsset("say where the sensor listens: its device stands at no site", hint="add --site NAME")
    if len(site) > SITE_MAX_CHARS or clean(site) != site:
        raise InvalidAsset(f"the name of a site has at most {SITE_MAX_CHARS} characters", limit=SITE_MAX_CHARS)
    return site


def _check_note(note: str) -> str:
    if len(note) > NOTE_MAX_CHARS or clean(note) != note:
        raise InvalidAsset(f"a note has at most {NOTE_MAX_CHARS} characters", limit=NOTE_MAX_CHARS)
    return note


def _not_found(device_id: str) -> SensorNotFound:
    return SensorNotFound(
        f"{device_id[:160]!r} is no sensor", hint="make it one: vedette sensor register DEVICE --site NAME"
    )
