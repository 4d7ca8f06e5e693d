"""Reading access decisions: why a device was let in, refused or cut, newest first."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

import msgspec

from vedette.bus import BusConnection, BusTimeout, BusUnavailable, JetStream, ReadFrom, StoredMessage, StreamReader
from vedette.bus.contract import DECISIONS_STREAM, DecisionRecord, decision_subject
from vedette.kernel import parse_generation_id
from vedette.messaging.errors import DecisionNotFound
from vedette.messaging.model import Decision, DecisionPage, Position

log = logging.getLogger(__name__)

KINDS: Final = ("connect", "refuse", "cut", "disconnect", "register", "shadow", "outside")
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

_CLOCKS_DIFFER: Final = timedelta(minutes=10)

_decode = msgspec.msgpack.Decoder(DecisionRecord).decode


@dataclass(frozen=True, slots=True, kw_only=True)
class DecisionSearch:
    """What decisions must fit; what is not given does not matter.

    Attributes:
        policy: One of the policies that decided.
        bundle: The bundle that decided: its SHA-256, or how it begins.
        action: A Cedar action id such as ``connect``.
        effect: ``allow`` or ``deny``.
        is_shadow_different: Whether the shadow bundle answered otherwise.
        since: Decided then or later.
        until: Decided before.
    """

    policy: str | None = None
    bundle: str | None = None
    action: str | None = None
    effect: str | None = None
    is_shadow_different: bool = False
    since: datetime | None = None
    until: datetime | None = None

    def fits(self, record: DecisionRecord) -> bool:
        """Tell whether a decision fits."""
        checks = (
            self.policy is None or self.policy in record.policies,
            self.bundle is None or (record.bundle_sha256 or "").startswith(self.bundle),
            self.action is None or record.action == self.action,
            self.effect is None or record.effect == self.effect,
            not self.is_shadow_different or bool(record.shadow),
        )
        if not all(checks):
            return False
        if self.since is None and self.until is None:
            return True
        at = decided_at(record)
        is_late_enough = self.since is None or at >= self.since
        return is_late_enough and (self.until is None or at < self.until)


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
        search: DecisionSearch | None = None,
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
            search: Only those that fit.
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
                and (search is None or search.fits(decision.record))
            )
            if search is not None and search.since is not None and _is_all_before(found, search.since):
                return DecisionPage(items[:limit], items[limit - 1].cursor if len(items) > limit else None)
            end, window = begin - 1, min(window * _WINDOW_GROWTH, _WINDOW_MAX)
            if len(found) * _WINDOW_GROWTH > _SCAN_MAX:
                window = _FIRST_WINDOW  # dense: larger windows would only be read to be thrown away
        if len(items) > limit:
            return DecisionPage(items[:limit], items[limit - 1].cursor)
        return DecisionPage(items, str(Position(end + 1)) if end >= first else None)

    async def get(self, organization_id: str, cursor: str) -> Decision:
        """Return the decision of a cursor.

        Raises:
            InvalidCursor: It is none.
            DecisionNotFound: The log holds no decision there.
            BusUnavailable: The bus is not there.
        """
        sequence = Position.parse(cursor).sequence
        for decision in await self._read(_filters(organization_id, None, ()), sequence, sequence) if sequence else ():
            return decision
        raise DecisionNotFound(
            f"the log holds no decision {cursor}", hint="decisions.retention_days says how long they are kept"
        )

    async def replay(
        self, organization_id: str, *, since: datetime, kinds: Sequence[str] = (), limit: int = 1_000_000
    ) -> AsyncIterator[list[Decision]]:
        """Yield what the log holds from a time on, oldest first, in batches; up to its end as it is now.

        Args:
            organization_id: Whose decisions.
            since: Stored then or later.
            kinds: Of ``KINDS``; none for all.
            limit: Of more, only the newest are read; one of another kind counts too.

        Raises:
            BusUnavailable: The bus is not there.
        """
        info = await JetStream(self._bus).stream_info(DECISIONS_STREAM)
        if info is None or not info.state.messages:
            return
        end = info.state.last_seq
        start = ReadFrom(since=since)
        filters = _filters(organization_id, None, kinds)
        reader = StreamReader(self._bus, DECISIONS_STREAM, filters=filters, start=start)
        try:
            stored = await reader.next(limit=1, wait_s=0)
            if stored and stored[0].sequence <= end - limit:
                await reader.close()
                start = ReadFrom(after_sequence=end - limit)
                reader = StreamReader(self._bus, DECISIONS_STREAM, filters=filters, start=start)
                stored = []
            while True:
                found = [decision for each in stored if each.sequence <= end and (decision := _decision(each))]
                if found:
                    yield found
                if stored and stored[-1].sequence >= end:
                    return
                stored = await reader.next(limit=_PULL, wait_s=0)
                if not stored:
                    return
        finally:
            await reader.close()

    async def tail(
        self,
        organization_id: str,
        *,
        generation_id: str | None = None,
        kinds: Sequence[str] = (),
        after: str | None = None,
        since: datetime | None = None,
        gather_s: float = 0.0,
    ) -> AsyncGenerator[Decision | None, None]:
        """Yield decisions as they are stored; ``None`` when nothing came for five seconds.

        Args:
            organization_id: Whose decisions.
            generation_id: Only about this identity.
            kinds: Of ``KINDS``; none for all.
            after: Begin behind this cursor instead of with what comes next.
            since: Begin with what was stored then or later.
            gather_s: Behind the first decision let others come for so long, and read them together, which costs a
                fraction; 0 reads each as it comes.

        Raises:
            InvalidCursor: ``after`` is none.
        """
        start = ReadFrom(new_only=True) if since is None else ReadFrom(since=since)
        if after:
            start = ReadFrom(after_sequence=Position.parse(after).sequence)
        reader = StreamReader(
            self._bus, DECISIONS_STREAM, filters=_filters(organization_id, generation_id, kinds), start=start
        )
        first = (1, _TAIL_WAIT_S) if gather_s else (_PULL, _TAIL_WAIT_S)
        limit, wait_s = first
        try:
            while True:
                try:
                    stored = await reader.next(limit=limit, wait_s=wait_s)
                except (BusUnavailable, BusTimeout):
                    yield None
                    await asyncio.sleep(_RETRY_S)
                    continue
                if not stored and wait_s:
                    yield None
                for message in stored:
                    if (decision := _decision(message)) is not None:
                        yield decision
                if gather_s and stored and wait_s:
                    await asyncio.sleep(gather_s)
                if gather_s:
                    limit, wait_s = (_PULL, 0.0) if stored else first
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


def decided_at(record: DecisionRecord) -> datetime:
    """Return when a decision was made; the beginning of time if its record does not say so."""
    try:
        moment = datetime.fromisoformat(record.decided_at)
    except ValueError:
        return datetime.min.replace(tzinfo=UTC)
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)


def _is_all_before(found: Sequence[Decision], since: datetime) -> bool:
    """Tell whether a window lies wholly before a time, with room for gateways whose clocks differ."""
    return bool(found) and all(decided_at(decision.record) < since - _CLOCKS_DIFFER for decision in found)


def _filters(organization_id: str, generation_id: str | None, kinds: Sequence[str]) -> tuple[str, ...]:
    subject = "*"
    if generation_id is not None:
        subject = UNKNOWN if generation_id == UNKNOWN else parse_generation_id(generation_id)
    if not kinds:
        return (decision_subject(organization_id, subject, "*"),)
    unknown = set(kinds) - set(KINDS)
    if unknown:
        raise ValueError(f"{min(unknown)[:40]!r} is not a kind of decision")
    # Told twice, a kind would overlap itself, which the bus refuses.
    return tuple(decision_subject(organization_id, subject, kind) for kind in dict.fromkeys(kinds))


def _decision(message: StoredMessage) -> Decision | None:
    try:
        return Decision(cursor=str(Position(message.sequence)), record=_decode(message.payload))
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        log.warning("a decision record could not be read", extra={"sequence": message.sequence})
        return None
