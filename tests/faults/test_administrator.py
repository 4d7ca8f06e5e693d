"""Control, which administers the policies, fails; and somebody answers in its name."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from bus_liar import BusLiar, ask_about
from fault_doors import FaultDoors
from fault_drill import Drill
from faulty_platform import FaultyPlatform

STALE = "posture records are stale: no new session is opened"
DISBELIEVED = "an answer about an identity was not believed"


@pytest.fixture(scope="module")
def liar(platform: FaultyPlatform, doors: FaultDoors) -> Iterator[BusLiar]:
    made = BusLiar(platform)
    yield made
    made.close()


def connect_until(doors: FaultDoors, told: Callable[[], bool]) -> Callable[[], bool]:
    """Return what connects and tells whether that raised the alarm."""
    is_first = True

    def ask() -> bool:
        nonlocal is_first
        if not is_first:
            doors.connect(doors.kept_out)
        is_first = False
        return told()

    return ask


def test_the_administrator_is_gone(platform: FaultyPlatform, drill: Drill) -> None:
    drill.play("administrator", "down", platform.gone("control"), is_told=platform.listen_for(STALE))


def test_the_administrator_stands_still(platform: FaultyPlatform, drill: Drill) -> None:
    drill.play("administrator", "slow", platform.frozen("control"), is_told=platform.listen_for(STALE))


def test_somebody_answers_in_the_administrators_name(
    platform: FaultyPlatform, doors: FaultDoors, drill: Drill, liar: BusLiar
) -> None:
    # It says nothing of devices before they change.
    for device in (doors.kept_out, doors.good, doors.live.device):
        path = f"/v1/devices/{device.name}"
        doors.api.patch(path, json={"site": "north"}).raise_for_status()
    told = connect_until(doors, platform.listen_for(DISBELIEVED))
    drill.play("administrator", "lying", liar.answering(liar.lie_about), is_told=told)


def test_an_answer_of_the_administrator_is_played_back(
    platform: FaultyPlatform, doors: FaultDoors, drill: Drill, liar: BusLiar
) -> None:
    path = f"/v1/devices/{doors.kept_out.name}"
    doors.api.post(f"{path}/enable", json={"reason": "a drill"}).raise_for_status()
    former = platform.beside.do(ask_about(platform, liar.organization_id, doors.kept_out.name))
    doors.api.post(f"{path}/disable", json={"reason": "a drill"}).raise_for_status()
    told = connect_until(doors, platform.listen_for("control answers with older heads than it publishes"))
    drill.play("administrator", "replayed", liar.answering(lambda _: former), is_told=told)
