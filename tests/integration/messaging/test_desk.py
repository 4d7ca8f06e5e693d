"""The hub's desk on a real bus: gateways ask, tell and are told; what is lost on the way is made good."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
import pytest
from identity_house import ACTOR
from messaging_room import ORGANIZATION, MessagingRoom, open_store
from running_bus import RunningBus
from waiting import until

from vedette.bus import CONTROL_USER, BusConnection, Message, RemoteProblem
from vedette.bus.contract import (
    COMPLETE_COMMANDS,
    KEEP_SUBSCRIPTIONS,
    REPORT_CLONE,
    TAKE_COMMANDS,
    CloneReported,
    CommandsCompleted,
    CommandsReady,
    CommandsTaken,
    CompleteCommands,
    DesiredChanged,
    Downlink,
    InvokeMethod,
    KeepSubscriptions,
    MethodAnswered,
    PepStatus,
    ReportClone,
    ReportSessions,
    SessionClosed,
    SessionOpened,
    SessionsReport,
    SubscriptionsKept,
    TakeCommands,
    Uplink,
    downlink_subject,
    pep_status_subject,
    session_opened_subject,
    uplink_subject,
)
from vedette.kernel import GenerationId, SystemClock
from vedette.messaging import DirectorySettings, MessagingSettings, MethodResult
from vedette.store import Store


@dataclass
class Gateway:
    """A gateway as the bus sees it: beats each fifth of a second, reports when asked, remembers what it was told."""

    bus: BusConnection
    name: str
    sessions: dict[str, tuple[str, int]] = field(default_factory=dict)
    told: list[object] = field(default_factory=list)
    is_mute: bool = False

    def start(self) -> None:
        self.bus.subscribe(downlink_subject(ORGANIZATION, self.name), self._hear)

    async def beat_forever(self) -> None:
        while True:
            if self.bus.is_connected and not self.is_mute:
                self._publish(
                    pep_status_subject(ORGANIZATION, self.name),
                    PepStatus(
                        organization_id=ORGANIZATION,
                        gateway=self.name,
                        boot_id="boot-1",
                        epoch=1,
                        sequence=1,
                        sessions=len(self.sessions),
                        observed_at="",
                    ),
                )
            await asyncio.sleep(0.2)

    def open(self, generation_id: str, session_id: str, at_ms: int) -> None:
        self.sessions[generation_id] = (session_id, at_ms)
        opened = SessionOpened(
            generation_id=generation_id,
            session_id=session_id,
            opened_at_ms=at_ms,
            remote_address="192.0.2.1",
            client="paho",
        )
        self._publish(session_opened_subject(ORGANIZATION, self.name), opened)

    def close(self, generation_id: str) -> None:
        session_id, at_ms = self.sessions.pop(generation_id)
        self.say(SessionClosed(generation_id=generation_id, session_id=session_id, reason="bye", closed_at_ms=at_ms))

    def say(self, said: Uplink) -> None:
        self._publish(uplink_subject(ORGANIZATION, self.name), said)

    def heard(self, kind: type) -> list[object]:
        return [each for each in self.told if isinstance(each, kind)]

    def _hear(self, message: Message) -> None:
        said = msgspec.msgpack.decode(message.payload, type=Downlink)
        self.told.append(said)
        if isinstance(said, ReportSessions):
            listed = [(generation, session, at_ms) for generation, (session, at_ms) in self.sessions.items()]
            self.say(SessionsReport(report_id=said.report_id, boot_id="boot-1", part=0, is_last=True, sessions=listed))
        if isinstance(said, InvokeMethod):
            self.say(MethodAnswered(call_id=said.call_id, status=200, payload=said.payload))

    def _publish(self, subject: str, said: object) -> None:
        self.bus.publish(subject, msgspec.msgpack.encode(said))


@dataclass
class Site:
    """A desk and one gateway on a running bus."""

    room: MessagingRoom
    gateway: Gateway
    control: BusConnection
    pump: GenerationId

    def open(self) -> str:
        session_id = self.room.ids.new("ses")
        self.gateway.open(self.pump, session_id, int(self.room.clock.now().timestamp() * 1000))
        return session_id

    async def settled(self) -> None:
        await until(lambda: self.room.desk.sessions.is_settled)

    async def take(self, session_id: str) -> CommandsTaken:
        request = TakeCommands(
            organization_id=ORGANIZATION,
            gateway=self.gateway.name,
            generation_id=self.pump,
            session_id=session_id,
            after_sequence=0,
        )
        return await self.gateway.bus.call(TAKE_COMMANDS, request, CommandsTaken, timeout_s=30)


@pytest.fixture
async def running_bus(tmp_path: Path, anyio_backend: str) -> AsyncIterator[RunningBus]:
    running = RunningBus(tmp_path / "bus")
    (tmp_path / "bus").mkdir()
    try:
        await running.start_with_streams()
        yield running
    finally:
        await running.close()


@asynccontextmanager
async def opened_site(bus: RunningBus, store: Store, *, silence_s: float = 60.0) -> AsyncIterator[Site]:
    """Run a desk as control does; a machine that stands still for seconds makes no gateway silent."""
    limits = MessagingSettings(directory=DirectorySettings(silence_s=silence_s))
    room = MessagingRoom(store, SystemClock(), settings=limits)
    pump = await room.create("pump-7")
    control = await bus.connect(CONTROL_USER)
    gateway = Gateway(await bus.connect("gateway-1"), "gateway-1")
    gateway.start()
    await gateway.bus.flush()
    room.desk.listen(control)
    async with asyncio.TaskGroup() as group:
        tasks = [
            group.create_task(room.desk.run(), name="desk"),
            group.create_task(control.serve(room.desk.endpoints()), name="services"),
            group.create_task(gateway.beat_forever(), name="gateway"),
        ]
        for _ in range(2):  # the tasks subscribe while the first is waited for, and the second follows it
            await control.flush()
        try:
            yield Site(room, gateway, control, pump)
        finally:
            for task in tasks:
                task.cancel()


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    opened = await open_store(tmp_path, SystemClock())
    try:
        yield opened
    finally:
        await opened.close()


@pytest.mark.anyio
async def test_what_gateways_say_becomes_presence(running_bus: RunningBus, store: Store) -> None:
    async with opened_site(running_bus, store) as site:
        await site.settled()
        site.open()
        await until(lambda: site.room.desk.sessions.find(site.pump) is not None)
        await site.room.desk._feed.flush()
        presence = await site.room.presence.get(ORGANIZATION, site.pump)
        assert presence is not None
        assert (presence.is_connected, presence.gateway, presence.client) == (True, "gateway-1", "paho")
        site.gateway.close(site.pump)
        await until(lambda: site.room.desk.sessions.find(site.pump) is None)
        await site.room.desk._feed.flush()
        gone = await site.room.presence.get(ORGANIZATION, site.pump)
        assert gone is not None
        assert (gone.is_connected, gone.reason, gone.remote_address) == (False, "bye", "192.0.2.1")


@pytest.mark.anyio
async def test_a_new_process_learns_who_is_connected_and_who_went_away_unseen(
    running_bus: RunningBus, store: Store
) -> None:
    async with opened_site(running_bus, store) as site:
        await site.settled()
        session_id = site.open()
        meter = await site.room.create("meter-1")
        site.gateway.open(meter, site.room.ids.new("ses"), 1)
        await until(lambda: len(site.room.desk.sessions) == 2)
        await site.room.desk._feed.flush()
        # Another control over the same database, while one of the two devices has left.
        del site.gateway.sessions[meter]
        again = MessagingRoom(store, SystemClock())
        again.desk.listen(await running_bus.connect(CONTROL_USER))
        assert not again.desk.sessions.is_settled
        await until(lambda: again.desk.sessions.is_settled)
        assert again.desk.sessions.session_of(site.pump) == session_id
        await again.desk._feed.flush()
        left = await again.presence.get_many(ORGANIZATION, [site.pump, meter])
        assert left[site.pump].is_connected
        assert left[site.pump].client == "paho"
        assert (left[meter].is_connected, left[meter].reason) == (False, "not_reported")


@pytest.mark.anyio
async def test_commands_methods_and_desired_properties_reach_the_gateway(running_bus: RunningBus, store: Store) -> None:
    async with opened_site(running_bus, store) as site:
        await site.settled()
        session_id = site.open()
        await until(lambda: site.room.desk.sessions.find(site.pump) is not None)
        await site.room.send("pump-7", b"on")
        await until(lambda: bool(site.gateway.heard(CommandsReady)))
        (command,) = (await site.take(session_id)).commands
        assert command.body == b"on"
        done = CompleteCommands(organization_id=ORGANIZATION, gateway="gateway-1", completed=[(site.pump, 1)])
        await site.gateway.bus.call(COMPLETE_COMMANDS, done, CommandsCompleted, timeout_s=30)
        assert not await site.room.desk.commands.list(ORGANIZATION, "pump-7")
        result = await site.room.desk.methods.invoke(ORGANIZATION, "pump-7", None, "start", b'{"rpm": 3}', actor=ACTOR)
        assert result == MethodResult(200, b'{"rpm": 3}')
        site.room.desk.desired_changed(site.pump, 4, b'{"rpm":5,"$version":4}')
        await until(lambda: bool(site.gateway.heard(DesiredChanged)))
        site.room.desk.desired_changed(await site.room.create("meter-1"), 2, b"{}")  # nobody is there to be told
        await site.control.flush()
        assert len(site.gateway.heard(DesiredChanged)) == 1


@pytest.mark.anyio
async def test_subscriptions_and_clones_are_taken_from_gateways(running_bus: RunningBus, store: Store) -> None:
    async with opened_site(running_bus, store) as site:
        kept = KeepSubscriptions(
            organization_id=ORGANIZATION,
            gateway="gateway-1",
            generation_id=site.pump,
            session_id=site.room.ids.new("ses"),
            subscriptions={"methods": 0},
        )
        await site.gateway.bus.call(KEEP_SUBSCRIPTIONS, kept, SubscriptionsKept, timeout_s=30)
        found = await site.room.desk.subscriptions_for(ORGANIZATION, site.pump, is_clean=False)
        assert found == {"methods": 0}
        clone = ReportClone(
            organization_id=ORGANIZATION,
            gateway="gateway-1",
            generation_id=site.pump,
            takeovers=6,
            window_s=60,
            remote_addresses=["192.0.2.1"],
            certificate_sha256=["a" * 64],
        )
        await site.gateway.bus.call(REPORT_CLONE, clone, CloneReported, timeout_s=30)
        assert await site.room.desk.clones.count_open(ORGANIZATION) == 1
        bad = msgspec.structs.replace(kept, subscriptions={"everything": 0})
        with pytest.raises(RemoteProblem) as refused:
            await site.gateway.bus.call(KEEP_SUBSCRIPTIONS, bad, SubscriptionsKept, timeout_s=30)
        assert refused.value.remote_status == 422


@pytest.mark.anyio
async def test_what_is_said_while_the_bus_is_away_is_made_good(running_bus: RunningBus, store: Store) -> None:
    async with opened_site(running_bus, store) as site:
        await site.settled()
        session_id = site.open()
        await until(lambda: site.room.desk.sessions.find(site.pump) is not None)
        await running_bus.kill()
        await until(lambda: not site.control.is_connected)
        assert not site.room.desk.sessions.is_settled
        dropped = site.room.desk.downlinks.dropped
        await site.room.send("pump-7", b"late")  # on disk, whatever the bus does
        assert site.room.desk.downlinks.dropped > dropped
        site.gateway.told.clear()
        await running_bus.start()
        await until(lambda: site.room.desk.sessions.is_settled)
        assert site.room.desk.sessions.session_of(site.pump) == session_id
        await until(lambda: bool(site.gateway.heard(CommandsReady)))
        (command,) = (await site.take(session_id)).commands
        assert command.body == b"late"


@pytest.mark.anyio
async def test_a_gateway_that_falls_silent_takes_its_sessions_with_it(running_bus: RunningBus, store: Store) -> None:
    async with opened_site(running_bus, store, silence_s=3.0) as site:
        await site.settled()
        site.open()
        await until(lambda: site.room.desk.sessions.find(site.pump) is not None)
        site.gateway.is_mute = True
        await until(lambda: site.room.desk.sessions.find(site.pump) is None)
        site.gateway.is_mute = False
        await until(lambda: site.room.desk.sessions.find(site.pump) is not None)


@pytest.mark.anyio
async def test_nonsense_and_words_in_anothers_name_change_nothing(running_bus: RunningBus, store: Store) -> None:
    async with opened_site(running_bus, store) as site:
        await site.settled()
        gateway = site.gateway
        other = PepStatus(
            organization_id=ORGANIZATION,
            gateway="gateway-2",
            boot_id="boot-9",
            epoch=1,
            sequence=1,
            sessions=9,
            observed_at="",
        )
        gateway._publish(pep_status_subject(ORGANIZATION, "gateway-1"), other)
        gateway._publish(
            pep_status_subject(ORGANIZATION, "gateway-1"),
            msgspec.structs.replace(other, gateway="gateway-1", organization_id="org_" + "0" * 26),
        )
        for subject in (uplink_subject, session_opened_subject, pep_status_subject):
            for payload in (b"", b"\xff", b"\xc1" * 100, b"\x91" * 5000, msgspec.msgpack.encode({"type": "x"})):
                gateway.bus.publish(subject(ORGANIZATION, "gateway-1"), payload)
        for name in ("", "pump-7", "dev_\0", "x" * 500):
            gateway._publish(
                session_opened_subject(ORGANIZATION, "gateway-1"),
                SessionOpened(generation_id=name, session_id="s", opened_at_ms=1),
            )
            gateway.say(SessionClosed(generation_id=name, session_id="s", reason="r", closed_at_ms=1))
            gateway.say(SessionsReport(report_id="r", boot_id="b", part=0, is_last=True, sessions=[(name, "s", 1)]))
        await gateway.bus.flush()
        site.open()
        await until(lambda: site.room.desk.sessions.find(site.pump) is not None)
        assert len(site.room.desk.sessions) == 1
        assert site.room.desk._watch.names() == {"gateway-1"}
