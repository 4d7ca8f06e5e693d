"""Pages without a script: the status page, its style, and whether this process serves."""

from __future__ import annotations

from typing import Final

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, PlainTextResponse, Response

from vedette.api.authentication import Authenticator
from vedette.api.authorization import asker_of
from vedette.api.page import STYLE, refused_page
from vedette.api.status_page import StatusPage
from vedette.kernel import OrganizationId, Problem
from vedette.operators import Action, AuthorizationService, Subject

LOGIN_HINT: Final = "Make a new link on the server: <code>vedette login-link</code>"


class PlainPageRoutes:
    """What browsers open; each page asks by itself who looks."""

    def __init__(
        self,
        organization_id: OrganizationId,
        authenticator: Authenticator,
        authorization: AuthorizationService,
        page: StatusPage,
    ) -> None:
        self._organization_id = organization_id
        self._authenticator = authenticator
        self._authorization = authorization
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
            principal = await self._authenticator.authenticate(request.scope)
        except Problem as problem:
            return HTMLResponse(refused_page("Please log in with a one-time link.", LOGIN_HINT), problem.status)
        # It tells of refusals and of what stands in the ledger.
        standing = await self._authorization.standing(asker_of(principal, self._organization_id))
        if not self._authorization.decide(standing, Action.AUDIT, Subject()).is_permitted:
            return HTMLResponse(
                refused_page("Your role does not give this page.", "The console shows what it does."), 403
            )
        return HTMLResponse(await self._page.draw())

    async def style(self) -> Response:
        """Answer the page's style sheet."""
        return Response(STYLE, media_type="text/css", headers={"Cache-Control": "public, max-age=3600"})

    async def healthz(self) -> str:
        """Answer that this process serves; no more is told to whoever is nobody."""
        return "ok\n"
