"""Calling what others registered: one listener's mistake must not end everyone's connection."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from typing import TypeVar

from vedette.kernel import Problem

log = logging.getLogger(__name__)

T = TypeVar("T")


def notify(listener: Callable[[T], None], fact: T) -> None:
    """Call a listener; what it raises is logged and goes no further."""
    try:
        listener(fact)
    except Exception:
        log.exception("a bus listener failed")


async def attempt(answer: Awaitable[T]) -> T | None:
    """Await a handler; ``None`` says that it failed with something unforeseen, which is logged.

    Raises:
        Problem: What the handler says could not be done.
        TimeoutError: The caller's deadline.
    """
    try:
        return await answer
    except (Problem, TimeoutError):
        raise
    except Exception:
        log.exception("a bus request handler failed")
        return None
