"""What the query language refuses."""

from __future__ import annotations

from typing import ClassVar

from vedette.kernel import Problem


class InvalidQuery(Problem):
    """A query or condition that cannot be understood; ``context["position"]`` counts characters from 0."""

    code: ClassVar[str] = "registry.invalid_query"
    status: ClassVar[int] = 422

    def __init__(self, detail: str, *, position: int, hint: str = "", expected: str = "") -> None:
        context = {"position": position} | ({"expected": expected} if expected else {})
        super().__init__(f"{detail}, at character {position + 1}", hint=hint, **context)
        self.position = position


class InvalidCursor(Problem):
    """What was passed as ``after`` does not belong to this query."""

    code: ClassVar[str] = "registry.invalid_cursor"
    status: ClassVar[int] = 422


class QueryTooBroad(Problem):
    """An answer that must look at everything would look at more than one query may."""

    code: ClassVar[str] = "registry.query_too_broad"
    status: ClassVar[int] = 422
