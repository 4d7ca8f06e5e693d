"""``vedette sensor train`` and ``classify``: types of devices, learned from captures; needs no running platform."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

Captures = Annotated[list[Path], typer.Argument(help="Captures, or folders of them.")]


def train(
    captures: Captures,
    model: Annotated[Path, typer.Option("--model", "-o", metavar="FILE", help="Where the model goes.")],
    *,
    labels: Annotated[
        Path | None,
        typer.Option(
            "--labels",
            metavar="FILE",
            help="CSV with the columns capture, device and type, or a list of MAC addresses with types; without it the "
            "names of folders are the types of the captures in them.",
        ),
    ] = None,
    window_s: Annotated[int, typer.Option("--window", help="Seconds of one window.", min=1, max=86_400)] = 600,
    max_windows: Annotated[
        int, typer.Option("--windows", help="How many of them, from when a device is first seen.", min=1, max=1_000)
    ] = 12,
    folds: Annotated[int, typer.Option("--folds", help="Of the test that is printed; 0: none.", min=0, max=100)] = 10,
    trees: Annotated[int, typer.Option("--trees", help="More are slower and steadier.", min=1, max=2_000)] = 200,
    seed: Annotated[int, typer.Option("--seed", help="The same gives the same model.")] = 1,
) -> None:
    """Learn types of devices from labelled captures, and print how well each is recognised."""
    from vedette.sensor import train as learn  # noqa: PLC0415 - other commands need none of it

    raise typer.Exit(
        learn(
            captures, labels, model, window_s=window_s, max_windows=max_windows, folds=folds, trees=trees, seed=seed
        )
    )  # fmt: skip


def classify(
    captures: Captures,
    model: Annotated[
        Path | None, typer.Option("--model", metavar="FILE", help="What was learned; else what is built in decides.")
    ] = None,
    labels: Annotated[
        Path | None,
        typer.Option("--labels", metavar="FILE", help="What they are, if known: only those, and the share right."),
    ] = None,
    output: Annotated[
        Literal["table", "json", "csv"], typer.Option("--output", "-o", help="`json` and `csv` have every reason.")
    ] = "table",
) -> None:
    """Say what type the devices in captures are, with reasons; `unknown` if too little speaks for any."""
    from vedette.sensor import classify as judge  # noqa: PLC0415 - other commands need none of it

    raise typer.Exit(judge(captures, model=model, labels=labels, output=output))
