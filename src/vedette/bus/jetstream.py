"""What we need of JetStream's management interface, as requests over a connection.

Source:
    https://docs.nats.io/reference/reference-protocols/nats_api_reference; ADR-31 (direct get).
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Final, Literal

import msgspec

from vedette.bus.connection import BusConnection
from vedette.bus.errors import JetStreamError, RemoteProtocolError
from vedette.bus.publisher import DUPLICATE_WINDOW_S
from vedette.bus.wire import UNREADABLE, Message

NANOSECONDS: Final = 1_000_000_000
_STREAM_NOT_FOUND: Final = 10059
_NOT_FOUND: Final = 404


class StreamConfig(msgspec.Struct, frozen=True, kw_only=True):
    """A stream as we want it; what is not named here keeps the server's default.

    Times are in nanoseconds, as on the wire; 0 and -1 mean no limit.
    """

    name: str
    subjects: list[str]
    retention: Literal["limits"] = "limits"
    storage: Literal["file"] = "file"
    discard: Literal["old", "new"] = "old"
    max_age: int = 0
    max_bytes: int = -1
    max_msgs: int = -1
    max_msgs_per_subject: int = -1
    duplicate_window: int = int(DUPLICATE_WINDOW_S * NANOSECONDS)
    num_replicas: int = 1
    allow_direct: bool = False
    allow_rollup_hdrs: bool = False
    deny_delete: bool = True
    deny_purge: bool = True


class StreamState(msgspec.Struct, frozen=True):
    """How much a stream holds."""

    messages: int = 0
    bytes: int = 0
    first_seq: int = 0
    last_seq: int = 0


class StreamInfo(msgspec.Struct, frozen=True):
    """A stream as it is; ``config`` is the server's own JSON, which names more than ``StreamConfig`` does."""

    config: dict[str, Any]  # the server adds fields with every version
    state: StreamState


class SequencePair(msgspec.Struct, frozen=True):
    """How far a consumer is, counted by the stream and by itself."""

    stream_seq: int = 0
    consumer_seq: int = 0


class ConsumerInfo(msgspec.Struct, frozen=True):
    """How far a consumer is."""

    delivered: SequencePair
    num_pending: int = 0
    num_ack_pending: int = 0


class StoredMessage(msgspec.Struct, frozen=True, gc=False):
    """A message of a stream.

    ``pending`` counts what waits behind it for the same reader; ``reply`` is where a durable reader acknowledges.
    """

    subject: str
    sequence: int
    stored_at: datetime
    payload: bytes
    headers: bytes = b""
    pending: int = 0
    reply: str = ""


class _ApiError(msgspec.Struct, frozen=True):
    code: int = 0
    err_code: int = 0
    description: str = ""


class _ErrorReply(msgspec.Struct, frozen=True):
    error: _ApiError | None = None


class JetStream:
    """Management requests of one connection; what is allowed depends on the user's permissions.

    Args:
        connection: Where to ask.
        timeout_s: For each request.
    """

    def __init__(self, connection: BusConnection, *, timeout_s: float = 5.0) -> None:
        self._connection = connection
        self._timeout_s = timeout_s

    async def api(self, verb: str, body: object = None) -> bytes:
        """Ask ``$JS.API.<verb>`` and return the reply.

        Raises:
            JetStreamError: The reply is an error; ``context["error_code"]`` tells which.
        """
        payload = b"" if body is None else msgspec.json.encode(body)
        reply = await self._connection.request(f"$JS.API.{verb}", payload, timeout_s=self._timeout_s)
        try:
            error = msgspec.json.decode(reply, type=_ErrorReply).error
        except UNREADABLE as malformed:
            raise RemoteProtocolError("a reply of JetStream could not be read") from malformed
        if error is not None:
            raise JetStreamError(f"JetStream refused {verb}: {error.description[:200]}", error_code=error.err_code)
        return reply

    async def stream_info(self, name: str) -> StreamInfo | None:
        """Return a stream's configuration and state; ``None`` when there is no such stream."""
        try:
            reply = await self.api(f"STREAM.INFO.{name}")
        except JetStreamError as error:
            if error.context["error_code"] == _STREAM_NOT_FOUND:
                return None
            raise
        return msgspec.json.decode(reply, type=StreamInfo)

    async def consumer_info(self, stream: str, consumer: str) -> ConsumerInfo:
        """Return how far a consumer is."""
        return msgspec.json.decode(await self.api(f"CONSUMER.INFO.{stream}.{consumer}"), type=ConsumerInfo)

    async def ensure_stream(self, config: StreamConfig) -> None:
        """Make a stream, or bring an existing one to this configuration."""
        info = await self.stream_info(config.name)
        wanted: dict[str, Any] = msgspec.to_builtins(config)  # JSON
        if info is None:
            await self.api(f"STREAM.CREATE.{config.name}", wanted)
        elif any(info.config.get(field) != value for field, value in wanted.items()):
            await self.api(f"STREAM.UPDATE.{config.name}", info.config | wanted)

    async def ensure_kv_bucket(self, bucket: str, *, max_bytes: int, replicas: int = 1) -> None:
        """Make a key-value bucket that keeps the last value of each key and lets nobody delete.

        A full bucket refuses new values: losing the oldest silently would hide a record.
        """
        await self.ensure_stream(
            StreamConfig(
                name=f"KV_{bucket}",
                subjects=[f"$KV.{bucket}.>"],
                discard="new",
                max_msgs_per_subject=1,
                max_bytes=max_bytes,
                num_replicas=replicas,
                allow_direct=True,
            )
        )

    async def direct_get_last(self, stream: str, subject: str) -> StoredMessage | None:
        """Return the last message of a subject, read past the stream's leader; ``None`` without one."""
        reply = await self._connection.request_message(
            f"$JS.API.DIRECT.GET.{stream}.{subject}", b"", timeout_s=self._timeout_s
        )
        if reply.status == _NOT_FOUND:
            return None
        if reply.status or reply.header("Nats-Stream") != stream or reply.header("Nats-Subject") != subject:
            raise JetStreamError(f"direct get from {stream} failed with status {reply.status}", error_code=reply.status)
        return _from_direct_get(reply)


def _from_direct_get(reply: Message) -> StoredMessage:
    sequence = reply.header("Nats-Sequence") or ""
    stored_at = reply.header("Nats-Time-Stamp") or ""
    try:
        return StoredMessage(
            subject=reply.header("Nats-Subject") or "",
            sequence=int(sequence),
            stored_at=msgspec.convert(stored_at, datetime).astimezone(UTC),
            payload=reply.payload,
            headers=reply.headers,
        )
    except (ValueError, *UNREADABLE) as malformed:
        raise RemoteProtocolError("a direct-get answer could not be read") from malformed
