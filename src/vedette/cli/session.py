"""What every command that speaks to the API is given: a client, an output, and the options that choose them."""

from __future__ import annotations

import inspect
import os
from collections.abc import Callable
from functools import cached_property, wraps
from pathlib import Path
from typing import Annotated, Any, Concatenate, Final, ParamSpec

import typer

from vedette.cli.client import Client
from vedette.cli.output import Format, Output
from vedette.cli.problems import exit_code_of
from vedette.cli.target import Choice, find_target
from vedette.kernel import Problem

P = ParamSpec("P")

_PANEL: Final = "Connection"
DataOption = Annotated[
    Path | None,
    typer.Option(
        "--data",
        metavar="DIR",
        help="Data directory of the platform on this machine; VEDETTE_DATA, else the one that `vedette up` takes.",
    ),
]
OutputOption = Annotated[
    Format, typer.Option("--output", "-o", help="`table` for people, `json` for programs: what the API answered.")
]
ReportOption = Annotated[
    Format, typer.Option("--output", "-o", help="`table` for people, `json` for programs: everything that is known.")
]
"""Of commands that ask no platform."""
_UrlOption = Annotated[
    str | None, typer.Option("--url", metavar="URL", help="A platform elsewhere, by its API; VEDETTE_URL.")
]
_TokenFileOption = Annotated[
    Path | None,
    typer.Option("--token-file", metavar="FILE", help="Holds the token to send; VEDETTE_TOKEN_FILE."),
]
_CaFileOption = Annotated[
    Path | None,
    typer.Option("--ca-file", metavar="FILE", help="What the API's certificate chains to, PEM; VEDETTE_CA_FILE."),
]


class Session:
    """One run of one command.

    Args:
        choice: Which platform.
        output: Where results go.
    """

    def __init__(self, choice: Choice, output: Output) -> None:
        self.choice = choice
        self.output = output

    @cached_property
    def client(self) -> Client:
        """The API; looked for when the first request is made."""
        return Client(find_target(self.choice, os.environ))

    def close(self) -> None:
        """Close what was opened."""
        if "client" in vars(self):
            self.client.close()


def remote(function: Callable[Concatenate[Session, P], None]) -> Callable[..., None]:
    """Make a command of a function: it gains the options that choose platform and format.

    A problem that the function raises is told and becomes the exit code.
    """
    own = list(inspect.signature(function, eval_str=True).parameters.values())[1:]
    common = [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)
        for name, default, annotation in (
            ("output", "table", OutputOption),
            ("data", None, DataOption),
            ("url", None, _UrlOption),
            ("token_file", None, _TokenFileOption),
            ("ca_file", None, _CaFileOption),
        )
    ]

    @wraps(function)
    def command(**given: Any) -> None:  # Any: Typer has checked each
        output = Output(given.pop("output"))
        choice = Choice(**{name: given.pop(name) for name in ("data", "url", "token_file", "ca_file")})
        session = Session(choice, output)
        try:
            function(session, **given)  # type: ignore[call-arg] # Typer fills in what the signature below says
        except Problem as problem:
            output.problem(problem)
            raise typer.Exit(exit_code_of(problem)) from None
        finally:
            session.close()

    parameters = [each.replace(kind=inspect.Parameter.KEYWORD_ONLY) for each in own] + common
    command.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined] # what Typer reads
    command.__annotations__ = {each.name: each.annotation for each in parameters}
    return command
