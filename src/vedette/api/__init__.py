"""The operators' door: REST under ``/v1``, events as they happen, and a plain status page.

Terms: a *principal* is whoever makes a request, with a token or with a browser's session; every refusal is a *problem*
(RFC 9457). Invariants: nothing below ``/v1`` answers without valid credentials; a browser changes nothing for a page
elsewhere; nothing is changed without an entry in the ledger that names the actor; bodies, pages and streams are
bounded. The OpenAPI file is written from these routes.
"""

from __future__ import annotations

from vedette.api.application import ApiSettings, build_api, build_router
from vedette.api.authentication import Authenticator
from vedette.api.authorization import AuthorizationDesk
from vedette.api.command_guard import CommandGuard
from vedette.api.network_routes import NetworkServices
from vedette.api.operations import Services, build_openapi, build_routes
from vedette.api.service import ServiceDoorSettings, ServiceRooms, build_service_api
from vedette.api.status import Component, Platform

__all__ = [
    "ApiSettings",
    "Authenticator",
    "AuthorizationDesk",
    "CommandGuard",
    "Component",
    "NetworkServices",
    "Platform",
    "ServiceDoorSettings",
    "ServiceRooms",
    "Services",
    "build_api",
    "build_openapi",
    "build_router",
    "build_routes",
    "build_service_api",
]
