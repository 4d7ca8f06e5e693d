from __future__ import annotations

import io
import json
from typing import Any

import pytest

from vedette.cli.change import Change, differences, perform, show_change
from vedette.cli.output import Output
from vedette.cli.problems import NotConfirmed, Usage
from vedette.cli.session import Session
from vedette.cli.target import Choice

DEVICE = {"device_id": "pump-1", "is_enabled": True, "site": "north", "tags": {"line": "A", "owner": {"team": "red"}}}
DISABLE = Change(
    summary="disable the device pump-1",
    method="POST",
    path="/v1/devices/pump%2D1/disable",
    body={"reason": "stolen"},
    before=DEVICE,
    after={"is_enabled": False},
    warning="It is cut off.",
)


class Terminal(io.StringIO):
    """A person at the keyboard."""

    def isatty(self) -> bool:
        return True


def session(form: Any = "table") -> Session:
    return Session(Choice(), Output(form))


def test_only_what_changes_is_named() -> None:
    patch = {"site": "north", "zone": "hall", "tags": {"line": "B", "owner": {"team": None}}}
    assert differences(DEVICE, patch) == {
        "zone": {"before": None, "after": "hall"},
        "tags.line": {"before": "A", "after": "B"},
        "tags.owner.team": {"before": "red", "after": None},
    }


def test_what_a_whole_resource_lacks_was_taken_away() -> None:
    assert differences(DEVICE, {**DEVICE, "tags": {"owner": {"team": "red"}}}, is_whole=True) == {
        "tags.line": {"before": "A", "after": None}
    }


def test_bookkeeping_is_no_change() -> None:
    assert differences({"revision": 1, "updated_at": "a"}, {"revision": 2, "updated_at": "b"}, is_whole=True) == {}


def test_a_property_that_is_not_there_is_not_taken_away() -> None:
    assert differences({}, {"site": None}) == {}


def test_an_object_replaces_a_text() -> None:
    assert differences({"tags": "x"}, {"tags": {"a": "b"}}) == {"tags": {"before": "x", "after": {"a": "b"}}}


def test_a_dry_run_shows_the_difference_and_asks_nobody(capsys: pytest.CaptureFixture[str]) -> None:
    assert perform(session(), DISABLE, dry_run=True, yes=False) is None
    shown = capsys.readouterr()
    assert "Would disable the device pump-1." in shown.out
    assert "is_enabled" in shown.out
    assert "It is cut off." in shown.out
    assert "Nothing was changed." in shown.err


def test_a_dry_run_tells_programs_request_and_difference(capsys: pytest.CaptureFixture[str]) -> None:
    perform(session("json"), DISABLE, dry_run=True)
    told = json.loads(capsys.readouterr().out)
    assert told["dry_run"] is True
    assert told["request"] == {"method": "POST", "path": DISABLE.path, "body": {"reason": "stolen"}}
    assert told["changes"] == {"is_enabled": {"before": True, "after": False}}


def test_a_dry_run_of_what_is_so_already_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    change = Change(summary="enable it", method="POST", path="/x", before=DEVICE, after={"is_enabled": True})
    perform(session(), change, dry_run=True)
    assert "It is so already." in capsys.readouterr().out


def test_a_destructive_change_is_refused_when_nobody_can_be_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("y\n"))
    with pytest.raises(Usage, match="--yes"):
        perform(session(), DISABLE, dry_run=False, yes=False)


@pytest.mark.parametrize("answer", ["", "\n", "n\n", "no\n", "yess\n"])
def test_only_a_clear_yes_is_a_yes(
    answer: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stdin", Terminal(answer))
    with pytest.raises(NotConfirmed):
        perform(session(), DISABLE, dry_run=False, yes=False)
    asked = capsys.readouterr().err
    assert "Really disable the device pump-1?" in asked
    assert "is_enabled: yes → no" in asked


def test_a_change_that_changed_nothing_is_told_as_such(capsys: pytest.CaptureFixture[str]) -> None:
    show_change(session(), DEVICE, DEVICE, done="pump-1 is changed.")
    assert capsys.readouterr().out == "It was so already.\n"
