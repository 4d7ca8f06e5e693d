"""The base of every error a person or a program is told about."""

from __future__ import annotations

from typing import ClassVar


class Problem(Exception):  # noqa: N818 - "problem" is RFC 9457's word
    """Something that could not be done: what, why, and what to do next.

    Subclasses set ``code`` ("registry.device_not_found") and ``status``, the HTTP status that ``api`` answers with.
    The text names the thing, the limit and the fact; never a secret, key, token or full certificate.

    Source:
        RFC 9457 (problem details for HTTP APIs).
    """

    code: ClassVar[str] = "kernel.problem"
    status: ClassVar[int] = 400

    def __init__(self, detail: str, *, hint: str = "", **context: str | float | bool | None) -> None:
        super().__init__(detail)
        self.detail = detail
        self.hint = hint
        self.context = context

    def __str__(self) -> str:
        return f"{self.detail} ({self.hint})" if self.hint else self.detail
