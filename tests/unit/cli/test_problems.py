from __future__ import annotations

from typing import Any

import pytest

from vedette.cli.problems import (
    Denied,
    NotConfirmed,
    NotFound,
    Refused,
    Unreachable,
    Usage,
    body_of,
    exit_code_of,
)


@pytest.mark.parametrize(
    ("status", "code"),
    [
        pytest.param(400, 2, id="bad request"),
        pytest.param(401, 3, id="no credentials"),
        pytest.param(403, 3, id="may not"),
        pytest.param(404, 4, id="not there"),
        pytest.param(409, 1, id="state does not allow it"),
        pytest.param(412, 1, id="changed meanwhile"),
        pytest.param(413, 2, id="too large"),
        pytest.param(422, 2, id="outside its limits"),
        pytest.param(429, 1, id="too often"),
        pytest.param(500, 1, id="fault"),
        pytest.param(503, 1, id="not now"),
        pytest.param(799, 1, id="no status at all"),
    ],
)
def test_each_refusal_of_the_api_has_its_exit_code(status: int, code: int) -> None:
    assert exit_code_of(Refused(status, {"detail": "no"})) == code


def test_what_the_command_itself_refuses_has_its_exit_code() -> None:
    assert exit_code_of(Usage("how?")) == 2
    assert exit_code_of(Denied("no")) == 3
    assert exit_code_of(NotFound("where?")) == 4
    assert exit_code_of(NotConfirmed("no")) == 1
    assert exit_code_of(Unreachable("nobody")) == 1


@pytest.mark.parametrize(
    "body",
    [
        pytest.param({}, id="empty"),
        pytest.param({"detail": None, "hint": None}, id="nulls"),
        pytest.param({"errors": "not a list"}, id="errors of another kind"),
        pytest.param({"errors": [1, None]}, id="errors without members"),
    ],
)
def test_a_refusal_without_words_still_says_something(body: dict[str, Any]) -> None:
    assert Refused(404, body).detail == "404 Not Found"


def test_members_outside_their_limits_are_named_as_on_the_command_line() -> None:
    errors = [
        {"location": "body.hold_s", "message": "too large"},
        {"location": "query.limit", "message": "not a number"},
    ]
    refused = Refused(422, {"detail": "body.hold_s: too large", "hint": "openapi.json", "errors": errors})
    assert refused.detail == "hold_s: too large; limit: not a number"
    assert "--help" in refused.hint


def test_programs_get_the_problem_as_the_api_wrote_it() -> None:
    body = {"status": 404, "code": "registry.device_not_found", "detail": "there is no device 'x'"}
    assert body_of(Refused(404, body)) == body
    assert Refused(404, body).remote_code == "registry.device_not_found"
    assert body_of(Usage("how?", hint="so")) == {"code": "cli.usage", "detail": "how?", "hint": "so"}
