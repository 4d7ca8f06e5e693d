"""Command queues against a naive model: whatever is sent, taken, acknowledged, expired, purged, or lost in a crash."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Coroutine
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test
from identity_house import ACTOR
from messaging_room import ORGANIZATION, MessagingRoom

from vedette.kernel import SystemClock
from vedette.messaging import Ack, CommandQueueFull, CommandSettings, MessagingSettings, Outcome
from vedette.simulation import ManualClock
from vedette.store import Store

T = TypeVar("T")

DEPTH, DELIVERIES = 4, 3
LIMITS = MessagingSettings(commands=CommandSettings(depth=DEPTH, delivery_count=DELIVERIES))
NAMES = ("pump-7", "valve-1")
names = st.sampled_from(NAMES)


@dataclass
class Queued:
    sequence: int
    message_id: str
    ack: Ack
    expires_at: datetime
    deliveries: int = 0
    taken_by: str = ""


@dataclass
class Device:
    """What a naive reader of the documentation expects of one generation's queue."""

    generation_id: str
    queue: list[Queued]
    last_sequence: int = 0
    session: str = ""
    after: int = 0


class Queues(RuleBasedStateMachine):
    """Two devices, an operator who sends to them, a gateway that takes for them, and a process that dies at times."""

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.folder = tempfile.TemporaryDirectory()
        self.clock = ManualClock(SystemClock().now())
        self.feedback: list[tuple[str, Outcome]] = []
        self.sent = 0
        self._open()
        self.store.migrate()
        self.model = {name: self._create(name) for name in NAMES}

    def _open(self) -> None:
        url = f"sqlite:///{Path(self.folder.name)}/vedette.db"
        self.store = Store.open(url, clock=self.clock, reserve_bytes=0)
        self.room = MessagingRoom(self.store, self.clock, settings=LIMITS)

    def _create(self, name: str) -> Device:
        generation_id = self.run(self.room.create(name))
        return Device(generation_id, [], session=self.room.open(generation_id))

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return self.loop.run_until_complete(work)

    def teardown(self) -> None:
        self.run(self.store.close())
        self.loop.close()
        self.folder.cleanup()

    # --- the model ----------------------------------------------------------------------------------------------

    def end(self, device: Device, ended: list[Queued], outcome: Outcome) -> None:
        for each in ended:
            device.queue.remove(each)
            if each.ack.wants(outcome):
                self.feedback.append((each.message_id, outcome))

    def expire(self, device: Device) -> None:
        now = self.clock.now()
        self.end(device, [each for each in device.queue if each.expires_at <= now], Outcome.EXPIRED)

    # --- what happens -------------------------------------------------------------------------------------------

    @rule(name=names)
    def delete_and_create_again(self, name: str) -> None:
        self.run(self.room.delete(name))
        self.end(self.model[name], list(self.model[name].queue), Outcome.PURGED)
        self.model[name] = self._create(name)

    @rule(name=names, ack=st.sampled_from(Ack), minutes=st.integers(1, 30), count=st.integers(1, DEPTH + 1))
    def send(self, name: str, ack: Ack, minutes: int, count: int) -> None:
        for _ in range(count):
            self._send(name, ack, timedelta(minutes=minutes))

    def _send(self, name: str, ack: Ack, time_to_live: timedelta) -> None:
        self.sent += 1
        message_id = f"m{self.sent}"
        sending = self.room.send(name, message_id.encode(), message_id=message_id, ack=ack, time_to_live=time_to_live)
        device = self.model[name]
        try:
            command = self.run(sending)
        except CommandQueueFull:
            self.expire_if_full(device)
            assert len(device.queue) == DEPTH
            return
        self.expire_if_full(device)
        assert len(device.queue) < DEPTH
        device.last_sequence += 1
        assert command.sequence == device.last_sequence
        device.queue.append(Queued(command.sequence, message_id, ack, self.clock.now() + time_to_live))

    def expire_if_full(self, device: Device) -> None:
        if len(device.queue) >= DEPTH:
            self.expire(device)

    @rule(name=names, limit=st.integers(1, DEPTH), is_connecting=st.booleans(), is_answer_lost=st.booleans())
    def take(self, name: str, limit: int, *, is_connecting: bool, is_answer_lost: bool) -> None:
        device = self.model[name]
        if is_connecting or not device.session:
            device.session, device.after = self.room.open(device.generation_id), 0
        taken = self.run(self.room.take(device.generation_id, device.session, after=device.after, limit=limit))
        behind = [each for each in device.queue if each.sequence > device.after]
        if behind:
            self.expire(device)
            behind = [each for each in behind if each in device.queue]
            worn = [each for each in behind if each.deliveries >= DELIVERIES and each.taken_by != device.session]
            self.end(device, worn, Outcome.DELIVERY_COUNT_EXCEEDED)
            behind = [each for each in behind if each not in worn]
        chosen = behind[:limit]
        for each in chosen:
            each.deliveries += each.taken_by != device.session
            each.taken_by = device.session
        assert [(each.sequence, each.delivery_count, each.body) for each in taken.commands] == [
            (each.sequence, each.deliveries, each.message_id.encode()) for each in chosen
        ]
        assert taken.more == (len(behind) > len(chosen))
        if chosen and not is_answer_lost:
            device.after = chosen[-1].sequence

    @rule(
        name=names,
        takings=st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=2 * DELIVERIES),
        count=st.integers(0, DEPTH),
        limit=st.integers(1, DEPTH),
    )
    def send_and_deliver(self, name: str, takings: list[tuple[bool, bool]], count: int, limit: int) -> None:
        """Deliver to a device that loses its connection at times, and at last acknowledges some."""
        for _ in range(2):
            self._send(name, Ack.FULL, timedelta(minutes=5))
        for is_connecting, is_answer_lost in takings:
            self.take(name, limit, is_connecting=is_connecting, is_answer_lost=is_answer_lost)
        self.acknowledge(name, count, 1)

    @rule(name=names, sequences=st.lists(st.integers(1, 60), min_size=1, max_size=5))
    def acknowledge_at_random(self, name: str, sequences: list[int]) -> None:
        self._acknowledge(self.model[name], sequences)

    @rule(name=names, count=st.integers(0, DEPTH), times=st.integers(1, 2))
    def acknowledge(self, name: str, count: int, times: int) -> None:
        device = self.model[name]
        some = [each.sequence for each in device.queue[:count]]
        for _ in range(times):
            self._acknowledge(device, some)

    def _acknowledge(self, device: Device, sequences: list[int]) -> None:
        if sequences:
            self.run(self.room.complete(*[(device.generation_id, sequence) for sequence in sequences]))
        done = [each for each in device.queue if each.taken_by and each.sequence in sequences]
        self.end(device, done, Outcome.SUCCESS)

    @rule(name=names)
    def purge(self, name: str) -> None:
        device = self.model[name]
        count = self.run(self.room.desk.commands.purge(ORGANIZATION, name, actor=ACTOR))
        assert count == len(device.queue)
        self.end(device, list(device.queue), Outcome.PURGED)

    @rule(minutes=st.integers(1, 10))
    def pass_time(self, minutes: int) -> None:
        self.clock.advance(timedelta(minutes=minutes))

    @rule()
    def sweep(self) -> None:
        before = sum(len(device.queue) for device in self.model.values())
        expired = self.run(self.room.desk._upkeep.sweep())
        for device in self.model.values():
            self.expire(device)
        assert expired == before - sum(len(device.queue) for device in self.model.values())

    @rule()
    def crash(self) -> None:
        """Lose everything that is not on disk; devices connect anew."""
        self.run(self.store.close())
        self._open()
        for device in self.model.values():
            device.session, device.after = "", 0

    @invariant()
    def queues_are_what_the_model_says(self) -> None:
        for name, device in self.model.items():
            listed = self.run(self.room.desk.commands.list(ORGANIZATION, name))
            now = self.clock.now()
            expected = [each for each in device.queue if each.expires_at > now]
            assert [(each.sequence, each.message_id, each.delivery_count) for each in listed] == [
                (each.sequence, each.message_id, each.deliveries) for each in expected
            ]

    @invariant()
    def everyone_who_asked_was_told_once(self) -> None:
        page = self.run(self.room.desk.feedback.list(ORGANIZATION, limit=1000))
        told = [(each.message_id, each.outcome) for each in page.items]
        assert sorted(told) == sorted(self.feedback)
        assert [each.position for each in page.items] == list(range(1, len(told) + 1))


def test_queues_behave_as_their_model() -> None:
    run_state_machine_as_test(
        Queues,
        settings=settings(
            max_examples=20, stateful_step_count=50, deadline=None, suppress_health_check=list(HealthCheck)
        ),
    )
