"""Lists: their options, and pages as a table or as the API's JSON, without holding a whole fleet in memory."""

from __future__ import annotations

import itertools
import json
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Annotated, Any

import typer

from vedette.cli.session import Session

LimitOption = Annotated[int, typer.Option("--limit", "-n", min=1, max=1_000_000, help="Most items to show.")]
AfterOption = Annotated[str, typer.Option("--after", help="Go on behind this: `next` of the page before.")]
AllOption = Annotated[bool, typer.Option("--all", help="Show every item, page by page.")]

Item = Mapping[str, Any]


def show_list(
    session: Session,
    path: str,
    params: Mapping[str, str | int | list[str] | None],
    *,
    columns: Mapping[str, Callable[[Item], object]],
    limit: int,
    after: str,
    everything: bool,
    empty: str,
) -> None:
    """Write a list.

    Args:
        session: Of the command.
        path: Of the list.
        params: The conditions.
        columns: Heading → what stands below it.
        limit: Most items.
        after: Cursor.
        everything: Whether to ignore ``limit``.
        empty: What to tell when there is nothing, and the next step.
    """
    pages = session.client.pages(path, params, limit=None if everything else limit, after=after)
    if session.output.is_json:
        write_items(pages)
        return
    count = 0
    following = None
    for page in pages:
        following = page.get("next")
        count += len(page["items"])
        if page["items"]:
            session.output.table(tuple(columns), [_row(item, columns.values()) for item in page["items"]])
    if not count:
        session.output.note(empty)
    if following:
        session.output.note(f"There is more: --all, or --after {following}")


def _row(item: Item, cells: Any) -> Sequence[object]:  # Any: the values of the columns
    return tuple(cell(item) for cell in cells)


def write_items(pages: Iterator[Mapping[str, Any]]) -> None:
    """Write pages as one page of JSON, item by item."""
    out = sys.stdout
    following = None
    separator = ""
    first = next(pages)  # a refusal comes before anything is written
    out.write('{\n  "items": [')
    for page in itertools.chain([first], pages):
        following = page.get("next")
        for item in page["items"]:
            text = json.dumps(item, indent=2).replace("\n", "\n    ")
            out.write(f"{separator}\n    {text}")
            separator = ","
    end = "\n  " if separator else ""
    out.write(f'{end}],\n  "next": {json.dumps(following)}\n}}\n')
    out.flush()
