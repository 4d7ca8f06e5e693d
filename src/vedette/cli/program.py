"""The command tree, and what becomes of a problem that a command did not foresee."""

from __future__ import annotations

import sys
from importlib.metadata import version
from typing import Annotated

import typer

from vedette.cli import device, ledger, platform, status
from vedette.cli.output import tell_problem
from vedette.cli.problems import exit_code_of
from vedette.kernel import Problem

_EPILOG = "Exit codes: 0 done, 1 failed, 2 usage, 3 denied, 4 not found."


def build_program() -> typer.Typer:
    """Return the command tree."""
    app = _group("Zero Trust security for IoT and OT fleets, on a machine of your own.")
    app.info.epilog = _EPILOG
    app.callback(invoke_without_command=True)(_root)
    app.command()(platform.up)
    app.command()(platform.demo)
    app.command()(status.status)
    app.command("login-link")(status.login_link)
    app.add_typer(_devices(), name="device")
    app.add_typer(_ledger(), name="ledger")
    return app


def run(arguments: list[str]) -> int:
    """Run one command line; return the exit code."""
    try:
        build_program()(args=arguments, prog_name="vedette")
    except Problem as problem:
        tell_problem(problem)
        return exit_code_of(problem)
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else 0
    return 0


def _root(
    context: typer.Context,
    *,
    is_version_asked: Annotated[bool, typer.Option("--version", help="Print the version and end.")] = False,
) -> None:
    if is_version_asked:
        sys.stdout.write(f"vedette {version('vedette')}\n")
        raise typer.Exit
    if context.invoked_subcommand is None:
        sys.stdout.write(context.get_help() + "\n")
        raise typer.Exit


def _group(text: str) -> typer.Typer:
    return typer.Typer(
        help=text,
        no_args_is_help=False,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        add_completion=False,
        context_settings={"help_option_names": ["--help", "-h"], "max_content_width": 110},
    )


def _devices() -> typer.Typer:
    app = _group("Devices: who they are, and what can be done with them.")
    app.command("list")(device.list_devices)
    app.command("show")(device.show)
    app.command("disable")(device.disable)
    app.command("enable")(device.enable)
    return app


def _ledger() -> typer.Typer:
    app = _group("The ledger: what was done, by whom and why, and that nobody edited it.")
    app.command("list")(ledger.list_entries)
    app.command("show")(ledger.show_entry)
    app.command("checkpoint")(ledger.checkpoint)
    app.command("verify")(ledger.verify)
    app.command("export")(ledger.export)
    return app
