"""Reading a stream in order: a batch at a time, pulled, so that a slow reader slows nobody but itself."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from vedette.bus.connection import BusConnection
from vedette.bus.errors import BusRefused, BusTimeout, BusUnavailable, JetStreamError, NoResponders
from vedette.bus.jetstream import NANOSECONDS, JetStream, StoredMessage
from vedette.bus.pull import MAX_BATCH, Pull
from vedette.bus.settings import check_name
from vedette.bus.wire import check_subject
from vedette.kernel import to_rfc3339

log = logging.getLogger(__name__)

_INACTIVE_AFTER_S: Final = 60
_ACK_WAIT_S: Final = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadFrom:
    """Where a reader begins; the first of these that is set, else the stream's beginning.

    Attributes:
        new_only: After what the stream holds now.
        after_sequence: Behind this message.
        since: At the first message stored then or later.
    """

    new_only: bool = False
    after_sequence: int | None = None
    since: datetime | None = None

    def policy(self) -> dict[str, Any]:
        """Return it in the words of a consumer's configuration."""
        if self.new_only:
            return {"deliver_policy": "new"}
        if self.after_sequence is not None:
            return {"deliver_policy": "by_start_sequence", "opt_start_seq": self.after_sequence + 1}
        if self.since is not None:
            return {"deliver_policy": "by_start_time", "opt_start_time": to_rfc3339(self.since)}
        return {"deliver_policy": "all"}


class StreamReader:
    """Reads a stream from a place on, in order and without gaps, across reconnects and restarts of the bus.

    Nothing is acknowledged and nothing remembered on the server: the caller keeps ``last_sequence`` if it needs it.

    Args:
        connection: Whose user may read the stream.
        stream: The stream's name.
        filters: Only these subject patterns; none for all.
        start: Where to begin.
    """

    def __init__(
        self, connection: BusConnection, stream: str, *, filters: Sequence[str] = (), start: ReadFrom | None = None
    ) -> None:
        self._connection = connection
        self._stream = stream
        self._filters = _checked(filters)
        self._start = start or ReadFrom()
        self._pull = Pull(connection, stream)
        self._consumer = ""
        self.last_sequence = 0

    async def next(self, *, limit: int = 100, wait_s: float = 1.0) -> list[StoredMessage]:
        """Return what comes next: at least one message, or none after ``wait_s``.

        Args:
            limit: At most so many, up to 1,000; also how many may travel towards us at a time.
            wait_s: 0 returns what is stored and does not wait for more.

        Raises:
            BusUnavailable: No connection at the moment; call again, nothing is skipped.
            BusTimeout: The same, while the connection is being lost.
            JetStreamError: There is no such stream.
        """
        _check_limit(limit)
        if not self._pull.has_consumer:
            await self._make_consumer()
        batch = await self._pull.fetch(limit=limit, wait_s=wait_s)
        if batch:
            self.last_sequence = batch[-1].sequence
        return batch

    async def close(self) -> None:
        """Stop reading and remove the consumer."""
        has_consumer = self._pull.has_consumer
        self._pull.close()
        if has_consumer:
            try:
                await JetStream(self._connection).api(f"CONSUMER.DELETE.{self._stream}.{self._consumer}")
            except (BusUnavailable, BusTimeout, BusRefused, NoResponders, JetStreamError):
                log.debug("bus consumer was left to expire", extra={"consumer": self._consumer})

    async def _make_consumer(self) -> None:
        """Make a consumer behind the last message handed out: it is cheap, and what it knows is ours."""
        self._consumer = self._connection.new_inbox().replace(".", "-")
        start = ReadFrom(after_sequence=self.last_sequence) if self.last_sequence else self._start
        config = start.policy() | {
            "ack_policy": "none",
            "inactive_threshold": _INACTIVE_AFTER_S * NANOSECONDS,
            "mem_storage": True,
            "num_replicas": 1,
        }
        await _create_consumer(self._connection, self._stream, self._consumer, self._filters, config)
        self._pull.use_consumer(self._consumer, must_be_gapless=True)
        if self._start.new_only and not self.last_sequence:
            await self._pin_start()

    async def _pin_start(self) -> None:
        """Remember where "new" began, so that a reconnect before the first message skips nothing."""
        info = await JetStream(self._connection).consumer_info(self._stream, self._consumer)
        self._start = ReadFrom(after_sequence=info.delivered.stream_seq)


class DurableReader:
    """Reads through a consumer that the server remembers: each message comes again until it is acknowledged.

    Args:
        connection: Whose user may read the stream.
        stream: The stream's name.
        durable: The consumer's name, shared by all who divide the work.
        filters: Only these subject patterns; none for all.
        start: Where to begin, the first time.
        max_unacknowledged: Messages handed out and not acknowledged yet, over all readers of the name.
    """

    def __init__(
        self,
        connection: BusConnection,
        stream: str,
        *,
        durable: str,
        filters: Sequence[str] = (),
        start: ReadFrom | None = None,
        max_unacknowledged: int = MAX_BATCH,
    ) -> None:
        self._connection = connection
        self._stream = stream
        self._durable = check_name(durable)
        self._filters = _checked(filters)
        self._start = start or ReadFrom()
        self._max_unacknowledged = max_unacknowledged
        self._pull = Pull(connection, stream)

    async def next(self, *, limit: int = 100, wait_s: float = 1.0) -> list[StoredMessage]:
        """Return what comes next, or comes again; raises as ``StreamReader.next`` does."""
        _check_limit(limit)
        if not self._pull.has_consumer:
            config = self._start.policy() | {
                "durable_name": self._durable,
                "ack_policy": "explicit",
                "ack_wait": _ACK_WAIT_S * NANOSECONDS,
                "max_ack_pending": self._max_unacknowledged,
            }
            await _create_consumer(self._connection, self._stream, self._durable, self._filters, config)
            self._pull.use_consumer(self._durable, must_be_gapless=False)
        return await self._pull.fetch(limit=limit, wait_s=wait_s)

    def acknowledge(self, message: StoredMessage) -> None:
        """Say that a message is done with; it may still come again after a crash.

        Raises:
            BusUnavailable: Not connected; the message will come again.
        """
        self._connection.publish(message.reply, b"+ACK")

    def close(self) -> None:
        """Stop reading; the consumer stays."""
        self._pull.close()


def _check_limit(limit: int) -> None:
    if not 0 < limit <= MAX_BATCH:
        raise ValueError(f"limit is 1 to {MAX_BATCH}")


def _checked(filters: Sequence[str]) -> list[str]:
    return [check_subject(each, is_pattern=True).decode() for each in filters]


async def _create_consumer(
    connection: BusConnection, stream: str, name: str, filters: list[str], config: dict[str, Any]
) -> None:
    config["name"] = name
    if filters:
        config["filter_subjects"] = filters
    verb = f"CONSUMER.CREATE.{stream}.{name}"
    await JetStream(connection).api(verb, {"stream_name": stream, "config": config, "action": ""})
