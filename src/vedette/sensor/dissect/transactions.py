"""Requests that wait for their answer."""

from __future__ import annotations

from typing import Generic, TypeVar

Key = TypeVar("Key")
Request = TypeVar("Request")


class Transactions(Generic[Key, Request]):
    """What was asked and not answered yet; when it is full, the oldest question is forgotten.

    Args:
        limit: Questions kept at most.
    """

    __slots__ = ("_limit", "_waiting", "unanswered")

    def __init__(self, limit: int = 64) -> None:
        self._limit = limit
        self._waiting: dict[Key, Request] = {}
        self.unanswered = 0

    def __len__(self) -> int:
        return len(self._waiting)

    def ask(self, key: Key, request: Request) -> None:
        """Keep a question; one with the same key replaces the one before."""
        waiting = self._waiting
        if key in waiting:
            del waiting[key]
            self.unanswered += 1
        elif len(waiting) >= self._limit:
            del waiting[next(iter(waiting))]
            self.unanswered += 1
        waiting[key] = request

    def answer(self, key: Key) -> Request | None:
        """Return the question that this answers and forget it, or None."""
        return self._waiting.pop(key, None)
