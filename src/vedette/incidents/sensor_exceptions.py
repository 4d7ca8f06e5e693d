"""Exceptions that sensors hold to themselves: kept in their desired properties, so that noise does not even leave."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from typing import Any, Final

import msgspec

from vedette.incidents import quiet_repository
from vedette.incidents.model import RANKS, SEVERITIES
from vedette.incidents.standing import AlertException
from vedette.kernel import Clock, OrganizationId, Problem
from vedette.ledger import Actor
from vedette.network import SensorEntry, SensorService, SensorState
from vedette.protocols.sensor import EXCEPTIONS_KEY, EXCEPTIONS_MAX, HeldBack, write_exceptions
from vedette.registry import TwinService
from vedette.store import Store

log = logging.getLogger(__name__)

_LOOK_S: Final = 10.0
_PAGE: Final = 200
# Of the 32 KB that desired properties may have, so that others have room.
_BYTES_MAX: Final = 16 * 1024
_ACTOR: Final = Actor("system", "incidents")


class SensorExceptions:
    """Keeps the desired properties of sensors as the exceptions are.

    Args:
        organization_id: Whose sensors.
        store: Where exceptions are kept.
        sensors: Tells which there are.
        twins: Of their devices.
        clock: Source of time.
    """

    def __init__(
        self,
        organization_id: OrganizationId,
        store: Store,
        sensors: SensorService,
        twins: TwinService,
        *,
        clock: Clock,
    ) -> None:
        self._organization_id = organization_id
        self._store = store
        self._sensors = sensors
        self._twins = twins
        self._clock = clock
        self._told: dict[str, dict[str, Any]] = {}  # Any: JSON

    async def run(self) -> None:
        """Look now and then, until cancelled."""
        while True:
            try:
                await self.push()
            except Problem as problem:
                log.warning("sensors do not hear of exceptions for a moment", extra={"cause": problem.code})
            await asyncio.sleep(_LOOK_S)

    async def push(self) -> int:
        """Bring every active sensor up to date; return how many were not."""
        now, mine = self._clock.now(), self._organization_id
        quiet = await self._store.read(
            lambda connection: quiet_repository.read_quiet(connection, mine, now, seen_from=now)
        )
        held = [each for each in quiet.exceptions if each.is_at_sensors]
        count, after = 0, ""
        while True:
            sensors, following = await self._sensors.list(mine, state=SensorState.ACTIVE, after=after, limit=_PAGE)
            for sensor in sensors:
                count += await self._bring_up_to_date(sensor, held)
            if following is None:
                return count
            after = following

    async def _bring_up_to_date(self, sensor: SensorEntry, held: Sequence[AlertException]) -> int:
        content = write_exceptions(told_to(sensor.site, held))
        if self._told.get(sensor.generation_id) == content:
            return 0
        twin = await self._twins.get(self._organization_id, sensor.device_id)
        there = twin.desired.values.get(EXCEPTIONS_KEY)
        is_new = there != content and (there is not None or bool(content.get("items")))
        if is_new:
            await self._twins.patch(
                self._organization_id, sensor.device_id, desired={EXCEPTIONS_KEY: content}, actor=_ACTOR
            )
        self._told[sensor.generation_id] = content
        return int(is_new)


def told_to(site: str, held: Sequence[AlertException]) -> tuple[HeldBack, ...]:
    """Return what a sensor at a site holds back: the youngest so many.

    The platform rates what happens to a critical asset one step graver than the sensor does, so a sensor holds back up
    to one step less.
    """
    found: list[HeldBack] = []
    for each in reversed(held):
        pattern, rank = each.pattern, RANKS[each.hides_up_to] - 1
        if rank < 0 or not pattern.rules or (pattern.sites and site not in pattern.sites):
            continue
        found.append(
            HeldBack(
                rules=pattern.rules,
                sources=pattern.sources,
                targets=pattern.targets,
                keys=pattern.keys,
                name=each.exception_id,
                up_to=SEVERITIES[rank].value,
                until=0 if each.ends_at is None else int(each.ends_at.timestamp() * 1000),
            )
        )
    fitting = found[:EXCEPTIONS_MAX]
    while len(msgspec.json.encode(fitting)) > _BYTES_MAX:
        fitting.pop()
    return tuple(fitting)
