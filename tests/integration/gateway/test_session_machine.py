"""Whatever devices, operators and machines do, in whatever order: no command is lost, none goes astray.

A model says what each device must have been sent; the gateways, the bus and the devices' connections are real.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import pytest
from gateway_site import PATIENT_S, Site, be_stale_after
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test
from mqtt_device import Closed, MqttDevice
from running_bus import RunningBus
from stand_in_control import StandInControl
from stand_in_hub import Queued
from waiting import until

from vedette.gateway import GatewaySettings, SessionSettings, process
from vedette.gateway.completions import Completions
from vedette.protocols import mqtt

T = TypeVar("T")

WINDOW = 3
GATEWAYS = ("gateway-1", "gateway-2")
DEVICEBOUND, DESIRED, METHODS = "devicebound", "desired_properties", "methods"
FILTERS = {
    DEVICEBOUND: "devices/{}/messages/devicebound/#",
    DESIRED: "$iothub/twin/PATCH/properties/desired/#",
    METHODS: "$iothub/methods/POST/#",
}
NUMBERS = itertools.count()
COMPLETIONS: list[Completions] = []
WHICH = st.integers(0, 1)
QOS = st.sampled_from([1, 1, 2, 0])
SUBSCRIPTIONS = st.fixed_dictionaries({}, optional={DEVICEBOUND: QOS, DESIRED: QOS, METHODS: QOS})


class NotedCompletions(Completions):
    """Those of a gateway, for the test to see what control has not confirmed yet."""

    def __init__(self, **parts: Any) -> None:
        super().__init__(**parts)
        COMPLETIONS.append(self)


class World:
    """A bus, a control and two gateways that outlive the examples."""

    def __init__(self, folder: Path) -> None:
        self.runner = asyncio.Runner()
        self.site = self.runner.run(self._open(folder))

    async def _open(self, folder: Path) -> Site:
        (folder / "bus").mkdir()
        bus = RunningBus(folder / "bus")
        await bus.start_with_streams()
        site = Site(folder, bus, await StandInControl.start(folder, bus))
        limits = SessionSettings(max_commands_in_flight=WINDOW, takeovers=10_000, subscription_changes_burst=10_000)
        site.settings = GatewaySettings(session=limits)
        site.start_control()
        for gateway in GATEWAYS:
            await site.start_gateway(gateway)
        return site

    async def _close(self) -> None:
        for gateway in GATEWAYS:
            await self.site.stop_gateway(gateway)
        await self.site.stop_control()
        await self.site.bus.close()

    def close(self) -> None:
        """End everything."""
        self.runner.run(self._close())
        self.runner.close()

    def do(self, act: Coroutine[Any, Any, T]) -> T:
        """Do something in the world's loop."""
        return self.runner.run(act)


class Client:
    """A connection that notes all it is sent."""

    def __init__(self, device: MqttDevice, gateway: str) -> None:
        self.device = device
        self.gateway = gateway
        self.commands: list[mqtt.Publish] = []
        self.changes: list[mqtt.Publish] = []
        self.answers: asyncio.Queue[mqtt.ClientEvent] = asyncio.Queue()
        self.is_over = False
        self.reading = asyncio.get_running_loop().create_task(self._read())

    async def _read(self) -> None:
        with contextlib.suppress(Closed, OSError):
            while True:
                self._take(await self._next())
        self.is_over = True

    async def _next(self) -> mqtt.ClientEvent:
        while True:
            try:
                return await self.device.next_event()
            except TimeoutError:
                continue

    def _take(self, event: mqtt.ClientEvent) -> None:
        if not isinstance(event, mqtt.Publish):
            self.answers.put_nowait(event)
        elif event.topic.startswith("devices/"):
            self.commands.append(event)
        else:
            self.changes.append(event)

    async def answer(self) -> mqtt.ClientEvent:
        async with asyncio.timeout(30):
            return await self.answers.get()

    async def end(self, how: Callable[[MqttDevice], object]) -> None:
        result = how(self.device)
        if isinstance(result, Coroutine):
            await result
        self.reading.cancel()
        await asyncio.wait({self.reading})
        self.is_over = True


@dataclass
class Session:
    """What a live session must have sent by now."""

    client: Client
    is_durable: bool
    subscriptions: dict[str, int]
    commands: list[tuple[int, int]] = field(default_factory=list)  # sequence and QoS
    in_flight: list[int] = field(default_factory=list)
    changes: list[int] = field(default_factory=list)


@dataclass
class Identity:
    """One device as its owner sees it."""

    name: str
    generation_id: str
    kept: dict[str, int] = field(default_factory=dict)
    queue: list[int] = field(default_factory=list)  # what must not be lost
    sent: int = 0
    connects: int = 0
    received: set[int] = field(default_factory=set)  # by a former session
    session: Session | None = None

    def leave(self) -> None:
        """End the session; what it was sent is a repetition from now on."""
        if self.session is not None:
            self.received |= {sequence for sequence, _ in self.session.commands}
            self.session = None

    def expect(self) -> None:
        """Say what the session is sent next: the queue in order, as far as the window goes."""
        session = self.session
        if session is None or DEVICEBOUND not in session.subscriptions:
            return
        qos = session.subscriptions[DEVICEBOUND]
        last = max((sequence for sequence, _ in session.commands), default=0)
        for sequence in [each for each in self.queue if each > last]:
            if len(session.in_flight) >= WINDOW:
                break
            session.commands.append((sequence, qos))
            if qos:
                session.in_flight.append(sequence)
            else:
                self.queue.remove(sequence)


class SessionMachine(RuleBasedStateMachine):
    """Two devices, two gateways, and what can happen."""

    world: World

    def __init__(self) -> None:
        super().__init__()
        self.restarts = 0
        self.identities = [self._new_identity() for _ in range(2)]

    def _new_identity(self) -> Identity:
        name = f"device-{next(NUMBERS)}"
        _, record = self.world.site.new_device(name)
        return Identity(name, record.generation_id)

    # --- what happens -------------------------------------------------------------------------------------------

    def has_session(self) -> bool:
        """Tell whether a client is connected."""
        return any(each.session is not None for each in self.identities)

    def has_in_flight(self) -> bool:
        """Tell whether a client has something to acknowledge."""
        return any(each.session is not None and each.session.in_flight for each in self.identities)

    def one_of(self, which: int, is_meant: Callable[[Session], object]) -> tuple[Identity, Session]:
        """Pick a session that an act can be about."""
        found = [(each, each.session) for each in self.identities if each.session is not None]
        meant = [(identity, session) for identity, session in found if is_meant(session)]
        return meant[which % len(meant)]

    @rule(
        which=WHICH,
        is_clean=st.sampled_from([False, False, False, True]),
        gateway=st.sampled_from(GATEWAYS),
        what=SUBSCRIPTIONS,
    )
    def connect(self, which: int, *, is_clean: bool, gateway: str, what: dict[str, int]) -> None:
        """A client comes, takes over from one that is there, and may subscribe."""
        identity = self.identities[which]
        former = identity.session
        client = self.world.do(self._connect(identity.name, is_clean=is_clean, gateway=gateway))
        identity.connects += 1
        if is_clean:
            identity.kept = {}
        assert client.device.has_kept_session == bool(identity.kept)
        identity.leave()
        identity.session = Session(client, not is_clean, dict(identity.kept))
        if former is not None:
            self.world.do(until(lambda: former.client.is_over))
        self._settle(identity)
        if what:
            self._subscribe(identity, identity.session, what)

    @precondition(has_session)
    @rule(which=WHICH, what=SUBSCRIPTIONS.filter(bool))
    def subscribe(self, which: int, what: dict[str, int]) -> None:
        """A client subscribes."""
        self._subscribe(*self.one_of(which, lambda session: session), what)

    @precondition(has_session)
    @rule(which=WHICH, what=st.sets(st.sampled_from(sorted(FILTERS)), min_size=1, max_size=2))
    def unsubscribe(self, which: int, what: set[str]) -> None:
        """A client gives subscriptions up."""
        identity, session = self.one_of(which, lambda session: session)
        session.client.device.mqtt.unsubscribe([FILTERS[each].format(identity.name) for each in sorted(what)])
        assert isinstance(self.world.do(self._ask(session.client)), mqtt.Unsuback)
        left = {each: qos for each, qos in session.subscriptions.items() if each not in what}
        self._note_subscriptions(identity, session, left)

    @precondition(has_session)
    @rule(which=WHICH, is_orderly=st.booleans())
    def leave(self, which: int, *, is_orderly: bool) -> None:
        """A client goes, with a word or without."""
        identity, _ = self.one_of(which, lambda session: session)
        self.world.do(self._end(identity, is_orderly=is_orderly))

    @rule(which=WHICH, count=st.integers(1, 4))
    def send(self, which: int, count: int) -> None:
        """An operator sends commands."""
        identity = self.identities[which]
        self._queue(identity, count)
        self._settle(identity)

    @precondition(has_session)
    @rule(which=WHICH, count=st.integers(1, 4), is_orderly=st.booleans())
    def send_as_the_client_leaves(self, which: int, count: int, *, is_orderly: bool) -> None:
        """What is on its way when a client goes must come again."""
        identity, session = self.one_of(which, lambda session: session)
        self._queue(identity, count)
        self.world.do(self._end(identity, is_orderly=is_orderly))
        # Written at QoS 0 is delivered, whether the client has read it or not.
        self.world.do(self._confirmed())
        if session.subscriptions.get(DEVICEBOUND) == 0:
            identity.queue = [each.sequence for each in self.queue_of(identity)]

    @precondition(has_in_flight)
    @rule(which=WHICH, pick=st.integers(0, WINDOW - 1))
    def acknowledge(self, which: int, pick: int) -> None:
        """A client acknowledges a command, not always the first."""
        identity, session = self.one_of(which, lambda session: session.in_flight)
        self._acknowledge_one(identity, session, pick)

    @precondition(has_in_flight)
    @rule(which=WHICH)
    def acknowledge_and_vanish(self, which: int) -> None:
        """Whether the acknowledgement arrived, nobody can tell."""
        identity, session = self.one_of(which, lambda session: session.in_flight)
        sequence = session.in_flight.pop(0)
        self.world.do(self._acknowledge(session.client, sequence))
        self.world.do(self._end(identity, is_orderly=False))
        self.world.do(self._confirmed())
        if sequence not in [each.sequence for each in self.queue_of(identity)]:
            identity.queue.remove(sequence)

    @rule(which=WHICH)
    def change_desired(self, which: int) -> None:
        """An operator changes desired properties."""
        identity = self.identities[which]
        version = self.world.do(self._change_desired(identity))
        if identity.session is not None and DESIRED in identity.session.subscriptions:
            identity.session.changes.append(version)
        self._settle(identity)

    @precondition(lambda self: self.has_session() and self.restarts < 1)
    @rule(gateway=st.sampled_from(GATEWAYS))
    def restart_gateway(self, gateway: str) -> None:
        """A gateway stops and comes back."""
        self.restarts += 1
        self.world.do(self._restart(gateway))
        for identity in self.identities:
            session = identity.session
            if session is not None and session.client.gateway == gateway:
                self.world.do(self._see_the_end(session.client))
                identity.leave()

    # --- what must hold -----------------------------------------------------------------------------------------

    @invariant()
    def subscriptions_are_kept_for_durable_sessions_only(self) -> None:
        for identity in self.identities:
            assert self.world.site.control.hub.kept.get(identity.generation_id, {}) == identity.kept

    @invariant()
    def nothing_goes_astray(self) -> None:
        for identity in self.identities:
            if identity.session is not None:
                self._check(identity, identity.session)

    def teardown(self) -> None:
        """Let each device take what is left: nothing that was sent is missing."""
        for which, identity in enumerate(self.identities):
            self.connect(which, is_clean=False, gateway="gateway-1", what={DEVICEBOUND: 1})
            session = identity.session
            assert session is not None
            while session.in_flight:
                self._acknowledge_one(identity, session, 0)
            assert identity.queue == []
            assert self.queue_of(identity) == []
            self._check(identity, session)
            self.world.do(self._end(identity, is_orderly=True))

    def _subscribe(self, identity: Identity, session: Session, what: dict[str, int]) -> None:
        filters = [(FILTERS[each].format(identity.name), qos) for each, qos in what.items()]
        session.client.device.mqtt.subscribe(filters)
        answer = self.world.do(self._ask(session.client))
        granted = {each: min(qos, 1) for each, qos in what.items()}
        assert isinstance(answer, mqtt.Suback)
        assert answer.return_codes == tuple(granted.values())
        self._note_subscriptions(identity, session, {**session.subscriptions, **granted})

    def _acknowledge_one(self, identity: Identity, session: Session, pick: int) -> None:
        sequence = session.in_flight.pop(pick % len(session.in_flight))
        identity.queue.remove(sequence)
        self.world.do(self._acknowledge(session.client, sequence))
        completions = self.world.site.control.hub.completions
        self.world.do(until(lambda: (identity.generation_id, sequence) in completions))
        self._settle(identity)

    def queue_of(self, identity: Identity) -> list[Queued]:
        """Return what control still has to deliver."""
        return self.world.site.control.hub.queues[identity.generation_id]

    def _check(self, identity: Identity, session: Session) -> None:
        """Hold what the client got against what the session was to send."""
        got = [self._read(identity, message) for message in session.client.commands]
        assert got == session.commands
        assert [int(each.topic.rpartition("=")[2]) for each in session.client.changes] == session.changes

    def _read(self, identity: Identity, message: mqtt.Publish) -> tuple[int, int]:
        assert message.topic.startswith(f"devices/{identity.name}/messages/devicebound/")
        name, _, number = message.payload.decode().partition(" ")
        assert name == identity.name
        return int(number), message.qos

    def _settle(self, identity: Identity) -> None:
        """Wait until the session has sent what it must, and see that a repetition is marked as one."""
        session = identity.session
        if session is None:
            return
        identity.expect()
        client = session.client
        self.world.do(
            until(lambda: len(client.commands) >= len(session.commands) and len(client.changes) >= len(session.changes))
        )
        self._check(identity, session)
        deliveries = {each.sequence: each.deliveries for each in self.queue_of(identity)}
        for message in client.commands:
            sequence, qos = self._read(identity, message)
            assert message.packet_id == (sequence if qos else 0)
            if qos and sequence in deliveries:
                assert message.dup == (deliveries[sequence] > 1)
            if qos and sequence in identity.received:
                assert message.dup

    def _note_subscriptions(self, identity: Identity, session: Session, subscriptions: dict[str, int]) -> None:
        session.subscriptions = subscriptions
        if session.is_durable:
            identity.kept = dict(subscriptions)
        self._settle(identity)

    def _queue(self, identity: Identity, count: int) -> None:
        hub = self.world.site.control.hub

        async def queue() -> None:
            for _ in range(count):
                identity.sent += 1
                command = hub.send(identity.generation_id, f"{identity.name} {identity.sent}".encode())
                assert command.sequence == identity.sent
                identity.queue.append(identity.sent)

        self.world.do(queue())

    # --- acts in the loop ---------------------------------------------------------------------------------------

    async def _connect(self, name: str, *, is_clean: bool, gateway: str) -> Client:
        site = self.world.site
        device = await site.open(site.credentials[name], gateway)
        assert await device.connect(name, is_clean=is_clean) == 0
        return Client(device, gateway)

    async def _ask(self, client: Client) -> mqtt.ClientEvent:
        await client.device.flush()
        return await client.answer()

    async def _acknowledge(self, client: Client, packet_id: int) -> None:
        client.device.mqtt.puback(packet_id)
        await client.device.flush()

    async def _end(self, identity: Identity, *, is_orderly: bool) -> None:
        session = identity.session
        assert session is not None
        identity.leave()
        await session.client.end(MqttDevice.close if is_orderly else MqttDevice.vanish)
        closed = self.world.site.control.hub.closed
        own = identity.generation_id
        await until(lambda: sum(each.generation_id == own for each in closed) == identity.connects)

    async def _confirmed(self) -> None:
        """Wait until control has heard of every command that a gateway has completed."""
        await until(lambda: not any(len(each) for each in COMPLETIONS if not each._is_closed))

    async def _see_the_end(self, client: Client) -> None:
        await until(lambda: client.is_over)

    async def _change_desired(self, identity: Identity) -> int:
        return self.world.site.control.hub.change_desired(identity.generation_id, {"number": next(NUMBERS)})

    async def _restart(self, gateway: str) -> None:
        await self.world.site.stop_gateway(gateway)
        await self.world.site.start_gateway(gateway)


def test_no_command_is_lost_or_goes_astray_whatever_happens(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    be_stale_after(monkeypatch, PATIENT_S)
    monkeypatch.setattr(process, "Completions", NotedCompletions)
    world = World(tmp_path)
    try:
        machine = type("Machine", (SessionMachine,), {"world": world})
        run_state_machine_as_test(
            machine,
            settings=settings(
                max_examples=16,
                stateful_step_count=30,
                deadline=None,
                phases=[Phase.generate],
                suppress_health_check=list(HealthCheck),
                database=None,
                derandomize=True,
            ),
        )
    finally:
        world.close()
