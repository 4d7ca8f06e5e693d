from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from running_platform import RunningPlatform, wait_for

from vedette.api import build_openapi

DOCUMENT = build_openapi()
OPERATIONS = [(path, method, item[method]) for path, item in DOCUMENT["paths"].items() for method in item]
NAMES = [f"{method} {path}" for path, method, _ in OPERATIONS]
schema = schemathesis.openapi.from_dict({**DOCUMENT, "servers": [{"url": "/"}]})
# A text that is longer than it may be can make the whole body longer than it may be.
_rejection = schema.config.checks.negative_data_rejection
_rejection.expected_statuses = [*_rejection.expected_statuses, "413"]


def test_the_document_is_the_same_each_time() -> None:
    assert json.dumps(build_openapi()) == json.dumps(DOCUMENT)
    assert DOCUMENT["openapi"].startswith("3.1")


@pytest.mark.parametrize(("path", "method", "operation"), OPERATIONS, ids=NAMES)
def test_every_operation_is_described(path: str, method: str, operation: dict[str, Any]) -> None:
    assert operation["summary"]
    assert operation["description"]
    for each in operation.get("parameters", ()):
        assert each.get("description") or each["schema"].get("description"), each["name"]
    refusals = {status: answer for status, answer in operation["responses"].items() if status >= "400"}
    assert {"401", "429", "503"} <= set(refusals)
    for status, answer in refusals.items():
        assert list(answer["content"]) == ["application/problem+json"], status
    if method == "post" and path != "/v1/login-links" and not path.startswith("/login/"):
        assert "Idempotency-Key" in [each["name"] for each in operation["parameters"]]


def test_operation_ids_are_unique() -> None:
    ids = [operation["operationId"] for _, _, operation in OPERATIONS]
    assert len(ids) == len(set(ids))


# What is judged by its own reader: the values of conditions, and members that other standards name.
_WITHOUT_LIMIT = {"value", "min_verification_interval"}


def integers_without_limit(schema: Any, name: str, seen: frozenset[str] = frozenset()) -> Iterator[str]:
    if "$ref" in schema:
        model = schema["$ref"].rpartition("/")[2]
        if model not in seen:
            yield from integers_without_limit(DOCUMENT["components"]["schemas"][model], name, seen | {model})
    elif schema.get("type") == "integer" and not {"maximum", "exclusiveMaximum"} & set(schema):
        yield name
    for each in (*schema.get("anyOf", ()), *schema.get("oneOf", ()), *schema.get("allOf", ())):
        yield from integers_without_limit(each, name, seen)
    for key, each in schema.get("properties", {}).items():
        yield from integers_without_limit(each, key, seen)
    for key in ("items", "additionalProperties"):
        if isinstance(schema.get(key), dict):
            yield from integers_without_limit(schema[key], name, seen)


@pytest.mark.parametrize(("path", "method", "operation"), OPERATIONS, ids=NAMES)
def test_no_integer_is_larger_than_a_database_holds(path: str, method: str, operation: dict[str, Any]) -> None:
    taken = [(each["schema"], each["name"]) for each in operation.get("parameters", ())]
    bodies = operation.get("requestBody", {}).get("content", {}).values()
    taken += [(body["schema"], "body") for body in bodies if "schema" in body]
    found = {name for schema, origin in taken for name in integers_without_limit(schema, origin)}
    assert found <= _WITHOUT_LIMIT, f"{method} {path}"


# Left out: what a schema cannot say (a certificate that is none is refused), and what has a test of its own.
_LEFT_OUT: list[Any] = [
    schemathesis.checks.CHECKS.get_one(name) for name in ("positive_data_acceptance", "ignored_auth")
]


# Streams never end, so they have tests of their own.
@schema.exclude(path_regex="^/v1/(events|telemetry/stream)$").parametrize()
@settings(max_examples=6, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
def test_answers_are_what_the_document_says(case: schemathesis.Case[Any], platform: RunningPlatform) -> None:
    headers = {"Authorization": f"Bearer {platform.token}"}
    case.call_and_validate(base_url=platform.url, headers=headers, excluded_checks=_LEFT_OUT, timeout=60)


def test_the_limit_on_open_streams_holds(platform: RunningPlatform) -> None:
    clients = []
    try:
        refused = None
        for _ in range(101):
            client = platform.client()
            clients.append(client)
            answer = client.send(client.build_request("GET", "/v1/events"), stream=True)
            if answer.status_code != 200:
                refused = answer
                break
        assert refused is not None
        assert refused.status_code == 503
    finally:
        for client in clients:
            client.close()
    with platform.client() as client:
        assert client.get("/healthz").status_code == 200

        def may_listen() -> bool:
            with client.stream("GET", "/v1/events") as one_more:
                return one_more.status_code == 200

        wait_for(may_listen, "the places are given back")
