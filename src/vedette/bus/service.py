"""Requests between processes: typed on both ends, bounded at the one that answers.

A request goes to ``svc.<room>.<verb>.<organization>`` as MessagePack; the reply is ``{"ok": …}`` or ``{"problem": …}``.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar

import msgspec

from vedette.bus.contract import CONTROL_QUEUE, ProblemReply, Reply
from vedette.bus.errors import BusUnavailable, PayloadTooLarge, RemoteProblem, RemoteProtocolError
from vedette.bus.listeners import attempt
from vedette.bus.wire import UNREADABLE, Message
from vedette.kernel import Clock, Problem

if TYPE_CHECKING:
    from vedette.bus.connection import BusConnection

log = logging.getLogger(__name__)

Request = TypeVar("Request", bound=msgspec.Struct)
Answer = TypeVar("Answer")

_INBOX_PREFIX: Final = "_INBOX_"
_ENCODER: Final = msgspec.msgpack.Encoder()


@dataclass(frozen=True, slots=True)
class Endpoint(Generic[Request]):
    """One service that this process answers.

    Attributes:
        service: ``svc.<room>.<verb>``, as ``vedette.bus.contract`` names it; served for every organization.
        request: What is asked; its ``organization_id``, if it has one, must be the subject's.
        handler: Answers it, or raises a ``Problem``.
    """

    service: str
    request: type[Request]
    handler: Callable[[Request], Awaitable[msgspec.Struct]]


class Server:
    """Answers requests with a bounded number of workers and a bounded backlog.

    Args:
        connection: Where requests arrive.
        endpoints: What is served.
        clock: For the age of requests.
        queue: The group that shares the requests.
        workers: Requests answered at the same time.
        backlog: Requests that may wait; more are refused at once.
        timeout_s: A request older than this is not begun, and one that takes longer is given up.
    """

    def __init__(
        self,
        connection: BusConnection,
        endpoints: Sequence[Endpoint[Any]],  # each endpoint has its own request type
        *,
        clock: Clock,
        queue: str = CONTROL_QUEUE,
        workers: int = 64,
        backlog: int = 4096,
        timeout_s: float = 5.0,
    ) -> None:
        self._connection = connection
        self._endpoints = endpoints
        self._clock = clock
        self._queue_name = queue
        self._workers = workers
        self._timeout_s = timeout_s
        self._waiting: asyncio.Queue[tuple[_Decoded, Message, float]] = asyncio.Queue(backlog)
        self._stopping = asyncio.Event()

    async def run(self) -> None:
        """Serve until ``stop``; when cancelled instead, requests under way are lost."""
        subscriptions = [
            self._connection.subscribe(f"{each.service}.*", self._taker(each), queue=self._queue_name)
            for each in self._endpoints
        ]
        try:
            async with asyncio.TaskGroup() as group:
                workers = [
                    group.create_task(self._work(), name=f"bus worker {number}") for number in range(self._workers)
                ]
                await self._stopping.wait()
                await self._connection.drain_subscriptions(subscriptions)
                with suppress(TimeoutError):
                    async with asyncio.timeout(self._timeout_s):
                        await self._waiting.join()
                for worker in workers:
                    worker.cancel()
        finally:
            for subscription in subscriptions:
                subscription.unsubscribe()

    def stop(self) -> None:
        """Take no more requests, answer those that are here, and let ``run`` return."""
        self._stopping.set()

    def _taker(self, endpoint: Endpoint[Any]) -> Callable[[Message], None]:
        decoded = _Decoded(endpoint)

        def take(message: Message) -> None:
            # Only an inbox may be answered. With our rights, a reply to any other subject would be the asker's act:
            # it could purge a stream or speak for another process.
            if not message.reply.startswith(_INBOX_PREFIX):
                log.warning("bus request without a proper inbox was dropped", extra={"subject": message.subject})
                return
            try:
                self._waiting.put_nowait((decoded, message, self._clock.monotonic_s()))
            except asyncio.QueueFull:
                busy = ProblemReply("bus.busy", "too many requests wait", hint="try again later", status=503)
                self._reply(message, Reply(problem=busy))

        return take

    async def _work(self) -> None:
        while True:
            decoded, message, arrived_s = await self._waiting.get()
            left_s = self._timeout_s - (self._clock.monotonic_s() - arrived_s)
            try:
                if left_s > 0:  # otherwise the asker has given up
                    self._reply(message, await self._answer(decoded, message, left_s))
            finally:
                self._waiting.task_done()

    async def _answer(self, decoded: _Decoded, message: Message, timeout_s: float) -> Reply[Any]:
        try:
            request = decoded.decode(message)
            async with asyncio.timeout(timeout_s):
                answer = await attempt(decoded.handler(request))
        except UNREADABLE as error:
            return Reply(problem=ProblemReply("bus.invalid_request", str(error)[:200], status=422))
        except Problem as problem:
            reply = ProblemReply(problem.code, problem.detail, hint=problem.hint, status=problem.status)
            return Reply(problem=reply)
        except TimeoutError:
            late = ProblemReply("bus.handler_timeout", "the request took too long", hint="try again", status=504)
            return Reply(problem=late)
        if answer is None:
            return Reply(problem=ProblemReply("bus.internal", "the request failed; see control's log", status=500))
        return Reply(ok=answer)

    def _reply(self, message: Message, reply: Reply[Any]) -> None:
        try:
            self._connection.publish(message.reply, _ENCODER.encode(reply))
        except PayloadTooLarge as problem:
            log.error("bus reply was too large", extra={"subject": message.subject})  # noqa: TRY400 - no fault here
            refusal: Reply[Any] = Reply(problem=ProblemReply(problem.code, problem.detail, status=500))
            self._connection.publish(message.reply, _ENCODER.encode(refusal))
        except BusUnavailable:
            log.debug("bus reply was lost with the connection", extra={"subject": message.subject})


class _Decoded:
    """An endpoint with its decoder."""

    __slots__ = ("_decoder", "handler")

    def __init__(self, endpoint: Endpoint[Any]) -> None:
        self._decoder = msgspec.msgpack.Decoder(endpoint.request)
        self.handler = endpoint.handler

    def decode(self, message: Message) -> msgspec.Struct:
        """Read the request and hold it against its subject, which is what the bus's permissions are about."""
        request: msgspec.Struct = self._decoder.decode(message.payload)
        organization_id = getattr(request, "organization_id", None)
        if organization_id is not None and organization_id != message.subject.rpartition(".")[2]:
            raise msgspec.ValidationError("organization_id is not the subject's")
        return request


def decode_reply(payload: bytes, answer: type[Answer]) -> Answer:
    """Read a reply.

    Raises:
        RemoteProblem: The process asked answered with a problem.
        RemoteProtocolError: The reply cannot be read.
    """
    try:
        reply = _decoder(answer).decode(payload)
    except UNREADABLE as error:
        raise RemoteProtocolError("a reply could not be read", hint="are all processes of one version?") from error
    if reply.problem is not None:
        problem = reply.problem
        raise RemoteProblem(problem.code, problem.detail, hint=problem.hint, status=problem.status)
    if reply.ok is None:
        raise RemoteProtocolError("a reply holds neither an answer nor a problem")
    return reply.ok


_DECODERS: Final[dict[type[Any], msgspec.msgpack.Decoder[Any]]] = {}


def _decoder(answer: type[Answer]) -> msgspec.msgpack.Decoder[Reply[Answer]]:
    decoder = _DECODERS.get(answer)
    if decoder is None:
        decoder = _DECODERS[answer] = msgspec.msgpack.Decoder(Reply[answer])  # type: ignore[valid-type]  # runtime generic
    return decoder
