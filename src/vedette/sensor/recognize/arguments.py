"""``train`` and ``classify`` where only the bare distribution is installed."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from vedette.sensor.recognize.command import classify, train
from vedette.sensor.recognize.forest import TREES
from vedette.sensor.recognize.observer import MAX_WINDOWS, WINDOW_S
from vedette.sensor.recognize.validation import FOLDS

if TYPE_CHECKING:
    Verbs = argparse._SubParsersAction[argparse.ArgumentParser]  # noqa: SLF001 - its only name


def add_recognizing(verbs: Verbs) -> None:
    """Add both verbs to a parser."""
    learn = verbs.add_parser("train", help="learn types of devices from labelled captures")
    learn.add_argument("captures", nargs="+", type=Path, help="captures, or folders of them")
    learn.add_argument(
        "--labels",
        type=Path,
        metavar="FILE",
        help="capture,device,type, or MAC addresses with types; else folders' names",
    )
    learn.add_argument("-o", "--model", type=Path, required=True, metavar="FILE", help="where the model goes")
    learn.add_argument("--window", dest="window_s", type=int, default=WINDOW_S, help="seconds of one window")
    learn.add_argument(
        "--windows", dest="max_windows", type=int, default=MAX_WINDOWS, help="from when a device is first seen"
    )
    learn.add_argument("--folds", type=int, default=FOLDS, help="of the test; 0: none")
    learn.add_argument("--trees", type=int, default=TREES)
    learn.add_argument("--seed", type=int, default=1)
    judge = verbs.add_parser("classify", help="say what type devices in captures are")
    judge.add_argument("captures", nargs="+", type=Path, help="captures, or folders of them")
    judge.add_argument("--model", type=Path, metavar="FILE", help="what was learned; else what is built in decides")
    judge.add_argument("--labels", type=Path, metavar="FILE", help="what they are: judge those, count what is right")
    judge.add_argument("--output", choices=("table", "json", "csv"), default="table")


def recognizing(chosen: argparse.Namespace) -> int:
    """Do what a command line of these verbs asks; answer the exit code.

    Raises:
        Problem: A file can't be read, or nothing can be learned.
    """
    if chosen.verb == "train":
        given = {name: value for name, value in vars(chosen).items() if name != "verb"}
        return train(given.pop("captures"), given.pop("labels"), given.pop("model"), **given)
    return classify(chosen.captures, model=chosen.model, labels=chosen.labels, output=chosen.output)
