from __future__ import annotations

import json

import pytest

from vedette.cli.output import Output, show_time, show_value, tell
from vedette.cli.problems import Refused, Usage

EVIL = "\x1b[2J\x9b31mred\u202egpj.exe\x07\r\nfake line"


def test_no_text_from_outside_reaches_the_terminal_as_it_came(capsys: pytest.CaptureFixture[str]) -> None:
    output = Output("table")
    output.table(("device", "tags"), [(EVIL, {EVIL: EVIL})])
    output.details({"reason": EVIL}, title=EVIL)
    output.line(EVIL)
    output.note(EVIL)
    output.problem(Usage(EVIL, hint=EVIL))
    shown = capsys.readouterr()
    for text in (shown.out, shown.err):
        assert not {"\x1b", "\x9b", "\x07", "\r", "\u202e"} & set(text)
        assert "\\x1b" in text


def test_rich_markup_in_a_cell_is_only_text(capsys: pytest.CaptureFixture[str]) -> None:
    Output("table").table(("device",), [("[red]x[/red] :smile: [link=http://x]y",)])
    assert "[red]x[/red] :smile: [link=http://x]y" in capsys.readouterr().out


def test_json_is_ascii_and_means_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    body = {"name": EVIL, "other": "Größe 漢", "none": None}
    Output("json").json(body)
    shown = capsys.readouterr().out
    assert shown.isascii()
    assert json.loads(shown) == body


def test_a_stream_is_one_object_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    output = Output("json")
    output.json_line({"body": "a\nb"})
    output.json_line({"body": "c"})
    lines = capsys.readouterr().out.splitlines()
    assert [json.loads(line)["body"] for line in lines] == ["a\nb", "c"]


def test_a_table_that_a_program_reads_is_neither_cut_nor_padded(capsys: pytest.CaptureFixture[str]) -> None:
    Output("table").table(("a", "b"), [("x" * 300, "y" * 300), ("1", "")])
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 3
    assert "x" * 300 in lines[1]
    assert all(line == line.rstrip() for line in lines)


def test_notes_are_for_people_and_on_standard_error(capsys: pytest.CaptureFixture[str]) -> None:
    Output("table").note("beside the result")
    Output("json").note("not for programs")
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err == "beside the result\n"


def test_a_refusal_is_one_json_line_for_programs_and_a_next_step_for_people(
    capsys: pytest.CaptureFixture[str],
) -> None:
    refused = Refused(404, {"status": 404, "code": "x.y", "detail": "no", "hint": "look"})
    Output("json").problem(refused)
    assert json.loads(capsys.readouterr().err) == {"status": 404, "code": "x.y", "detail": "no", "hint": "look"}
    Output("table").problem(refused)
    assert capsys.readouterr().err == "vedette: no\n  next: look\n"


def test_lines_of_a_problem_stay_lines(capsys: pytest.CaptureFixture[str]) -> None:
    tell("two problems:\n  one\n  two")
    assert capsys.readouterr().err == "two problems:\n  one\n  two\n"


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        pytest.param(None, "-", id="null"),
        pytest.param("", "-", id="empty text"),
        pytest.param([], "-", id="empty list"),
        pytest.param({}, "-", id="empty object"),
        pytest.param(0, "0", id="zero"),
        pytest.param(False, "no", id="false"),
        pytest.param(True, "yes", id="true"),
        pytest.param(["a", "b"], "a, b", id="list"),
        pytest.param({"line": "A", "n": 3, "x": None}, "line=A, n=3, x=-", id="object"),
        pytest.param({"a": {"b": "c"}}, '{"a": {"b": "c"}}', id="nested object"),
        pytest.param([{"a": 1}], '[{"a": 1}]', id="list of objects"),
    ],
)
def test_values_read_well(value: object, shown: str) -> None:
    assert show_value(value) == shown


@pytest.mark.parametrize(
    ("moment", "shown"),
    [
        ("2026-11-22T10:00:00.123Z", "2026-11-22 10:00:00Z"),
        ("2026-11-22T10:00:00Z", "2026-11-22 10:00:00Z"),
        (None, "-"),
        ("", "-"),
        ("tomorrow", "tomorrow"),
    ],
)
def test_times_are_short_and_in_utc(moment: object, shown: str) -> None:
    assert show_time(moment) == shown
