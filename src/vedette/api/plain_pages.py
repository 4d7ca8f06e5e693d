"""Pages without a script: the status page, its style, and whether this process serves."""

from __future__ import annotations

from typing import Final

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, PlainTextResponse, Response

from vedette.api.authentication import Authenticator
from vedette.api.page import STYLE, refused_page
from vedette.api.status_page import StatusPage
from vedette.kernel import Problem

LOGIN_HINT: Final = "Make a new link on the server: <code>vedette login-link</code>"


class PlainPageRoutes:
    """What browsers open; each page asks by itself who looks."""

    def __init__(self, authenticator: Authenticator, page: StatusPage) -> None:
        self._authenticator = authenticator
        self._page = page

    def build(self) -> APIRouter:
        """Return the routes."""
        pages = APIRouter(include_in_schema=False, default_response_class=HTMLResponse)
        pages.add_api_route("/status", self.show, methods=["GET"])
        pages.add_api_route("/style.css", self.style, methods=["GET"])
        pages.add_api_route("/healthz", self.healthz, methods=["GET"], response_class=PlainTextResponse)
        return pages

    async def show(self, request: Request) -> Response:
        """Draw the status page for whoever may see it."""
        try:
            await self._authenticator.authenticate(request.scope)
        except Problem as problem:
            return HTMLResponse(refused_page("Please log in with a one-time link.", LOGIN_HINT), problem.status)
        return HTMLResponse(await self._page.draw())

    async def style(self) -> Response:
        """Answer the page's style sheet."""
        return Response(STYLE, media_type="text/css", headers={"Cache-Control": "public, max-age=3600"})

    async def healthz(self) -> str:
        """Answer that this process serves; no more is told to whoever is nobody."""
        return "ok\n"
