"""The short way of method calls is taken as long as it does all that the routes ask for, and not a day longer."""

from __future__ import annotations

from typing import Any, cast

import pytest
from fastapi import Depends, FastAPI
from starlette.types import Message, Receive, Scope, Send

from vedette.api.application import build_router
from vedette.api.authentication import Principal
from vedette.api.methods import MethodRoutes, MethodShortcut, method_dependants
from vedette.kernel import OrganizationId
from vedette.ledger import Actor
from vedette.messaging import MethodResult

ORGANIZATION = OrganizationId("org_1")
ACTOR = Actor("operator", "somebody")


class Methods:
    """Remembers what is called."""

    def __init__(self) -> None:
        self.calls: list[tuple[Any, ...]] = []

    async def invoke(self, *arguments: Any, **settings: Any) -> MethodResult:
        self.calls.append((arguments, settings))
        return MethodResult(200, b'{"n": 1e2}')


class LongWay:
    def __init__(self) -> None:
        self.requests = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.requests += 1


def routes_of(methods: Methods) -> FastAPI:
    return build_router("1", [MethodRoutes(ORGANIZATION, cast("Any", methods)).build()])


def scope_of(path: str, body: bytes = b"{}", **changes: Any) -> Scope:
    return {
        "type": "http",
        "method": "POST",
        "path": path,
        "query_string": b"",
        "headers": [(b"content-type", b"application/json")],
        "state": {"principal": Principal(ACTOR), "body": body},
        **changes,
    }


async def never() -> Message:
    raise AssertionError("the body is read already")


async def serve(scope: Scope, routes: FastAPI, methods: Methods) -> tuple[int, list[Message]]:
    long, sent = LongWay(), []

    async def send(message: Message) -> None:
        sent.append(message)

    shortcut = MethodShortcut(
        long,
        organization_id=ORGANIZATION,
        methods=cast("Any", methods),
        dependants=method_dependants(routes.state.routes),
    )
    await shortcut(scope, never, send)
    return long.requests, sent


@pytest.mark.anyio
async def test_a_usual_call_goes_the_short_way_and_its_json_comes_as_it_was_written() -> None:
    methods = Methods()
    scope = scope_of("/v1/devices/pump-7/modules/filter/methods/start", b'{"payload": 1.50, "connect_timeout_s": 7}')
    long, sent = await serve(scope, routes_of(methods), methods)
    assert long == 0
    assert sent[0]["status"] == 200
    assert sent[1]["body"] == b'{"status":200,"payload":{"n": 1e2}}'
    assert methods.calls == [
        (
            (ORGANIZATION, "pump-7", "filter", "start", b"1.50"),
            {"response_timeout_s": 30, "connect_timeout_s": 7, "actor": ACTOR},
        )
    ]


@pytest.mark.anyio
@pytest.mark.parametrize(
    "scope",
    [
        pytest.param(scope_of("/v1/devices/pump-7/methods/a/b"), id="a longer path"),
        pytest.param(scope_of("/v1/devices/pump 7/methods/start"), id="no device id"),
        pytest.param(scope_of("/v1/devices/pump-7/methods/start", query_string=b"a=b"), id="parameters"),
        pytest.param(scope_of("/v1/devices/pump-7/methods/start", method="PUT"), id="another method"),
        pytest.param(scope_of("/v1/devices/pump-7/methods/start", headers=[]), id="no content type"),
        pytest.param(scope_of("/v1/devices/pump-7/methods/start", state={"body": b"{}"}), id="nobody"),
        pytest.param(scope_of("/v1/devices/pump-7/methods/start", b'{"payloads": 1}'), id="unknown member"),
        pytest.param(scope_of("/v1/devices/pump-7/methods/start", b'{"response_timeout_s": 4}'), id="limit"),
        pytest.param(scope_of("/v1/devices/pump-7/methods/start", b""), id="no body"),
        pytest.param(scope_of("/v1/devices/pump-7/methods/start", b"\xff"), id="no text"),
        pytest.param(scope_of("/v1/devices/pump-7/methods/start", type="lifespan"), id="no request"),
    ],
)
async def test_what_is_unusual_goes_the_long_way(scope: Scope) -> None:
    methods = Methods()
    assert await serve(scope, routes_of(methods), methods) == (1, [])
    assert methods.calls == []


async def _may_call() -> None:
    """Stand for a condition that the short way does not know."""


@pytest.mark.anyio
async def test_a_route_that_asks_for_more_is_not_passed_by() -> None:
    methods = Methods()
    routes = routes_of(methods)
    routes.state.routes = [
        type(route)(
            route.path, route.endpoint, methods=["POST"], dependencies=[*route.dependencies, Depends(_may_call)]
        )
        for route in routes.state.routes
    ]
    assert await serve(scope_of("/v1/devices/pump-7/methods/start"), routes, methods) == (1, [])
    assert methods.calls == []
