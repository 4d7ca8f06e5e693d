"""What the status page shows: is anything wrong, what was refused and what to do, what changed."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, TypeVar

from vedette.api.page import cell, document, marked, table
from vedette.api.status import StatusReader, StatusView
from vedette.bus.contract import DecisionRecord
from vedette.kernel import OrganizationId, Problem, to_rfc3339
from vedette.ledger import Ledger, Record

REFUSALS_SHOWN: Final = 20
CHANGES_SHOWN: Final = 15
READ_WITHIN_S: Final = 2.0
_LOG_OUT: Final = '<form method="post" action="/logout"><p><button>Log out</button></p></form>'

T = TypeVar("T")

RefusalReader = Callable[[int], Awaitable[Sequence[DecisionRecord]]]


class StatusPage:
    """Draws the page.

    Args:
        refusals: Returns the newest refusals, newest first.
    """

    def __init__(
        self, organization_id: OrganizationId, status: StatusReader, ledger: Ledger, refusals: RefusalReader
    ) -> None:
        self._organization_id = organization_id
        self._status = status
        self._ledger = ledger
        self._refusals = refusals

    async def draw(self) -> str:
        """Return the page; a part that cannot be read now is told so, and the others are shown all the same."""
        status = await self._status.read()
        after = max(0, status.ledger_size - CHANGES_SHOWN)
        refused = await _read(self._refusals(REFUSALS_SHOWN))
        changes = await _read(self._ledger.entries(self._organization_id, after=after, limit=CHANGES_SHOWN))
        parts = (_head(status), _components(status), _refusals(refused), _devices(status), _changes(changes), _LOG_OUT)
        return document("Vedette: status", "".join(parts))


async def _read(reading: Awaitable[Sequence[T]]) -> Sequence[T] | Problem:
    """Return what was read, or why not."""
    try:
        async with asyncio.timeout(READ_WITHIN_S):
            return await reading
    except TimeoutError:
        return Problem("no answer in time")
    except Problem as problem:
        return problem


def _head(status: StatusView) -> str:
    words = {"ok": "Everything works.", "warning": "Something needs attention.", "failed": "Something is broken."}
    health = marked(words[status.health], is_good=status.health == "ok", is_warning=status.health == "warning")
    return (
        f"<h1>Vedette</h1>\n<p>{health}</p>\n"
        f'<p class="soft">{cell(status.hostname)} · version {cell(status.version)} · id scope '
        f"<code>{cell(status.id_scope)}</code> · {cell(to_rfc3339(status.at))}</p>\n"
    )


def _components(status: StatusView) -> str:
    rows = [
        (
            cell(each.name),
            marked(each.health, is_good=each.health == "ok", is_warning=each.health == "warning"),
            cell(each.detail),
            cell(each.hint),
        )
        for each in status.components
    ]
    return table("Components", ("component", "state", "", "what to do"), rows, empty="none")


def _refusals(refused: Sequence[DecisionRecord] | Problem) -> str:
    if isinstance(refused, Problem):
        return _unread("Refused lately", refused)
    rows = [
        (
            cell(each.decided_at[:19].replace("T", " ")),
            cell(each.device_id),
            cell(each.remote_address),
            cell(f"{each.reason}, {each.repeated} times" if each.repeated > 1 else each.reason),
            cell(each.detail),
            cell(each.hint),
        )
        for each in refused
    ]
    heads = ("time (UTC)", "device", "from", "check that failed", "", "what to do")
    return table("Refused lately", heads, rows, empty="Nothing was refused.")


def _devices(status: StatusView) -> str:
    devices = status.devices
    rows = [(cell(state), str(count)) for state, count in sorted(devices.by_lifecycle.items())]
    if devices.disabled:
        rows.append(("disabled", str(devices.disabled)))
    if devices.blocked:
        rows.append(("blocked", str(devices.blocked)))
    rows.append(("connected now", str(status.sessions)))
    if not devices.total:
        return table("Devices", (), [], empty="No device yet: <code>vedette enrollment create-group --help</code>")
    return table(f"Devices ({devices.total})", ("state", "devices"), rows, empty="")


def _changes(changes: Sequence[Record] | Problem) -> str:
    if isinstance(changes, Problem):
        return _unread("Changed lately", changes)
    rows = [
        (
            cell(each.at[:19].replace("T", " ")),
            cell(each.actor.name or each.actor.id),
            cell(each.action),
            cell(each.target_name or each.target),
            cell(each.reason),
        )
        for each in reversed(changes)
    ]
    return table("Changed lately", ("time (UTC)", "who", "what", "on", "why"), rows, empty="Nothing yet.")


def _unread(caption: str, problem: Problem) -> str:
    return table(caption, (), [], empty=f"This cannot be read now: {cell(problem.detail)}.")
