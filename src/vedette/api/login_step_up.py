"""``/login/step-up``: a person proves by passkey that they are still there; the session goes on under a new secret."""

from __future__ import annotations

from fastapi import APIRouter, Depends, Request, Response

from vedette.api.authentication import Authenticator, client_in, principal_of_session
from vedette.api.errors import Unauthenticated
from vedette.api.protection import host_name
from vedette.api.same_origin import check_own_script
from vedette.api.schema import refusals
from vedette.api.session_views import CurrentSessionView, PasskeyLogin, PasskeyOptionsView
from vedette.api.sessions import CurrentSession
from vedette.kernel import OrganizationId
from vedette.operators import (
    LoginFailed,
    PasskeyService,
    PasskeySuspected,
    PersonDisabled,
    Session,
    SessionKind,
    SessionService,
)


class StepUpRoutes:
    """What the routes below do; a session that is used from elsewhere is let go on by them too."""

    def __init__(
        self,
        organization_id: OrganizationId,
        sessions: SessionService,
        passkeys: PasskeyService,
        *,
        current: CurrentSession,
        authenticator: Authenticator,
    ) -> None:
        self._organization_id = organization_id
        self._sessions = sessions
        self._passkeys = passkeys
        self._current = current
        self._authenticator = authenticator

    def build(self) -> APIRouter:
        """Return the routes."""
        router = APIRouter(prefix="/login/step-up", tags=["logging in"], dependencies=[Depends(self._only_own_page)])
        router.add_api_route(
            "/options",
            self.ask,
            methods=["POST"],
            summary="Ask for a passkey to step up with",
            responses=refusals(409, is_change=True),
        )
        router.add_api_route(
            "",
            self.step_up,
            methods=["POST"],
            summary="Step up by passkey",
            responses=refusals(422, is_change=True),
        )
        return router

    async def ask(self, request: Request) -> PasskeyOptionsView:
        """What a browser gives to `navigator.credentials.get`, good for five minutes and for this session."""
        session = await self._session_of(request)
        return PasskeyOptionsView(options=self._passkeys.ask_to_step_up(session, host=host_name(request.headers)))

    async def step_up(self, body: PasskeyLogin, request: Request, response: Response) -> CurrentSessionView:
        """Sets the session's cookie anew: the secret before opens nothing any more."""
        session = await self._session_of(request)
        try:
            renewed = await self._passkeys.step_up(session, body.credential.as_json(), client=client_in(request.scope))
        except (LoginFailed, PersonDisabled, PasskeySuspected) as problem:
            raise self._authenticator.failures.count(request.scope, problem) from problem
        self._authenticator.cookies.give_session(response, renewed)
        return await self._current.show(principal_of_session(renewed.session), request.headers)

    async def _session_of(self, request: Request) -> Session:
        cookie = self._authenticator.cookies.session_in(request.headers)
        session = await self._sessions.find(self._organization_id, cookie)
        if session is None or session.kind is SessionKind.CLI:
            raise Unauthenticated("the session has ended", hint="log in again")
        return session

    def _only_own_page(self, request: Request) -> None:
        check_own_script(request.headers, is_tls=self._authenticator.is_tls)
