"""Publishing into a stream: at least once on the wire, exactly once in the stream, or a clear "no" by the deadline.

A message is held until the stream acknowledges it, sent again after every reconnect under the same message id (the
stream drops the second copy), and given up at its deadline. No future and no timer per message.

Source:
    NATS ADR-4 and https://docs.nats.io/nats-concepts/jetstream/streams (``Nats-Msg-Id`` de-duplication).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

import msgspec

from vedette.bus.errors import BusRefused, BusTimeout, BusUnavailable, InvalidSubject, PayloadTooLarge, PublishRefused
from vedette.bus.link import Link
from vedette.bus.listeners import notify
from vedette.bus.wire import UNREADABLE, Message, check_subject, encode_publish, read_number
from vedette.kernel import Clock, Problem

DUPLICATE_WINDOW_S: Final = 60.0
MAX_DEADLINE_S: Final = 30.0  # half the streams' window: a copy sent at the last moment is still recognised
_SWEEP_S: Final = 0.1
_NO_RESPONDERS: Final = 503
_TRANSIENT: Final = frozenset({429, 503})
_DUPLICATE_IN_PROCESS: Final = 10158
_STORE_FAILED: Final = 10077  # full, or the disk failed: also a 503, but waiting does not heal it
_MSG_ID_MAX_CHARS: Final = 128
_HEADER_OVERHEAD_BYTES: Final = 12  # NATS/1.0, its line end and the empty line


class PublishAck(msgspec.Struct, frozen=True, gc=False):
    """The stream holds the message; with ``bus.sync = always`` it is on disk.

    ``is_duplicate`` tells that an earlier copy of the same message id is the one kept.
    """

    stream: str
    sequence: int
    is_duplicate: bool = False


PublishResult = PublishAck | Problem


class _AckError(msgspec.Struct, frozen=True):
    code: int = 0
    err_code: int = 0
    description: str = ""


class _AckBody(msgspec.Struct, frozen=True):
    stream: str = ""
    seq: int = 0
    duplicate: bool = False
    error: _AckError | None = None


class _Pending(msgspec.Struct, gc=False):
    frame: bytes
    subject: bytes
    stream: str
    deadline_s: float
    on_done: Callable[[PublishResult], None]


_ACK_DECODER: Final = msgspec.json.Decoder(_AckBody)


class Publisher:
    """The messages of one connection that wait for their stream's acknowledgement.

    Args:
        inbox: Subject prefix, with its last dot, under which acknowledgements arrive.
        clock: For deadlines.
        max_pending: Most messages that may wait.
        max_pending_bytes: Their size.
    """

    def __init__(self, *, inbox: bytes, clock: Clock, max_pending: int, max_pending_bytes: int) -> None:
        self._inbox = inbox
        self._inbox_chars = len(inbox)
        self._clock = clock
        self._max_pending = max_pending
        self._max_pending_bytes = max_pending_bytes
        self._pending: dict[int, _Pending] = {}
        self._pending_bytes = 0
        self._retries: set[int] = set()  # a subset of the pending, which a stream could not take for the moment
        self._next_token = 0
        self._max_payload = 1_048_576  # the server's default, until it says otherwise
        self._link: Link | None = None
        self._sweep_timer: asyncio.TimerHandle | None = None
        self._idle_waiters: list[asyncio.Future[None]] = []

    @property
    def pending(self) -> int:
        """Messages that wait for an acknowledgement."""
        return len(self._pending)

    def publish(
        self,
        subject: str | bytes,
        payload: bytes,
        *,
        stream: str,
        msg_id: str,
        deadline_s: float,
        on_done: Callable[[PublishResult], None],
        headers: bytes = b"",
        may_wait: bool = False,
    ) -> None:
        """Send, or hold for the next connection; see ``BusConnection.jetstream_publish``."""
        if not msg_id.isascii() or not msg_id.isprintable() or not 0 < len(msg_id) <= _MSG_ID_MAX_CHARS:
            raise InvalidSubject("a message id is 1 to 128 printable ASCII characters")
        if not 0 < deadline_s <= MAX_DEADLINE_S:
            raise ValueError(f"deadline_s is over 0 and at most {MAX_DEADLINE_S}")
        checked = check_subject(subject)
        token = self._next_token
        self._next_token = token + 1
        lines = b"Nats-Msg-Id: %b\r\n%b" % (msg_id.encode(), headers)
        if _HEADER_OVERHEAD_BYTES + len(lines) + len(payload) > self._max_payload:
            raise PayloadTooLarge(f"a message of {len(payload)} bytes is over the bus's {self._max_payload}")
        frame = encode_publish(checked, payload, reply=b"%b%d" % (self._inbox, token), headers=lines)
        size = len(frame)
        if len(self._pending) >= self._max_pending or self._pending_bytes + size > self._max_pending_bytes:
            raise BusUnavailable(
                f"{len(self._pending)} messages wait for the bus to store them",
                hint="the bus is down or slower than what is sent to it; try again later",
            )
        self._pending[token] = _Pending(frame, checked, stream, self._clock.monotonic_s() + deadline_s, on_done)
        self._pending_bytes += size
        if self._link is not None:
            self._link.write_accounted(frame, may_wait=may_wait)
        if self._sweep_timer is None:
            self._sweep_timer = asyncio.get_running_loop().call_later(_SWEEP_S, self._sweep)

    def attach(self, link: Link) -> None:
        """Use a new connection: send again everything that waits, in order."""
        self._link = link
        if link.info.max_payload < self._max_payload:
            self._give_up_larger_than(link.info.max_payload)
        self._max_payload = link.info.max_payload
        self._retries.clear()
        for entry in self._pending.values():
            link.write_accounted(entry.frame)

    def detach(self) -> None:
        """The connection is gone; hold everything for the next."""
        self._link = None

    def close(self, problem: Problem) -> None:
        """Give up everything that waits."""
        self._link = None
        if self._sweep_timer is not None:
            self._sweep_timer.cancel()
            self._sweep_timer = None
        for token in list(self._pending):
            self._finish(token, problem)
        self._wake_idle_waiters()

    def refuse(self, subject: str, problem: Problem) -> None:
        """Give up what waits on a subject that the server refuses to this user."""
        refused = subject.encode()
        for token in [token for token, entry in self._pending.items() if entry.subject == refused]:
            self._finish(token, problem)

    async def wait_idle(self) -> None:
        """Wait until nothing waits for an acknowledgement; the caller sets the deadline."""
        if self._pending:
            waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._idle_waiters.append(waiter)
            await waiter

    def take_reply(self, message: Message) -> None:
        """Take an acknowledgement; unknown and late ones are ignored."""
        token = read_number(message.subject[self._inbox_chars :])
        entry = self._pending.get(token) if token is not None else None
        if token is None or entry is None:
            return
        if message.status == _NO_RESPONDERS:
            self._retries.add(token)
            return
        try:
            body = _ACK_DECODER.decode(message.payload)
        except UNREADABLE:
            self._finish(token, PublishRefused("the acknowledgement of a stream could not be read"))
            return
        if body.error is not None:
            self._take_error(token, entry, body.error)
        elif body.stream != entry.stream or body.seq <= 0:
            problem = PublishRefused(f"stream {body.stream[:64]!r} answered instead of {entry.stream!r}")
            self._finish(token, problem)
        else:
            self._finish(token, PublishAck(body.stream, body.seq, body.duplicate))

    def _take_error(self, token: int, entry: _Pending, error: _AckError) -> None:
        is_transient = error.code in _TRANSIENT and error.err_code != _STORE_FAILED
        if is_transient or error.err_code == _DUPLICATE_IN_PROCESS:
            self._retries.add(token)
            return
        problem = PublishRefused(
            f"stream {entry.stream} refused a message: {error.description[:200]}", error_code=error.err_code
        )
        self._finish(token, problem)

    def _give_up_larger_than(self, max_payload: int) -> None:
        """Drop what the new server would close the connection over."""
        for token in [token for token, entry in self._pending.items() if len(entry.frame) > max_payload]:
            self._finish(token, PayloadTooLarge(f"the bus takes {max_payload} bytes now"))

    def _finish(self, token: int, result: PublishResult) -> None:
        entry = self._pending.pop(token, None)
        if entry is None:
            return
        self._pending_bytes -= len(entry.frame)
        self._retries.discard(token)
        notify(entry.on_done, result)
        if not self._pending:
            self._wake_idle_waiters()

    def _send_again(self, link: Link) -> None:
        for token in sorted(self._retries):
            link.write_accounted(self._pending[token].frame)
        self._retries.clear()

    def _wake_idle_waiters(self) -> None:
        for waiter in self._idle_waiters:
            if not waiter.done():
                waiter.set_result(None)
        self._idle_waiters.clear()

    def _sweep(self) -> None:
        """Give up what is past its deadline; send again what a stream could not take for the moment."""
        self._sweep_timer = None
        now_s = self._clock.monotonic_s()
        overdue = [token for token, entry in self._pending.items() if entry.deadline_s <= now_s]
        for token in overdue:
            self._finish(token, BusTimeout("the stream did not acknowledge in time"))
        if self._link is not None and self._retries:
            self._send_again(self._link)
        if self._pending:
            self._sweep_timer = asyncio.get_running_loop().call_later(_SWEEP_S, self._sweep)


def refused_publish(subject: str) -> BusRefused:
    """Say that these credentials may not publish on a subject."""
    return BusRefused(f"this process may not publish on {subject[:200]!r}", hint="see the bus permissions")
