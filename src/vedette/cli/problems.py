"""What the command itself refuses, what the API refused, and the exit code of each."""

from __future__ import annotations

import http
from collections.abc import Mapping
from typing import Any, ClassVar, Final

from vedette.kernel import Problem

DONE: Final = 0
FAILED: Final = 1
USAGE: Final = 2
DENIED: Final = 3
NOT_FOUND: Final = 4

# 404 by the hub's contract, though what was named is there: a script must be able to tell them apart.
_NOT_THERE_NOW: Final = frozenset({"messaging.device_not_online", "messaging.device_connection_closed"})
_USAGE_STATUSES: Final = frozenset({400, 413, 422})


class Usage(Problem):
    """The command cannot be carried out as it was given."""

    code: ClassVar[str] = "cli.usage"
    status: ClassVar[int] = 422


class Unusable(Problem):
    """What a file holds is wrong: the command failed, though it was given well."""

    code: ClassVar[str] = "cli.unusable"
    status: ClassVar[int] = 422


class Denied(Problem):
    """The command may not read what it needs, or has no credentials."""

    code: ClassVar[str] = "cli.denied"
    status: ClassVar[int] = 403


class NotFound(Problem):
    """There is nothing of that name."""

    code: ClassVar[str] = "cli.not_found"
    status: ClassVar[int] = 404


class NotConfirmed(Problem):
    """A destructive change was not confirmed."""

    code: ClassVar[str] = "cli.not_confirmed"
    status: ClassVar[int] = 409


class Unreachable(Problem):
    """The API does not answer."""

    code: ClassVar[str] = "cli.unreachable"
    status: ClassVar[int] = 503


class BadAnswer(Problem):
    """What answered is not the API of Vedette."""

    code: ClassVar[str] = "cli.bad_answer"
    status: ClassVar[int] = 502


class Refused(Problem):
    """The API refused a request; ``body`` is its problem document.

    Args:
        answered: The HTTP status.
        body: RFC 9457; members may be missing.
    """

    code: ClassVar[str] = "cli.refused"

    def __init__(self, answered: int, body: Mapping[str, Any]) -> None:  # Any: JSON
        self.answered = answered
        self.body = dict(body)
        title = next((each.phrase for each in http.HTTPStatus if each.value == answered), "refused")
        detail, hint = str(body.get("detail") or f"{answered} {title}"), str(body.get("hint") or "")
        if members := _members(body.get("errors")):
            detail, hint = members, "see the command's --help"
        super().__init__(detail, hint=hint)

    @property
    def remote_code(self) -> str:
        """The code of the API's problem, such as ``registry.device_not_found``."""
        return str(self.body.get("code", ""))


def _members(errors: object) -> str:
    """Return what is wrong with each member of a request, by the name it has on the command line too."""
    found = errors if isinstance(errors, list) else []
    return "; ".join(
        f"{str(each.get('location', '')).partition('.')[2]}: {each.get('message', '')}"
        for each in found
        if isinstance(each, dict)
    )


def exit_code_of(problem: Problem) -> int:
    """Return the exit code that a problem ends the command with."""
    if isinstance(problem, Refused):
        if problem.remote_code in _NOT_THERE_NOW:
            return FAILED
        status = problem.answered
    elif isinstance(problem, Usage | Denied | NotFound):
        status = problem.status
    else:
        return FAILED
    if status in {http.HTTPStatus.UNAUTHORIZED, http.HTTPStatus.FORBIDDEN}:
        return DENIED
    if status == http.HTTPStatus.NOT_FOUND:
        return NOT_FOUND
    return USAGE if status in _USAGE_STATUSES else FAILED


def body_of(problem: Problem) -> dict[str, Any]:  # Any: JSON
    """Return a problem as the API would write it, for programs."""
    if isinstance(problem, Refused):
        return problem.body or {"status": problem.answered, "detail": problem.detail}
    body = {"code": problem.code, "detail": problem.detail}
    return {**body, "hint": problem.hint} if problem.hint else body
