"""What is known of a list of addresses. Frozen values."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class AddressList:
    """A list that was imported, or is being imported.

    Attributes:
        name: Of the file.
        is_complete: All of it came: it counts.
        parts: How many came.
        ranges_v4: Of IPv4 addresses.
        ranges_v6: Of IPv6 addresses.
        skipped: Lines that say nothing of an owner, or that could not be read.
    """

    list_id: str
    name: str
    is_complete: bool
    parts: int
    ranges_v4: int
    ranges_v6: int
    skipped: int
    imported_at: datetime
    imported_by: str


@dataclass(slots=True)
class Told:
    """What the lines of a file say.

    Attributes:
        owners: Country, number of the system, its name; each once.
        v4: First and last address, as whole numbers, and the owner's place in ``owners``.
        v6: The same of IPv6.
        skipped: Lines that say nothing of an owner, or that could not be read.
        problem: What was wrong with the first that could not be read; empty: nothing.
    """

    owners: list[tuple[str, int, str]] = field(default_factory=list)
    v4: list[tuple[int, int, int]] = field(default_factory=list)
    v6: list[tuple[int, int, int]] = field(default_factory=list)
    skipped: int = 0
    problem: str = ""
