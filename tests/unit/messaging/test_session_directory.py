"""Who is connected, from what gateways say: the later session holds, ends are told, waiters wake."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from vedette.bus.contract import SessionClosed, SessionOpened
from vedette.kernel import GenerationId
from vedette.messaging.session_directory import Holding, SessionDirectory
from vedette.messaging.settings import DirectorySettings
from vedette.registry import PresenceChange
from vedette.simulation import ManualClock, SequentialIds

IDS = SequentialIds()
PUMP, METER = GenerationId(IDS.new("dev")), GenerationId(IDS.new("dev"))
NOW_MS = 1_767_225_600_000


def _opened(generation_id: str, session_id: str, opened_at_ms: int) -> SessionOpened:
    return SessionOpened(
        generation_id=generation_id,
        session_id=session_id,
        opened_at_ms=opened_at_ms,
        remote_address="192.0.2.1",
        protocol="MQTT 5",
        client="paho",
    )


class Directory:
    def __init__(self, **limits: int) -> None:
        self.clock = ManualClock()
        self.changes: list[PresenceChange] = []
        self.ended: list[tuple[str, str]] = []
        self.directory = SessionDirectory(DirectorySettings(**limits), self.changes.append, clock=self.clock)
        self.directory.on_ended(lambda generation, holding: self.ended.append((generation, holding.session_id)))

    def open(self, generation: str, session: str, gateway: str = "gateway-1", at_ms: int = NOW_MS) -> None:
        self.directory.opened(gateway, _opened(generation, session, at_ms))

    def close(self, generation: str, session: str, gateway: str = "gateway-1", reason: str = "closed") -> None:
        closed = SessionClosed(generation_id=generation, session_id=session, reason=reason, closed_at_ms=NOW_MS)
        self.directory.closed(gateway, closed)

    def presence(self) -> list[tuple[str, bool, str]]:
        return [(each.generation_id, each.is_connected, each.reason) for each in self.changes]


def test_a_session_is_found_until_it_ends() -> None:
    it = Directory()
    it.open(PUMP, "s1")
    assert it.directory.find(PUMP) == Holding("gateway-1", "s1", NOW_MS)
    assert it.directory.session_of(PUMP) == "s1"
    assert it.directory.sessions_of("gateway-1") == {PUMP}
    assert len(it.directory) == 1
    it.close(PUMP, "s1", reason="keep_alive_timeout")
    assert it.directory.find(PUMP) is None
    assert it.directory.session_of(PUMP) is None
    assert not it.directory.sessions_of("gateway-1")
    assert it.presence() == [(PUMP, True, ""), (PUMP, False, "keep_alive_timeout")]
    assert it.ended == [(PUMP, "s1")]
    assert (it.changes[0].remote_address, it.changes[0].protocol, it.changes[0].client) == (
        "192.0.2.1",
        "MQTT 5",
        "paho",
    )


def test_the_end_of_a_displaced_session_says_nothing_of_presence() -> None:
    it = Directory()
    it.open(PUMP, "s1")
    it.open(PUMP, "s2")
    it.close(PUMP, "s1", reason="taken_over")
    assert it.directory.session_of(PUMP) == "s2"
    assert [is_connected for _, is_connected, _ in it.presence()] == [True, True]
    assert it.ended == [(PUMP, "s1")]


def test_between_gateways_the_later_session_holds_whatever_arrives_last() -> None:
    it = Directory()
    it.open(PUMP, "s2", "gateway-2", NOW_MS)
    it.open(PUMP, "s1", "gateway-1", NOW_MS - 1)
    assert it.directory.session_of(PUMP) == "s2"
    assert it.directory.is_elsewhere(PUMP, "gateway-1")
    assert not it.directory.is_elsewhere(PUMP, "gateway-2")
    assert not it.directory.is_elsewhere(METER, "gateway-1")
    it.open(PUMP, "s3", "gateway-1", NOW_MS)  # a tie: the greater id
    assert it.directory.session_of(PUMP) == "s3"
    assert not it.directory.sessions_of("gateway-2")
    it.close(PUMP, "s2", "gateway-2")
    it.close(PUMP, "s3", "gateway-2")
    assert it.directory.session_of(PUMP) == "s3"


def test_one_gateway_is_believed_in_the_order_it_speaks_whatever_its_clock_says() -> None:
    it = Directory()
    it.open(PUMP, "s1", at_ms=NOW_MS)
    it.open(PUMP, "s2", at_ms=NOW_MS - 3_600_000)
    assert it.directory.session_of(PUMP) == "s2"


@pytest.mark.parametrize("skew", [timedelta(hours=1), timedelta(days=36_500), -timedelta(hours=1)])
def test_a_gateway_whose_clock_is_wrong_neither_keeps_an_identity_nor_misses_it(skew: timedelta) -> None:
    it = Directory()
    skew_ms = int(skew.total_seconds() * 1000)
    it.open(PUMP, "s1", "gateway-1", NOW_MS + skew_ms)
    it.clock.advance(timedelta(seconds=3))
    it.open(PUMP, "s2", "gateway-2", NOW_MS + 3_000)
    assert it.directory.session_of(PUMP) == "s2"
    it.clock.advance(timedelta(seconds=3))
    it.open(PUMP, "s3", "gateway-1", NOW_MS + skew_ms + 6_000)
    assert it.directory.session_of(PUMP) == "s3"
    assert it.directory.is_superseded(PUMP, "gateway-2", "s2")


def test_a_gateway_that_is_lost_loses_its_sessions_only() -> None:
    it = Directory()
    it.open(PUMP, "s1", "gateway-1")
    it.open(METER, "s2", "gateway-2")
    assert it.directory.lose("gateway-1", "gateway_lost") == 1
    assert it.directory.lose("gateway-1", "gateway_lost") == 0
    assert it.directory.find(PUMP) is None
    assert it.directory.session_of(METER) == "s2"
    assert it.presence()[-1] == (PUMP, False, "gateway_lost")


def test_a_report_corrects_what_is_known() -> None:
    it = Directory()
    it.open(PUMP, "s1")
    valve, fan = GenerationId(IDS.new("dev")), GenerationId(IDS.new("dev"))
    it.clock.advance(timedelta(milliseconds=5))
    it.open(valve, "s3", "gateway-2", NOW_MS + 5)
    it.changes.clear()
    it.directory.reconcile("gateway-1", [(METER, "s2", NOW_MS), (valve, "s4", NOW_MS), (fan, "s5", NOW_MS)])
    assert it.directory.find(PUMP) is None
    assert it.directory.session_of(METER) == "s2"
    assert it.directory.session_of(valve) == "s3"  # the other gateway's is later
    assert it.presence() == [(PUMP, False, "not_reported"), (METER, True, ""), (fan, True, "")]
    it.changes.clear()
    it.directory.reconcile("gateway-1", [(METER, "s2", NOW_MS), (fan, "s5", NOW_MS)])
    assert not it.changes


def test_what_happened_while_a_report_was_on_its_way_is_known_better() -> None:
    it = Directory()
    it.open(PUMP, "s9")  # opened behind the report's back
    it.directory.reconcile("gateway-1", [(METER, "s2", NOW_MS)], touched={PUMP, METER})
    assert it.directory.session_of(PUMP) == "s9"
    assert it.directory.find(METER) is None  # it has gone since


def test_a_full_directory_takes_no_further_identities() -> None:
    it = Directory(sessions=1)
    it.open(PUMP, "s1")
    it.open(METER, "s2")
    assert it.directory.find(METER) is None
    it.open(PUMP, "s3")
    assert it.directory.session_of(PUMP) == "s3"
    it.close(PUMP, "s3")
    it.open(METER, "s2")
    assert it.directory.session_of(METER) == "s2"


@pytest.mark.parametrize("at_ms", [NOW_MS + 1, 2**63 - 1, -1])
def test_a_gateways_clock_never_puts_presence_into_the_future(at_ms: int) -> None:
    it = Directory()
    it.open(PUMP, "s1", at_ms=at_ms)
    assert it.changes[0].changed_at == it.clock.now()


async def wait(it: Directory, timeout_s: float = 0.0, unsettled_s: float = 0.0) -> Holding | None:
    return await it.directory.wait_for(PUMP, timeout_s=timeout_s, unsettled_s=unsettled_s)


@pytest.mark.anyio
async def test_waiting_ends_with_the_session() -> None:
    it = Directory()
    it.directory.settle(is_settled=True)
    async with asyncio.TaskGroup() as group:
        waiting = [group.create_task(wait(it, 60.0), name=f"wait {number}") for number in range(3)]
        await asyncio.sleep(0)
        it.open(METER, "s1")
        it.open(PUMP, "s2")
    assert [task.result() for task in waiting] == [Holding("gateway-1", "s2", NOW_MS)] * 3
    assert not it.directory._waiters


@pytest.mark.anyio
async def test_who_is_known_not_to_be_there_is_not_waited_for() -> None:
    it = Directory()
    it.directory.settle(is_settled=True)
    assert await wait(it, 0.0, 60.0) is None


@pytest.mark.anyio
async def test_until_all_gateways_have_told_nobody_is_called_offline() -> None:
    it = Directory()
    async with asyncio.TaskGroup() as group:
        waiting = group.create_task(wait(it, 0.0, 60.0), name="wait")
        await asyncio.sleep(0)
        it.directory.settle(is_settled=False)
        await asyncio.sleep(0)
        assert not waiting.done()
        it.directory.settle(is_settled=True)
    assert waiting.result() is None
    assert not it.directory._waiters


@pytest.mark.anyio
async def test_a_waiter_that_is_cancelled_leaves_nothing_behind() -> None:
    it = Directory()
    async with asyncio.TaskGroup() as group:
        waiting = group.create_task(wait(it, 60.0), name="wait")
        await asyncio.sleep(0)
        waiting.cancel()
    assert not it.directory._waiters


@pytest.mark.anyio
async def test_waiting_is_counted_by_monotonic_time() -> None:
    it = Directory()
    it.directory.settle(is_settled=True)
    it.clock.jump(timedelta(days=365))
    async with asyncio.TaskGroup() as group:
        waiting = group.create_task(wait(it, 60.0), name="wait")
        await asyncio.sleep(0)
        it.clock.jump(-timedelta(days=700))
        it.open(PUMP, "s2")
    assert waiting.result() is not None
