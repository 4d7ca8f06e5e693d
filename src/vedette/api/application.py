"""The operators' door, put together: routes, refusals, and the layers that every request passes first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from fastapi import APIRouter, FastAPI
from starlette.types import ASGIApp

from vedette.api.authentication import AuthenticatedRoutes, Authenticator
from vedette.api.idempotency import IdempotentPosts
from vedette.api.problems import add_problem_handlers
from vedette.api.protection import BoundedBody, OwnHosts, StrictHeaders
from vedette.kernel import Clock, OrganizationId
from vedette.store import Store

TITLE: Final = "Vedette"


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
    for router in routers:
        app.include_router(router)
    add_problem_handlers(app)
    return app


def build_api(
    settings: ApiSettings,
    routes: FastAPI,
    *,
    authenticator: Authenticator,
    store: Store,
    organization_id: OrganizationId,
    clock: Clock,
) -> ASGIApp:
    """Return the whole door as an ASGI application."""
    app: ASGIApp = IdempotentPosts(routes, store=store, organization_id=organization_id, clock=clock)
    app = AuthenticatedRoutes(app, authenticator=authenticator)
    app = BoundedBody(app, max_bytes=settings.max_body_bytes)
    app = OwnHosts(app, hostnames=settings.hostnames)
    return StrictHeaders(app, is_tls=settings.is_tls)
