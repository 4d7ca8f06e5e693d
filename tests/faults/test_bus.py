"""The bus fails, is late, and lies as much as whoever owns it can."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import pytest
from bus_liar import BusLiar
from fault_doors import FaultDoors, until
from fault_drill import Drill
from faulty_platform import FaultyPlatform

DELAY_S = 4.0
HELD_S = 6.0


@pytest.fixture(scope="module")
def liar(platform: FaultyPlatform, doors: FaultDoors) -> Iterator[BusLiar]:
    made = BusLiar(platform)
    yield made
    made.close()


@contextlib.contextmanager
def cut(platform: FaultyPlatform) -> Iterator[None]:
    platform.gateway_bus.cut()
    platform.control_bus.cut()
    try:
        yield
    finally:
        platform.gateway_bus.mend()
        platform.control_bus.mend()


@contextlib.contextmanager
def delayed(platform: FaultyPlatform) -> Iterator[None]:
    platform.gateway_bus.delay_s = DELAY_S
    try:
        yield
    finally:
        platform.gateway_bus.mend()
        platform.gateway_bus.drop()


@contextlib.contextmanager
def held_back(platform: FaultyPlatform) -> Iterator[None]:
    """Bring the gateway all that is said of postures late, and everything else at once."""
    platform.gateway_bus.hold = lambda subject: HELD_S if subject.startswith("$KV.posture.") else 0.0
    platform.gateway_bus.drop()
    try:
        yield
    finally:
        platform.gateway_bus.mend()


def keep_out_again(doors: FaultDoors, liar: BusLiar) -> str:
    """Let a device in and keep it out again, so that there is something to play back; return its generation."""
    path = f"/v1/devices/{doors.kept_out.name}"
    before = len(liar.heads)
    for verb in ("enable", "disable"):
        doors.api.post(f"{path}/{verb}", json={"reason": "a drill"}).raise_for_status()
    generation_id = str(doors.api.get(path).json()["generation_id"])
    until(lambda: len(liar.records.get(generation_id, ())) > 1 and len(liar.heads) > before + 1, "control says so")
    return generation_id


def test_the_bus_is_down(platform: FaultyPlatform, drill: Drill) -> None:
    drill.play("bus", "down", cut(platform), is_told=lambda: platform.health().get("bus") == "failed")


def test_the_bus_is_slow(platform: FaultyPlatform, drill: Drill) -> None:
    drill.play("bus", "slow", delayed(platform), is_told=lambda: platform.health().get("gateway records") == "failed")


def test_the_bus_holds_back_what_control_says(platform: FaultyPlatform, drill: Drill) -> None:
    told = lambda: platform.health().get("gateway-1 records") == "warning"  # noqa: E731 - a word for the call below
    drill.play("bus", "stale", held_back(platform), is_told=told)


def test_the_bus_forges_what_control_never_said(
    platform: FaultyPlatform, doors: FaultDoors, drill: Drill, liar: BusLiar
) -> None:
    generation_id = keep_out_again(doors, liar)
    records, heads = platform.listen_for("posture record refused"), platform.listen_for("head refused")
    forging = liar.saying(lambda: liar.forge(generation_id))
    drill.play("bus", "lying", forging, is_told=lambda: records() and heads())


def test_the_bus_plays_back_what_control_said_before(
    platform: FaultyPlatform, doors: FaultDoors, drill: Drill, liar: BusLiar
) -> None:
    generation_id = keep_out_again(doors, liar)
    told = platform.listen_for("an older head was passed over")
    drill.play("bus", "replayed", liar.saying(lambda: liar.replay(generation_id)), is_told=told)
