"""``python -m vedette.app ROLE``: the entry of every child process; people start ``vedette up``."""

from __future__ import annotations

import argparse
import asyncio
import gc
import logging
import os
import signal
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final

import uvloop

from vedette.app.lifeline import Lifeline, die_with_parent, keep_memory_private
from vedette.app.logs import set_up_logging
from vedette.app.roles import (
    ControlRole,
    GatewayRole,
    LogRole,
    MigrateRole,
    PrepareRole,
    SignerRole,
    read_role,
)
from vedette.kernel import Problem, RandomIds, SystemClock

log = logging.getLogger(__name__)

FAILED: Final = 1

# Each role imports what it needs when it starts: a gateway process never loads SQL.


def _prepare(settings: Path, lifeline: Lifeline) -> None:
    from vedette.app.prepare import prepare  # noqa: PLC0415 - see above

    keep_memory_private()
    role = read_role(settings, PrepareRole)
    clock = _begin("prepare", role.log)
    lifeline.ready(**prepare(role, clock=clock, ids=RandomIds(clock)))


def _migrate(settings: Path, lifeline: Lifeline) -> None:
    from vedette.app.migrate import migrate  # noqa: PLC0415 - see above

    role = read_role(settings, MigrateRole)
    clock = _begin("migrate", role.log)
    asyncio.run(migrate(role, clock=clock))
    lifeline.ready()


def _signer(settings: Path, lifeline: Lifeline) -> None:
    from vedette.app.signer import serve_signer  # noqa: PLC0415 - see above

    keep_memory_private()
    role = read_role(settings, SignerRole)
    clock = _begin("signer", role.log)
    _serve(lambda: serve_signer(role, clock=clock, ids=RandomIds(clock), ready=lifeline.ready))


def _control(settings: Path, lifeline: Lifeline) -> None:
    # What is loaded stays. To look through it again and again takes a tenth of the start, and is most of what a full
    # collection does later.
    gc.disable()
    from vedette.app.control import serve_control  # noqa: PLC0415 - see above

    gc.freeze()
    gc.enable()
    keep_memory_private()
    role = read_role(settings, ControlRole)
    clock = _begin("control", role.log)

    def ready(**told: object) -> None:
        gc.freeze()
        lifeline.ready(**told)

    _serve(lambda: serve_control(role, clock=clock, ids=RandomIds(clock), ready=ready))


def _gateway(settings: Path, lifeline: Lifeline) -> None:
    from vedette.app.gateway import serve_gateway  # noqa: PLC0415 - see above

    role = read_role(settings, GatewayRole)
    clock = _begin(role.name, role.log)
    _serve(lambda: serve_gateway(role, clock=clock, ids=RandomIds(clock), ready=lifeline.ready))


_ROLES: Final[dict[str, Callable[[Path, Lifeline], None]]] = {
    "prepare": _prepare,
    "migrate": _migrate,
    "signer": _signer,
    "control": _control,
    "gateway": _gateway,
}


def main(arguments: list[str]) -> int:
    """Run one role to its end; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m vedette.app", description=__doc__)
    parser.add_argument("role", choices=[*_ROLES, "exec"])
    parser.add_argument("--settings", type=Path)
    parser.add_argument("--ready", type=int)
    parser.add_argument("--parent", type=int)
    own, command = _split(arguments)
    chosen = parser.parse_args(own)
    if chosen.parent is not None:
        die_with_parent(chosen.parent)
    if chosen.role == "exec":
        os.execv(command[0], command)  # noqa: S606 - the command is the supervisor's
    lifeline = Lifeline(chosen.ready)
    try:
        _ROLES[chosen.role](chosen.settings, lifeline)
    except Problem as problem:
        log.error("cannot go on", extra={"code": problem.code, "detail": problem.detail, "hint": problem.hint})  # noqa: TRY400 - no fault of ours
        lifeline.failed(problem)
        return FAILED
    except BaseExceptionGroup as group:
        problems, others = group.split(Problem)
        if problems is None or others is not None:
            raise
        first = _first(problems)
        log.error("cannot go on", extra={"code": first.code, "detail": first.detail, "hint": first.hint})  # noqa: TRY400 - same
        lifeline.failed(first)
        return FAILED
    return 0


def _split(arguments: list[str]) -> tuple[list[str], list[str]]:
    """Split at ``--``: what follows is for the program to become."""
    at = arguments.index("--") if "--" in arguments else len(arguments)
    return arguments[:at], arguments[at + 1 :]


def _first(group: BaseExceptionGroup[Problem]) -> Problem:
    inner = group.exceptions[0]
    return inner if isinstance(inner, Problem) else _first(inner)


def _begin(process: str, role: LogRole) -> SystemClock:
    clock = SystemClock()
    set_up_logging(process, level=role.level, form=role.format, clock=clock)
    return clock


def _serve(run: Callable[[], Awaitable[None]]) -> None:
    """Run until SIGTERM, then let everything end in order."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_until_asked_to_stop(run))


async def _until_asked_to_stop(run: Callable[[], Awaitable[None]]) -> None:
    loop = asyncio.get_running_loop()
    asked = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, asked.set)

    async def stop_when_asked() -> None:
        await asked.wait()
        serving.cancel()

    async with asyncio.TaskGroup() as group:
        stopping = group.create_task(stop_when_asked(), name="wait for a signal")
        serving = group.create_task(_awaited(run), name="serve")
        await asyncio.wait([serving])
        stopping.cancel()


async def _awaited(run: Callable[[], Awaitable[None]]) -> None:
    await run()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
