"""The OpenAPI file: written from the routes, complete with refusals and headers, the same bytes each time."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from vedette.api.problems import PROBLEM_SCHEMA

_DESCRIPTION: Final = (
    "The operators' API of Vedette. Lists are cursors: pass `next` of a page as `after`. Every refusal is "
    "`application/problem+json`; its `code` never changes. Changes take `If-Match`; POSTs take `Idempotency-Key`."
)
_IDEMPOTENCY_KEY: Final[dict[str, Any]] = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "A key of your own, such as a UUID: a POST repeated with it within 24 hours is done once.",
    "schema": {"type": "string", "pattern": "^[!#-~]{1,200}$"},
}
_ETAG: Final[dict[str, Any]] = {"description": "The revision, for `If-Match`.", "schema": {"type": "string"}}


def openapi_of(app: FastAPI) -> dict[str, Any]:
    """Return the OpenAPI 3.1 document of the routes."""
    document = get_openapi(title=app.title, version=app.version, description=_DESCRIPTION, routes=app.routes)
    components = document.setdefault("components", {})
    schemas = components.setdefault("schemas", {})
    schemas["Problem"] = PROBLEM_SCHEMA
    for framework in ("HTTPValidationError", "ValidationError"):
        schemas.pop(framework, None)
    components["securitySchemes"] = {"token": {"type": "http", "scheme": "bearer"}}
    document["security"] = [{"token": []}]
    document["servers"] = [{"url": "http://localhost:8480"}]
    for method, path, operation in _operations(document):
        operation["operationId"] = _name(method, path)
        if path.startswith("/login/"):
            operation["security"] = []  # for strangers, from our own page
        elif method == "post" and path != "/v1/login-links":
            operation.setdefault("parameters", []).append(_IDEMPOTENCY_KEY)
        answers = operation["responses"]
        if "HTTPValidationError" in str(answers.get("422")):
            del answers["422"]  # the framework's own answer, which none of ours gives
        if any(each["name"] == "if-match" for each in operation.get("parameters", ())):
            for status in ("200", "201"):
                if status in answers:
                    answers[status].setdefault("headers", {})["ETag"] = _ETAG
    return document


def _operations(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, item in document["paths"].items():
        for method, operation in item.items():
            yield method, path, operation


def _name(method: str, path: str) -> str:
    """Return an operation id such as ``post_devices_by_device_id_disable``."""
    parts = [part.replace("-", "_") for part in path.removeprefix("/v1").strip("/").split("/")]
    return "_".join([method, *(f"by_{part[1:-1]}" if part.startswith("{") else part for part in parts)])
