"""A deadline that means the same wherever it stands, in an orderly end after a cancellation too."""

from __future__ import annotations

from types import TracebackType
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    import asyncio


class Deadline:
    """``asyncio.timeout`` as later Pythons have it: ``async with Deadline(5.0): …`` raises ``TimeoutError`` in time.

    Up to Python 3.11.2, which Debian 12 ships, ``asyncio.timeout`` that passes in a task which is being cancelled
    raises ``CancelledError``: the rest of the clean-up is skipped. Here only a cancellation that came after the
    deadline was set is taken for one.

    Args:
        seconds: From entering it.
    """

    __slots__ = ("_cancelling", "_handle", "_is_over", "_seconds", "_task")

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._task: asyncio.Task[object] | None = None
        self._handle: asyncio.TimerHandle | None = None
        self._cancelling = 0
        self._is_over = False

    async def __aenter__(self) -> Self:
        """Start the clock.

        Raises:
            RuntimeError: It is not used inside a task, or a second time.
        """
        import asyncio  # noqa: PLC0415 - whoever needs no deadline need not load it

        task = asyncio.current_task()
        if task is None or self._task is not None:
            raise RuntimeError("a deadline is used once, inside a task")
        self._task = task
        self._cancelling = task.cancelling()
        self._handle = asyncio.get_running_loop().call_later(max(self._seconds, 0.0), self._pass)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop the clock.

        Raises:
            TimeoutError: Time was over, and nobody else asked the task to end meanwhile.
        """
        del trace
        if self._handle is not None:
            self._handle.cancel()
        if not self._is_over or self._task is None:
            return
        is_ours = self._task.uncancel() <= self._cancelling
        if not is_ours or kind is None:
            return
        import asyncio  # noqa: PLC0415 - loaded since this was entered

        if issubclass(kind, asyncio.CancelledError):
            raise TimeoutError from error

    def _pass(self) -> None:
        if self._task is not None:
            self._is_over = True
            self._task.cancel()
