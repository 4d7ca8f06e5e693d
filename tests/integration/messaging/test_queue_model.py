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
from vedette.registry import DeviceNotFound
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
        self.model: dict[str, Device] = {}
        self.feedback: list[tuple[str, Outcome]] = []
        self.sent = 0
        self._open()
        self.store.migrate()
        self.run(self.room.start())

    def _open(self) -> None:
        url = f"sqlite:///{Path(self.folder.name)}/vedette.db"
        self.store = Store.open(url, clock=self.clock, reserve_bytes=0)
        self.room = MessagingRoom(self.store, self.clock, settings=LIMITS)

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
    def create(self, name: str) -> None:
        if name not in self.model:
            self.model[name] = Device(self.run(self.room.create(name)), [])

    @rule(name=names)
    def delete(self, name: str) -> None:
        device = self.model.pop(name, None)
        if device is not None:
            self.run(self.room.delete(name))
            self.end(device, list(device.queue), Outcome.PURGED)

    @rule(name=names, ack=st.sampled_from(Ack), minutes=st.integers(1, 10))
    def send(self, name: str, ack: Ack, minutes: int) -> None:
        self.sent += 1
        message_id = f"m{self.sent}"
        sending = self.room.send(name, message_id.encode(), message_id=message_id, ack=ack, time_to_live=_of(minutes))
        device = self.model.get(name)
        try:
            command = self.run(sending)
        except DeviceNotFound:
            assert device is None
            return
        except CommandQueueFull:
            assert device is not None
            self.expire_if_full(device)
            assert len(device.queue) == DEPTH
            return
        assert device is not None
        self.expire_if_full(device)
        assert len(device.queue) < DEPTH
        device.last_sequence += 1
        assert command.sequence == device.last_sequence
        device.queue.append(Queued(command.sequence, message_id, ack, self.clock.now() + _of(minutes)))

    def expire_if_full(self, device: Device) -> None:
        if len(device.queue) >= DEPTH:
            self.expire(device)

    @rule(name=names)
    def connect(self, name: str) -> None:
        device = self.model.get(name)
        if device is not None:
            device.session, device.after = self.room.open(device.generation_id), 0

    @rule(name=names, limit=st.integers(1, DEPTH), is_answer_lost=st.booleans())
    def take(self, name: str, limit: int, *, is_answer_lost: bool) -> None:
        device = self.model.get(name)
        if device is None or not device.session:
            return
        taken = self.run(self.room.take(device.generation_id, device.session, after=device.after, limit=limit))
        if any(each.sequence > device.after for each in device.queue):
            self.expire(device)
            behind = [each for each in device.queue if each.sequence > device.after]
            worn = [each for each in behind if each.deliveries >= DELIVERIES and each.taken_by != device.session]
            self.end(device, worn, Outcome.DELIVERY_COUNT_EXCEEDED)
            behind = [each for each in behind if each not in worn]
        else:
            behind = []
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

    @rule(name=names, count=st.integers(1, DEPTH), times=st.integers(1, 2))
    def acknowledge(self, name: str, count: int, times: int) -> None:
        device = self.model.get(name)
        if device is None:
            return
        for _ in range(times):
            some = [(device.generation_id, sequence) for sequence in range(1, device.last_sequence + 1)][-count:]
            if some:
                self.run(self.room.complete(*some))
            done = [each for each in device.queue if each.taken_by and (device.generation_id, each.sequence) in some]
            self.end(device, done, Outcome.SUCCESS)

    @rule(name=names)
    def purge(self, name: str) -> None:
        device = self.model.get(name)
        if device is not None:
            count = self.run(self.room.desk.commands.purge(ORGANIZATION, name, actor=ACTOR))
            assert count == len(device.queue)
            self.end(device, list(device.queue), Outcome.PURGED)

    @rule(minutes=st.integers(1, 5))
    def pass_time(self, minutes: int) -> None:
        self.clock.advance(_of(minutes))

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
        self.run(self.room.start())
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


def _of(minutes: int) -> timedelta:
    return timedelta(minutes=minutes)


def test_queues_behave_as_their_model() -> None:
    run_state_machine_as_test(
        Queues,
        settings=settings(
            max_examples=25, stateful_step_count=40, deadline=None, suppress_health_check=list(HealthCheck)
        ),
    )
