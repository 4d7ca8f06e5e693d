"""Captures from their upload to the end of their report."""

from __future__ import annotations

import asyncio
import logging
import weakref
from dataclasses import replace
from typing import Any, BinaryIO, Final, Literal

import sqlalchemy as sa

from vedette.kernel import Clock, IdSource, OrganizationId, Problem
from vedette.ledger import Actor, Entry, Ledger
from vedette.network.captures import repository
from vedette.network.captures.analysis import Analysis
from vedette.network.captures.errors import (
    CaptureNotFound,
    CaptureStateRefused,
    InvalidCapture,
    NoRoomForCapture,
    TooManyCaptures,
    WrongOffset,
)
from vedette.network.captures.files import CaptureFiles
from vedette.network.captures.model import (
    Capture,
    CaptureSettings,
    CaptureState,
    NewCapture,
    check_new,
    check_start,
)
from vedette.store import Store, StoreFull, StoreUnavailable, Transaction

log = logging.getLogger(__name__)

_AUTHOR_CHARS: Final = 256
_LOOK_EVERY_S: Final = 60.0
_RETRY_S: Final = 2.0
_STALE_AT_ONCE: Final = 50
_ATTEMPTS_MAX: Final = 2
_SYSTEM: Final = Actor("system", "captures")


class CaptureService:
    """Receives captures, has them read one after the other, and keeps their reports for a while.

    Args:
        organization_id: Whose captures.
        store: Where they are listed.
        ledger: Where it is on record who uploaded, read and deleted them.
        files: Where they are.
        analysis: Reads them.
        settings: Limits.
        clock: Source of time.
        ids: Of captures.
    """

    def __init__(
        self,
        organization_id: OrganizationId,
        store: Store,
        ledger: Ledger,
        files: CaptureFiles,
        analysis: Analysis,
        *,
        settings: CaptureSettings,
        clock: Clock,
        ids: IdSource,
    ) -> None:
        self._organization_id: Final = organization_id
        self._store: Final = store
        self._ledger: Final = ledger
        self._files: Final = files
        self._analysis: Final = analysis
        self._settings: Final = settings
        self._clock: Final = clock
        self._ids: Final = ids
        self._locks: Final[weakref.WeakValueDictionary[str, asyncio.Lock]] = weakref.WeakValueDictionary()
        self._is_wanted: Final = asyncio.Event()
        self._is_recovered = False
        self._running: tuple[str, asyncio.Task[Any]] | None = None

    async def run(self) -> None:
        """Read what waits and forget what is old, until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._read_forever(), name="captures are read")
            group.create_task(self._forget_forever(), name="captures are forgotten")

    async def begin(self, new: NewCapture, *, actor: Actor) -> Capture:
        """Say that a capture comes; its parts follow.

        Raises:
            InvalidCapture: It cannot be, or is too large.
            TooManyCaptures: As many are under way as may.
            NoRoomForCapture: The disk has no room for it.
        """
        settings = self._settings
        check_new(new, settings)
        free = await asyncio.to_thread(self._files.free_bytes)
        now = self._clock.now()
        capture = Capture(
            organization_id=self._organization_id,
            capture_id=self._ids.new("cap"),
            name=new.name,
            site=new.site,
            size_bytes=new.size_bytes,
            is_kept=new.is_kept,
            is_taken_in=new.is_taken_in,
            state=CaptureState.RECEIVING,
            author_id=actor.id[:_AUTHOR_CHARS],
            author=(actor.name or actor.id)[:_AUTHOR_CHARS],
            created_at=now,
            changed_at=now,
        )

        def begin(tx: Transaction) -> Capture:
            under_way = repository.count_open(tx.connection, self._organization_id)
            own = under_way.get(capture.author_id, 0)
            if own >= settings.open_per_person or sum(under_way.values()) >= settings.open_max:
                raise TooManyCaptures(
                    f"{own} of your captures are under way, and {sum(under_way.values())} in all",
                    hint="wait for them, or cancel one: vedette capture list",
                )
            taken = repository.sum_files(tx.connection, self._organization_id)
            if taken + new.size_bytes > settings.total_bytes or free - new.size_bytes < settings.free_bytes:
                raise NoRoomForCapture(
                    f"there is no room for {new.size_bytes} bytes: captures take {taken} of {settings.total_bytes}, "
                    f"and the disk has {free}, of which {settings.free_bytes} stay free",
                    hint="delete captures that were kept: vedette capture list",
                )
            repository.insert_capture(tx.connection, capture)
            details = {"name": new.name, "size_bytes": new.size_bytes, "is_taken_in": new.is_taken_in, "site": new.site}
            self._record(tx, "network.upload_capture", capture, actor, details=details)
            return capture

        return await self._store.write(begin)

    async def add(self, capture_id: str, offset: int, part: bytes) -> Capture:
        """Take a part; what breaks off goes on at ``received_bytes``.

        Raises:
            CaptureNotFound: There is none.
            CaptureStateRefused: All of it was received, or it was canceled.
            WrongOffset: The part does not follow what was received.
            InvalidCapture: The part is empty, goes beyond the size that was said, or no capture begins so.
            NoRoomForCapture: It could not be written.
        """
        async with self._locks.setdefault(capture_id, asyncio.Lock()):
            capture = await self.get(capture_id)
            if capture.state is not CaptureState.RECEIVING:
                raise CaptureStateRefused(f"the capture is {capture.state.value}: it takes no more parts")
            if offset != capture.received_bytes:
                raise WrongOffset(
                    f"the next part begins at {capture.received_bytes}, not at {offset}",
                    hint="send from there on",
                    received_bytes=capture.received_bytes,
                )
            if not part or offset + len(part) > capture.size_bytes:
                raise InvalidCapture(f"of {capture.size_bytes} bytes, {capture.size_bytes - offset} are missing")
            if offset == 0:
                check_start(part)
            is_last = offset + len(part) == capture.size_bytes
            try:
                await asyncio.to_thread(self._files.write_part, capture_id, offset, part, is_last=is_last)
            except OSError as error:
                raise NoRoomForCapture(f"the part could not be written: {error.strerror}") from error
            received = await self._change(
                capture_id,
                expected=CaptureState.RECEIVING,
                received_bytes=offset + len(part),
                state=CaptureState.WAITING if is_last else CaptureState.RECEIVING,
            )
        if is_last:
            self._is_wanted.set()
        return received

    async def get(self, capture_id: str) -> Capture:
        """Return a capture.

        Raises:
            CaptureNotFound: There is none.
        """
        found = await self._store.read(lambda c: repository.find_capture(c, self._organization_id, capture_id))
        if found is None:
            raise _not_found(capture_id)
        return found

    async def list(
        self, *, state: CaptureState | None = None, after: str = "", limit: int = 100
    ) -> tuple[list[Capture], str | None]:
        """Return captures, youngest first, and what reads on."""
        states = () if state is None else (state,)
        found = await self._store.read(
            lambda c: repository.list_captures(c, self._organization_id, states=states, before=after, limit=limit + 1)
        )
        return found[:limit], found[limit - 1].capture_id if len(found) > limit else None

    async def open_report(self, capture_id: str) -> BinaryIO:
        """Open a report for reading; whoever asked closes it.

        Raises:
            CaptureNotFound: There is no such capture.
            CaptureStateRefused: It has no report.
        """
        capture = await self.get(capture_id)
        if not capture.report_bytes:
            raise CaptureStateRefused(
                f"the capture is {capture.state.value}: it has no report",
                hint=capture.cause or "wait until it was analyzed: vedette capture show",
            )
        return await asyncio.to_thread(self._files.open_report, capture_id)

    async def open_file(self, capture_id: str, *, actor: Actor) -> tuple[Capture, BinaryIO]:
        """Open the capture itself, if it was kept; that is on record, since it may hold anybody's secrets.

        Raises:
            CaptureNotFound: There is no such capture, or it was not kept.
            CaptureStateRefused: It is not all there yet.
        """
        capture = await self.get(capture_id)
        if capture.is_open:
            raise CaptureStateRefused(f"the capture is {capture.state.value}", hint="wait until it was analyzed")
        file = await asyncio.to_thread(self._files.open_capture, capture_id)
        await self._store.write(lambda tx: self._record(tx, "network.download_capture", capture, actor))
        return capture, file

    async def cancel(self, capture_id: str, *, actor: Actor) -> Capture:
        """End an upload or an analysis; the file goes.

        Raises:
            CaptureNotFound: There is none.
            CaptureStateRefused: It has ended already.
        """

        def cancel(tx: Transaction) -> Capture:
            capture = self._find(tx, capture_id)
            if not capture.is_open:
                raise CaptureStateRefused(f"the capture is {capture.state.value}: there is nothing to cancel")
            now = self._clock.now()
            changed = replace(
                capture,
                state=CaptureState.CANCELED,
                cause=f"canceled by {actor.name or actor.id}"[:_AUTHOR_CHARS],
                changed_at=now,
                finished_at=now,
                has_file=False,
            )
            repository.save_capture(tx.connection, changed)
            self._record(tx, "network.cancel_capture", changed, actor)
            return changed

        canceled = await self._store.write(cancel)
        await self._stop(capture_id)
        await asyncio.to_thread(self._files.remove, capture_id)
        return canceled

    async def delete(self, capture_id: str, *, actor: Actor) -> None:
        """Forget a capture with its file and report; an upload or analysis ends.

        Raises:
            CaptureNotFound: There is none.
        """

        def delete(tx: Transaction) -> None:
            capture = self._find(tx, capture_id)
            repository.delete_capture(tx.connection, self._organization_id, capture_id)
            self._record(tx, "network.delete_capture", capture, actor, details={"name": capture.name})

        await self._store.write(delete)
        await self._stop(capture_id)
        await asyncio.to_thread(self._files.remove, capture_id)

    async def forget(self) -> int:
        """Forget uploads that nobody goes on with and what was kept long enough; return how many."""
        now, settings = self._clock.now(), self._settings
        stale = await self._store.read(
            lambda c: repository.list_stale(
                c,
                self._organization_id,
                unchanged_since=now - settings.unfinished,
                finished_before=now - settings.keep,
                limit=_STALE_AT_ONCE,
            )
        )
        for capture in stale:
            if capture.state is CaptureState.RECEIVING:
                await self._fail(capture, "the upload was not finished in time")
            else:
                await self.delete(capture.capture_id, actor=_SYSTEM)
        return len(stale)

    async def _forget_forever(self) -> None:
        while True:
            await asyncio.sleep(_LOOK_EVERY_S)
            try:
                while await self.forget() >= _STALE_AT_ONCE:
                    pass
            except (Problem, OSError) as problem:
                log.warning("old captures are kept for now", extra={"cause": str(problem)})

    async def _read_forever(self) -> None:
        while True:
            try:
                if not self._is_recovered:
                    await self._recover()
                    self._is_recovered = True
                self._is_wanted.clear()
                waiting = await self._store.read(lambda c: repository.first_waiting(c, self._organization_id))
                if waiting is None:
                    await self._wait()
                else:
                    await self._read_one(waiting)
            except (Problem, OSError) as problem:
                log.warning("captures are not read at the moment", extra={"cause": str(problem)})
                await asyncio.sleep(_RETRY_S)

    async def _wait(self) -> None:
        try:
            async with asyncio.timeout(_LOOK_EVERY_S):
                await self._is_wanted.wait()
        except TimeoutError:
            log.debug("no capture waits")

    async def _recover(self) -> None:
        """Take up what a former process left: it is read again, or says why not; files of nothing go."""

        def read(connection: sa.Connection) -> tuple[list[Capture], set[str]]:
            under_way = repository.list_captures(
                connection,
                self._organization_id,
                states=(CaptureState.ANALYZING, CaptureState.RECEIVING),
                limit=self._settings.open_max * 2,
            )
            return under_way, repository.every_id(connection, self._organization_id)

        under_way, known = await self._store.read(read)
        for capture in under_way:
            there = await asyncio.to_thread(self._files.received_bytes, capture.capture_id)
            if capture.state is CaptureState.RECEIVING:
                if there < capture.received_bytes:
                    await self._change(capture.capture_id, expected=capture.state, received_bytes=there)
            elif capture.attempts >= _ATTEMPTS_MAX or there < capture.size_bytes:
                await self._fail(capture, f"the platform ended {capture.attempts} times while it was read")
            else:
                await self._change(capture.capture_id, expected=capture.state, state=CaptureState.WAITING)
        for capture_id in await asyncio.to_thread(self._files.known) - known:
            await asyncio.to_thread(self._files.remove, capture_id)

    async def _read_one(self, waiting: Capture) -> None:
        """Have one capture read; whatever comes of it is on record."""
        try:
            capture = await self._change(
                waiting.capture_id,
                expected=CaptureState.WAITING,
                state=CaptureState.ANALYZING,
                attempts=waiting.attempts + 1,
                read_bytes=0,
            )
        except (CaptureNotFound, CaptureStateRefused):
            return
        async with asyncio.TaskGroup() as group:
            task = group.create_task(self._analyze(capture), name="a capture is read")
            self._running = (capture.capture_id, task)
        self._running = None

    async def _analyze(self, capture: Capture) -> None:
        async def on_progress(read_bytes: int, packets: int) -> None:
            await self._change(
                capture.capture_id, expected=CaptureState.ANALYZING, read_bytes=read_bytes, packets=packets
            )

        try:
            found = await self._analysis.run(capture, on_progress)
            await self._finish(found)
        except (CaptureNotFound, CaptureStateRefused):
            await asyncio.to_thread(self._files.remove, capture.capture_id)  # nobody wants it any more
        except (StoreUnavailable, StoreFull) as problem:
            log.warning("what was found in a capture cannot be kept now", extra={"cause": problem.code})
            self._is_recovered = False
        except (Problem, OSError) as problem:
            detail = problem.detail if isinstance(problem, Problem) else str(problem.strerror)
            hint = problem.hint if isinstance(problem, Problem) else ""
            await self._give_up(capture, ": ".join(filter(None, (detail, hint))))

    async def _give_up(self, capture: Capture, cause: str) -> None:
        try:
            await self._fail(capture, cause)
        except (Problem, OSError) as problem:
            log.warning("a capture could not be read, nor be said to have failed", extra={"cause": str(problem)})
            self._is_recovered = False

    async def _finish(self, found: Capture) -> None:
        now = self._clock.now()

        def finish(tx: Transaction) -> None:
            current = self._find(tx, found.capture_id)
            if current.state is not CaptureState.ANALYZING:
                raise CaptureStateRefused(f"the capture is {current.state.value}")
            done = replace(
                found,
                state=CaptureState.DONE,
                changed_at=now,
                finished_at=now,
                read_bytes=found.size_bytes,
                has_file=found.is_kept,
            )
            repository.save_capture(tx.connection, done)
            details = {"sha256": done.sha256, "packets": done.packets, "is_kept": done.is_kept}
            self._record(tx, "network.analyze_capture", done, _SYSTEM, details=details)

        await self._store.write(finish)
        if not found.is_kept:
            await asyncio.to_thread(self._files.remove_capture, found.capture_id)

    async def _fail(self, capture: Capture, cause: str) -> None:
        now = self._clock.now()

        def fail(tx: Transaction) -> None:
            current = repository.find_capture(tx.connection, self._organization_id, capture.capture_id)
            if current is not None and current.is_open:
                failed = replace(
                    current,
                    state=CaptureState.FAILED,
                    cause=cause[:1024],
                    changed_at=now,
                    finished_at=now,
                    has_file=False,
                )
                repository.save_capture(tx.connection, failed)
                self._record(tx, "network.fail_capture", failed, _SYSTEM, reason=cause[:512])

        await self._store.write(fail)
        await asyncio.to_thread(self._files.remove, capture.capture_id)

    async def _stop(self, capture_id: str) -> None:
        """End the analysis of a capture, if it is this one that is read."""
        if self._running is not None and self._running[0] == capture_id:
            task = self._running[1]
            task.cancel()
            await asyncio.wait([task])

    async def _change(self, capture_id: str, *, expected: CaptureState, **values: Any) -> Capture:  # Any: columns
        def change(tx: Transaction) -> Capture:
            current = self._find(tx, capture_id)
            if current.state is not expected:
                raise CaptureStateRefused(f"the capture is {current.state.value}")
            changed = replace(current, changed_at=self._clock.now(), **values)
            repository.save_capture(tx.connection, changed)
            return changed

        return await self._store.write(change)

    def _find(self, tx: Transaction, capture_id: str) -> Capture:
        found = repository.find_capture(tx.connection, self._organization_id, capture_id)
        if found is None:
            raise _not_found(capture_id)
        return found

    def _record(
        self,
        tx: Transaction,
        action: Literal[
            "network.upload_capture",
            "network.analyze_capture",
            "network.fail_capture",
            "network.cancel_capture",
            "network.delete_capture",
            "network.download_capture",
        ],
        capture: Capture,
        actor: Actor,
        *,
        reason: str = "",
        details: dict[str, Any] | None = None,  # Any: JSON
    ) -> None:
        entry = Entry(
            organization_id=self._organization_id,
            actor=actor,
            action=action,
            target=capture.capture_id,
            target_name=capture.name,
            reason=reason,
            details=details or {},
        )
        self._ledger.append(tx, entry)


def _not_found(capture_id: str) -> CaptureNotFound:
    return CaptureNotFound(f"there is no capture {capture_id[:80]!r}", hint="see them: vedette capture list")
