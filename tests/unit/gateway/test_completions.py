"""Acknowledged commands are completed together, until control says so or they are refused."""

from __future__ import annotations

import asyncio
from typing import TypeVar

import msgspec
import pytest
from waiting import until

from vedette.bus import BusTimeout, RemoteProblem
from vedette.bus.contract import CompleteCommands
from vedette.gateway import completions as module
from vedette.gateway.completions import Completions

pytestmark = pytest.mark.anyio

T = TypeVar("T")


class Control:
    """Completes, refuses, or is away."""

    def __init__(self) -> None:
        self.is_connected = True
        self.fails: list[Exception] = []
        self.calls: list[list[tuple[str, int]]] = []
        self.may_answer = asyncio.Event()
        self.may_answer.set()

    async def call(self, service: str, request: msgspec.Struct, answer: type[T], *, timeout_s: float) -> T:
        assert isinstance(request, CompleteCommands)
        self.calls.append(request.completed)
        await self.may_answer.wait()
        if self.fails:
            raise self.fails.pop(0)
        return answer()


def new_completions(control: Control, tasks: asyncio.TaskGroup) -> Completions:
    return Completions(bus=control, organization_id="org_1", gateway="gateway-1", tasks=tasks)


async def test_those_of_one_moment_go_together_and_each_once() -> None:
    control = Control()
    async with asyncio.TaskGroup() as tasks:
        completions = new_completions(control, tasks)
        for number in range(100):
            completions.add(f"dev_{number % 7}", number)
        completions.add("dev_0", 0)
        await completions.flush()
    assert control.calls == [[(f"dev_{number % 7}", number) for number in range(100)]]
    assert len(completions) == 0


async def test_a_call_holds_no_more_than_it_may(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_PER_CALL", 40)
    control = Control()
    async with asyncio.TaskGroup() as tasks:
        completions = new_completions(control, tasks)
        for number in range(100):
            completions.add("dev_1", number)
        await completions.flush()
    assert [len(call) for call in control.calls] == [40, 40, 20]


async def test_they_are_sent_again_while_control_is_away_and_in_their_order(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_FIRST_PAUSE_S", 0.05)
    control = Control()
    control.may_answer.clear()
    control.fails = [BusTimeout("no answer"), RemoteProblem("x", "try again", status=503)]
    async with asyncio.TaskGroup() as tasks:
        completions = new_completions(control, tasks)
        completions.add("dev_1", 1)
        await until(lambda: bool(control.calls))
        completions.add("dev_1", 2)
        control.may_answer.set()
        await completions.flush()
    assert control.calls == [[("dev_1", 1)], [("dev_1", 1), ("dev_1", 2)], [("dev_1", 1), ("dev_1", 2)]]


async def test_what_control_refuses_is_given_up() -> None:
    control = Control()
    control.fails = [RemoteProblem("x", "no", status=422)]
    async with asyncio.TaskGroup() as tasks:
        completions = new_completions(control, tasks)
        completions.add("dev_1", 1)
        await completions.flush()
        completions.add("dev_1", 2)
        await completions.flush()
    assert control.calls == [[("dev_1", 1)], [("dev_1", 2)]]


async def test_an_identity_is_settled_when_its_own_are_confirmed() -> None:
    control = Control()
    async with asyncio.TaskGroup() as tasks:
        completions = new_completions(control, tasks)
        await completions.settled("dev_1", timeout_s=0.01)
        control.may_answer.clear()
        completions.add("dev_1", 1)
        completions.add("dev_1", 2)
        await completions.settled("dev_2", timeout_s=0.01)
        waiting = tasks.create_task(completions.settled("dev_1", timeout_s=600))
        await asyncio.sleep(0.01)
        assert not waiting.done()
        control.may_answer.set()
        await waiting
        assert len(completions) == 0


async def test_waiting_for_an_identity_ends_with_its_time() -> None:
    control = Control()
    async with asyncio.TaskGroup() as tasks:
        completions = new_completions(control, tasks)
        control.may_answer.clear()
        completions.add("dev_1", 1)
        await completions.settled("dev_1", timeout_s=0.01)
        control.may_answer.set()


async def test_above_its_bound_the_oldest_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_MAX_WAITING", 3)
    control = Control()
    async with asyncio.TaskGroup() as tasks:
        completions = new_completions(control, tasks)
        for number in range(5):
            completions.add("dev_1", number)
        assert len(completions) == 3
        await completions.flush()
        await completions.settled("dev_1", timeout_s=0.01)
    assert control.calls == [[("dev_1", 2), ("dev_1", 3), ("dev_1", 4)]]


async def test_a_stopping_gateway_waits_for_nothing() -> None:
    control = Control()
    control.fails = [BusTimeout("no answer")] * 1_000
    async with asyncio.TaskGroup() as tasks:
        completions = new_completions(control, tasks)
        completions.add("dev_1", 1)
        await asyncio.sleep(0.01)
        completions.close()
        completions.add("dev_1", 2)
    assert {key for call in control.calls for key in call} == {("dev_1", 1)}
