"""The operators' door, put together: routes, refusals, and the layers that every request passes first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from fastapi import APIRouter, FastAPI
from fastapi.routing import APIRoute
from starlette.types import ASGIApp

from vedette.api.authentication import AuthenticatedRoutes, Authenticator
from vedette.api.authorization import AuthorizationDesk, AuthorizedRoutes
from vedette.api.authzen import AUTHZEN_PREFIX, RequestIdEcho
from vedette.api.broker_hooks import HOOKS_PREFIX
from vedette.api.idempotency import IdempotentPosts
from vedette.api.problems import add_problem_handlers
from vedette.api.protection import BoundedBody, OwnHosts, StrictHeaders
from vedette.api.schema import actor_of
from vedette.kernel import Clock, OrganizationId
from vedette.store import Store

TITLE: Final = "Vedette"
PREFIX: Final = "/v1"
# What asks for credentials, and is judged: our own API, and the protocols of other systems.
GUARDED: Final = (PREFIX, AUTHZEN_PREFIX, HOOKS_PREFIX)


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiSettings:
    """How the door is served.

    Attributes:
        url: Where people reach it.
        hostnames: Requests for any other host are refused.
        is_tls: Whether it is served over TLS.
        max_body_bytes: Largest request body.
    """

    url: str
    hostnames: tuple[str, ...]
    is_tls: bool
    max_body_bytes: int = 1_048_576


def build_router(version: str, routers: Sequence[APIRouter]) -> FastAPI:
    """Return the routes alone, from which the OpenAPI file is written."""
    app = FastAPI(title=TITLE, version=version, docs_url=None, redoc_url=None, openapi_url=None)
    routes = [route for router in routers for route in router.routes if isinstance(route, APIRoute)]
    for route in routes:
        _check_that_it_asks_who(route)
    # One flat list: routers that are included keep lists of their own, and to search those costs a third of a request.
    app.router.routes.extend(route for router in routers for route in router.routes)
    app.state.routes = routes
    add_problem_handlers(app)
    return app


def _check_that_it_asks_who(route: APIRoute) -> None:
    """Check that a route of the API does not forget to ask who calls, should the layer before it ever be misplaced.

    Raises:
        TypeError: It does.
    """
    if route.path.startswith(GUARDED) and actor_of not in {each.call for each in route.dependant.dependencies}:
        raise TypeError(f"{route.path} does not ask who calls")


def build_api(
    settings: ApiSettings,
    routes: FastAPI,
    *,
    authenticator: Authenticator,
    desk: AuthorizationDesk,
    store: Store,
    organization_id: OrganizationId,
    clock: Clock,
) -> ASGIApp:
    """Return the whole door as an ASGI application."""
    app: ASGIApp = IdempotentPosts(routes, store=store, organization_id=organization_id, clock=clock)
    # Before a kept answer is told again, since rights may have been withdrawn meanwhile.
    app = AuthorizedRoutes(app, routes=lambda: routes.routes, desk=desk, prefix=GUARDED)
    # Who asks comes before what they send: for strangers nothing is read, kept or parsed.
    app = BoundedBody(app, max_bytes=settings.max_body_bytes, prefix=GUARDED)
    app = AuthenticatedRoutes(app, authenticator=authenticator, prefix=GUARDED)
    app = OwnHosts(app, hostnames=settings.hostnames)
    app = RequestIdEcho(app)
    return StrictHeaders(app, is_tls=settings.is_tls)
