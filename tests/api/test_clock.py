"""A clock that jumped holds all that widens, until it is right or an operator says that it is."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
from identity_house import ACTOR, IdentityHouse, ManualClock, running_signer
from operators_door import OperatorsDoor

from vedette.api.status_page import StatusPage
from vedette.kernel import OrganizationId, RandomIds, SystemClock
from vedette.registry import ClockJumped, NewDevice
from vedette.store import Store

pytestmark = pytest.mark.anyio

ACCEPT = "/v1/clock/accept"
DAY = timedelta(days=1)


@pytest.fixture
async def door(tmp_path: Path) -> AsyncIterator[OperatorsDoor]:
    clock = ManualClock(SystemClock().now())
    store = await asyncio.to_thread(Store.open, f"sqlite:///{tmp_path / 'door.db'}", clock=clock, reserve_bytes=0)
    await asyncio.to_thread(store.migrate)
    with running_signer(OrganizationId(RandomIds(clock).new("org"))) as signer:
        house = IdentityHouse(store, signer, clock)
        await house.administrator.start()
        yield OperatorsDoor(house)
        await house.close()
        await store.close()


def jump(door: OperatorsDoor, by: timedelta) -> None:
    assert isinstance(door.house.clock, ManualClock)
    door.house.clock.jump(by)


async def create(door: OperatorsDoor, name: str) -> None:
    await door.house.devices.create(door.house.organization_id, NewDevice(device_id=name), actor=ACTOR)


async def test_a_clock_that_is_right_is_believed(door: OperatorsDoor) -> None:
    shown = (await door.client.get("/v1/clock")).json()
    assert shown == {
        "at": shown["at"],
        "expected": shown["at"],
        "drift_s": 0,
        "limit_s": 300,
        "is_held": False,
    }
    assert (await door.components())["clock"]["health"] == "ok"


@pytest.mark.parametrize("by", [DAY, -DAY], ids=["forward", "back"])
async def test_a_jump_is_held_and_told_until_an_operator_accepts_it(door: OperatorsDoor, by: timedelta) -> None:
    jump(door, by)
    shown = (await door.client.get("/v1/clock")).json()
    assert (shown["is_held"], shown["drift_s"]) == (True, by.total_seconds())
    with pytest.raises(ClockJumped) as held:
        await create(door, "pump-7")
    told = (await door.components())["clock"]
    assert told["health"] == "failed"
    for hint in (told["hint"], held.value.hint):
        assert "vedette clock accept --reason" in hint

    accepted = await door.client.post(ACCEPT, json={"reason": "the battery was dead"})
    assert accepted.status_code == 200, accepted.text
    assert (accepted.json()["is_held"], accepted.json()["drift_s"]) == (False, 0)
    await create(door, "pump-7")
    assert (await door.components())["clock"]["health"] == "ok"
    entry = (await door.house.ledger.entries(door.house.organization_id))[0]
    assert (entry.action, entry.reason, entry.actor.id) == (
        "registry.accept_clock",
        "the battery was dead",
        "operator-token",
    )
    assert entry.details["drift_s"] == by.total_seconds()


async def test_a_clock_that_is_set_right_needs_nobody(door: OperatorsDoor) -> None:
    jump(door, -DAY)
    assert (await door.client.get("/v1/clock")).json()["is_held"]
    jump(door, DAY)
    assert not (await door.client.get("/v1/clock")).json()["is_held"]
    await create(door, "pump-7")


async def test_accepting_a_clock_that_is_believed_changes_nothing(door: OperatorsDoor) -> None:
    accepted = await door.client.post(ACCEPT, json={"reason": "to be sure"})
    assert accepted.status_code == 200
    assert not await door.house.ledger.entries(door.house.organization_id)


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        pytest.param({}, 422, "api.invalid_request", id="no reason"),
        pytest.param({"reason": ""}, 422, "api.invalid_request", id="empty reason"),
        pytest.param({"reason": "  "}, 422, "registry.reason_missing", id="blank reason"),
        pytest.param({"reason": "x" * 1025}, 422, "api.invalid_request", id="endless reason"),
        pytest.param({"reason": "x", "at": "now"}, 422, "api.invalid_request", id="unknown member"),
    ],
)
async def test_accepting_needs_a_reason(door: OperatorsDoor, body: dict[str, str], status: int, code: str) -> None:
    jump(door, DAY)
    refused = await door.client.post(ACCEPT, json=body)
    assert (refused.status_code, refused.json()["code"]) == (status, code)
    assert (await door.client.get("/v1/clock")).json()["is_held"]


async def test_the_status_page_begins_with_the_hold_and_the_command(door: OperatorsDoor) -> None:
    async def no_refusals(_: int) -> list[object]:
        return []

    jump(door, DAY)
    page = StatusPage(door.house.organization_id, door.status, door.house.ledger, no_refusals)  # type: ignore[arg-type]
    text = await page.draw()
    assert "Something is broken." in text
    assert "vedette clock accept --reason TEXT" in text
    answer = (await door.client.get("/v1/status")).json()
    order = [each["health"] for each in answer["components"]]
    assert order == sorted(order, key=["failed", "warning", "ok"].index)


async def test_the_commands_show_and_accept(
    door: OperatorsDoor, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async with door.served(tmp_path) as vedette:
        jump(door, -DAY)
        assert await vedette.run("clock", "show") == 0
        shown = capsys.readouterr()
        assert "1 day, 0:00:00 behind" in shown.out
        assert "vedette clock accept" in shown.err

        assert await vedette.run("clock", "accept", "--yes") == 2
        assert await vedette.run("clock", "accept", "--reason", "battery") == 2
        assert "confirm with --yes" in capsys.readouterr().err
        assert await vedette.run("clock", "accept", "--reason", "battery", "--dry-run") == 0
        assert "Nothing was changed" in capsys.readouterr().err
        assert (await door.client.get("/v1/clock")).json()["is_held"]

        assert await vedette.run("clock", "accept", "--reason", "battery", "--yes") == 0
        assert "is believed" in capsys.readouterr().out
        assert not (await door.client.get("/v1/clock")).json()["is_held"]
        assert await vedette.run("clock", "accept", "--reason", "battery", "--yes") == 0
        assert "already" in capsys.readouterr().out
