"""The process that prints: a paper, or the report of a capture, comes as standard input, and goes out as PDF or CSV."""

from __future__ import annotations

import os
import resource
import sys
from typing import Any, Final, Literal

import msgspec

from vedette.paper.capture import PARTS, capture_csv, capture_paper
from vedette.paper.drawing import draw
from vedette.paper.letters import letters_for
from vedette.paper.model import Paper

_NICENESS: Final = 10
_MEMORY_BYTES: Final = 2 * 1024**3
_CPU_S: Final = 120


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be printed, as JSON in the only argument.

    Attributes:
        source: What comes as standard input.
        part: Of the report, for CSV.
        name: Of the capture.
        at: When it was printed.
    """

    source: Literal["paper", "capture"]
    form: Literal["pdf", "csv"] = "pdf"
    part: str = ""
    name: str = ""
    at: str = ""


def main() -> None:
    """Print what the argument says."""
    os.nice(_NICENESS)
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY_BYTES, _MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CPU, (_CPU_S, _CPU_S))
    order = msgspec.json.decode(sys.argv[1], type=Order)
    body = sys.stdin.buffer.read()
    if order.source == "paper":
        _print(msgspec.json.decode(body, type=Paper))
        return
    report: dict[str, Any] = msgspec.json.decode(body)  # Any: JSON
    if order.form == "pdf":
        _print(capture_paper(report, name=order.name, at=order.at))
        return
    part = next(each for each in PARTS if each == order.part)
    for line in capture_csv(report, part):
        sys.stdout.buffer.write(line.encode("utf-8", "replace"))


def _print(paper: Paper) -> None:
    sys.stdout.buffer.write(draw(paper, letters_for(paper)))
