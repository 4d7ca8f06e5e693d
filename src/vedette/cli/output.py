"""What people and programs get to see: tables and JSON on standard output, everything else on standard error."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final, Literal, TextIO

from vedette.cli.problems import body_of
from vedette.kernel import Problem, escape_terminal

Format = Literal["table", "json"]
Rows = Iterable[Sequence[object]]

_CELL_MAX_CHARS: Final = 2_000
_TEXT_MAX_CHARS: Final = 8_000
_DOCUMENT_LINE_MAX_CHARS: Final = 262_144
# Wide enough that nothing is cut or wrapped when a program reads a table.
_UNBOUNDED: Final = 20_000
# What became of a member: the sign says it too, so that nobody depends on colours.
_COLOURS: Final = {"+": "32", "-": "31", "~": "33"}


class Output:
    """Writes in the format that was asked for; every text is escaped here, so no command can forget it.

    Args:
        form: ``table`` for people, ``json`` for programs.
    """

    def __init__(self, form: Format) -> None:
        self.form = form

    @property
    def is_json(self) -> bool:
        """Whether a program reads."""
        return self.form == "json"

    def json(self, body: object) -> None:
        """Write a whole JSON document; ASCII only, so that it is harmless on a terminal."""
        sys.stdout.write(json.dumps(body, indent=2) + "\n")
        sys.stdout.flush()

    def json_line(self, body: object) -> None:
        """Write one JSON document on one line, for streams."""
        sys.stdout.write(json.dumps(body) + "\n")
        sys.stdout.flush()

    def document(self, body: object) -> None:
        """Write a JSON document that came from outside, readable and harmless, every character but the invisible."""
        for line in json.dumps(body, indent=2, ensure_ascii=False).split("\n"):
            sys.stdout.write(escape_terminal(line, max_chars=_DOCUMENT_LINE_MAX_CHARS) + "\n")
        sys.stdout.flush()

    def line(self, text: str) -> None:
        """Write one line for people."""
        sys.stdout.write(escape_terminal(text, max_chars=_TEXT_MAX_CHARS) + "\n")
        sys.stdout.flush()

    def table(self, columns: Sequence[str], rows: Rows) -> None:
        """Write a table; headings and cells may hold text from outside."""
        from rich.table import Table  # noqa: PLC0415 - costs 50 ms

        table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
        for name in columns:
            table.add_column(_cell(name), overflow="fold")
        for row in rows:
            table.add_row(*(_cell(value) for value in row))
        self._print(table)

    def details(self, facts: Mapping[str, object], *, title: str = "") -> None:
        """Write names and values, one a line."""
        from rich.table import Table  # noqa: PLC0415 - costs 50 ms

        if title:
            self.line(title)
        table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), show_header=False)
        table.add_column(style="bold", no_wrap=True)
        table.add_column(overflow="fold")
        for name, value in facts.items():
            table.add_row(_cell(f"  {name}" if title else name), _cell(value))
        self._print(table)

    def note(self, text: str) -> None:
        """Tell a person something beside the result."""
        if not self.is_json:
            tell(text)

    def changes(self, found: Mapping[str, Mapping[str, object]], shown: Callable[[object], str]) -> None:
        """Write what changes, as ``tell_changes`` does."""
        _write_changes(sys.stdout, found, shown)

    def problem(self, problem: Problem) -> None:
        """Tell why the command ends without having done its work, and what to do next."""
        if self.is_json:
            sys.stderr.write(json.dumps(body_of(problem)) + "\n")
        else:
            tell_problem(problem)

    def _print(self, table: Any) -> None:  # Any: rich is imported when it is needed
        from rich.console import Console  # noqa: PLC0415 - costs 50 ms

        console = Console(file=sys.stdout, highlight=False, markup=False, emoji=False)
        if not console.is_terminal:
            console = Console(file=sys.stdout, highlight=False, markup=False, emoji=False, width=_UNBOUNDED)
            with console.capture() as captured:
                console.print(table)
            sys.stdout.write("".join(line.rstrip() + "\n" for line in captured.get().splitlines()))
        else:
            console.print(table)
        sys.stdout.flush()


def tell(text: str) -> None:
    """Write lines to standard error, harmless on a terminal."""
    for line in text.splitlines():
        sys.stderr.write(escape_terminal(line, max_chars=_TEXT_MAX_CHARS) + "\n")
    sys.stderr.flush()


def tell_changes(found: Mapping[str, Mapping[str, object]], shown: Callable[[object], str]) -> None:
    """Write one line for each member that comes, goes or becomes different, to standard error.

    Args:
        found: Dotted path → ``before`` and ``after``; ``None`` for what is not there.
        shown: How a value is written.
    """
    _write_changes(sys.stderr, found, shown)


def tell_problem(problem: Problem) -> None:
    """Write a problem and its hint to standard error."""
    tell(f"vedette: {problem.detail}")
    if problem.hint:
        tell(f"  next: {problem.hint}")


def show_value(value: object) -> str:
    """Return a JSON value as people read it; an absent one becomes a dash."""
    match value:
        case None | str() | list() | dict() if not value:
            shown = "-"
        case bool():
            shown = "yes" if value else "no"
        case list() if all(isinstance(each, str | int | float) for each in value):
            shown = ", ".join(str(each) for each in value)
        case dict() if not any(isinstance(each, list | dict) for each in value.values()):
            shown = ", ".join(f"{name}={show_value(each)}" for name, each in value.items())
        case list() | dict():
            shown = json.dumps(value, ensure_ascii=False)
        case _:
            shown = str(value)
    return shown


def show_actor(actor: Mapping[str, Any]) -> str:
    """Write who acted: a person by name and id, others by their id."""
    name = actor.get("name")
    return f"{actor['kind']} {name} ({actor['id']})" if name else f"{actor['kind']} {actor['id']}"


def show_time(moment: object) -> str:
    """Return an RFC 3339 time as people read it, in UTC."""
    text = str(moment or "")
    is_utc = len(text) >= len("2026-11-22T10:00:00Z") and text.endswith("Z")
    return f"{text[:10]} {text[11:19]}Z" if is_utc else text or "-"


def show_json(value: object) -> str:
    """Return a JSON value as JSON, so that a number and the text of one can be told apart."""
    return "-" if value is None else json.dumps(value, ensure_ascii=False)


def _write_changes(stream: TextIO, found: Mapping[str, Mapping[str, object]], shown: Callable[[object], str]) -> None:
    is_coloured = stream.isatty() and not os.environ.get("NO_COLOR")
    for path, each in found.items():
        before, after = each["before"], each["after"]
        if before is None:
            sign, text = "+", shown(after)
        elif after is None:
            sign, text = "-", shown(before)
        else:
            sign, text = "~", f"{shown(before)} → {shown(after)}"
        line = escape_terminal(f"  {sign} {path}: {text}", max_chars=_TEXT_MAX_CHARS)
        stream.write(f"\x1b[{_COLOURS[sign]}m{line}\x1b[0m\n" if is_coloured else f"{line}\n")
    stream.flush()


def _cell(value: object) -> Any:  # Any: rich is imported when it is needed
    from rich.text import Text  # noqa: PLC0415 - costs 50 ms

    return Text(escape_terminal(show_value(value), max_chars=_CELL_MAX_CHARS))
