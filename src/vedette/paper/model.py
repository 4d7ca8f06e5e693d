"""What stands on paper, as values."""

from __future__ import annotations

from typing import Final

import msgspec

ROWS_MAX: Final = 1_000
CELL_CHARS: Final = 400


class Column(msgspec.Struct, frozen=True):
    """A column of a table: its head, and how wide it is beside the others."""

    head: str
    width: float = 1.0


class Table(msgspec.Struct, frozen=True):
    """A table.

    Attributes:
        rows: At most ``ROWS_MAX`` are printed.
        left_out: Rows that are not even here.
        empty: Said when there are no rows.
    """

    columns: list[Column]
    rows: list[list[str]]
    left_out: int = 0
    empty: str = "None."


class Section(msgspec.Struct, frozen=True):
    """A heading, and what stands below it."""

    heading: str
    lines: list[str] = []
    table: Table | None = None


class Paper(msgspec.Struct, frozen=True):
    """A report.

    Attributes:
        at: When it was made, RFC 3339.
        facts: Name and value, below the title.
        hint: Where what is left out can be read.
    """

    title: str
    at: str
    facts: list[tuple[str, str]]
    sections: list[Section]
    hint: str = ""
