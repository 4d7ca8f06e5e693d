"""The connection of a process to the bus: publish, ask, subscribe, and come back after every loss.

Delivery is at most once, as NATS has it, except ``jetstream_publish``. Callbacks run in the event loop, in the order of
arrival, and must not block; work goes to ``serve``, which bounds it.
"""

from __future__ import annotations

import asyncio
import logging
import re
import ssl
from collections.abc import Callable, Sequence
from typing import Any, Final, Self, TypeVar

import msgspec

from vedette.bus.contract import service_subject
from vedette.bus.dial import dial, probe
from vedette.bus.errors import (
    BusRefused,
    BusTimeout,
    BusUnavailable,
    PayloadTooLarge,
)
from vedette.bus.link import Link
from vedette.bus.listeners import notify
from vedette.bus.nkeys import UserKey
from vedette.bus.publisher import PublishAck, Publisher, PublishResult, refused_publish
from vedette.bus.requests import Requests
from vedette.bus.service import Endpoint, Server, decode_reply
from vedette.bus.settings import Address, BusConnectionSettings
from vedette.bus.wire import (
    Message,
    Parser,
    ServerInfo,
    check_subject,
    encode_publish,
    encode_subscribe,
    encode_unsubscribe,
)
from vedette.kernel import Clock, Deadline, Problem, RandomIds

log = logging.getLogger(__name__)

T = TypeVar("T")

_REPLIES_SID, _ACKS_SID = 1, 2
_FIRST_FREE_SID: Final = 3
_HEADER_OVERHEAD_BYTES: Final = 12
_VIOLATION: Final = re.compile(r'Permissions Violation for (Publish|Subscription) to "([^"]+)"')


class Subscription:
    """A subscription that outlives reconnects.

    ``is_refused`` turns true when the server says that this user may not subscribe here.
    """

    def __init__(self, connection: BusConnection, sid: int, subject: bytes, queue: bytes) -> None:
        self._connection = connection
        self.sid = sid
        self.subject = subject
        self.queue = queue
        self.is_refused = False

    def unsubscribe(self) -> None:
        """End it; messages already on their way are dropped."""
        self._connection.unsubscribe(self)


class BusConnection:
    """A process's one connection to the bus; made by ``connect``, ended by ``drain`` or ``close``."""

    def __init__(self, settings: BusConnectionSettings, *, clock: Clock) -> None:
        self._settings = settings
        self._clock = clock
        self._key = UserKey.from_seed(settings.seed) if settings.seed is not None else None
        self._addresses = [Address.parse(url) for url in settings.urls]
        self._ids = RandomIds(clock)
        nonce = self._ids.random_bytes(8).hex()
        self._inbox = f"_INBOX_{settings.name}.{nonce}"
        self._publisher = Publisher(
            inbox=f"{self._inbox}.p.".encode(),
            clock=clock,
            max_pending=settings.max_unacknowledged,
            max_pending_bytes=settings.max_unacknowledged_bytes,
        )
        self._requests = Requests(prefix=f"{self._inbox}.r.", max_pending=settings.max_requests)
        self._subscriptions: dict[int, tuple[Subscription, Callable[[Message], None]]] = {}
        self._next_sid = _FIRST_FREE_SID
        self._next_inbox = 0
        self._listeners: list[Callable[[bool], None]] = []
        self._tls: ssl.SSLContext | None = None
        self._link: Link | None = None
        self._tasks = asyncio.TaskGroup()
        self._keeper: asyncio.Task[None] | None = None
        self._is_closing = False
        self._last_failure = "nobody answers"
        self.connection_generation = 0

    @classmethod
    async def connect(cls, settings: BusConnectionSettings, *, clock: Clock) -> Self:
        """Connect, and stay connected until ``close``.

        Raises:
            BusUnavailable: No server within ``first_connect_s``.
            BusRefused: The server knows no such user or key.
        """
        connection = cls(settings, clock=clock)
        if any(address.is_tls for address in connection._addresses):
            connection._tls = await asyncio.to_thread(settings.tls_context)
        try:
            async with asyncio.timeout(settings.first_connect_s):
                link = await connection._dial_until_up(is_first=True)
        except TimeoutError:
            raise BusUnavailable(
                f"no bus at {', '.join(settings.urls)} within {settings.first_connect_s} s: {connection._last_failure}",
                hint="is nats-server running? see vedette status",
            ) from None
        # The group lives as long as the connection: close() leaves it. Should the keeper fail, the caller hears of it.
        await connection._tasks.__aenter__()
        keeper = connection._keep_connected(link)
        connection._keeper = connection._tasks.create_task(keeper, name=f"bus {settings.name}")
        return connection

    @property
    def is_connected(self) -> bool:
        """Whether there is a live connection at this moment."""
        return self._link is not None

    @property
    def name(self) -> str:
        """The process name this connection was made with."""
        return self._settings.name

    @property
    def unacknowledged(self) -> int:
        """JetStream messages that wait for their acknowledgement."""
        return self._publisher.pending

    @property
    def server_info(self) -> ServerInfo:
        """What the connected server said of itself."""
        return self._require_link().info

    def on_state(self, listener: Callable[[bool], None]) -> Callable[[], None]:
        """Call ``listener`` with true after each reconnect (subscriptions are made again), false after each loss.

        Returns:
            What to call to stop listening.
        """
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    # --- publish and ask ----------------------------------------------------------------------------------------

    def publish(
        self,
        subject: str | bytes,
        payload: bytes,
        *,
        reply: str | bytes = b"",
        headers: bytes | None = None,
        may_wait: bool = False,
    ) -> None:
        """Send a message at most once, at the end of this loop tick.

        Args:
            subject: Where to; no wildcards.
            payload: The message.
            reply: Subject for an answer.
            headers: Lines made by ``encode_headers``.
            may_wait: Nobody waits for it: it may leave 2 ms later, together with others.

        Raises:
            BusUnavailable: Not connected, or too much waits to be written.
            PayloadTooLarge: Over the server's ``max_payload``.
            InvalidSubject: The subject is none.
        """
        link = self._require_link()
        lines = headers or b""
        if len(payload) + (len(lines) + _HEADER_OVERHEAD_BYTES if lines else 0) > link.info.max_payload:
            raise PayloadTooLarge(f"a message of {len(payload)} bytes is over the bus's {link.info.max_payload}")
        checked_reply = check_subject(reply) if reply else b""
        frame = encode_publish(check_subject(subject), payload, reply=checked_reply, headers=lines)
        link.write(frame, may_wait=may_wait)

    async def request(self, subject: str | bytes, payload: bytes, *, timeout_s: float) -> bytes:
        """Ask and return the answer's payload.

        Raises:
            BusTimeout: No answer in time.
            NoResponders: Nobody listens there.
            BusUnavailable: Not connected, the connection broke before the answer, or too many requests wait.
            BusRefused: This process may not ask there.
        """
        return (await self.request_message(subject, payload, timeout_s=timeout_s)).payload

    async def call(self, service: str, request: msgspec.Struct, answer: type[T], *, timeout_s: float) -> T:
        """Ask a service of ``vedette.bus.contract`` and return its typed answer.

        Args:
            service: Such as ``OPEN_SESSION``; the request's ``organization_id`` completes the subject.
            request: What is asked.
            answer: The type of the answer.
            timeout_s: How long to wait.

        Raises:
            RemoteProblem: The answer is a problem.
            Problem: What ``request`` raises.
        """
        subject = service_subject(service, request.organization_id)  # type: ignore[attr-defined]  # the contract's
        payload = await self.request(subject, msgspec.msgpack.encode(request), timeout_s=timeout_s)
        return decode_reply(payload, answer)

    async def serve(self, endpoints: Sequence[Endpoint[Any]], *, workers: int = 64, timeout_s: float = 5.0) -> None:
        """Answer requests until cancelled; see ``Server`` for the bounds."""
        await Server(self, endpoints, clock=self._clock, workers=workers, timeout_s=timeout_s).run()

    async def request_message(
        self, subject: str | bytes, payload: bytes, *, timeout_s: float, headers: bytes | None = None
    ) -> Message:
        """Ask and return the whole answer; raises as ``request`` does."""
        with self._requests.open(subject) as pending:
            self.publish(subject, payload, reply=pending.reply, headers=headers)
            return await pending.wait(timeout_s)

    def jetstream_publish(
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
        """Store a message in a stream; ``on_done`` is called exactly once, with the acknowledgement or a problem.

        After a lost connection it is sent again under the same id, so the stream keeps one copy. After
        ``BusTimeout`` it may or may not be stored: send it again under the same id or tell the sender it was not taken.

        Args:
            subject: A subject of the stream.
            payload: The message.
            stream: The stream that must acknowledge it.
            msg_id: Unique in the stream for its duplicate window, and hard to guess: whoever uses it first is kept.
            deadline_s: Give up after so long, at most 30.
            on_done: Runs in the event loop; ``PublishAck`` or a ``Problem``.
            headers: Further lines made by ``encode_headers``.
            may_wait: Nobody waits for it: it may leave 2 ms later, together with others.

        Raises:
            BusUnavailable: Too many messages wait for their acknowledgement.
            PayloadTooLarge: Over the server's ``max_payload``.
            InvalidSubject: The subject or the id is none.
        """
        if self._is_closing:
            raise BusUnavailable("the connection to the bus is closing")
        self._publisher.publish(
            subject,
            payload,
            stream=stream,
            msg_id=msg_id,
            deadline_s=deadline_s,
            on_done=on_done,
            headers=headers,
            may_wait=may_wait,
        )

    async def jetstream_publish_wait(
        self, subject: str | bytes, payload: bytes, *, stream: str, msg_id: str, deadline_s: float, headers: bytes = b""
    ) -> PublishAck:
        """Store a message in a stream and wait for the acknowledgement.

        Raises:
            Problem: What ``jetstream_publish`` raises or would pass to ``on_done``.
        """
        done: asyncio.Future[PublishResult] = asyncio.get_running_loop().create_future()

        def resolve(result: PublishResult) -> None:
            if not done.done():
                done.set_result(result)

        self.jetstream_publish(
            subject, payload, stream=stream, msg_id=msg_id, deadline_s=deadline_s, on_done=resolve, headers=headers
        )
        result = await done  # the publisher keeps the deadline
        if isinstance(result, Problem):
            raise result
        return result

    # --- subscribe ----------------------------------------------------------------------------------------------

    def subscribe(
        self, subject: str | bytes, callback: Callable[[Message], None], *, queue: str | None = None
    ) -> Subscription:
        """Call ``callback`` for each message, now and after every reconnect.

        With a ``queue`` group each message goes to one member only. Messages sent while there was no connection are
        not seen: listen to ``on_state`` and re-read.
        """
        group = check_subject(queue) if queue else b""
        subscription = Subscription(self, self._next_sid, check_subject(subject, is_pattern=True), group)
        self._next_sid += 1
        self._subscriptions[subscription.sid] = (subscription, callback)
        if self._link is not None:
            self._link.write_accounted(_subscribe_frame(subscription))
        return subscription

    async def drain_subscriptions(self, subscriptions: Sequence[Subscription], *, timeout_s: float = 2.0) -> None:
        """End subscriptions in order: what the server has sent already still reaches its callback."""
        for subscription in subscriptions:
            if self._link is not None:
                self._link.write_accounted(encode_unsubscribe(subscription.sid))
        try:
            await self.flush(timeout_s=timeout_s)
        except (BusTimeout, BusUnavailable):
            log.debug("bus subscriptions ended without their last messages", extra={"count": len(subscriptions)})
        finally:
            for subscription in subscriptions:
                self._subscriptions.pop(subscription.sid, None)

    def unsubscribe(self, subscription: Subscription) -> None:
        """End a subscription."""
        known = self._subscriptions.pop(subscription.sid, None)
        if known is not None and self._link is not None:
            self._link.write_accounted(encode_unsubscribe(subscription.sid))

    def new_inbox(self) -> str:
        """Return a fresh subject under this process's private inbox, for answers of several messages."""
        self._next_inbox += 1
        return f"{self._inbox}.s.{self._next_inbox}"

    # --- end ----------------------------------------------------------------------------------------------------

    async def flush(self, *, timeout_s: float = 5.0) -> None:
        """Wait until the server has processed everything sent so far.

        Raises:
            BusUnavailable: Not connected, or the connection broke.
            BusTimeout: Not in time.
        """
        link = self._require_link()
        try:
            async with Deadline(timeout_s):
                await probe(link)
        except TimeoutError:
            raise BusTimeout(f"the bus did not answer a PING within {timeout_s} s") from None

    async def drain(self, *, timeout_s: float = 5.0) -> None:
        """End all subscriptions, wait for what is unacknowledged, and close."""
        for subscription, _ in list(self._subscriptions.values()):
            self.unsubscribe(subscription)
        try:
            async with Deadline(timeout_s):
                await self._publisher.wait_idle()
                if self._link is not None:
                    await self.flush(timeout_s=timeout_s)
        except (TimeoutError, BusTimeout, BusUnavailable):
            log.warning("bus connection closed before all was acknowledged", extra={"pending": self.unacknowledged})
        await self.close()

    async def close(self) -> None:
        """Close now; whatever waits gets ``BusUnavailable``."""
        self._is_closing = True
        keeper, self._keeper = self._keeper, None
        if self._link is not None:
            self._link.close()
        if keeper is not None:
            keeper.cancel()
            await self._tasks.__aexit__(None, None, None)
        problem = BusUnavailable("the connection to the bus was closed")
        self._publisher.close(problem)
        self._requests.fail_all(problem)
        self._link = None

    # --- staying connected --------------------------------------------------------------------------------------

    async def _keep_connected(self, link: Link) -> None:
        while True:
            await asyncio.shield(link.closed)
            self._lost(link)
            link = await self._dial_until_up(is_first=False)

    async def _dial_until_up(self, *, is_first: bool) -> Link:
        pause_s = self._settings.reconnect_first_s
        attempt = 0
        while True:
            address = self._addresses[attempt % len(self._addresses)]
            attempt += 1
            try:
                link = await dial(
                    address,
                    self._new_link,
                    name=self._settings.name,
                    key=self._key,
                    tls=self._tls,
                    timeout_s=self._settings.connect_timeout_s,
                    hears_itself=self._settings.hears_itself,
                )
            except BusRefused as refused:
                if is_first:
                    raise
                log.error("bus refused the connection", extra={"detail": refused.detail})  # noqa: TRY400
            except (OSError, TimeoutError, Problem) as failure:
                self._last_failure = str(failure)[:200] or type(failure).__name__
                log.debug("bus connection attempt failed", extra={"reason": self._last_failure, "attempt": attempt})
            else:
                self._up(link)
                return link
            await asyncio.sleep(pause_s * (0.5 + self._ids.random_bytes(1)[0] / 255))
            pause_s = min(pause_s * 2, self._settings.reconnect_most_s)

    def _new_link(self) -> Link:
        return Link(
            parser=Parser(max_payload_bytes=self._settings.max_message_bytes),
            on_message=self._dispatch,
            on_error=self._complained,
            on_info=self._info_changed,
            max_pending_bytes=self._settings.max_pending_bytes,
        )

    def _up(self, link: Link) -> None:
        self._link = link
        self.connection_generation += 1
        # On one connection the server keeps order: whatever a listener asks for below, it asks with its ears open.
        link.write_accounted(encode_subscribe(f"{self._inbox}.r.*".encode(), _REPLIES_SID))
        link.write_accounted(encode_subscribe(f"{self._inbox}.p.*".encode(), _ACKS_SID))
        for subscription, _ in self._subscriptions.values():
            link.write_accounted(_subscribe_frame(subscription))
        link.keep_probing(interval_s=self._settings.ping_interval_s, timeout_s=self._settings.ping_timeout_s)
        self._publisher.attach(link)
        if self.connection_generation > 1:
            log.warning("bus connection is back", extra={"generation": self.connection_generation})
            self._tell_listeners(is_connected=True)

    def _lost(self, link: Link) -> None:
        self._link = None
        self._publisher.detach()
        log.warning("bus connection lost, trying again", extra={"reason": link.failure.detail})
        self._requests.fail_all(link.failure)
        self._tell_listeners(is_connected=False)

    def _tell_listeners(self, *, is_connected: bool) -> None:
        for listener in list(self._listeners):
            notify(listener, is_connected)

    # --- what arrives -------------------------------------------------------------------------------------------

    def _dispatch(self, message: Message) -> None:
        if message.sid == _ACKS_SID:
            self._publisher.take_reply(message)
        elif message.sid == _REPLIES_SID:
            self._requests.take_reply(message)
        else:
            known = self._subscriptions.get(message.sid)
            if known is not None:
                notify(known[1], message)

    def _complained(self, text: str) -> None:
        violation = _VIOLATION.search(text)
        if violation is None:
            log.warning("bus complained", extra={"text": text[:256]})
            return
        act, subject = violation.groups()
        log.error("bus refused an act of this process", extra={"act": act, "subject": subject[:256]})
        if act == "Publish":
            problem = refused_publish(subject)
            self._publisher.refuse(subject, problem)
            self._requests.refuse(subject, problem)
        else:
            for subscription, _ in self._subscriptions.values():
                if subscription.subject == subject.encode():
                    subscription.is_refused = True

    def _info_changed(self, info: ServerInfo) -> None:
        if info.ldm and self._link is not None:
            self._link.abort(BusUnavailable("the bus server is shutting down"))

    def _require_link(self) -> Link:
        if self._link is None:
            raise BusUnavailable("not connected to the bus", hint="it reconnects by itself; see vedette status")
        return self._link


def _subscribe_frame(subscription: Subscription) -> bytes:
    return encode_subscribe(subscription.subject, subscription.sid, queue=subscription.queue)
