"""``vedette sensor baseline``: what a sensor learned as usual; needs no running platform."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from vedette.cli.session import ReportOption


class Action(StrEnum):
    """What to do with a baseline."""

    SHOW = "show"
    LEARN = "learn"
    FORGET = "forget"
    EXPORT = "export"
    IMPORT = "import"


def baseline(
    action: Annotated[Action, typer.Argument(help="What to do.")],
    state: Annotated[Path, typer.Argument(help="The file that the sensor keeps its baseline in.")],
    keys: Annotated[
        list[str] | None, typer.Argument(help="What to learn or forget: class|scope|key; for import, the file.")
    ] = None,
    *,
    scope: Annotated[str, typer.Option("--scope", help="Show only scopes that hold this text.")] = "",
    key_class: Annotated[str, typer.Option("--class", help="Show only one class of keys.")] = "",
    learn_for_s: Annotated[float, typer.Option("--learn-for", help="Seconds, as the sensor has.", min=1)] = 86_400.0,
    output: ReportOption = "table",
) -> None:
    """Show what a sensor learned as usual and why it is ready or not; allow a key, forget one, take it elsewhere."""
    from vedette.sensor import BaselineAsked, manage_baseline  # noqa: PLC0415 - other commands need none of it

    asked = BaselineAsked(str(action), state, tuple(keys or ()), scope, key_class, learn_for_s, output == "json")
    raise typer.Exit(manage_baseline(asked))
