"""Reading telemetry: what is stored, page by page, and what arrives, as it does."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Collection
from datetime import datetime
from typing import Final

import msgspec

from vedette.bus import BusConnection, BusTimeout, BusUnavailable, JetStream, ReadFrom, StoredMessage, StreamReader
from vedette.bus.contract import TELEMETRY_STREAM, TelemetryBatch, telemetry_subject
from vedette.messaging.model import INDEX_MAX, Position, TelemetryMessage, TelemetryPage, expand

log = logging.getLogger(__name__)

BATCH_VERSION: Final = 1
LIMIT_MAX: Final = 1_000
_PULL: Final = 64
_TAIL_WAIT_S: Final = 5.0
_RETRY_S: Final = 0.5
# A page looks at no more than this, however rare the wanted messages are; its cursor reads on.
_SCAN_MAX_BATCHES: Final = 2_048
_SCAN_MAX_BYTES: Final = 67_108_864

_decode = msgspec.msgpack.Decoder(TelemetryBatch).decode


class TelemetryReader:
    """Reads the telemetry stream of the platform.

    Args:
        bus: A connection whose user may read TELEMETRY.
    """

    def __init__(self, bus: BusConnection) -> None:
        self._bus = bus

    async def list_messages(
        self,
        organization_id: str,
        *,
        generation_ids: Collection[str] | None = None,
        after: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        limit: int = 100,
    ) -> TelemetryPage:
        """Return stored messages, oldest first.

        A page may hold fewer than ``limit``, even none, and still have a ``next``: the work for one page is bounded.

        Args:
            organization_id: Whose telemetry.
            generation_ids: Only of these identities.
            after: A cursor; wins over ``since``.
            since: Enqueued then or later.
            until: Enqueued before.
            limit: 1 to 1,000.

        Raises:
            InvalidCursor: ``after`` is none.
            BusUnavailable: The bus is not there.
        """
        position = Position.parse(after) if after else None
        info = await JetStream(self._bus).stream_info(TELEMETRY_STREAM)
        last = info.state.last_seq if info is not None else 0
        reader = self._reader(organization_id, _start(position, since))
        items: list[TelemetryMessage] = []
        scanned, scanned_bytes = 0, 0
        try:
            while scanned < _SCAN_MAX_BATCHES and scanned_bytes < _SCAN_MAX_BYTES:
                stored = await reader.next(limit=_PULL, wait_s=0)
                if not stored:
                    return TelemetryPage(items, None)
                for message in stored:
                    for found in self._expand(message, generation_ids, position):
                        if until is not None and found.enqueued_at >= until:
                            return TelemetryPage(items, None)
                        if since is None or found.enqueued_at >= since:
                            items.append(found)
                        if len(items) >= limit:
                            return TelemetryPage(items, items[-1].cursor)
                    scanned, scanned_bytes = scanned + 1, scanned_bytes + len(message.payload)
                    if message.sequence >= last:
                        return TelemetryPage(items, None)
        finally:
            await reader.close()
        return TelemetryPage(items, str(Position(reader.last_sequence, INDEX_MAX)))

    async def tail(
        self,
        organization_id: str,
        *,
        generation_ids: Collection[str] | None = None,
        after: str | None = None,
        since: datetime | None = None,
    ) -> AsyncIterator[TelemetryMessage | None]:
        """Yield messages as they are stored, across restarts of the bus; ``None`` when nothing came for five seconds.

        Args:
            organization_id: Whose telemetry.
            generation_ids: Only of these identities.
            after: Begin behind this cursor; wins over ``since``.
            since: Begin with what was enqueued then; without both, with what comes next.

        Raises:
            InvalidCursor: ``after`` is none.
        """
        position = Position.parse(after) if after else None
        start = ReadFrom(new_only=True) if position is None and since is None else _start(position, since)
        reader = self._reader(organization_id, start)
        try:
            while True:
                try:
                    stored = await reader.next(limit=_PULL, wait_s=_TAIL_WAIT_S)
                except (BusUnavailable, BusTimeout):
                    yield None
                    await asyncio.sleep(_RETRY_S)
                    continue
                if not stored:
                    yield None
                for message in stored:
                    for found in self._expand(message, generation_ids, position):
                        if since is None or found.enqueued_at >= since:
                            yield found
        finally:
            await reader.close()

    def _reader(self, organization_id: str, start: ReadFrom) -> StreamReader:
        filters = (telemetry_subject(organization_id, "*"),)
        return StreamReader(self._bus, TELEMETRY_STREAM, filters=filters, start=start)

    def _expand(
        self, message: StoredMessage, generation_ids: Collection[str] | None, position: Position | None
    ) -> list[TelemetryMessage]:
        try:
            batch = _decode(message.payload)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            log.warning("a telemetry batch could not be read", extra={"sequence": message.sequence})
            return []
        if batch.version != BATCH_VERSION:
            log.warning("a telemetry batch is of an unknown version", extra={"sequence": message.sequence})
            return []
        after_index = position.index if position is not None and position.sequence == message.sequence else -1
        return expand(batch, message.sequence, generation_ids=generation_ids, after_index=after_index)


def _start(position: Position | None, since: datetime | None) -> ReadFrom:
    if position is not None:
        # The batch of the cursor itself is read again: messages behind it may stand there.
        return ReadFrom(after_sequence=max(position.sequence - 1, 0))
    return ReadFrom(since=since) if since is not None else ReadFrom()
