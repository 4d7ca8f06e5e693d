"""``vedette up``: from the command line to a supervisor that runs, and what is said to whoever started it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

from vedette.app.child import ProcessFailed, Program
from vedette.app.configuration_file import ReadConfiguration, read_configuration
from vedette.app.data_directory import DataDirectory, default_data_path
from vedette.app.logs import set_up_logging
from vedette.app.plan import Plan
from vedette.app.ports import check_ports
from vedette.app.relay import LineRelay
from vedette.app.supervisor import START_WITHIN_S, Supervisor
from vedette.kernel import RandomIds, SystemClock

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Ready:
    """What somebody must know to go on, once the platform is ready."""

    plan: Plan
    login_url: str
    id_scope: str
    is_first_start: bool


def find_configuration(
    path: Path | None, data: Path | None, environment: Mapping[str, str]
) -> tuple[ReadConfiguration, DataDirectory]:
    """Read the configuration: the given file, else ``$VEDETTE_CONFIG``, else ``vedette.toml`` in the data directory.

    Raises:
        BadConfiguration: With every problem at once.
    """
    directory = DataDirectory(data or default_data_path(environment))
    if path is None and (named := environment.get("VEDETTE_CONFIG")):
        path = Path(named)
    if path is None and directory.configuration_file.is_file():
        path = directory.configuration_file
    return read_configuration(path, environment), directory


def up(
    *,
    config: Path | None,
    data: Path | None,
    environment: Mapping[str, str],
    announce: Callable[[Ready], None],
    progress: TextIO,
    extra: Callable[[Plan, dict[str, Any]], tuple[Program, ...]] = lambda _plan, _facts: (),
    settled: Callable[[Ready], None] = lambda _: None,
    is_demo: bool = False,
) -> None:
    """Run the platform until it is asked to stop.

    Args:
        config: The configuration file; ``None`` looks in the usual places.
        data: The data directory; ``None`` takes the usual one.
        environment: Of this process.
        announce: Called once everything is ready.
        progress: Where log lines go.
        extra: Further programs to run beside the platform, once it is ready.
        settled: Called once the further programs are ready too.
        is_demo: Nobody depends on it.

    Raises:
        BadConfiguration: The configuration cannot be used.
        DataDirectoryInUse: Another platform runs on the data directory.
        PortUnavailable: A port is taken.
        ProcessFailed: A process could not be started.
    """
    clock = SystemClock()
    read, directory = find_configuration(config, data, environment)
    plan = Plan(read.configuration, directory, environment, is_demo=is_demo)
    with LineRelay(progress) as relay:
        settings = read.configuration.log
        set_up_logging("up", level=settings.level, form=settings.format, clock=clock, stream=relay)
        for warning in read.warnings:
            log.warning("configuration", extra={"finding": str(warning)})
        directory.create()
        directory.lock()
        try:
            check_ports(plan.listeners())
            supervisor = Supervisor(
                plan,
                clock=clock,
                ids=RandomIds(clock),
                relay=relay,
                on_ready=lambda facts: announce(_ready(plan, facts)),
                extra=lambda facts: extra(plan, facts),
                on_settled=lambda facts: settled(_ready(plan, facts)),
            )
            _run(supervisor)
        finally:
            directory.unlock()


def _run(supervisor: Supervisor) -> None:
    try:
        asyncio.run(supervisor.run())
    except* ProcessFailed as group:
        raise _first(group) from None
    except* TimeoutError:
        raise ProcessFailed(
            f"not everything was ready within {START_WITHIN_S:.0f} s", hint="look at the lines above"
        ) from None


def _first(group: BaseExceptionGroup[ProcessFailed]) -> ProcessFailed:
    inner = group.exceptions[0]
    return inner if isinstance(inner, ProcessFailed) else _first(inner)


def _ready(plan: Plan, facts: dict[str, Any]) -> Ready:
    return Ready(
        plan=plan,
        login_url=f"{plan.api_url}/login?token={facts.get('login_token', '')}",
        id_scope=str(facts["id_scope"]),
        is_first_start=bool(facts["is_first_start"]),
    )
