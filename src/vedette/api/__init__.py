"""The operators' door: REST under ``/v1``, events as they happen, and a plain status page.

Terms: a *principal* is whoever makes a request; a *session* belongs to a browser and may look, not act; every refusal
is a *problem* (RFC 9457). Invariants: nothing below ``/v1`` answers without valid credentials; nothing is changed
without an entry in the ledger that names the actor; bodies, pages and streams are bounded; only digests of tokens are
stored. The OpenAPI file is written from these routes.
"""

from __future__ import annotations

from vedette.api.application import ApiSettings, build_api, build_router
from vedette.api.authentication import Authenticator, Sessions, digest_of
from vedette.api.operations import Services, build_openapi, build_routes
from vedette.api.status import Component, Platform

__all__ = [
    "ApiSettings",
    "Authenticator",
    "Component",
    "Platform",
    "Services",
    "Sessions",
    "build_api",
    "build_openapi",
    "build_router",
    "build_routes",
    "digest_of",
]
