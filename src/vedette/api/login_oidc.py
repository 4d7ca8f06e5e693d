"""``/login/oidc``: to the identity provider and back; and the provider's own logout."""

from __future__ import annotations

import logging
from typing import Annotated, Final, Literal

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse, JSONResponse, RedirectResponse, Response

from vedette.api.authentication import Authenticator, client_in
from vedette.api.authorization import asker_of
from vedette.api.errors import InvalidBody
from vedette.api.forms import form_of
from vedette.api.page import document, refused_page
from vedette.api.same_origin import check_reading
from vedette.api.sight import refusal_of
from vedette.kernel import IdSource, OrganizationId, Problem, escape_html
from vedette.operators import (
    Action,
    AuthorizationService,
    Callback,
    Intent,
    LoginFailed,
    OidcOff,
    OidcRefused,
    OidcService,
    Session,
    SessionService,
    StepUpNeeded,
    Subject,
)

log = logging.getLogger(__name__)

_SEE_OTHER: Final = 303
_BAD_REQUEST: Final = 400
_COOKIE_BYTES: Final = 32
_AGAIN: Final = '<a href="/">Back to the console</a>'
_INTENTS: Final = {"log-in": Intent.LOG_IN, "link": Intent.LINK, "step-up": Intent.STEP_UP}
_TEXT_MAX: Final = 4096


class OidcLoginRoutes:
    """What the routes below do, for one organization."""

    def __init__(
        self,
        organization_id: OrganizationId,
        oidc: OidcService | None,
        sessions: SessionService,
        *,
        authenticator: Authenticator,
        authorization: AuthorizationService,
        ids: IdSource,
    ) -> None:
        self._organization_id = organization_id
        self._oidc = oidc
        self._authorization = authorization
        self._sessions = sessions
        self._authenticator = authenticator
        self._cookies = authenticator.cookies
        self._ids = ids

    def build_pages(self) -> APIRouter:
        """Return what browsers open and the provider posts to."""
        pages = APIRouter(include_in_schema=False, default_response_class=HTMLResponse)
        pages.add_api_route("/login/oidc", self.begin, methods=["GET"])
        pages.add_api_route("/login/oidc/callback", self.complete, methods=["GET"])
        pages.add_api_route("/login/oidc/back-channel-logout", self.log_out, methods=["POST"])
        return pages

    async def begin(
        self, request: Request, purpose: Annotated[Literal["log-in", "link", "step-up"], Query()] = "log-in"
    ) -> Response:
        """Send a browser to the provider; its own page sends it here, or somebody who typed the address."""
        try:
            check_reading(request.headers)
            if purpose == "link":
                await self._check_present(request)
            token = self._ids.random_bytes(_COOKIE_BYTES).hex()
            url = await self._service().begin(token, _INTENTS[purpose], session=await self._session_of(request))
        except Problem as problem:
            return self._refused(request, problem)
        response = RedirectResponse(url, _SEE_OTHER)
        self._cookies.give_oidc(response, token)
        return response

    async def complete(
        self,
        request: Request,
        *,
        code: Annotated[str, Query(max_length=_TEXT_MAX)] = "",
        state: Annotated[str, Query(max_length=_TEXT_MAX)] = "",
        error: Annotated[str, Query(max_length=_TEXT_MAX)] = "",
        iss: Annotated[str, Query(max_length=_TEXT_MAX)] = "",
    ) -> Response:
        """Take what a browser brings back, and go on in the console.

        The next page is opened by this one, not by a redirect: browsers send no strict cookie along a redirect that
        began elsewhere.
        """
        try:
            begun = await self._service().complete(
                self._organization_id,
                self._cookies.oidc_in(request.headers),
                Callback(code=code, state=state, error=error, issuer=iss),
                client=client_in(request.scope),
            )
        except Problem as problem:
            return self._refused(request, problem)
        response = HTMLResponse(_onward_page("You are logged in.", "/", "Go on to the console"))
        self._cookies.take_oidc(response)
        self._cookies.give_session(response, begun)
        return response

    async def log_out(self, request: Request) -> Response:
        """End sessions that the provider ended (Back-Channel Logout 1.0 §2.5)."""
        try:
            token = form_of(request).get("logout_token", "")
            await self._service().log_out_by_provider(self._organization_id, token)
        except (InvalidBody, OidcOff, OidcRefused) as problem:
            self._authenticator.failures.count(request.scope, problem)
            return JSONResponse({"error": "invalid_request", "error_description": problem.detail}, _BAD_REQUEST)
        except Problem as problem:
            log.warning("a logout by the identity provider failed", extra={"cause": problem.code})
            return JSONResponse({"error": "temporarily_unavailable"}, problem.status)
        return Response(status_code=200)

    async def provider_logout_of(self, session: Session) -> str:
        """Return where a browser logs out of the provider too; empty if nowhere, or if that cannot be found out."""
        if self._oidc is None:
            return ""
        try:
            return await self._oidc.logout_url(session)
        except Problem as problem:
            log.warning("the provider's logout cannot be offered", extra={"cause": problem.code})
            return ""

    def _service(self) -> OidcService:
        if self._oidc is None:
            raise OidcOff("no identity provider is configured", hint="set oidc.issuer and oidc.client_id")
        return self._oidc

    async def _check_present(self, request: Request) -> None:
        """Check that whoever binds another way in to a person has just shown that they are that person.

        Raises:
            Problem: They have not, or the session opens nothing.
        """
        principal = await self._authenticator.by_cookie(request.scope)
        standing = await self._authorization.standing(asker_of(principal, self._organization_id))
        ruling = self._authorization.decide(standing, Action.OWN_CREDENTIALS, Subject())
        if not ruling.is_permitted:
            raise refusal_of(ruling, standing, Action.OWN_CREDENTIALS)

    async def _session_of(self, request: Request) -> Session | None:
        return await self._sessions.find(self._organization_id, self._cookies.session_in(request.headers))

    def _refused(self, request: Request, problem: Problem) -> Response:
        told = problem
        if isinstance(problem, OidcRefused | LoginFailed):
            told = self._authenticator.failures.count(request.scope, problem)
        text = f"{told.detail[:1].upper()}{told.detail[1:]}."
        hint = f"{escape_html(told.hint)}. {_AGAIN}" if told.hint else _AGAIN
        if isinstance(problem, StepUpNeeded):
            hint = f"Link it in the console, which asks for your passkey. {_AGAIN}"
        return HTMLResponse(refused_page(escape_html(text), hint), told.status)


def logged_out_page(url: str) -> str:
    """Return the page from which a browser logs out of the provider too."""
    return _onward_page("You are logged out here.", url, "Log out at the identity provider too")


def _onward_page(message: str, url: str, label: str) -> str:
    target = escape_html(url)
    body = f'<h1>Vedette</h1>\n<p>{escape_html(message)}</p>\n<p><a href="{target}">{escape_html(label)}</a></p>'
    refresh = f'<meta http-equiv="refresh" content="0;url={target}">'
    return document("Vedette", body).replace("</head>", f"{refresh}\n</head>", 1)
