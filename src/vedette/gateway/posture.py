"""Posture records as they change: believed or not, applied to live sessions, and read again where some are missing.

Changes and heads come in one order on the bus and are dealt with in that order, a few milliseconds at a time.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Final, Self

import msgspec

from vedette.bus import BusConnection, Message
from vedette.bus.contract import (
    OPEN_SESSION,
    POSTURE_CHANGES,
    OpenSession,
    PostureChanges,
    PostureChangesReply,
    SessionOpening,
    posture_head_subject,
    posture_subject,
)
from vedette.gateway.pacing import PacedQueue
from vedette.kernel import Clock, IdSource, Problem
from vedette.trust import (
    CLOCK_SKEW_LIMIT,
    STALE_AFTER_S,
    Head,
    OpeningRequest,
    PostureRecord,
    PostureView,
    Replayed,
    Untrusted,
)

log = logging.getLogger(__name__)

_RESYNC_TIMEOUT_S: Final = 5.0
_RESYNC_PAUSE_S: Final = 0.2
_RESYNC_LIMIT: Final = 200
_MAX_HELD: Final = 10_000
_MAX_QUEUED: Final = 20_000
_FLOOR_MAX_BYTES: Final = 65_536
_NONCE_BYTES: Final = 16
_ASK_TIME_EVERY_S: Final = 1.0
_WARN_EVERY_S: Final = 60.0
# Nobody's: no device can be called so.
_NOBODY: Final = " "


class Opening:
    """An opening under way, for as long as its context holds: the newest record pushed for its name meanwhile.

    Args:
        openings: All that are under way.
        name: Of the identity.
    """

    __slots__ = ("_name", "_openings", "pushed")

    def __init__(self, openings: Openings, name: tuple[str, str | None]) -> None:
        self._openings = openings
        self._name = name
        self.pushed: PostureRecord | None = None

    def __enter__(self) -> Self:
        self._openings.setdefault(self._name, []).append(self)
        return self

    def __exit__(self, *_: object) -> None:
        left = self._openings[self._name]
        left.remove(self)
        if not left:
            del self._openings[self._name]


Openings = dict[tuple[str, str | None], list[Opening]]


class PostureWatch:
    """Follows the records of one organization.

    Args:
        bus: Pushes records and answers for those missed.
        view: What is believed.
        apply: Called with each believed record and the monotonic time it came in, in seconds.
        organization_id: Of the subjects.
        gateway: This gateway's name.
        clock: Monotonic time.
        ids: Source of nonces.
        slice_s: Work done in one turn of the event loop.
        on_head: Called with each head that is believed.
    """

    def __init__(
        self,
        *,
        bus: BusConnection,
        view: PostureView,
        apply: Callable[[PostureRecord, float], None],
        organization_id: str,
        gateway: str,
        clock: Clock,
        ids: IdSource,
        slice_s: float = 0.004,
        on_head: Callable[[], None] = lambda: None,
    ) -> None:
        self._bus = bus
        self._view = view
        self._apply = apply
        self._organization_id = organization_id
        self._gateway = gateway
        self._clock = clock
        self._ids = ids
        self._on_head = on_head
        self._queue = PacedQueue(asyncio.get_running_loop(), clock, slice_s)
        # Apart: a revocation must not wait until every session was decided again by other policies.
        self._second_thoughts = PacedQueue(asyncio.get_running_loop(), clock, slice_s)
        self._head_subject = posture_head_subject(organization_id)
        self._openings: Openings = {}
        self._must_resync = asyncio.Event()
        self._has_head = asyncio.Event()
        self._must_ask_time = asyncio.Event()
        self._warned_s: dict[str, float] = {}
        self._held: deque[bytes] | None = None

    def start(self) -> None:
        """Subscribe; nothing that is sent from now on is missed while the bus is connected."""
        self._bus.subscribe(posture_subject(self._organization_id, "*"), self._receive)
        self._bus.on_state(self._bus_changed)

    async def wait_fresh(self) -> None:
        """Wait for a fresh head; the caller sets the deadline."""
        while self._view.is_stale():
            self._has_head.clear()
            await self._has_head.wait()

    def look_again(self) -> None:
        """Have ``wait_fresh`` look again: the records may be fresh by now."""
        self._has_head.set()

    def run_paced(self, work: Callable[[], None]) -> None:
        """Do work beside the records, a few milliseconds at a time."""
        self._second_thoughts.run(work)

    def watch(self, device_id: str, module_id: str | None) -> Opening:
        """Note what is pushed for a name while control is asked about it: the answer may be older."""
        return Opening(self._openings, (device_id, module_id))

    async def run(self) -> None:
        """Read what was missed, whenever something was, and find out why heads come late; never ends."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._ask_first_head(), name="first head")
            tasks.create_task(self._keep_read(), name="posture changes")
            tasks.create_task(self._keep_time(), name="lateness of heads")

    async def _ask_first_head(self) -> None:
        """Have control tell its head at once: the next one that it publishes may be a second away."""
        try:
            await self._ask_time()
        except Problem as problem:
            log.debug("control did not tell its head", extra={"reason": problem.detail})
            return
        self._on_head()
        self._has_head.set()

    async def _keep_read(self) -> None:
        while True:
            await self._must_resync.wait()
            self._must_resync.clear()
            try:
                await self._resync()
            except Problem as problem:
                if self._may_warn("unread"):
                    log.warning("posture records not read again yet", extra={"reason": problem.detail})
                self._must_resync.set()
            except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
                log.warning("posture records could not be read")
                self._must_resync.set()
            await asyncio.sleep(_RESYNC_PAUSE_S)

    async def _keep_time(self) -> None:
        while True:
            await self._must_ask_time.wait()
            self._must_ask_time.clear()
            if self._may_warn("late"):
                log.warning("heads come late, or the clock of control was set back")
            try:
                await self._ask_time()
            except Problem as problem:
                log.debug("control did not say how late it is", extra={"reason": problem.detail})
            await asyncio.sleep(_ASK_TIME_EVERY_S)

    async def _ask_time(self) -> None:
        """Ask about nobody: the answer is signed over our nonce, and its head tells control's time."""
        nonce, asked_s = self._ids.random_bytes(_NONCE_BYTES), self._clock.monotonic_s()
        request = OpenSession(
            organization_id=self._organization_id,
            gateway=self._gateway,
            device_id=_NOBODY,
            module_id=None,
            nonce=nonce,
            certificate_sha256=None,
            remote_address="",
        )
        answer = await self._bus.call(OPEN_SESSION, request, SessionOpening, timeout_s=STALE_AFTER_S)
        asked = OpeningRequest(nonce=nonce, device_id=_NOBODY, module_id=None, asked_s=asked_s)
        self._view.accept_opening(answer.opening, asked)

    def _may_warn(self, about: str) -> bool:
        """Tell whether it is time to warn again of what could come with each head: once a minute at most."""
        now_s = self._clock.monotonic_s()
        is_time = now_s >= self._warned_s.get(about, now_s)
        if is_time:
            self._warned_s[about] = now_s + _WARN_EVERY_S
        return is_time

    def _bus_changed(self, is_connected: bool) -> None:  # noqa: FBT001 - the bus's listener
        if is_connected:
            self._must_resync.set()

    def _receive(self, message: Message) -> None:
        received_s = self._clock.monotonic_s()
        if message.subject == self._head_subject:
            self._queue.run(lambda: self._take_head(message.payload))
        elif len(self._queue) < _MAX_QUEUED:  # what is dropped is missed by its sequence and read again, at our pace
            self._queue.run(lambda: self._take_change(message.payload, received_s))

    def _take_head(self, signed: bytes) -> None:
        try:
            self._view.accept_head(signed)
        except Replayed:
            if self._may_warn("older"):
                log.warning("an older head was passed over: a clock was set back, or somebody plays it back")
            if self._view.is_stale():
                # Replayed, or a clock was set back: control itself can tell, and heads are counted anew from then.
                self._must_resync.set()
        except Untrusted as untrusted:
            if self._may_warn(untrusted.detail):
                log.warning("head refused", extra={"reason": untrusted.detail})
            return
        if self._view.is_late:
            self._must_ask_time.set()
        self._on_head()
        if self._view.has_gap:
            self._must_resync.set()
        else:
            self._has_head.set()

    def _take_change(self, signed: bytes, received_s: float) -> None:
        if self._held is not None and len(self._held) < _MAX_HELD:
            self._held.append(signed)
        try:
            record = self._view.accept_change(signed)
        except Replayed:
            return
        except Untrusted as untrusted:
            if self._may_warn(f"record {untrusted.detail}"):
                log.warning("posture record refused", extra={"reason": untrusted.detail})
            return
        if self._view.has_gap:
            self._must_resync.set()
        self._adopt(record, received_s)

    def _adopt(self, record: PostureRecord, received_s: float) -> None:
        for opening in self._openings.get((record.device_id, record.module_id), ()):
            if opening.pushed is None or is_newer(record, opening.pushed):
                opening.pushed = record
        self._apply(record, received_s)

    async def _resync(self) -> None:
        """Read the records after our sequence, then once more those pushed meanwhile."""
        self._held = deque()
        try:
            while True:
                view = self._view
                request = PostureChanges(
                    organization_id=self._organization_id,
                    gateway=self._gateway,
                    epoch=view.head.epoch if view.head is not None else 0,
                    after_sequence=view.sequence,
                    limit=_RESYNC_LIMIT,
                )
                reply = await self._bus.call(POSTURE_CHANGES, request, PostureChangesReply, timeout_s=_RESYNC_TIMEOUT_S)
                received_s = self._clock.monotonic_s()
                for record in view.accept_resync(reply.records, reply.head, is_complete=not reply.more):
                    self._adopt(record, received_s)
                if not reply.more:
                    break
                await asyncio.sleep(0)
            if self._view.is_late:
                self._must_ask_time.set()
            held, self._held = self._held, None
            for signed in held:
                self._take_change(signed, self._clock.monotonic_s())
        finally:
            self._held = None
        self._on_head()
        if not self._view.has_gap:
            self._has_head.set()
            log.info("posture records read again", extra={"sequence": self._view.sequence})


def is_newer(record: PostureRecord, than: PostureRecord) -> bool:
    """Tell whether a record replaces another of the same identity."""
    return (record.epoch, record.sequence) > (than.epoch, than.sequence)


class HeadFloor:
    """The highest head seen, kept on disk: after a restart no older state is believed.

    Args:
        path: ``gateway/<name>/head``.
        clock: Wall time, for a floor written while the clock was wrong.
    """

    def __init__(self, path: Path, clock: Clock) -> None:
        self._path = path
        self._clock = clock
        self._kept: Head | None = None

    def read(self) -> Head | None:
        """Return the kept head; ``None`` when there is none. Blocks."""
        try:
            raw = self._path.read_bytes()
            head = msgspec.msgpack.decode(raw[:_FLOOR_MAX_BYTES], type=Head)
        except FileNotFoundError:
            return None
        except (OSError, msgspec.MsgspecError, UnicodeDecodeError) as error:
            log.warning("head floor unreadable: an older state could be believed", extra={"reason": str(error)})
            return None
        now = self._clock.now()
        if head.issued_at > now + CLOCK_SKEW_LIMIT:
            # Written while a clock was ahead: epoch and sequence still stand, the time would lock us out.
            log.warning("head floor lies in the future", extra={"issued_at": str(head.issued_at)})
            head = msgspec.structs.replace(head, issued_at=now - CLOCK_SKEW_LIMIT)
        self._kept = head
        return head

    def keep(self, head: Head | None) -> None:
        """Write a head if it is another than the kept one. Blocks; call it in a thread."""
        if head is None or head == self._kept:
            return
        partial = self._path.with_suffix(".new")
        partial.write_bytes(msgspec.msgpack.encode(head))
        partial.replace(self._path)
        self._kept = head
