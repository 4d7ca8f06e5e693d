"""Every refusal as ``application/problem+json``.

Source:
    RFC 9457 (problem details for HTTP APIs).
"""

from __future__ import annotations

import http
import logging
from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException
from starlette.routing import Match

from vedette.api.errors import InvalidRequest
from vedette.kernel import Problem

log = logging.getLogger(__name__)

MEDIA_TYPE: Final = "application/problem+json"
_FINDINGS_MAX: Final = 20
# Shared Signals Framework 1.0 §8.1: a body that cannot be read is answered 400, whatever is wrong with it.
_ANSWERED_400: Final = ("/v1/ssf/streams", "/v1/ssf/status", "/v1/ssf/subjects", "/v1/ssf/verify")
_RETRY_AFTER_S: Final = {429: "60", 503: "2"}

# JSON schema of the body, for the OpenAPI file.
PROBLEM_SCHEMA: Final[dict[str, Any]] = {  # Any: JSON schema
    "type": "object",
    "title": "Problem",
    "description": "Why a request was refused, and what to do next (RFC 9457).",
    "required": ["type", "title", "status", "detail", "code"],
    "properties": {
        "type": {"type": "string", "format": "uri", "description": "`urn:vedette:problem:` and the code."},
        "title": {"type": "string", "description": "The status in words."},
        "status": {"type": "integer"},
        "detail": {"type": "string", "description": "What happened, for a person."},
        "code": {"type": "string", "description": "What happened, for a program: `room.problem`; never changes."},
        "hint": {"type": "string", "description": "The next step."},
        "context": {"type": "object", "description": "Facts such as a limit.", "additionalProperties": True},
        "errors": {
            "type": "array",
            "description": "Each member that is missing or outside its limits.",
            "items": {
                "type": "object",
                "required": ["location", "message"],
                "properties": {"location": {"type": "string"}, "message": {"type": "string"}},
            },
        },
    },
}


def problem_body(problem: Problem, errors: Sequence[Mapping[str, str]] = ()) -> dict[str, Any]:  # Any: JSON
    """Return a problem as RFC 9457 says."""
    body: dict[str, Any] = {
        "type": f"urn:vedette:problem:{problem.code}",
        "title": _title(problem.status),
        "status": problem.status,
        "detail": problem.detail,
        "code": problem.code,
    }
    if problem.hint:
        body["hint"] = problem.hint
    if problem.context:
        body["context"] = problem.context
    if errors:
        body["errors"] = list(errors)
    return body


def problem_response(
    problem: Problem, *, errors: Sequence[Mapping[str, str]] = (), headers: Mapping[str, str] | None = None
) -> Response:
    """Return the response to a refused request."""
    sent = dict(headers or {})
    if problem.status == http.HTTPStatus.UNAUTHORIZED:
        sent["WWW-Authenticate"] = 'Bearer realm="vedette"'
    if retry := _RETRY_AFTER_S.get(problem.status):
        sent["Retry-After"] = retry
    return Response(
        msgspec.json.encode(problem_body(problem, errors)), problem.status, headers=sent, media_type=MEDIA_TYPE
    )


class _HttpProblem(Problem):
    """A refusal of the framework: no such path, method not allowed."""

    code = "api.http"


def add_problem_handlers(app: FastAPI) -> None:
    """Have every exception answered as a problem."""
    app.add_exception_handler(Problem, _on_problem)
    app.add_exception_handler(RequestValidationError, _on_invalid)
    app.add_exception_handler(HTTPException, _on_http)
    app.add_exception_handler(Exception, _on_fault)


async def _on_problem(_: Request, error: Exception) -> Response:
    if not isinstance(error, Problem):
        raise error
    return problem_response(error)


async def _on_invalid(request: Request, error: Exception) -> Response:
    if not isinstance(error, RequestValidationError):
        raise error
    found = [
        {"location": ".".join(str(part) for part in each["loc"])[:200], "message": str(each["msg"])[:300]}
        for each in error.errors()[:_FINDINGS_MAX]
    ]
    first = found[0] if found else {"location": "", "message": "the request is not valid"}
    problem = InvalidRequest(
        f"{first['location']}: {first['message']}", hint="docs/reference/openapi.json describes every operation"
    )
    if request.url.path.startswith(_ANSWERED_400):
        problem.status = http.HTTPStatus.BAD_REQUEST  # type: ignore[misc] # of this instance: as a standard asks
    return problem_response(problem, errors=found)


async def _on_http(request: Request, error: Exception) -> Response:
    if not isinstance(error, HTTPException):
        raise error
    details = {
        404: f"there is nothing at {request.url.path[:200]}",
        405: f"{request.method[:20]} is not possible here",
        400: "the body cannot be read as JSON",
    }
    problem = _HttpProblem(details.get(error.status_code, str(error.detail)[:300]))
    problem.status = error.status_code  # type: ignore[misc] # of this instance: the framework knows many
    problem.code = {404: "api.not_found", 405: "api.method_not_allowed", 400: "api.invalid_body"}.get(  # type: ignore[misc]
        error.status_code, f"api.http_{error.status_code}"
    )
    headers = dict(error.headers or {})
    if error.status_code == http.HTTPStatus.METHOD_NOT_ALLOWED:
        headers["Allow"] = ", ".join(_methods_at(request))
    return problem_response(problem, headers=headers)


def _methods_at(request: Request) -> list[str]:
    """Return what is possible at a path: the framework names the methods of one route only."""
    found: set[str] = set()
    routes: list[APIRoute] = request.app.state.routes
    for route in routes:
        if route.matches(request.scope)[0] is not Match.NONE:
            found.update(route.methods or ())
    return sorted(found)


async def _on_fault(request: Request, error: Exception) -> Response:
    log.error("request failed", extra={"method": request.method, "path": request.url.path[:200]}, exc_info=error)
    return problem_response(internal_fault())


def internal_fault() -> Problem:
    """Return what is told of a fault of ours: nothing but where to look."""
    problem = _HttpProblem("the request failed inside Vedette", hint="the log of control says why")
    problem.status = 500  # type: ignore[misc] # of this instance
    problem.code = "api.fault"  # type: ignore[misc] # of this instance
    return problem


def _title(status: int) -> str:
    try:
        return http.HTTPStatus(status).phrase
    except ValueError:
        return "Problem"
