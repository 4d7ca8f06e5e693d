"""Requests that wait for their one answer."""

from __future__ import annotations

import asyncio
from typing import Final, Self

from vedette.bus.errors import BusTimeout, BusUnavailable, NoResponders
from vedette.bus.wire import Message, read_number
from vedette.kernel import Problem

_NO_RESPONDERS: Final = 503


class PendingRequest:
    """One request; a context, so that it is forgotten however it ends."""

    def __init__(self, requests: Requests, subject: str, token: int) -> None:
        self._requests = requests
        self._token = token
        self._answer: asyncio.Future[Message] = asyncio.get_running_loop().create_future()
        self.subject = subject
        self.reply = f"{requests.prefix}{token}"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._requests.forget(self._token)

    def resolve(self, result: Message | Problem) -> None:
        """Set the outcome; later ones are ignored."""
        if self._answer.done():
            return
        if isinstance(result, Problem):
            self._answer.set_exception(result)
            self._answer.exception()  # retrieved: the asker may not have begun to wait
        else:
            self._answer.set_result(result)

    async def wait(self, timeout_s: float) -> Message:
        """Wait for the answer.

        Raises:
            BusTimeout: No answer in time.
            NoResponders: Nobody listens on the subject.
            Problem: Why there will be no answer.
        """
        # A timer on the answer alone costs a third of what ``asyncio.timeout`` does.
        late = self._answer.get_loop().call_later(timeout_s, self._be_late, timeout_s)
        try:
            message = await self._answer
        finally:
            late.cancel()
        if message.status == _NO_RESPONDERS and not message.payload:
            raise NoResponders(f"nobody answers on {self.subject[:80]}", hint="is control running? see vedette status")
        return message

    def _be_late(self, timeout_s: float) -> None:
        self.resolve(BusTimeout(f"no answer on {self.subject[:80]} within {timeout_s} s"))


class Requests:
    """The requests of one connection.

    Args:
        prefix: Subject prefix, with its last dot, under which answers arrive.
        max_pending: Most requests that may wait.
    """

    def __init__(self, *, prefix: str, max_pending: int) -> None:
        self.prefix = prefix
        self._max_pending = max_pending
        self._pending: dict[int, PendingRequest] = {}
        self._next_token = 0

    def open(self, subject: str | bytes) -> PendingRequest:
        """Begin a request.

        Raises:
            BusUnavailable: Too many wait already.
        """
        if len(self._pending) >= self._max_pending:
            raise BusUnavailable(f"{len(self._pending)} requests wait for an answer", hint="try again later")
        text = subject.decode("latin-1") if isinstance(subject, bytes) else subject
        token = self._next_token
        self._next_token = token + 1
        pending = self._pending[token] = PendingRequest(self, text, token)
        return pending

    def forget(self, token: int) -> None:
        """Stop waiting for an answer."""
        self._pending.pop(token, None)

    def take_reply(self, message: Message) -> None:
        """Take an answer; unknown and late ones are ignored."""
        token = read_number(message.subject[len(self.prefix) :])
        pending = self._pending.get(token) if token is not None else None
        if pending is not None:
            pending.resolve(message)

    def refuse(self, subject: str, problem: Problem) -> None:
        """Fail what waits on a subject that the server refuses to this user."""
        for pending in self._pending.values():
            if pending.subject == subject:
                pending.resolve(problem)

    def fail_all(self, reason: Problem) -> None:
        """Fail everything that waits: its answer cannot come any more."""
        for pending in self._pending.values():
            pending.resolve(BusUnavailable(reason.detail, hint=reason.hint))
