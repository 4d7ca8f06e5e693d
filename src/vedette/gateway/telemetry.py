"""Telemetry to disk: all messages of one short tick are one stream message, and PUBACK follows its acknowledgement.

Each stored batch costs one fsync, whoever sent its messages; while one is under way the next gathers. A batch that is
not stored in time is given up without PUBACK: its connections close and their devices send again. The PUBACKs of one
connection go out in the order of its PUBLISHes (MQTT 3.1.1 §4.6), whatever the order in which batches are stored.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
from collections import deque
from collections.abc import Callable
from typing import Final, Protocol

import msgspec

from vedette.bus import PublishAck, PublishResult
from vedette.bus.contract import (
    TELEMETRY_STREAM,
    TelemetryBatch,
    TelemetryRecord,
    TelemetrySession,
    telemetry_subject,
)
from vedette.gateway.settings import TelemetrySettings
from vedette.kernel import Clock, Problem
from vedette.protocols.hub import PropertyBag

log = logging.getLogger(__name__)

BATCH_VERSION: Final = 1
# MessagePack of a record beside its body and its properties' text.
_RECORD_BYTES: Final = 32
_SESSION_BYTES: Final = 160
_TEXT_BYTES: Final = 3
_RESUME_AT: Final = 0.75


def stored_bytes(bag: PropertyBag) -> int:
    """Return at least what a message's properties take up in a batch: it may be more than their bag had characters."""
    texts = (text for part in (bag.system, bag.application) for item in part.items() for text in item)
    return sum(_TEXT_BYTES if text is None else _TEXT_BYTES + len(text.encode()) for text in texts)


class Sender(Protocol):
    """A session whose messages are stored."""

    inflight_bytes: int
    stamps: TelemetrySession

    def stored(self, packet_id: int) -> None:
        """A QoS 1 message is on disk: note its PUBACK."""
        ...

    def flush(self) -> None:
        """Write what ``stored`` noted; called once per batch."""
        ...

    def not_stored(self) -> None:
        """A QoS 1 message could not be stored in time: close without PUBACK."""
        ...

    def resume(self) -> None:
        """There is room again after ``append`` returned false."""
        ...


class StreamPublisher(Protocol):
    """The part of ``BusConnection`` that stores."""

    def jetstream_publish(  # noqa: D102 - see BusConnection
        self,
        subject: str | bytes,
        payload: bytes,
        *,
        stream: str,
        msg_id: str,
        deadline_s: float,
        on_done: Callable[[PublishResult], None],
    ) -> None: ...


class _Batch:
    __slots__ = ("acknowledgements", "number", "numbers", "records", "sent_bytes", "sessions", "size_bytes")

    def __init__(self) -> None:
        self.sessions: list[TelemetrySession] = []
        self.numbers: dict[Sender, int] = {}
        self.records: list[TelemetryRecord] = []
        self.acknowledgements: list[tuple[Sender, int]] = []
        self.sent_bytes: list[int] = []  # of each session
        self.size_bytes = 64
        self.number = 0


class TelemetryWriter:
    """Stores the telemetry of one gateway's sessions.

    Args:
        bus: Stores batches.
        organization_id: Of the telemetry subject.
        gateway: This gateway's name, of the telemetry subject.
        boot_id: Unique per process start; with a counter it names each batch, so that a batch sent twice is kept once.
        settings: Sizes and times.
        clock: Stamps messages.
        loop: For ticks.
    """

    def __init__(
        self,
        *,
        bus: StreamPublisher,
        organization_id: str,
        gateway: str,
        boot_id: str,
        settings: TelemetrySettings,
        clock: Clock,
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        self._bus = bus
        self._subject = telemetry_subject(organization_id, gateway).encode()
        self._gateway = gateway
        self._boot_id = boot_id
        self._settings = settings
        self._max_bytes = settings.max_bytes
        self._max_batch_bytes = settings.max_batch_bytes
        self._clock = clock
        self._loop = loop
        self._encode = msgspec.msgpack.Encoder().encode
        self._batch: _Batch | None = None
        self._sealed: deque[_Batch] = deque()
        self._under_way: dict[_Batch, None] = {}  # oldest first
        self._count = 0
        self._is_send_due = False
        self._timer: asyncio.TimerHandle | None = None
        self._waiting_for_room: set[Sender] = set()
        self._idle: list[asyncio.Future[None]] = []
        self.pending_bytes = 0
        self.stored_messages = 0
        self.lost_messages = 0

    def append(
        self,
        sender: Sender,
        body: bytes,
        *,
        qos: int,
        packet_id: int,
        properties: tuple[dict[str, str | None], dict[str, str | None]],
        properties_bytes: int,
        enqueued_at_ms: int,
    ) -> bool:
        """Add a message to the batch that gathers.

        Args:
            sender: Hears when a QoS 1 message is stored, or that it was not.
            body: As received.
            qos: 0 or 1.
            packet_id: Of a QoS 1 message, else 0.
            properties: System and application properties; shared, never changed.
            properties_bytes: As ``stored_bytes`` says.
            enqueued_at_ms: Unix milliseconds.

        Returns:
            Whether there is room for more; if not, stop reading until ``resume``.
        """
        size = len(body) + properties_bytes + _RECORD_BYTES
        batch = self._batch
        if batch is not None and batch.size_bytes + size > self._max_batch_bytes:
            self._seal(batch)
            batch = None
        if batch is None:
            batch = self._batch = _Batch()
        number = batch.numbers.get(sender)
        if number is None:
            number = self._add_session(batch, sender)
        system, application = properties
        batch.records.append(TelemetryRecord(number, enqueued_at_ms, qos, system, application, body))
        if qos:
            batch.acknowledgements.append((sender, packet_id))
        batch.size_bytes += size
        batch.sent_bytes[number] += size
        sender.inflight_bytes += size
        self.pending_bytes += size
        if not self._is_send_due:
            self._send_soon()
        if self.pending_bytes > self._max_bytes:
            self._waiting_for_room.add(sender)
            return False
        return True

    def acknowledge(self, sender: Sender, packet_id: int) -> None:
        """Give the PUBACK of a QoS 1 message that is not telemetry, after those of what the sender sent before it."""
        if sender.inflight_bytes:
            gathering = () if self._batch is None else (self._batch,)
            for batch in (*gathering, *reversed(self._sealed), *reversed(self._under_way)):
                if sender in batch.numbers:
                    batch.acknowledgements.append((sender, packet_id))
                    return
        sender.stored(packet_id)

    def forget(self, sender: Sender) -> None:
        """The session has ended; its messages are stored nonetheless."""
        self._waiting_for_room.discard(sender)

    async def flush(self) -> None:
        """Wait until everything appended is stored or given up; the caller sets the deadline."""
        if self._batch is not None:
            self._seal(self._batch)
            self._send()
        if self._sealed or self._under_way:
            idle: asyncio.Future[None] = self._loop.create_future()
            self._idle.append(idle)
            await idle

    def _add_session(self, batch: _Batch, sender: Sender) -> int:
        number = batch.numbers[sender] = len(batch.sessions)
        stamps = sender.stamps
        batch.sessions.append(stamps)
        batch.sent_bytes.append(0)
        batch.size_bytes += _SESSION_BYTES + 4 * (
            len(stamps.device_id) + len(stamps.module_id or "") + len(stamps.model_id or "")
        )
        return number

    def _seal(self, batch: _Batch) -> None:
        self._sealed.append(batch)
        self._batch = None

    def _send_soon(self) -> None:
        """With nothing under way, send at the end of this turn; else gather for a tick."""
        self._is_send_due = True
        if not self._under_way:
            self._loop.call_soon(self._send)
        elif self._timer is None:
            self._timer = self._loop.call_later(self._settings.tick_s, self._tick)

    def _tick(self) -> None:
        self._timer = None
        self._send()

    def _send(self) -> None:
        self._is_send_due = False
        room = self._settings.max_batches - len(self._under_way)
        while room > 0 and self._sealed:
            self._publish(self._sealed.popleft())
            room -= 1
        if self._batch is not None:
            if room > 0:
                batch, self._batch = self._batch, None
                self._publish(batch)
            else:
                self._is_send_due = True  # the next acknowledgement sends it

    def _publish(self, batch: _Batch) -> None:
        self._count += 1
        batch.number = self._count
        payload = self._encode(TelemetryBatch(BATCH_VERSION, self._gateway, batch.sessions, batch.records))
        self._under_way[batch] = None

        def done(result: PublishResult) -> None:
            self._finish(batch, result)

        try:
            self._bus.jetstream_publish(
                self._subject,
                payload,
                stream=TELEMETRY_STREAM,
                msg_id=f"{self._boot_id}-{self._count}",
                deadline_s=self._settings.deadline_s,
                on_done=done,
            )
        except Problem as problem:
            self._finish(batch, problem)

    def _finish(self, batch: _Batch, result: Problem | PublishAck) -> None:
        is_oldest = next(iter(self._under_way)) is batch
        del self._under_way[batch]
        for sender, size in zip(batch.numbers, batch.sent_bytes, strict=True):
            sender.inflight_bytes -= size
            self.pending_bytes -= size
        if isinstance(result, PublishAck):
            self.stored_messages += len(batch.records)
            if not is_oldest:
                self._give_way(batch)
            for sender, packet_id in batch.acknowledgements:
                sender.stored(packet_id)
            for sender in batch.numbers:
                sender.flush()
        else:
            self.lost_messages += len(batch.records)
            log.warning("telemetry batch not stored", extra={"records": len(batch.records), "reason": result.detail})
            for sender in {sender for sender, _ in batch.acknowledgements}:
                sender.not_stored()
        if self._sealed or self._batch is not None:
            self._send()
        elif not self._under_way:
            self._wake_idle()
        if self._waiting_for_room and self.pending_bytes < self._max_bytes * _RESUME_AT:
            waiting, self._waiting_for_room = self._waiting_for_room, set()
            for sender in waiting:
                sender.resume()

    def _give_way(self, batch: _Batch) -> None:
        """Leave the PUBACKs of senders with messages in an older batch, which is still under way, to that batch."""
        older = list(itertools.takewhile(lambda each: each.number < batch.number, self._under_way))
        own: list[tuple[Sender, int]] = []
        for sender, packet_id in batch.acknowledgements:
            last = next((each for each in reversed(older) if sender in each.numbers), None)
            (own if last is None else last.acknowledgements).append((sender, packet_id))
        batch.acknowledgements = own

    def _wake_idle(self) -> None:
        for waiter in self._idle:
            if not waiter.done():
                waiter.set_result(None)
        self._idle.clear()
