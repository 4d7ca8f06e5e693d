"""Reading access decisions: why a device was let in, refused or cut, newest first."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Sequence
from typing import Final

import msgspec

from vedette.bus import BusConnection, BusTimeout, BusUnavailable, JetStream, ReadFrom, StoredMessage, StreamReader
from vedette.bus.contract import DECISIONS_STREAM, DecisionRecord, decision_subject
from vedette.kernel import parse_generation_id
from vedette.messaging.model import Decision, DecisionPage, Position

log = logging.getLogger(__name__)

KINDS: Final = ("connect", "refuse", "cut", "disconnect", "register")
UNKNOWN: Final = "unknown"
LIMIT_MAX: Final = 1_000
_PULL: Final = 1_000
_TAIL_WAIT_S: Final = 5.0
_RETRY_S: Final = 0.5
_FIRST_WINDOW: Final = 512
_WINDOW_GROWTH: Final = 8
_WINDOW_MAX: Final = 4_194_304
# A page decodes no more records than this, however few of them are wanted; its cursor reads on.
_SCAN_MAX: Final = 20_000

_decode = msgspec.msgpack.Decoder(DecisionRecord).decode


class DecisionReader:
    """Reads the decision stream of the platform.

    Args:
        bus: A connection whose user may read DECISIONS.
    """

    def __init__(self, bus: BusConnection) -> None:
        self._bus = bus

    async def list_decisions(
        self,
        organization_id: str,
        *,
        generation_id: str | None = None,
        presented_as: str | None = None,
        kinds: Sequence[str] = (),
        reason: str | None = None,
        remote_address: str | None = None,
        after: str | None = None,
        limit: int = 100,
    ) -> DecisionPage:
        """Return decisions, newest first.

        The stream can only be read forward, so this reads windows of it from its end backwards, each larger than the
        one before; the server skips what the subject does not ask for.

        Args:
            organization_id: Whose decisions.
            generation_id: Only about this identity; ``unknown`` for those about nobody.
            presented_as: Of those about nobody, only those in which this device id was presented; with
                ``generation_id`` they come beside the identity's own.
            kinds: Of ``KINDS``; none for all.
            reason: Only with this reason.
            remote_address: Only from this address.
            after: A cursor.
            limit: 1 to 1,000.

        Raises:
            InvalidCursor: ``after`` is none.
            InvalidId: ``generation_id`` is none.
            BusUnavailable: The bus is not there.
        """
        filters = _filters(organization_id, generation_id, kinds)
        if presented_as is not None:
            nobody = _filters(organization_id, UNKNOWN, kinds)
            filters = nobody if generation_id is None else (*filters, *nobody)
        info = await JetStream(self._bus).stream_info(DECISIONS_STREAM)
        if info is None or not info.state.messages:
            return DecisionPage([], None)
        first, end = max(info.state.first_seq, 1), info.state.last_seq
        if after:
            end = min(end, Position.parse(after).sequence - 1)
        items: list[Decision] = []
        window, scanned = _FIRST_WINDOW, 0
        while end >= first and len(items) < limit and scanned < _SCAN_MAX:
            begin = max(first, end - window + 1)
            found = await self._read(filters, begin, end)
            scanned += len(found)
            items.extend(
                decision
                for decision in reversed(found)
                if (presented_as is None or presented_as == decision.record.device_id)
                and (reason is None or decision.record.reason == reason)
                and (remote_address is None or decision.record.remote_address == remote_address)
            )
            end, window = begin - 1, min(window * _WINDOW_GROWTH, _WINDOW_MAX)
            if len(found) * _WINDOW_GROWTH > _SCAN_MAX:
                window = _FIRST_WINDOW  # dense: larger windows would only be read to be thrown away
        if len(items) > limit:
            return DecisionPage(items[:limit], items[limit - 1].cursor)
        return DecisionPage(items, str(Position(end + 1)) if end >= first else None)

    async def tail(
        self,
        organization_id: str,
        *,
        generation_id: str | None = None,
        kinds: Sequence[str] = (),
        after: str | None = None,
    ) -> AsyncIterator[Decision | None]:
        """Yield decisions as they are stored; ``None`` when nothing came for five seconds.

        Args:
            organization_id: Whose decisions.
            generation_id: Only about this identity.
            kinds: Of ``KINDS``; none for all.
            after: Begin behind this cursor instead of with what comes next.

        Raises:
            InvalidCursor: ``after`` is none.
        """
        start = ReadFrom(after_sequence=Position.parse(after).sequence) if after else ReadFrom(new_only=True)
        reader = StreamReader(
            self._bus, DECISIONS_STREAM, filters=_filters(organization_id, generation_id, kinds), start=start
        )
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
                    if (decision := _decision(message)) is not None:
                        yield decision
        finally:
            await reader.close()

    async def _read(self, filters: Sequence[str], begin: int, end: int) -> list[Decision]:
        """Read a window of the stream, oldest first."""
        reader = StreamReader(self._bus, DECISIONS_STREAM, filters=filters, start=ReadFrom(after_sequence=begin - 1))
        found: list[Decision] = []
        try:
            while True:
                stored = await reader.next(limit=_PULL, wait_s=0)
                for message in stored:
                    if message.sequence > end:
                        return found
                    if (decision := _decision(message)) is not None:
                        found.append(decision)
                if not stored or reader.last_sequence >= end:
                    return found
        finally:
            await reader.close()


def _filters(organization_id: str, generation_id: str | None, kinds: Sequence[str]) -> tuple[str, ...]:
    subject = "*"
    if generation_id is not None:
        subject = UNKNOWN if generation_id == UNKNOWN else parse_generation_id(generation_id)
    if not kinds:
        return (decision_subject(organization_id, subject, "*"),)
    unknown = set(kinds) - set(KINDS)
    if unknown:
        raise ValueError(f"{min(unknown)[:40]!r} is not a kind of decision")
    return tuple(decision_subject(organization_id, subject, kind) for kind in kinds)


def _decision(message: StoredMessage) -> Decision | None:
    try:
        return Decision(cursor=str(Position(message.sequence)), record=_decode(message.payload))
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        log.warning("a decision record could not be read", extra={"sequence": message.sequence})
        return None
