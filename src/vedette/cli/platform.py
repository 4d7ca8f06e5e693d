"""``vedette up`` and ``vedette demo``: the whole platform from one command."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, ClassVar, Final

import typer

from vedette.cli.announcement import announce_demo, announce_up, command_for
from vedette.cli.output import tell_problem
from vedette.cli.problems import exit_code_of
from vedette.kernel import Problem, escape_terminal

DEMO_DEVICES: Final = 25
DEMO_DEVICES_MAX: Final = 100
_LINE_MAX_CHARS: Final = 4_000

ConfigOption = Annotated[
    Path | None,
    typer.Option(
        "--config",
        metavar="FILE",
        help="Configuration, TOML; VEDETTE_CONFIG, else vedette.toml in the data directory, else defaults.",
    ),
]


class DemoImpossible(Problem):
    """The configuration does not suit the demo."""

    code: ClassVar[str] = "cli.demo_impossible"


def up(
    config: ConfigOption = None,
    data: Annotated[
        Path | None,
        typer.Option(
            "--data",
            metavar="DIR",
            help="Where everything is kept; VEDETTE_DATA, else ~/.local/share/vedette. Made when it is missing.",
        ),
    ] = None,
) -> None:
    """Run the platform until Ctrl-C.

    Without a configuration it is empty, safe and reachable from this machine only. Prints how to reach it once it is
    ready; what the processes have to say goes to standard error.
    """
    from vedette import app  # noqa: PLC0415 - costs 100 ms

    try:
        app.up(
            config=config,
            data=data,
            environment=os.environ,
            announce=lambda ready: _say(announce_up(ready)),
            progress=sys.stderr,
        )
    except Problem as problem:
        _end(problem)


def demo(
    data: Annotated[
        Path | None,
        typer.Option(
            "--data",
            metavar="DIR",
            help="Where the demo is kept, apart from a real platform; ~/.local/share/vedette-demo. Delete it to begin "
            "anew.",
        ),
    ] = None,
    devices: Annotated[
        int, typer.Option("--devices", min=1, max=DEMO_DEVICES_MAX, help="How many devices to simulate.")
    ] = DEMO_DEVICES,
    config: ConfigOption = None,
    *,
    is_without_plant: Annotated[
        bool, typer.Option("--no-plant", help="Leave out the simulated plant, which a sensor listens to.")
    ] = False,
) -> None:
    """Run the platform with simulated devices until Ctrl-C.

    They speak the real protocols: most register with a factory certificate, receive an operational one, send
    telemetry and answer methods. Some are legacy devices with a symmetric key, some have modules; one shows an expired
    certificate and is refused, and a copy of a key is noticed. A sensor hears a simulated plant: after a quiet day,
    played in the first minute, an engineering station is taken over and stops a controller.
    """
    from vedette import app  # noqa: PLC0415 - costs 100 ms

    # VEDETTE_DATA names a real platform.
    chosen = data or app.demo_data_path({name: value for name, value in os.environ.items() if name != "VEDETTE_DATA"})
    # Some of its devices are legacy ones; whoever says otherwise is heard.
    environment = {"VEDETTE_PKI__SYMMETRIC_KEYS": "true", **os.environ}
    try:
        api = app.find_configuration(config, chosen, environment)[0].configuration.api
        if api.tls not in {"auto", "off"} or api.bind not in {"", "127.0.0.1"}:
            raise DemoImpossible(
                "the demo's devices need the API on 127.0.0.1 without TLS",
                hint=_how_to_watch_from_elsewhere(environment, api.port),
            )
        app.up(
            config=config,
            data=chosen,
            environment=environment,
            announce=lambda _: _say(["", "The platform is ready; its devices arrive:"]),
            progress=sys.stderr,
            extra=lambda plan, facts: app.demo_programs(
                plan, facts, devices=devices, has_plant=not is_without_plant, command=command_for(plan)
            ),
            settled=lambda ready: _say(announce_demo(ready, devices, has_plant=not is_without_plant)),
            is_demo=True,
        )
    except Problem as problem:
        _end(problem)


def _how_to_watch_from_elsewhere(environment: Mapping[str, str], port: int) -> str:
    """Say what to leave out, and how the demo is seen from another machine all the same."""
    named = [name for name in ("VEDETTE_API__BIND", "VEDETTE_API__TLS") if name in environment]
    leave = f"unset {' and '.join(named)}" if named else "leave out bind and tls of [api]"
    return f"{leave}; to see it from another machine, run there: ssh -L {port}:127.0.0.1:{port} THIS-MACHINE"


def _say(lines: list[str]) -> None:
    try:
        for line in lines:
            sys.stdout.write(escape_terminal(line, max_chars=_LINE_MAX_CHARS) + "\n")
        sys.stdout.flush()
    except OSError:
        # Nobody reads; the platform works on.
        return


def _end(problem: Problem) -> None:
    tell_problem(problem)
    raise typer.Exit(exit_code_of(problem)) from None
