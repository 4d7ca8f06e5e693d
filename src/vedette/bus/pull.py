"""Batches of a pull consumer: ordered one at a time, handed out as they arrive.

Source:
    https://docs.nats.io/nats-concepts/jetstream/consumers (pull consumers); ADR-37 (idle heartbeats of a pull).
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import msgspec

from vedette.bus.connection import BusConnection
from vedette.bus.errors import BusUnavailable
from vedette.bus.jetstream import NANOSECONDS, StoredMessage
from vedette.bus.wire import Message, read_number

log = logging.getLogger(__name__)

MAX_BATCH: Final = 1000
_MAX_BATCH_BYTES: Final = 8_388_608
_HEARTBEAT_S: Final = 0.5
_SILENCE_S: Final = 2.0  # four heartbeats: the consumer is gone, or the server
_HEARTBEAT = 100
# Nothing more stored; time over; the batch ended for another reason, for example its size.
_ORDINARY_ENDS: Final = frozenset({404, 408})
_SIZE_REACHED: Final = b"MaxBytes"
_BATCH_COMPLETED: Final = b"Batch Completed"
_UNIX_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_PLACE_TOKENS: Final = 9
_LONG_PLACE_TOKENS: Final = 11


@dataclass(frozen=True, slots=True)
class Place:
    """Where a delivered message stands; the server writes it into the reply subject."""

    consumer: str
    sequence: int
    consumer_sequence: int
    stored_at: datetime
    pending: int

    @classmethod
    def parse(cls, reply: str) -> Place | None:
        """Read ``$JS.ACK.…``; ``None`` when it is none."""
        tokens = reply.split(".")
        if tokens[:2] != ["$JS", "ACK"]:
            return None
        if len(tokens) >= _LONG_PLACE_TOKENS:  # with domain and account in front, perhaps a token behind
            tokens = tokens[:2] + tokens[4:_LONG_PLACE_TOKENS]
        numbers = [number for token in tokens[4:] if (number := read_number(token)) is not None]
        if len(tokens) != _PLACE_TOKENS or len(numbers) != _PLACE_TOKENS - 4:
            return None
        _, sequence, consumer_sequence, stored_ns, pending = numbers
        stored_at = _UNIX_EPOCH + timedelta(microseconds=stored_ns // 1000)
        return cls(tokens[3], sequence, consumer_sequence, stored_at, pending)


class Pull:
    """Pulls from one consumer at a time.

    Args:
        connection: Whose user may pull.
        stream: The consumer's stream.
    """

    def __init__(self, connection: BusConnection, stream: str) -> None:
        self._connection = connection
        self._stream = stream
        self._inbox = connection.new_inbox()
        self._consumer = ""
        self._generation = -1
        self._orders = 0
        self._outstanding = 0  # messages of the present order that may still come
        self._last_consumer_sequence = 0
        self._must_be_gapless = False
        self._arrived: deque[StoredMessage] = deque()
        self._woken = asyncio.Event()
        self._subscription = connection.subscribe(f"{self._inbox}.*", self._take)
        self._forget_listener = connection.on_state(lambda _: self.drop_consumer())

    @property
    def has_consumer(self) -> bool:
        """Whether the consumer may be pulled from; after a reconnect, a restart or a gap it may not."""
        return bool(self._consumer) and self._generation == self._connection.connection_generation

    def use_consumer(self, name: str, *, must_be_gapless: bool) -> None:
        """Pull from this consumer from now on.

        Args:
            name: It was made on the present connection.
            must_be_gapless: Drop the consumer when it skips a message, so that the caller makes a new one.
        """
        self.drop_consumer()
        self._consumer = name
        self._must_be_gapless = must_be_gapless
        self._generation = self._connection.connection_generation

    def drop_consumer(self) -> None:
        """Stop using the consumer; what has arrived and was not handed out is forgotten."""
        self._consumer = ""
        self._orders += 1
        self._outstanding = 0
        self._last_consumer_sequence = 0
        self._arrived.clear()
        self._woken.set()

    async def fetch(self, *, limit: int, wait_s: float) -> list[StoredMessage]:
        """Return at least one message, or none after ``wait_s``; the rest of the batch waits for the next call.

        Raises:
            BusUnavailable: The connection or the consumer was lost meanwhile.
        """
        if not self._arrived and not self._outstanding:
            self._order(limit, wait_s)
        silence_s = _SILENCE_S if wait_s >= 2 * _HEARTBEAT_S else wait_s + _SILENCE_S
        try:
            while not self._arrived and self._outstanding:
                self._woken.clear()
                async with asyncio.timeout(silence_s):
                    await self._woken.wait()
        except TimeoutError:
            self.drop_consumer()
        if not self.has_consumer:
            raise BusUnavailable(f"reading {self._stream} was interrupted", hint="read on: nothing is skipped")
        return [self._arrived.popleft() for _ in range(min(limit, len(self._arrived)))]

    def close(self) -> None:
        """Stop pulling."""
        self._subscription.unsubscribe()
        self._forget_listener()
        self.drop_consumer()

    def _order(self, limit: int, wait_s: float) -> None:
        order: dict[str, Any] = {"batch": limit, "max_bytes": _MAX_BATCH_BYTES}  # JSON
        if wait_s > 0:
            order["expires"] = round(wait_s * NANOSECONDS)
        else:
            order["no_wait"] = True
        if wait_s >= 2 * _HEARTBEAT_S:
            order["idle_heartbeat"] = round(_HEARTBEAT_S * NANOSECONDS)
        self._orders += 1
        self._connection.publish(
            f"$JS.API.CONSUMER.MSG.NEXT.{self._stream}.{self._consumer}",
            msgspec.json.encode(order),
            reply=f"{self._inbox}.{self._orders}",
        )
        self._outstanding = limit

    def _take(self, message: Message) -> None:
        status = message.status
        if not status:
            self._take_stored(message)
        elif status != _HEARTBEAT and message.subject.endswith(f".{self._orders}"):
            self._outstanding = 0
            is_ordinary = _SIZE_REACHED in message.headers or _BATCH_COMPLETED in message.headers
            if status not in _ORDINARY_ENDS and not is_ordinary:
                log.info("bus consumer ended early", extra={"stream": self._stream, "status": status})
                self.drop_consumer()
        self._woken.set()

    def _take_stored(self, message: Message) -> None:
        place = Place.parse(message.reply)
        if place is None or place.consumer != self._consumer:
            return
        if self._must_be_gapless and place.consumer_sequence != self._last_consumer_sequence + 1:
            log.warning("bus consumer skipped messages, reading again", extra={"stream": self._stream})
            self.drop_consumer()
            return
        self._last_consumer_sequence = place.consumer_sequence
        self._outstanding = max(self._outstanding - 1, 0)
        self._arrived.append(
            StoredMessage(
                message.subject,
                place.sequence,
                place.stored_at,
                message.payload,
                message.headers,
                place.pending,
                message.reply,
            )
        )
