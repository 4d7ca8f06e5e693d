"""A capture, its states, and what is allowed of it. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final

from vedette.kernel import OrganizationId
from vedette.network.captures.errors import InvalidCapture
from vedette.network.identity import clean

NAME_MAX_CHARS: Final = 200
SITE_MAX_CHARS: Final = 128
SMALLEST_BYTES: Final = 24
_MAGIC: Final = (
    *(b"\xa1\xb2\xc3\xd4", b"\xd4\xc3\xb2\xa1", b"\xa1\xb2\x3c\x4d", b"\x4d\x3c\xb2\xa1", b"\xa1\xb2\xcd\x34"),
    *(b"\x34\xcd\xb2\xa1", b"\x0a\x0d\x0d\x0a", b"\x1f\x8b"),
)


class CaptureState(StrEnum):
    """How far a capture is."""

    RECEIVING = "receiving"
    WAITING = "waiting"
    ANALYZING = "analyzing"
    DONE = "done"
    FAILED = "failed"
    CANCELED = "canceled"


OPEN: Final = frozenset({CaptureState.RECEIVING, CaptureState.WAITING, CaptureState.ANALYZING})


@dataclass(frozen=True, slots=True, kw_only=True)
class CaptureSettings:
    """What captures may take.

    Attributes:
        max_bytes: Of one file.
        total_bytes: Of all files together.
        keep: How long reports, and files that somebody wants kept, stay.
        memory_bytes: That an analysis may take.
        time_s: That an analysis may take.
        free_bytes: Of the disk that must stay free.
        unfinished: How long an upload may pause.
    """

    max_bytes: int = 1024**3
    total_bytes: int = 10 * 1024**3
    keep: timedelta = timedelta(days=30)
    memory_bytes: int = 1024**3
    time_s: int = 1_800
    free_bytes: int = 1024**3
    unfinished: timedelta = timedelta(hours=24)
    open_max: int = 50
    open_per_person: int = 5

    @property
    def unpacked_bytes(self) -> int:
        """Most that is read of a file that was compressed."""
        return 8 * self.max_bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class NewCapture:
    """What is said of a capture before it comes.

    Attributes:
        site: Where it was taken; needed if it is taken into the inventory.
        is_kept: Whether the file stays after it was read; it may hold secrets.
        is_taken_in: Whether the inventory of the site is to know what it holds, as if a sensor had seen it.
    """

    name: str
    size_bytes: int
    site: str = ""
    is_kept: bool = False
    is_taken_in: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Capture:
    """A capture, from when somebody began to upload it.

    Attributes:
        received_bytes: The next part begins there.
        cause: Why it failed, or who canceled it.
        changed_at: When something of it came, or its state changed.
        attempts: How often reading it was begun.
        read_bytes: How far the analysis is.
        report_bytes: Of the report; 0 without one.
        has_file: Whether the file is still there.
        summary: Counts of the report, and when the capture begins and ends.
    """

    organization_id: OrganizationId
    capture_id: str
    name: str
    site: str
    size_bytes: int
    is_kept: bool
    is_taken_in: bool
    state: CaptureState
    author_id: str
    author: str
    created_at: datetime
    changed_at: datetime
    finished_at: datetime | None = None
    cause: str = ""
    received_bytes: int = 0
    attempts: int = 0
    read_bytes: int = 0
    packets: int = 0
    report_bytes: int = 0
    has_file: bool = True
    sha256: str = ""
    summary: Mapping[str, Any] = field(default_factory=dict)  # Any: JSON

    @property
    def is_open(self) -> bool:
        """Whether something is still to happen to it."""
        return self.state in OPEN


def check_new(new: NewCapture, settings: CaptureSettings) -> None:
    """Check what is said of a capture.

    Raises:
        InvalidCapture: It cannot be.
    """
    if not new.name or len(new.name) > NAME_MAX_CHARS or clean(new.name) != new.name:
        raise InvalidCapture(f"a capture has a name of at most {NAME_MAX_CHARS} characters", limit=NAME_MAX_CHARS)
    if not SMALLEST_BYTES <= new.size_bytes <= settings.max_bytes:
        raise InvalidCapture(
            f"a capture has from {SMALLEST_BYTES} to {settings.max_bytes} bytes, not {new.size_bytes}",
            hint="split it, with editcap for example, or see captures.max_mb in the configuration",
            limit=settings.max_bytes,
        )
    if len(new.site) > SITE_MAX_CHARS or clean(new.site) != new.site:
        raise InvalidCapture(f"the name of a site has at most {SITE_MAX_CHARS} characters", limit=SITE_MAX_CHARS)
    if new.is_taken_in and not new.site:
        raise InvalidCapture("say at which site the capture was taken: its assets stand there", hint="name a site")


def check_start(start: bytes) -> None:
    """Check the first bytes of a file.

    Raises:
        InvalidCapture: It is no capture.
    """
    if not start.startswith(_MAGIC):
        raise InvalidCapture(
            "the file is neither pcap nor pcapng, nor one of them with gzip",
            hint="convert it, with editcap for example",
        )
