from __future__ import annotations

import io
import json
import logging
import threading
from collections.abc import Iterator
from typing import Literal

import pytest

from vedette.app.logs import LineFormatter, format_line
from vedette.app.relay import LineRelay
from vedette.simulation import ManualClock


@pytest.fixture
def log() -> Iterator[tuple[logging.Logger, io.StringIO]]:
    logger = logging.getLogger("vedette.test_logs")
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    logger.addHandler(handler)
    logger.setLevel("DEBUG")
    logger.propagate = False
    yield logger, stream
    logger.removeHandler(handler)


def written(log: tuple[logging.Logger, io.StringIO], form: Literal["text", "json"]) -> io.StringIO:
    logger, stream = log
    logger.handlers[0].setFormatter(LineFormatter("control", form, ManualClock()))
    return stream


def fail(logger: logging.Logger, **facts: object) -> None:
    try:
        int("wrong")
    except ValueError:
        logger.exception("failed", extra=facts)


def test_a_line_holds_the_message_and_its_facts(log: tuple[logging.Logger, io.StringIO]) -> None:
    stream = written(log, "text")
    log[0].warning("device refused", extra={"device": "pump-7", "tries": 3})
    assert stream.getvalue().endswith("control    WARNING device refused device=pump-7 tries=3\n")


def test_text_from_outside_cannot_forge_a_line(log: tuple[logging.Logger, io.StringIO]) -> None:
    stream = written(log, "text")
    log[0].info("connected", extra={"device": "x\n10:00:00.000 control    ERROR forged\x1b[31m\u202e"})
    assert stream.getvalue().count("\n") == 1
    assert "\x1b" not in stream.getvalue()
    assert "\u202e" not in stream.getvalue()


def test_json_is_one_object_a_line(log: tuple[logging.Logger, io.StringIO]) -> None:
    stream = written(log, "json")
    fail(log[0], device="a\nb", odd={1, 2})
    line = json.loads(stream.getvalue())
    assert stream.getvalue().count("\n") == 1
    assert (line["message"], line["level"], line["device"], line["process"]) == ("failed", "ERROR", "a\nb", "control")
    assert "ValueError: invalid literal" in line["exception"]


def test_an_exception_is_indented_under_its_line(log: tuple[logging.Logger, io.StringIO]) -> None:
    stream = written(log, "text")
    fail(log[0])
    first, *rest = stream.getvalue().splitlines()
    assert first.endswith("failed")
    assert all("control" in line for line in rest)


def test_lines_of_foreign_programs_look_alike() -> None:
    time = "2026-11-22T10:00:00.000Z"
    line = format_line("text", time=time, process="nats-server", level="ERROR", message="no disk", facts={})
    assert line == "10:00:00.000 nats-server ERROR   no disk"


class Stuck(io.StringIO):
    """A terminal that somebody has stopped with Ctrl-S."""

    def __init__(self) -> None:
        super().__init__()
        self.go_on = threading.Event()

    def write(self, text: str) -> int:
        self.go_on.wait(120)
        return super().write(text)


def test_a_reader_that_stands_still_holds_nobody_up() -> None:
    stream = Stuck()
    with LineRelay(stream, max_waiting=10) as relay:
        for number in range(100):
            relay.write(f"line {number}")
        stream.go_on.set()
    told = stream.getvalue()
    assert "line 0\n" in told
    assert "lines dropped" in told
    assert told.count("line ") <= 13


def test_a_closed_standard_error_is_survived() -> None:
    stream = io.StringIO()
    stream.close()
    with LineRelay(stream) as relay:
        relay.write("nobody hears this")
