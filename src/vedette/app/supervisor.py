"""The parent of all processes: starts them in order, starts again what dies, and stops them in the reverse order.

It holds no key and speaks to no device: what needs a secret is done by a child that ends or by one that is the only
holder. Nothing outlives it (``lifeline.die_with_parent``).
"""

from __future__ import annotations

import asyncio
import logging
import os
import re
import signal
from collections.abc import Callable
from typing import Any, Final, Literal

import msgspec

from vedette.app.bus_room import BusRevival
from vedette.app.child import Child, Program
from vedette.app.logs import format_line
from vedette.app.notify import notify_service_manager
from vedette.app.plan import BUS_PROCESS, Plan
from vedette.app.relay import LineRelay
from vedette.app.restart import RestartPolicy
from vedette.app.state import RunState, write_state
from vedette.kernel import Clock, IdSource, to_rfc3339

log = logging.getLogger(__name__)

START_WITHIN_S: Final = 90.0
_STATE_EVERY_S: Final = 0.05
_STATE_RETRY_S: Final = 1.0
_BYTE: Final = 255
_BUS_LINE: Final = re.compile(r"\[\d+\] \[(?P<mark>[A-Z]{3})\] (?P<text>.*)")
_BUS_LEVELS: Final = {"WRN": "WARNING", "ERR": "ERROR", "FTL": "ERROR"}


class Supervisor:
    """Runs one plan from start to stop.

    Args:
        plan: Who is to be started.
        clock: Source of time.
        ids: Source of the jitter between restarts.
        relay: Where lines of the children go.
        on_ready: Called once, when everything is ready, with the facts the children announced.
        extra: Makes further programs, to be started last; called once the platform is ready.
        on_settled: Called once, when the further programs are ready too.
    """

    def __init__(
        self,
        plan: Plan,
        *,
        clock: Clock,
        ids: IdSource,
        relay: LineRelay,
        on_ready: Callable[[dict[str, Any]], None],
        extra: Callable[[dict[str, Any]], tuple[Program, ...]] = lambda _: (),
        on_settled: Callable[[dict[str, Any]], None] = lambda _: None,
    ) -> None:
        self._plan = plan
        self._clock = clock
        self._ids = ids
        self._relay = relay
        self._on_ready = on_ready
        self._extra = extra
        self._on_settled = on_settled
        self._children: list[Child] = []
        self._facts: dict[str, Any] = {}
        self._revival = BusRevival(plan.data.bus, self._restart_bus)
        self._stopping = asyncio.Event()
        self._changed = asyncio.Event()
        self._state = RunState(
            version=plan.version,
            pid=os.getpid(),
            state="starting",
            started_at=to_rfc3339(clock.now()),
            api_url=plan.api_url,
            api_ca_file=str(plan.data.root_certificate) if plan.has_own_api_certificate else None,
            hostname=plan.configuration.server.hostname,
            id_scope="",
            ports=plan.ports(),
            processes=(),
        )

    async def run(self) -> None:
        """Start everything, keep it running until SIGTERM or SIGINT, stop it.

        Raises:
            ProcessFailed: Something could not be started at all.
            TimeoutError: The start took too long.
        """
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._ask_to_stop)
        try:
            async with asyncio.TaskGroup() as group:
                keeper = group.create_task(self._keep_state_file(), name="state file")
                reviver = group.create_task(self._revival.run(), name="bus revival")
                try:
                    await self._start_unless_stopped(group)
                    await self._stopping.wait()
                finally:
                    self._tell("stopping")
                    notify_service_manager(self._plan.environment, "STOPPING=1")
                    await self._stop()
                    keeper.cancel()
                    reviver.cancel()
        finally:
            for number in (signal.SIGTERM, signal.SIGINT):
                loop.remove_signal_handler(number)
            await asyncio.to_thread(self._plan.data.state_file.unlink, missing_ok=True)

    def _ask_to_stop(self) -> None:
        if self._stopping.is_set():
            log.warning("asked twice: every process is killed")
            for child in self._children:
                child.kill()
        self._stopping.set()

    async def _start_unless_stopped(self, group: asyncio.TaskGroup) -> None:
        starting = group.create_task(self._start(group), name="start")
        stopped = group.create_task(self._stopping.wait(), name="wait for a signal")
        await asyncio.wait([starting, stopped], return_when=asyncio.FIRST_COMPLETED)
        stopped.cancel()
        starting.cancel()

    async def _start(self, group: asyncio.TaskGroup) -> None:
        plan = self._plan
        async with asyncio.timeout(START_WITHIN_S):
            log.info("preparing", extra={"data": str(plan.data.path)})
            self._facts = await self._run_once(await asyncio.to_thread(plan.prepare))
            if plan.has_own_bus:
                await self._start_child(group, plan.bus_server(tuple(self._facts["bus_command"])))
            await self._run_once(await asyncio.to_thread(plan.migrate))
            await self._start_child(group, await asyncio.to_thread(plan.signer))
            await self._start_child(group, await asyncio.to_thread(plan.control))
            for name in plan.gateways:
                await self._start_child(group, await asyncio.to_thread(plan.gateway, name))
        self._tell("ready")
        notify_service_manager(plan.environment, "READY=1")
        self._on_ready(self._facts)
        for program in await asyncio.to_thread(self._extra, self._facts):
            await self._start_child(group, program)
        self._on_settled(self._facts)

    async def _run_once(self, program: Program) -> dict[str, Any]:
        child = self._child(program)
        try:
            return await child.run_to_end()
        finally:
            child.kill()

    async def _start_child(self, group: asyncio.TaskGroup, program: Program) -> None:
        log.info("starting", extra={"child": program.name})
        child = self._child(program)
        self._children.append(child)
        group.create_task(child.run(), name=program.name)
        await child.wait_until_ready()
        self._facts |= child.facts

    def _child(self, program: Program) -> Child:
        return Child(
            program,
            clock=self._clock,
            policy=RestartPolicy(lambda: self._ids.random_bytes(1)[0] / _BYTE),
            on_line=self._relay_line,
            on_change=self._changed.set,
        )

    async def _stop(self) -> None:
        """Stop in reverse order: no new work comes in while the rest is finished."""
        for child in reversed(self._children):
            await child.stop()

    def _restart_bus(self) -> None:
        for child in self._children:
            if child.program.name == BUS_PROCESS:
                child.restart()

    def _relay_line(self, process: str, line: str) -> None:
        match = _BUS_LINE.fullmatch(line) if process == BUS_PROCESS else None
        if match is None:
            self._relay.write(line)
            return
        self._revival.hear(match["text"])
        level = _BUS_LEVELS.get(match["mark"], "DEBUG")
        settings = self._plan.configuration.log
        if level != "DEBUG" or settings.level == "debug":
            now = to_rfc3339(self._clock.now())
            text = format_line(settings.format, time=now, process=process, level=level, message=match["text"], facts={})
            self._relay.write(text)

    def _tell(self, state: Literal["ready", "stopping"]) -> None:
        self._state = msgspec.structs.replace(self._state, state=state, id_scope=str(self._facts.get("id_scope", "")))
        self._changed.set()

    async def _keep_state_file(self) -> None:
        while True:
            self._changed.clear()
            state = msgspec.structs.replace(self._state, processes=tuple(child.state for child in self._children))
            try:
                await asyncio.to_thread(write_state, self._plan.data.state_file, state)
            except OSError as error:
                log.warning("state file not written", extra={"reason": str(error)})
                await asyncio.sleep(_STATE_RETRY_S)
                continue
            await self._changed.wait()
            await asyncio.sleep(_STATE_EVERY_S)
