"""``vedette query``: the hub's query language over devices and modules."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Annotated, Any, Final

import typer

from vedette.cli.lists import AfterOption, AllOption, LimitOption, write_items
from vedette.cli.output import show_value, tell
from vedette.cli.problems import BadAnswer, Refused
from vedette.cli.session import Session, remote

PAGE_MAX: Final = 1000
_CONTEXT_CHARS: Final = 70
_TWIN_COLUMNS: Final[Mapping[str, Callable[[Mapping[str, Any]], object]]] = {
    "device": lambda item: str(item["deviceId"]) + (f"/{item['moduleId']}" if item.get("moduleId") else ""),
    "status": lambda item: item.get("status"),
    "connection": lambda item: item.get("connectionState"),
    "tags": lambda item: item.get("tags"),
    "desired": lambda item: _plain(item, "desired"),
    "reported": lambda item: _plain(item, "reported"),
}


@remote
def query(
    session: Session,
    text: Annotated[
        str,
        typer.Argument(
            metavar="QUERY",
            help="""Such as "SELECT * FROM devices WHERE tags.site = 'north'"; also over `devices.modules`.""",
            show_default=False,
        ),
    ],
    *,
    limit: LimitOption = 100,
    after: AfterOption = "",
    everything: AllOption = False,
) -> None:
    """Ask about devices, modules and their twins in the hub's query language."""
    try:
        pages = _pages(session, text, limit=None if everything else limit, after=after)
        if session.output.is_json:
            write_items(pages)
        else:
            _show(session, pages)
    except Refused as problem:
        if not session.output.is_json:
            point_at(problem, text)
        raise


def _pages(session: Session, text: str, *, limit: int | None, after: str) -> Iterator[dict[str, Any]]:
    left = limit
    while left is None or left > 0:
        size = PAGE_MAX if left is None else min(left, PAGE_MAX)
        page = session.client.send("POST", "/v1/query", {"query": text, "limit": size, "after": after}).body
        if not isinstance(page, dict) or not isinstance(page.get("items"), list):
            raise BadAnswer("/v1/query answered without a page", hint="see what runs: vedette status")
        yield page
        after = str(page.get("next") or "")
        if not after:
            return
        if left is not None:
            left -= len(page["items"])


def _show(session: Session, pages: Iterator[Mapping[str, Any]]) -> None:
    count, following = 0, None
    for page in pages:
        following, items = page.get("next"), page["items"]
        count += len(items)
        if not items:
            continue
        if page["kind"] == "twin":
            rows = [[cell(item) for cell in _TWIN_COLUMNS.values()] for item in items]
            session.output.table(tuple(_TWIN_COLUMNS), rows)
        else:
            names = list(dict.fromkeys(name for item in items for name in item))
            session.output.table(names, [[item.get(name) for name in names] for item in items])
    if not count:
        session.output.note("Nothing matches.")
    if following:
        session.output.note(f"There is more: --all, or --after {following}")


def point_at(problem: Refused, text: str) -> None:
    """Write the part of a text that was not understood, and a caret below the place."""
    context = problem.body.get("context")
    position = context.get("position") if isinstance(context, Mapping) else None
    if not isinstance(position, int) or not 0 <= position <= len(text):
        return
    begin = max(0, position - _CONTEXT_CHARS // 2)
    shown = text[begin : begin + _CONTEXT_CHARS]
    if not shown.isprintable():  # an escape would move the caret
        shown = "".join(char if char.isprintable() else " " for char in shown)
    tell(f"  {shown}")
    tell(f"  {' ' * (position - begin)}^")


def _plain(item: Mapping[str, Any], which: str) -> str:
    found = item.get("properties", {}).get(which, {})
    kept = {name: value for name, value in found.items() if not name.startswith("$")}
    return show_value(kept) if not any(isinstance(each, dict) for each in kept.values()) else json.dumps(kept)
