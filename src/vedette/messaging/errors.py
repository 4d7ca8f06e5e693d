"""What can go wrong when stored messages are read."""

from __future__ import annotations

from typing import ClassVar

from vedette.kernel import Problem


class InvalidCursor(Problem):
    """A cursor is not one that an earlier page returned."""

    code: ClassVar[str] = "messaging.invalid_cursor"
    status: ClassVar[int] = 400
