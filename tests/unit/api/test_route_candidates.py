"""Rights are asked about at the very route that will answer, however it is found."""

from __future__ import annotations

from dataclasses import fields
from typing import Any, cast

import pytest
from fastapi import FastAPI
from fastapi.routing import APIRoute
from starlette.routing import Match
from starlette.types import Scope

from vedette.api.application import build_router
from vedette.api.authorization import AuthorizedRoutes
from vedette.api.operations import Services, _Nothing, _routers

METHODS = ("GET", "POST", "PATCH", "PUT", "DELETE", "HEAD", "OPTIONS")
ODD = [
    "/v1",
    "/v1/",
    "/v1//devices",
    "/v1/devices/",
    "/v1/devices/a/methods/b/c/d",
    "/v1/devices/a/modules/b/methods/c/d",
    "/v1/devices/methods/methods/methods",
    "/v1/devices/a\n/twin",
    "/v1/devices/twin/twin",
    "/v1/nothing/at/all",
]


@pytest.fixture(scope="module")
def app() -> FastAPI:
    stand_ins = {field.name: cast("Any", _Nothing()) for field in fields(Services)}
    return build_router("1", _routers(Services(**stand_ins)))


def scope_of(app: FastAPI, method: str, path: str) -> Scope:
    return {"type": "http", "method": method, "path": path, "root_path": "", "headers": [], "app": app}


def first_match(app: FastAPI, scope: Scope) -> str | None:
    for route in app.routes:
        if isinstance(route, APIRoute) and route.matches(scope)[0] is Match.FULL:
            return f"{scope['method']} {route.path_format}"
    return None


def test_the_route_found_is_the_first_that_matches(app: FastAPI) -> None:
    judged = AuthorizedRoutes(app, routes=lambda: app.routes, desk=cast("Any", None), prefix="/v1")
    paths = {route.path_format for route in app.routes if isinstance(route, APIRoute)}
    filled = [path.replace("{", "").replace("}", "") for path in paths]
    count = 0
    for path in [*filled, *(f"{path}/x" for path in filled), *ODD]:
        for method in METHODS:
            scope = scope_of(app, method, path)
            found = judged._find(scope)
            expected = first_match(app, scope)
            assert (None if found is None else found[0]) == expected, (method, path)
            count += expected is not None
    assert count >= len(paths)
