"""Direct methods: on record before the device hears of them, answered by the gateway that holds it or by nobody."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest
from identity_house import ACTOR
from messaging_room import GATEWAY, ORGANIZATION, MessagingRoom
from waiting import until

from vedette.bus import BusUnavailable
from vedette.bus.contract import MethodAnswered, MethodFailed
from vedette.kernel import Problem
from vedette.messaging import (
    DeviceConnectionClosed,
    DeviceNotOnline,
    GatewayUnreachable,
    HubProblem,
    InvalidMethodAnswer,
    InvalidMethodCall,
    MessagingSettings,
    MethodNotPermitted,
    MethodPayloadTooLarge,
    MethodResult,
    MethodSettings,
    MethodTimedOut,
    TooManyCalls,
)
from vedette.registry import DeviceNotFound, ModuleNotFound
from vedette.simulation import ManualClock
from vedette.store import Store


async def invoke(room: MessagingRoom, payload: bytes = b"{}", **changes: Any) -> MethodResult:
    asked = {"device_id": "pump-7", "module_id": None, "method": "start", "actor": ACTOR, **changes}
    return await room.desk.methods.invoke(ORGANIZATION, payload=payload, **asked)


@dataclass
class Calling:
    """A call under way, as a test plays its gateway."""

    room: MessagingRoom
    group: asyncio.TaskGroup
    results: list[MethodResult | Problem] = field(default_factory=list)

    async def begin(self, payload: bytes = b"{}", **changes: Any) -> str:
        before = len(self.room.bus.calls())
        self.group.create_task(self._invoke(payload, changes), name="invoke")
        await until(lambda: len(self.room.bus.calls()) > before)
        return self.room.bus.calls()[-1].call_id

    async def _invoke(self, payload: bytes, changes: dict[str, Any]) -> None:
        try:
            self.results.append(await invoke(self.room, payload, **changes))
        except Problem as problem:
            self.results.append(problem)

    def answer(self, call_id: str, status: int = 200, payload: bytes = b"{}", gateway: str = GATEWAY) -> None:
        self.room.desk.on_uplink(gateway, MethodAnswered(call_id=call_id, status=status, payload=payload))

    def fail(self, call_id: str, reason: str, gateway: str = GATEWAY) -> None:
        self.room.desk.on_uplink(gateway, MethodFailed(call_id=call_id, reason=reason))


@pytest.fixture
async def connected(room: MessagingRoom) -> MessagingRoom:
    pump = await room.create("pump-7")
    room.settle((pump, room.ids.new("ses"), 1))
    return room


async def outcomes(room: MessagingRoom) -> list[tuple[str, Any]]:
    await room.desk.methods.flush()
    return [
        (each.data["outcome"], each.data["status"])
        for each in await room.ledger.events(ORGANIZATION)
        if each.name == "messaging.method_finished"
    ]


@pytest.mark.anyio
async def test_payloads_come_through_as_they_are(connected: MessagingRoom) -> None:
    payloads = [b"null", b'""', b'"text"', b"{}", b"[1, 2.5e3]", '"\u20ac"'.encode(), b" 1 "]
    async with asyncio.TaskGroup() as group:
        calling = Calling(connected, group)
        for payload in payloads:
            call_id = await calling.begin(payload, response_timeout_s=17)
            call = connected.bus.calls()[-1]
            assert (call.method, call.payload, call.timeout_s) == ("start", payload, 17)
            calling.answer(call_id, 207, payload)
            await until(lambda: connected.desk.methods.under_way == 0)
    assert calling.results == [MethodResult(207, payload) for payload in payloads]


@pytest.mark.anyio
async def test_nothing_is_null_both_ways(connected: MessagingRoom) -> None:
    async with asyncio.TaskGroup() as group:
        calling = Calling(connected, group)
        call_id = await calling.begin(b"")
        assert connected.bus.calls()[0].payload == b"null"
        calling.answer(call_id, -5, b"")
    assert calling.results == [MethodResult(-5, b"null")]


@pytest.mark.anyio
async def test_the_record_comes_before_the_call_and_holds_no_payload(connected: MessagingRoom) -> None:
    async with asyncio.TaskGroup() as group:
        calling = Calling(connected, group)
        call_id = await calling.begin(b'"open sesame"')
        (entry,) = [each for each in await connected.ledger.entries(ORGANIZATION) if each.action.endswith("_method")]
        assert (entry.action, entry.actor, entry.target_name) == ("messaging.invoke_method", ACTOR, "pump-7")
        assert entry.details["call_id"] == call_id
        assert entry.details["payload_bytes"] == len(b'"open sesame"')
        calling.answer(call_id, 200, b'"opened"')
    assert "sesame" not in str(await connected.ledger.entries(ORGANIZATION))
    assert await connected.acts() == ["messaging.invoke_method", "messaging.finish_method"]
    assert await connected.events() == ["messaging.method_finished"]
    assert await outcomes(connected) == [("answered", 200)]


@pytest.mark.anyio
async def test_only_the_gateway_that_was_asked_can_answer_and_only_once(connected: MessagingRoom) -> None:
    async with asyncio.TaskGroup() as group:
        calling = Calling(connected, group)
        call_id = await calling.begin()
        calling.answer(call_id, 666, gateway="gateway-2")
        calling.answer("cal_guessed", 666)
        calling.fail(call_id, "closed", gateway="gateway-2")
        calling.answer(call_id, 200)
        calling.answer(call_id, 666)
        calling.fail(call_id, "timeout")
    calling.answer(call_id, 666)
    assert calling.results == [MethodResult(200, b"{}")]


FAILURES: list[tuple[str, type[HubProblem], int]] = [
    ("not_online", DeviceNotOnline, 404_103),
    ("not_subscribed", DeviceNotOnline, 404_103),
    ("closed", DeviceConnectionClosed, 404_104),
    ("timeout", MethodTimedOut, 504_101),
    ("not_permitted", MethodNotPermitted, 401_003),
    ("too_many", TooManyCalls, 429_001),
    ("not_sent", InvalidMethodCall, 400_004),
    ("what_is_this", DeviceConnectionClosed, 404_104),
]


@pytest.mark.anyio
async def test_what_a_gateway_cannot_do_is_a_problem_with_a_name(connected: MessagingRoom) -> None:
    async with asyncio.TaskGroup() as group:
        calling = Calling(connected, group)
        for reason, _, _ in FAILURES:
            calling.fail(await calling.begin(), reason)
            await until(lambda: connected.desk.methods.under_way == 0)
    for (_, problem, contract_code), result in zip(FAILURES, calling.results, strict=True):
        assert type(result) is problem
        assert result.contract_code == contract_code
        assert result.hint
    assert await outcomes(connected) == [(problem.code, None) for _, problem, _ in FAILURES]


@pytest.mark.anyio
async def test_an_answer_that_is_not_json_is_a_problem(connected: MessagingRoom) -> None:
    async with asyncio.TaskGroup() as group:
        calling = Calling(connected, group)
        for payload in (b"pump started", b"{", b"\xff", b'{"a":1}x', b"NaN", b"[" * 5000):
            calling.answer(await calling.begin(), 200, payload)
            await until(lambda: connected.desk.methods.under_way == 0)
    assert [type(each) for each in calling.results] == [InvalidMethodAnswer] * 6


@pytest.mark.anyio
async def test_payloads_are_bounded_both_ways(connected: MessagingRoom) -> None:
    largest = b'"' + b"x" * (128 * 1024 - 2) + b'"'
    async with asyncio.TaskGroup() as group:
        calling = Calling(connected, group)
        calling.answer(await calling.begin(largest), 200, largest)
        calling.answer(await calling.begin(), 200, largest + b" ")
    assert calling.results[0] == MethodResult(200, largest)
    assert isinstance(calling.results[1], InvalidMethodAnswer)
    with pytest.raises(MethodPayloadTooLarge):
        await invoke(connected, largest + b" ")


OVER_A_LIMIT: list[dict[str, Any]] = [
    {"method": ""},
    {"method": "m" * 101},
    {"method": "a/b"},
    {"method": "a#"},
    {"method": "+"},
    {"method": "a\0"},
    {"method": "a\nb"},
    {"method": "\ud800"},
    {"payload": b"not json"},
    {"payload": b"\xff"},
    {"response_timeout_s": 4},
    {"response_timeout_s": 301},
    {"connect_timeout_s": -1},
    {"connect_timeout_s": 301},
]


@pytest.mark.anyio
async def test_what_is_over_a_limit_is_refused_and_not_on_record(connected: MessagingRoom) -> None:
    for changes in OVER_A_LIMIT:
        with pytest.raises(InvalidMethodCall):
            await invoke(connected, **changes)
    assert not await connected.acts()
    assert connected.desk.methods.under_way == 0


@pytest.mark.anyio
async def test_method_names_may_hold_whatever_a_topic_level_can(connected: MessagingRoom) -> None:
    async with asyncio.TaskGroup() as group:
        calling = Calling(connected, group)
        call_id = await calling.begin(method="set temp %?$&=\u20ac" + "m" * 80)
        calling.answer(call_id)
    assert calling.results == [MethodResult(200, b"{}")]


@pytest.mark.anyio
async def test_a_device_that_is_known_not_to_be_there_is_not_online(room: MessagingRoom) -> None:
    await room.create("pump-7")
    room.settle()
    with pytest.raises(DeviceNotOnline):
        await invoke(room)
    assert await room.acts() == ["messaging.invoke_method", "messaging.finish_method"]
    assert not room.bus.calls()


@pytest.mark.anyio
async def test_names_must_be_known(room: MessagingRoom) -> None:
    with pytest.raises(DeviceNotFound):
        await invoke(room)
    await room.create("pump-7")
    with pytest.raises(ModuleNotFound):
        await invoke(room, module_id="logger")
    assert not await room.acts()
    assert room.desk.methods.under_way == 0


@pytest.mark.anyio
async def test_modules_have_methods_of_their_own(room: MessagingRoom) -> None:
    await room.create("pump-7")
    logger = await room.create_module("pump-7", "logger")
    room.settle((logger, room.ids.new("ses"), 1))
    async with asyncio.TaskGroup() as group:
        calling = Calling(room, group)
        call_id = await calling.begin(module_id="logger")
        assert room.bus.calls()[0].generation_id == logger
        calling.answer(call_id)
        with pytest.raises(DeviceNotOnline):
            await invoke(room)
    assert calling.results == [MethodResult(200, b"{}")]


@pytest.mark.anyio
async def test_a_device_that_comes_in_time_is_waited_for(room: MessagingRoom) -> None:
    pump = await room.create("pump-7")
    room.settle()
    async with asyncio.TaskGroup() as group:
        calling = Calling(room, group)
        begun = group.create_task(calling.begin(connect_timeout_s=60), name="begin")
        await until(lambda: bool(room.desk.sessions._waiters))
        room.open(pump)
        calling.answer(await begun)
    assert calling.results == [MethodResult(200, b"{}")]


@pytest.mark.anyio
async def test_a_device_that_has_yet_to_subscribe_is_asked_again_while_time_is_left(
    connected: MessagingRoom, clock: ManualClock
) -> None:
    async with asyncio.TaskGroup() as group:
        calling = Calling(connected, group)
        call_id = await calling.begin(connect_timeout_s=60)
        calling.fail(call_id, "not_subscribed")
        await until(lambda: len(connected.bus.calls()) == 2)
        assert connected.bus.calls()[1].call_id == call_id
        clock.advance(timedelta(seconds=60))
        calling.fail(call_id, "not_subscribed")
    assert isinstance(calling.results[0], DeviceNotOnline)
    assert len(connected.bus.calls()) == 2


@pytest.mark.anyio
async def test_after_a_start_a_call_waits_until_it_is_known_who_is_connected(room: MessagingRoom) -> None:
    pump = await room.create("pump-7")
    async with asyncio.TaskGroup() as group:
        calling = Calling(room, group)
        begun = group.create_task(calling.begin(), name="begin")
        await until(lambda: bool(room.desk.sessions._waiters))
        room.settle((pump, room.ids.new("ses"), 1))
        calling.answer(await begun)
    assert calling.results == [MethodResult(200, b"{}")]


@pytest.mark.anyio
async def test_a_call_ends_with_the_session_or_its_gateway(connected: MessagingRoom) -> None:
    holding = connected.desk.sessions.find((await connected.house.devices.get(ORGANIZATION, "pump-7")).generation_id)
    assert holding is not None
    async with asyncio.TaskGroup() as group:
        calling = Calling(connected, group)
        await calling.begin()
        pump = connected.bus.calls()[0].generation_id
        connected.open(pump)  # it has connected anew
        await until(lambda: len(calling.results) == 1)
        await calling.begin()
        connected.desk.sessions.lose(GATEWAY, "gateway_lost")
    assert [type(each) for each in calling.results] == [DeviceConnectionClosed] * 2
    assert not connected.desk.methods._by_session


@pytest.mark.anyio
async def test_without_the_bus_no_call_is_made(connected: MessagingRoom) -> None:
    connected.bus.failure = BusUnavailable("not there")
    with pytest.raises(GatewayUnreachable):
        await invoke(connected)
    assert await outcomes(connected) == [("messaging.gateway_unreachable", None)]
    assert connected.desk.downlinks.dropped == 1


@pytest.mark.anyio
async def test_a_gateway_that_says_nothing_is_not_waited_for_for_ever(store: Store, clock: ManualClock) -> None:
    limits = MessagingSettings(methods=MethodSettings(grace_s=-4.95))
    room = MessagingRoom(store, clock, settings=limits)
    pump = await room.create("pump-7")
    room.settle((pump, room.ids.new("ses"), 1))
    with pytest.raises(MethodTimedOut):
        await invoke(room, response_timeout_s=5)
    assert not room.desk.methods._attempts


@pytest.mark.anyio
async def test_calls_under_way_are_bounded_for_each_identity_and_in_all(store: Store, clock: ManualClock) -> None:
    limits = MessagingSettings(methods=MethodSettings(calls=3, calls_of_identity=2))
    room = MessagingRoom(store, clock, settings=limits)
    pump, valve = await room.create("pump-7"), await room.create("valve-1")
    room.settle((pump, room.ids.new("ses"), 1), (valve, room.ids.new("ses"), 1))
    async with asyncio.TaskGroup() as group:
        calling = Calling(room, group)
        call_ids = [await calling.begin() for _ in range(2)]
        with pytest.raises(TooManyCalls):
            await invoke(room)
        call_ids.append(await calling.begin(device_id="valve-1"))
        with pytest.raises(TooManyCalls):
            await invoke(room, device_id="valve-1")
        for call_id in call_ids:
            calling.answer(call_id)
    assert len(calling.results) == 3
    assert room.desk.methods.under_way == 0
    assert not room.desk.methods._of_name


@pytest.mark.anyio
async def test_a_caller_that_goes_away_leaves_nothing_behind(connected: MessagingRoom) -> None:
    async with asyncio.TaskGroup() as group:
        task = group.create_task(invoke(connected), name="invoke")
        await until(lambda: bool(connected.bus.calls()))
        task.cancel()
    assert connected.desk.methods.under_way == 0
    assert not connected.desk.methods._attempts
    assert not connected.desk.methods._by_session
