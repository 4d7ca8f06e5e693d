"""The device flow: ``/login/device`` for command lines, ``/device`` for their people, REST for the console.

Source:
    RFC 8628 (OAuth 2.0 Device Authorization Grant).
"""

from __future__ import annotations

from typing import Annotated, Final, Literal
from urllib.parse import urlencode

from fastapi import APIRouter, Path, Query, Request
from fastapi.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from pydantic import Field

from vedette.api.authentication import Authenticator, Principal, client_in
from vedette.api.authorization import asker_of
from vedette.api.device_pages import ask_page, confirm_page, decided_page
from vedette.api.errors import InvalidBody, Unauthenticated
from vedette.api.forms import form_of
from vedette.api.page import refused_page
from vedette.api.same_origin import check_own_page
from vedette.api.schema import Caller, Timestamp, View, api_router, refusals
from vedette.api.sight import refusal_of
from vedette.kernel import OrganizationId, Problem, escape_html
from vedette.operators import (
    Action,
    AuthorizationService,
    Confirmations,
    DeviceAuthorization,
    DeviceAuthorizationNotFound,
    DeviceFlowService,
    PersonNeeded,
    Session,
    StepUpNeeded,
    Subject,
    TooManyWaiting,
    Wait,
)

CLIENT_ID: Final = "vedette-cli"
GRANT_TYPE: Final = "urn:ietf:params:oauth:grant-type:device_code"
PLAIN_PAGE: Final = "/device/plain"
_CONSOLE_PAGE: Final = "/command-line"
_SEE_OTHER: Final = 303
_BAD_REQUEST: Final = 400
_TOO_MANY: Final = 429
Code = Annotated[str, Path(max_length=64, description="As the command line shows it.", examples=["WDJB-MJHT"])]


class DeviceAuthorizationView(View):
    """A command line that waits for its person."""

    user_code: str = Field(description="Compare it with what the command line shows.", examples=["WDJB-MJHT"])
    state: Literal["pending", "approved", "denied"]
    address: str = Field(description="Where the command line is.")
    user_agent: str = Field(description="What it says it is.")
    created_at: Timestamp
    expires_at: Timestamp


class DeviceFlowRoutes:
    """What the routes below do, for one organization.

    Args:
        authorization: Says whether a person may let in what will act as them, just now.
        url: Where browsers reach us.
        has_console: Whether there is a page with script, which can ask for a passkey.
    """

    def __init__(
        self,
        organization_id: OrganizationId,
        flow: DeviceFlowService,
        authenticator: Authenticator,
        *,
        authorization: AuthorizationService,
        url: str,
        has_console: bool,
    ) -> None:
        self._organization_id = organization_id
        self._flow = flow
        self._authenticator = authenticator
        self._authorization = authorization
        self._url = url
        self._has_console = has_console

    def build(self) -> APIRouter:
        """Return what the console calls."""
        router = api_router("people and sessions", "/v1/device-authorizations")
        add = router.add_api_route
        add(
            "/{user_code}",
            self.show,
            methods=["GET"],
            summary="Show a waiting command line",
            responses=refusals(404, 422),
        )
        add(
            "/{user_code}/approve",
            self.approve,
            methods=["POST"],
            summary="Let a command line in",
            responses=refusals(404, 422, is_change=True),
        )
        add(
            "/{user_code}/deny",
            self.deny,
            methods=["POST"],
            summary="Keep a command line out",
            responses=refusals(404, 422, is_change=True),
        )
        return router

    def build_pages(self) -> APIRouter:
        """Return what command lines and browsers open."""
        pages = APIRouter(include_in_schema=False)
        pages.add_api_route("/login/device/code", self.begin, methods=["POST"])
        pages.add_api_route("/login/device/token", self.ask, methods=["POST"])
        pages.add_api_route("/login/device/decision", self.decide_by_page, methods=["POST"])
        pages.add_api_route("/device", self.lead, methods=["GET"], response_class=RedirectResponse)
        pages.add_api_route(PLAIN_PAGE, self.page, methods=["GET"], response_class=HTMLResponse)
        return pages

    async def show(self, user_code: Code, _caller: Caller) -> DeviceAuthorizationView:
        """Show whoever is logged in what they would approve."""
        return _show(await self._flow.show(self._organization_id, user_code))

    async def approve(self, user_code: Code, caller: Caller) -> DeviceAuthorizationView:
        """It acts as whoever approves, until they log it out or it ends. Only a person at a browser may."""
        return _show(await self._flow.decide(_person_of(caller), user_code, is_approved=True))

    async def deny(self, user_code: Code, caller: Caller) -> DeviceAuthorizationView:
        """It is told so."""
        return _show(await self._flow.decide(_person_of(caller), user_code, is_approved=False))

    async def begin(self, request: Request) -> Response:
        """Have a command line wait (RFC 8628 §3.1)."""
        try:
            self._check_client(form_of(request))
            begun = await self._flow.begin(self._organization_id, client_in(request.scope))
        except InvalidBody as problem:
            return _oauth_error("invalid_request", problem.detail)
        except TooManyWaiting as problem:
            return _oauth_error("temporarily_unavailable", problem.detail, status=_TOO_MANY)
        known = begun.authorization
        return JSONResponse(
            {
                "device_code": begun.device_code,
                "user_code": known.shown_code,
                "verification_uri": f"{self._url}/device",
                "verification_uri_complete": f"{self._url}/device?user_code={known.shown_code}",
                "expires_in": int((known.expires_at - known.created_at).total_seconds()),
                "interval": known.interval_s,
            }
        )

    async def ask(self, request: Request) -> Response:
        """Answer a command line that asks whether it was let in (RFC 8628 §3.4)."""
        try:
            form = form_of(request)
            self._check_client(form)
        except InvalidBody as problem:
            return _oauth_error("invalid_request", problem.detail)
        if form.get("grant_type") != GRANT_TYPE:
            return _oauth_error("unsupported_grant_type", f"only {GRANT_TYPE} is")
        answer = await self._flow.ask(self._organization_id, form.get("device_code", ""), client_in(request.scope))
        if isinstance(answer, Wait):
            return _oauth_error(answer.value, _WORDS[answer])
        session = answer.session
        return JSONResponse(
            {
                "access_token": answer.token,
                "token_type": "Bearer",
                "expires_in": int((session.expires_at - session.created_at).total_seconds()),
                "person_name": session.person_name,
            }
        )

    async def lead(self, user_code: Annotated[str, Query(max_length=64)] = "") -> Response:
        """Lead a person to the console's page, or to the one without script where there is no console."""
        query = f"?{urlencode({'user_code': user_code})}" if user_code else ""
        return RedirectResponse(f"{_CONSOLE_PAGE if self._has_console else PLAIN_PAGE}{query}", _SEE_OTHER)

    async def page(self, request: Request, user_code: Annotated[str, Query(max_length=64)] = "") -> Response:
        """Show a person which command line waits, for them to compare."""
        try:
            await self._session_of(request)
            if not user_code:
                return HTMLResponse(ask_page())
            found = await self._flow.show(self._organization_id, user_code)
        except Problem as problem:
            return self._refused(request, problem)
        return HTMLResponse(confirm_page(found))

    async def decide_by_page(self, request: Request) -> Response:
        """Take what a person decided on the page."""
        try:
            check_own_page(request.headers, is_tls=self._authenticator.is_tls)
            principal = await self._authenticator.by_cookie(request.scope)
            session = _person_of(principal)
            form = form_of(request)
            is_approved = form.get("decision") == "approve"
            if is_approved:
                await self._check_present(principal)
            decided = await self._flow.decide(session, form.get("user_code", ""), is_approved=is_approved)
        except Problem as problem:
            return self._refused(request, problem)
        return HTMLResponse(decided_page(decided))

    async def _check_present(self, principal: Principal) -> None:
        """Check what ``POST /v1/device-authorizations/{user_code}/approve`` is asked too.

        Raises:
            Problem: They have not just shown that they are there.
        """
        standing = await self._authorization.standing(asker_of(principal, self._organization_id))
        ruling = self._authorization.decide(standing, Action.OWN_CREDENTIALS, Subject(), Confirmations())
        if not ruling.is_permitted:
            raise refusal_of(ruling, standing, Action.OWN_CREDENTIALS)

    async def _session_of(self, request: Request) -> Session:
        return _person_of(await self._authenticator.by_cookie(request.scope))

    def _refused(self, request: Request, problem: Problem) -> Response:
        told = problem
        if isinstance(problem, DeviceAuthorizationNotFound):
            told = self._authenticator.failures.count(request.scope, problem)
        hint = escape_html(told.hint)
        if isinstance(problem, Unauthenticated):
            hint = 'Log in at <a href="/">the console</a>, then open this page again.'
        if isinstance(problem, StepUpNeeded):
            hint = f'Approve it in <a href="{_CONSOLE_PAGE}">the console</a>, which asks for your passkey.'
        return HTMLResponse(
            refused_page(escape_html(f"{told.detail[:1].upper()}{told.detail[1:]}."), hint), told.status
        )

    def _check_client(self, form: dict[str, str]) -> None:
        if form.get("client_id") != CLIENT_ID:
            raise InvalidBody(f"the only client here is {CLIENT_ID}")


_WORDS: Final = {
    Wait.PENDING: "nobody has approved it yet",
    Wait.SLOW_DOWN: "asked too soon: wait five seconds longer between two questions",
    Wait.DENIED: "it was denied",
    Wait.EXPIRED: "the code is over, was used, or never was",
}


def _oauth_error(error: str, description: str, *, status: int = _BAD_REQUEST) -> Response:
    return JSONResponse({"error": error, "error_description": description}, status)


def _person_of(caller: Principal) -> Session:
    if caller.session is None:
        raise PersonNeeded("only a person at a browser lets a command line in", hint="open the page in a browser")
    return caller.session


def _show(found: DeviceAuthorization) -> DeviceAuthorizationView:
    return DeviceAuthorizationView(
        user_code=found.shown_code,
        state=found.state.value,
        address=found.client.address,
        user_agent=found.client.user_agent,
        created_at=found.created_at,
        expires_at=found.expires_at,
    )
