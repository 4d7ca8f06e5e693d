"""One-time links, the session they begin, and the status page itself."""

from __future__ import annotations

from typing import Annotated, Final

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response
from pydantic import Field

from vedette.api.authentication import Authenticator, Sessions
from vedette.api.page import STYLE, refused_page
from vedette.api.schema import Timestamp, View, api_router, refusals
from vedette.api.status_page import StatusPage
from vedette.kernel import Clock, Problem

_HINT: Final = "Make a new link on the server: <code>vedette login-link</code>"
_SEE_OTHER: Final = 303


class LoginLink(View):
    """A link that logs a browser in, once."""

    url: str = Field(description="Good once; whoever opens it may look at everything.")
    expires_at: Timestamp


class PageRoutes:
    """The status page and what leads to it.

    Args:
        authenticator: Knows sessions.
        page: Draws the page.
        url: Where browsers reach us.
        clock: For the end of a link.
    """

    def __init__(self, authenticator: Authenticator, page: StatusPage, *, url: str, clock: Clock) -> None:
        self._authenticator = authenticator
        self._page = page
        self._url = url
        self._clock = clock

    @property
    def _sessions(self) -> Sessions:
        return self._authenticator.sessions

    def build(self) -> APIRouter:
        """Return the one route that belongs to the API."""
        router = api_router("status", "")
        router.add_api_route(
            "/v1/login-links",
            self.make_link,
            methods=["POST"],
            status_code=201,
            summary="Make a one-time link to the status page",
            responses=refusals(is_change=True),
        )
        return router

    def build_pages(self) -> APIRouter:
        """Return what browsers open; each page asks by itself who looks."""
        pages = APIRouter(include_in_schema=False, default_response_class=HTMLResponse)
        pages.add_api_route("/status", self.show, methods=["GET"])
        pages.add_api_route("/login", self.log_in, methods=["GET"])
        pages.add_api_route("/logout", self.log_out, methods=["POST"])
        pages.add_api_route("/style.css", self.style, methods=["GET"])
        pages.add_api_route("/healthz", self.healthz, methods=["GET"], response_class=PlainTextResponse)
        return pages

    async def make_link(self) -> LoginLink:
        """The session that it begins can look at everything and change nothing."""
        token, lifetime = await self._sessions.make_link()
        return LoginLink(url=f"{self._url}/login?token={token}", expires_at=self._clock.now() + lifetime)

    async def log_in(self, token: Annotated[str, Query(max_length=256)] = "") -> Response:
        """Use up a link and begin a session."""
        session = await self._sessions.begin(token)
        if session is None:
            return HTMLResponse(refused_page("This link was used before, or has expired.", _HINT), 401)
        response = RedirectResponse("/", _SEE_OTHER)
        response.set_cookie(
            self._authenticator.cookie_name,
            session,
            max_age=int(self._sessions.lifetime.total_seconds()),
            path="/",
            httponly=True,
            samesite="strict",
            secure=self._authenticator.is_tls,
        )
        return response

    async def log_out(self, request: Request) -> Response:
        """End the session; SameSite keeps other sites from doing it."""
        await self._sessions.end(self._authenticator.session_cookie(request.headers))
        response = HTMLResponse(refused_page("You are logged out.", _HINT))
        response.delete_cookie(self._authenticator.cookie_name, path="/", secure=self._authenticator.is_tls)
        return response

    async def show(self, request: Request) -> Response:
        """Draw the status page for whoever may see it."""
        try:
            await self._authenticator.authenticate(request.scope)
        except Problem as problem:
            return HTMLResponse(refused_page("Please log in with a one-time link.", _HINT), problem.status)
        return HTMLResponse(await self._page.draw())

    async def style(self) -> Response:
        """Answer the page's style sheet."""
        return Response(STYLE, media_type="text/css", headers={"Cache-Control": "public, max-age=3600"})

    async def healthz(self) -> str:
        """Answer that this process serves; no more is told to whoever is nobody."""
        return "ok\n"
