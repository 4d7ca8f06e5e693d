"""Acknowledged commands leave their queues: those of all sessions together, again until control answers.

What is given up costs no more than a redelivery that is marked as one.
"""

from __future__ import annotations

import asyncio
import logging
from typing import Final

from vedette.bus import RemoteProblem
from vedette.bus.contract import COMPLETE_COMMANDS, CommandsCompleted, CompleteCommands
from vedette.gateway.control_calls import Control
from vedette.gateway.listener import guard
from vedette.kernel import Problem

log = logging.getLogger(__name__)

_GATHER_S: Final = 0.003
_PER_CALL: Final = 1_000
_TIMEOUT_S: Final = 5.0
_FIRST_PAUSE_S: Final = 0.1
_LONGEST_PAUSE_S: Final = 2.0
_MAX_WAITING: Final = 50_000
_SERVER_ERRORS: Final = 500


class Completions:
    """What devices acknowledged and control has not confirmed yet.

    Args:
        bus: Asks control.
        organization_id: Of the request.
        gateway: This gateway's name.
        tasks: Parent of the task that asks.
    """

    def __init__(self, *, bus: Control, organization_id: str, gateway: str, tasks: asyncio.TaskGroup) -> None:
        self._bus = bus
        self._organization_id = organization_id
        self._gateway = gateway
        self._tasks = tasks
        self._waiting: dict[tuple[str, int], None] = {}
        self._under_way: list[tuple[str, int]] = []
        self._of_identity: dict[str, int] = {}
        self._is_sending = False
        self._is_closed = False
        self._progress = asyncio.Event()

    def __len__(self) -> int:
        """How many wait or are under way."""
        return len(self._waiting) + len(self._under_way)

    def add(self, generation_id: str, sequence: int) -> None:
        """Complete a command, soon; above its bound the oldest is given up."""
        key = (generation_id, sequence)
        if key in self._waiting or self._is_closed:
            return
        if len(self._waiting) >= _MAX_WAITING:
            oldest = next(iter(self._waiting))
            del self._waiting[oldest]
            self._settle([oldest])
        self._waiting[key] = None
        self._of_identity[generation_id] = self._of_identity.get(generation_id, 0) + 1
        if not self._is_sending:
            self._is_sending = True
            self._tasks.create_task(guard(self._send_all()), name="complete commands")

    async def settled(self, generation_id: str, *, timeout_s: float) -> None:
        """Wait until an identity's completions are confirmed or given up, for a time."""
        try:
            async with asyncio.timeout(timeout_s):
                while generation_id in self._of_identity:
                    self._progress.clear()
                    await self._progress.wait()
        except TimeoutError:
            log.debug("completions of an identity are not confirmed yet", extra={"generation_id": generation_id})

    async def flush(self) -> None:
        """Wait until everything is confirmed or given up; the caller sets the deadline."""
        while self._is_sending:
            self._progress.clear()
            await self._progress.wait()

    def close(self) -> None:
        """Give up what waits: the gateway is stopping."""
        self._is_closed = True
        self._progress.set()

    async def _send_all(self) -> None:
        pause_s = _FIRST_PAUSE_S
        try:
            while self._waiting and not self._is_closed:
                await asyncio.sleep(_GATHER_S)
                if await self._send_some():
                    pause_s = _FIRST_PAUSE_S
                elif not self._is_closed:
                    await asyncio.sleep(pause_s)
                    pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)
        finally:
            self._is_sending = False
            self._progress.set()

    async def _send_some(self) -> bool:
        """Send the oldest; false when control does not answer, and they wait on."""
        some = list(self._waiting)[:_PER_CALL] if len(self._waiting) > _PER_CALL else list(self._waiting)
        for key in some:
            del self._waiting[key]
        self._under_way = some
        request = CompleteCommands(organization_id=self._organization_id, gateway=self._gateway, completed=some)
        try:
            await self._bus.call(COMPLETE_COMMANDS, request, CommandsCompleted, timeout_s=_TIMEOUT_S)
        except Problem as problem:
            if not isinstance(problem, RemoteProblem) or problem.remote_status >= _SERVER_ERRORS:
                self._waiting = {**dict.fromkeys(some), **self._waiting}
                self._under_way = []
                return False
            log.warning("completed commands were refused", extra={"count": len(some), "reason": problem.detail})
        self._under_way = []
        self._settle(some)
        return True

    def _settle(self, keys: list[tuple[str, int]]) -> None:
        for generation_id, _ in keys:
            left = self._of_identity[generation_id] - 1
            if left:
                self._of_identity[generation_id] = left
            else:
                del self._of_identity[generation_id]
        self._progress.set()
