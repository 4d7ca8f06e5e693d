"""A deadline tells its own end from a cancellation, whichever came first."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from vedette.kernel import Deadline

pytestmark = pytest.mark.anyio


async def forever() -> None:
    await asyncio.Event().wait()


async def end_of(work: Callable[[], Awaitable[None]], *, cancels: int = 1) -> BaseException | None:
    """Cancel a task while it works, as often as asked; return what it ended by."""
    async with asyncio.TaskGroup() as group:
        task = group.create_task(_awaited(work), name="work")
        for _ in range(cancels):
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            task.cancel()
        await asyncio.wait([task])
        return asyncio.CancelledError() if task.cancelled() else task.exception()


async def _awaited(work: Callable[[], Awaitable[None]]) -> None:
    await work()


async def test_a_deadline_that_passes_is_a_timeout() -> None:
    with pytest.raises(TimeoutError):
        async with Deadline(0):
            await forever()


async def test_what_ends_in_time_ends_as_if_there_were_none() -> None:
    async with Deadline(60):
        await asyncio.sleep(0)
    await asyncio.sleep(0)


async def test_an_error_inside_stays_what_it_is() -> None:
    with pytest.raises(KeyError):
        async with Deadline(60):
            raise KeyError


async def test_a_deadline_in_a_cancelled_task_is_still_a_timeout() -> None:
    """Python 3.11.2 raises CancelledError from ``asyncio.timeout`` here, and the rest is skipped."""
    done: list[str] = []

    async def work() -> None:
        try:
            await forever()
        finally:
            try:
                async with Deadline(0):
                    await forever()
            except TimeoutError:
                done.append("timed out")
            done.append("cleaned up")

    assert isinstance(await end_of(work), asyncio.CancelledError)
    assert done == ["timed out", "cleaned up"]


async def test_deadlines_within_deadlines_pass_each_for_itself() -> None:
    async def work() -> None:
        try:
            await forever()
        finally:
            async with Deadline(60):
                with pytest.raises(TimeoutError):
                    async with Deadline(0):
                        await forever()
                await asyncio.sleep(0)

    assert isinstance(await end_of(work), asyncio.CancelledError)


async def test_a_cancellation_within_a_deadline_is_a_cancellation() -> None:
    async def work() -> None:
        async with Deadline(60):
            await forever()

    assert isinstance(await end_of(work), asyncio.CancelledError)


async def test_a_second_cancellation_ends_the_clean_up() -> None:
    async def work() -> None:
        try:
            await forever()
        finally:
            async with Deadline(60):
                await forever()

    assert isinstance(await end_of(work, cancels=2), asyncio.CancelledError)


async def test_a_deadline_is_used_once() -> None:
    deadline = Deadline(60)
    async with deadline:
        pass
    with pytest.raises(RuntimeError, match="once"):
        async with deadline:
            pass
