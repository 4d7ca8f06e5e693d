"""How an answer is wrapped: it holds what was asked for, or the problem, in the same words a person would read."""

from __future__ import annotations

from typing import Generic, TypeVar

import msgspec

T = TypeVar("T")


class ProblemReply(msgspec.Struct, frozen=True, omit_defaults=True):
    """Why a request was not done; the same words reach the person who asked."""

    code: str
    detail: str
    hint: str = ""
    status: int = 400


class Reply(msgspec.Struct, Generic[T], frozen=True, omit_defaults=True):
    """The answer to a request: exactly one of the two is set."""

    ok: T | None = None
    problem: ProblemReply | None = None
