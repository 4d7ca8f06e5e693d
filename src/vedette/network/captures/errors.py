"""What can go wrong around captures."""

from __future__ import annotations

from typing import ClassVar

from vedette.kernel import Problem


class InvalidCapture(Problem):
    """What was said of a capture, or the file itself, cannot be."""

    code: ClassVar[str] = "network.invalid_capture"
    status: ClassVar[int] = 422


class CaptureNotFound(Problem):
    """There is no such capture, or no file or report of it any more."""

    code: ClassVar[str] = "network.capture_not_found"
    status: ClassVar[int] = 404


class CaptureStateRefused(Problem):
    """The capture's state does not allow it."""

    code: ClassVar[str] = "network.capture_state"
    status: ClassVar[int] = 409


class WrongOffset(Problem):
    """A part does not follow what was received."""

    code: ClassVar[str] = "network.wrong_offset"
    status: ClassVar[int] = 409


class TooManyCaptures(Problem):
    """As many captures wait as may."""

    code: ClassVar[str] = "network.too_many_captures"
    status: ClassVar[int] = 429


class NoRoomForCapture(Problem):
    """The disk, or the share of it that captures may take, has no room."""

    code: ClassVar[str] = "network.no_room_for_capture"
    status: ClassVar[int] = 507
