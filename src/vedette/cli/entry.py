"""The first lines that run: they work without the server's dependencies, to say what is missing."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import typer

FAILED = 1
INTERRUPTED = 130


def build_cli() -> typer.Typer:
    """Return the whole command tree; the reference page is written from it."""
    from vedette.cli.program import build_program  # noqa: PLC0415 - needs the server's dependencies

    return build_program()


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; return the exit code.

    Args:
        arguments: Without the program's name; those of the process by default.
    """
    try:
        from vedette.cli.program import run  # noqa: PLC0415 - see the module
    except ModuleNotFoundError as error:
        given = sys.argv[1:] if arguments is None else list(arguments)
        if given[:1] == ["sensor"]:  # a site installs the bare distribution
            from vedette.sensor import main as run_sensor  # noqa: PLC0415 - only here

            return run_sensor(given[1:])
        sys.stderr.write(f"vedette: {error.name} is not installed: pip install 'vedette[server]'\n")
        return FAILED
    try:
        return run(sys.argv[1:] if arguments is None else list(arguments))
    except KeyboardInterrupt:
        return INTERRUPTED
