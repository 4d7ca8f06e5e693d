"""Events on their way into streams, and pushed from there to receivers.

Source:
    RFC 8935 (push-based delivery of security event tokens).
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

import httpx
import sqlalchemy as sa

from vedette.access import ssf_repository as repository
from vedette.access.ssf_events import CaepEvent, caep_events, subject_of
from vedette.access.ssf_model import PENDING_MAX, PUSH, TEXT_MAX_CHARS, PendingSet, Stream, StreamStatus
from vedette.access.ssf_streams import StreamService
from vedette.access.ssf_tokens import TYPE
from vedette.kernel import Clock, OrganizationId, Problem
from vedette.ledger import Envelope, Ledger
from vedette.registry import find_generation, find_module_generations
from vedette.store import Store, Transaction

log = logging.getLogger(__name__)

PUSH_WITHIN_S: Final = 10.0
_BATCH: Final = 200
_PUSH_BATCH: Final = 50
_LOOK_AGAIN_S: Final = 5.0
_BACKOFF_FIRST_S: Final = 1.0
_BACKOFF_MAX_S: Final = 300.0
_AT_ONCE: Final = 8
_MODULE_PREFIX: Final = "mod_"
_ACCEPTED: Final = 202
_REFUSED: Final = 400
_ANSWER_MAX_BYTES: Final = 4_096


class StreamFeed:
    """Reads the ledger's events in order, puts what they are to CAEP into every stream, and pushes.

    Each event is in each stream once, whatever is killed when: they are written with the position that was read.

    Args:
        organization_id: Whose events.
        store: Where streams are kept.
        ledger: Tells events.
        streams: Make tokens.
        clock: For patience with receivers that do not answer.
    """

    def __init__(
        self, organization_id: OrganizationId, store: Store, ledger: Ledger, streams: StreamService, *, clock: Clock
    ) -> None:
        self._organization_id = organization_id
        self._store = store
        self._ledger = ledger
        self._streams = streams
        self._clock = clock
        self._growth = asyncio.Event()
        self._due = asyncio.Event()
        # Stream → when to try again, and after how long the time after that.
        self._backoff: dict[str, tuple[float, float]] = {}
        ledger.on_growth(self._growth.set)
        streams.on_pending(self._due.set)

    async def run(self) -> None:
        """Feed and push, until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._feed_forever(), name="stream feed")
            group.create_task(self._push_forever(), name="stream push")

    async def feed(self) -> int:
        """Put the next events into streams.

        Returns:
            How many events were read.
        """
        streams, position = await self._store.read(
            lambda c: (
                repository.list_streams(c, self._organization_id),
                repository.read_cursor(c, self._organization_id),
            )
        )
        if not streams or position is None:
            return 0
        envelopes = await self._ledger.events(self._organization_id, after=position, limit=_BATCH)
        if not envelopes:
            return 0
        told = [(each, events) for each in envelopes if (events := caep_events(each))]
        # A step that tells nobody anything is remembered with the next one that does, or once it is long.
        if told or len(envelopes) == _BATCH:
            await self._store.write(lambda tx: self._put(tx, told, after=position, position=envelopes[-1].position))
        return len(envelopes) if told or len(envelopes) == _BATCH else 0

    async def push(self, client: httpx.AsyncClient) -> None:
        """Push what waits in every stream, a few streams at once, each in its order."""
        streams = await self._store.read(lambda c: repository.list_streams(c, self._organization_id))
        now_s = self._clock.monotonic_s()
        self._backoff = {
            each.stream_id: self._backoff[each.stream_id] for each in streams if each.stream_id in self._backoff
        }
        due = [
            each
            for each in streams
            if each.method == PUSH
            and each.status is StreamStatus.ENABLED
            and self._backoff.get(each.stream_id, (0.0, 0.0))[0] <= now_s
        ]
        gate = asyncio.Semaphore(_AT_ONCE)

        async def one(stream: Stream) -> None:
            async with gate:
                await self._push_stream(client, stream)

        async with asyncio.TaskGroup() as group:
            for stream in due:
                group.create_task(one(stream), name="push")

    async def _feed_forever(self) -> None:
        while True:
            self._growth.clear()
            try:
                while await self.feed() == _BATCH:
                    pass
            except Problem as problem:
                log.warning("streams are not fed", extra={"cause": problem.code})
            await _wait(self._growth, _LOOK_AGAIN_S)

    async def _push_forever(self) -> None:
        async with httpx.AsyncClient(timeout=PUSH_WITHIN_S, follow_redirects=False, trust_env=False) as client:
            while True:
                self._due.clear()
                try:
                    await self.push(client)
                except* Problem as problems:
                    log.warning("streams are not pushed", extra={"cause": str(problems.exceptions[0])})
                await _wait(self._due, _BACKOFF_FIRST_S)

    def _put(
        self, tx: Transaction, told: Sequence[tuple[Envelope, list[CaepEvent]]], *, after: int, position: int
    ) -> None:
        if repository.read_cursor(tx.connection, self._organization_id) != after:
            return  # another control was faster
        names = _names(tx.connection, self._organization_id, [each.subject for each, _ in told])
        excluded = repository.excluding(tx.connection, self._organization_id, names)
        for stream in repository.list_streams(tx.connection, self._organization_id):
            if stream.status is StreamStatus.DISABLED:
                continue
            sets = []
            for envelope, events in told:
                if envelope.subject not in names or (stream.stream_id, envelope.subject) in excluded:
                    continue
                subject = subject_of(self._streams.issuer, *names[envelope.subject])
                sets += [
                    self._streams.claims_of(stream, event.type, event.claims, subject, transaction=envelope.event_id)
                    for event in events
                    if event.type in stream.events_delivered
                ]
            self._fill(tx, stream, sets)
        repository.save_cursor(tx.connection, self._organization_id, position)
        tx.on_commit(self._streams.wake)

    def _fill(self, tx: Transaction, stream: Stream, sets: Sequence[PendingSet]) -> None:
        if not sets:
            return
        waiting = repository.count_pending(tx.connection, self._organization_id, stream.stream_id)
        if waiting + len(sets) <= PENDING_MAX:
            repository.add_pending(tx.connection, self._organization_id, stream.stream_id, sets)
            return
        # A receiver that is away for so long has to look at everything anew; keeping some would look like all.
        repository.drop_pending(tx.connection, self._organization_id, stream.stream_id)
        reason = f"over {PENDING_MAX} events waited; enable it again and read the state of the fleet anew"
        disabled = replace(stream, status=StreamStatus.DISABLED, status_reason=reason)
        repository.save_stream(tx.connection, self._organization_id, disabled)
        log.warning("a stream is disabled: nobody takes its events", extra={"stream_id": stream.stream_id})

    async def _push_stream(self, client: httpx.AsyncClient, stream: Stream) -> None:
        where = self._organization_id, stream.stream_id
        found = await self._store.read(lambda c: repository.list_pending(c, *where, _PUSH_BATCH))
        if not found:
            return
        signer = await self._streams.keys.signer()
        headers = {"Content-Type": f"application/{TYPE}", "Accept": "application/json"}
        if authorization := self._streams.open_authorization(stream):
            headers["Authorization"] = authorization
        done: list[str] = []
        error = ""
        for each in found:
            is_done, error = await _send(client, stream.endpoint_url, signer.sign(each.claims), headers)
            if not is_done:
                break
            done.append(each.jti)
        if done or error != stream.last_error:
            await self._store.write(lambda tx: self._delivered(tx, stream.stream_id, done, error))
        if len(done) == len(found):
            self._backoff.pop(stream.stream_id, None)
            if len(found) == _PUSH_BATCH:
                self._due.set()
            return
        wait_s = self._backoff.get(stream.stream_id, (0.0, _BACKOFF_FIRST_S))[1]
        self._backoff[stream.stream_id] = (self._clock.monotonic_s() + wait_s, min(2 * wait_s, _BACKOFF_MAX_S))

    def _delivered(self, tx: Transaction, stream_id: str, done: Sequence[str], error: str) -> None:
        if done:
            repository.drop_pending(tx.connection, self._organization_id, stream_id, done)
        repository.note_delivery(tx.connection, self._organization_id, stream_id, error)


async def _send(client: httpx.AsyncClient, url: str, token: str, headers: dict[str, str]) -> tuple[bool, str]:
    """Push one token; return whether it is done with, and what went wrong."""
    try:
        async with client.stream("POST", url, content=token, headers=headers) as answer:
            status = answer.status_code
            said = b""
            async for chunk in answer.aiter_bytes():
                said += chunk
                if len(said) > _ANSWER_MAX_BYTES:
                    break
    except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
        return False, f"the receiver does not answer: {type(error).__name__}"
    if status == _ACCEPTED:
        return True, ""
    shown = "".join(char if char.isprintable() else " " for char in said.decode("utf-8", "replace"))
    # What the receiver cannot take it will never take (RFC 8935 §2.3); anything else may heal.
    return status == _REFUSED, f"the receiver answered {status}: {shown}"[:TEXT_MAX_CHARS]


def _names(
    connection: sa.Connection, organization_id: str, generation_ids: Sequence[str]
) -> dict[str, tuple[str, str | None]]:
    """Return the names of identities, of those that are no more too."""
    found: dict[str, tuple[str, str | None]] = {}
    modules = [each for each in generation_ids if each.startswith(_MODULE_PREFIX)]
    for module in find_module_generations(connection, organization_id, modules).values() if modules else ():
        found[module.generation_id] = (module.device_id, module.module_id)
    for generation_id in set(generation_ids) - set(modules):
        device = find_generation(connection, organization_id, generation_id)
        if device is not None:
            found[generation_id] = (device.device_id, None)
    return found


async def _wait(news: asyncio.Event, timeout_s: float) -> None:
    try:
        async with asyncio.timeout(timeout_s):
            await news.wait()
    except TimeoutError:
        return
