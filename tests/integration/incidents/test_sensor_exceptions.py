"""Exceptions that sensors hold to themselves: pushed to where they apply, taken back when they end."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
from identity_house import ACTOR, RunningSigner
from network_house import NetworkHouse

from vedette.incidents import Effect, ExceptionService, InvalidPattern, NewException, Pattern, SensorExceptions
from vedette.kernel import RandomIds, SystemClock
from vedette.protocols.sensor import read_exceptions
from vedette.simulation import ManualClock
from vedette.store import Store

pytestmark = pytest.mark.anyio


class Pushed(NetworkHouse):
    """Sensors, their twins, and exceptions."""

    def __init__(self, store: Store, signer: RunningSigner, clock: ManualClock) -> None:
        super().__init__(store, signer, clock)
        ids = RandomIds(clock)
        self.wall = clock
        self.exceptions = ExceptionService(store, self.ledger, clock=clock, ids=ids)
        self.pushing = SensorExceptions(self.organization_id, store, self.sensors, self.twins, clock=clock)

    async def hide(self, **changes: Any) -> str:
        fields: dict[str, Any] = {
            "pattern": Pattern(rules=("scan.*",), sources=("10.0.0.0/24",)),
            "effect": Effect.MUTE,
            "reason": "the scanner of the office",
            "owner": "office",
            "ends_at": self.wall.now() + timedelta(hours=1),
            "is_at_sensors": True,
        }
        made, _ = await self.exceptions.make(self.organization_id, NewException(**{**fields, **changes}), actor=ACTOR)
        return made.exception_id

    async def pushed_to(self, device_id: str) -> list[tuple[str, ...]]:
        twin = await self.twins.get(self.organization_id, device_id)
        return [each.rules for each in read_exceptions(twin.desired.values.get("exceptions"))]


@pytest.fixture
async def house(store: Store, signer_process: RunningSigner) -> AsyncIterator[Pushed]:
    opened = Pushed(store, signer_process, ManualClock(SystemClock().now()))
    yield opened
    await opened.close()


async def test_sensors_hear_of_what_applies_to_them_and_of_its_end(house: Pushed) -> None:
    for name, site in (("probe-north", "north"), ("probe-south", "south")):
        await house.sensor(name, site=site)
    everywhere = await house.hide()
    await house.hide(pattern=Pattern(rules=("remote.telnet",), sites=("south",)))
    await house.hide(pattern=Pattern(rules=("file.transfer",)), is_at_sensors=False)
    assert await house.pushing.push() == 2
    assert await house.pushed_to("probe-north") == [("scan.*",)]
    assert sorted(await house.pushed_to("probe-south")) == [("remote.telnet",), ("scan.*",)]
    assert await house.pushing.push() == 0, "nothing changed"
    await house.exceptions.end(house.organization_id, everywhere, actor=ACTOR, reason="the scanner is gone")
    assert await house.pushing.push() == 2
    assert await house.pushed_to("probe-north") == []
    house.wall.advance(timedelta(hours=2))
    assert await house.pushing.push() == 1
    assert await house.pushed_to("probe-south") == []


async def test_a_sensor_holds_back_one_step_less_than_the_platform_hides(house: Pushed) -> None:
    await house.sensor("probe", site="north")
    await house.hide()
    await house.pushing.push()
    twin = await house.twins.get(house.organization_id, "probe")
    [held] = read_exceptions(twin.desired.values["exceptions"])
    assert held.up_to == "medium"
    assert held.until > 0


async def test_what_names_no_rule_is_not_held_back_by_sensors(house: Pushed) -> None:
    with pytest.raises(InvalidPattern):
        await house.hide(pattern=Pattern(sources=("10.0.0.9",), targets=("10.0.0.2",)))
