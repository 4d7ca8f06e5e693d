"""``/v1/session``, ``/v1/sessions`` and ``/v1/login-links``: who is logged in, and how somebody new gets in."""

from __future__ import annotations

from typing import Annotated, Final

from fastapi import APIRouter, Path, Query, Request, Response
from starlette.datastructures import Headers

from vedette.api.authentication import Authenticator, Principal
from vedette.api.errors import MayNotLetIn
from vedette.api.places import read_places
from vedette.api.protection import host_name
from vedette.api.schema import REASON_MAX_CHARS, After, Caller, Limit, Page, api_router, refusals
from vedette.api.session_views import (
    CurrentSessionView,
    LoginLink,
    NewLoginLink,
    PasskeysHereView,
    SessionView,
    show_session,
)
from vedette.api.sight import Seen
from vedette.kernel import OrganizationId
from vedette.operators import (
    Action,
    PasskeysImpossible,
    PeopleService,
    RelyingParty,
    Rights,
    Role,
    Scopes,
    SessionNotFound,
    SessionService,
    TotpService,
)
from vedette.registry import PlaceService

Id = Annotated[str, Path(max_length=64, description="Generated id of the session.", examples=["ses_06h0"])]

_NOBODY: Final = "-"
_EVERYTHING: Final = NewLoginLink()
_ADMINS_MIN: Final = 2
_PHISHABLE: Final = frozenset({"link", "recovery", "totp"})


class CurrentSession:
    """Says of a request who makes it."""

    def __init__(
        self,
        organization_id: OrganizationId,
        sessions: SessionService,
        people: PeopleService,
        party: RelyingParty,
        *,
        totp: TotpService,
        is_demo: bool,
    ) -> None:
        self._organization_id = organization_id
        self._sessions = sessions
        self._people = people
        self._party = party
        self._totp = totp
        self._is_demo = is_demo

    async def show(self, principal: Principal, headers: Headers) -> CurrentSessionView:
        """Return what is told of a principal."""
        session = principal.session
        person, has_app = None, False
        if session is not None and session.person_id is not None:
            person = await self._people.get(self._organization_id, session.person_id)
            has_app = await self._totp.has_factor(self._organization_id, session.person_id)
        admins = await self._sessions.count_people_with_passkeys(self._organization_id)
        return CurrentSessionView(
            kind=principal.method,
            actor_id=principal.actor.id,
            name=principal.actor.name or "operator's token",
            session_id=None if session is None else session.session_id,
            person_id=None if session is None else session.person_id,
            expires_at=None if session is None else session.expires_at,
            idle_minutes=int(self._sessions.settings.idle.total_seconds() // 60),
            may_let_in=principal.may_let_in,
            passkeys=0 if person is None else person.passkeys,
            recovery_codes_left=0 if person is None else person.recovery_codes_left,
            has_authenticator_app=has_app,
            people_with_passkeys=admins,
            needs_second_admin=admins < _ADMINS_MIN,
            stepped_up_at=principal.stepped_up_at,
            is_multi_factor=principal.is_multi_factor,
            is_phishable=principal.method in _PHISHABLE,
            acr=principal.acr,
            amr=list(principal.amr),
            passkeys_here=self._passkeys_here(host_name(headers)),
            is_demo=self._is_demo,
        )

    def _passkeys_here(self, host: str) -> PasskeysHereView:
        problem = None
        try:
            self._party.check(host)
        except PasskeysImpossible as found:
            problem = found
        return PasskeysHereView(
            is_possible=problem is None,
            why_not="" if problem is None else problem.detail,
            hint="" if problem is None else problem.hint,
            hostname=self._party.hostname,
        )


class SessionRoutes:
    """What the routes below do, for one organization.

    Args:
        url: Where browsers reach us.
    """

    def __init__(
        self,
        organization_id: OrganizationId,
        sessions: SessionService,
        current: CurrentSession,
        authenticator: Authenticator,
        *,
        rights: Rights,
        places: PlaceService,
        url: str,
    ) -> None:
        self._organization_id = organization_id
        self._sessions = sessions
        self._current = current
        self._authenticator = authenticator
        self._rights = rights
        self._places = places
        self._url = url

    def build(self) -> APIRouter:
        """Return the routes."""
        router = api_router("people and sessions")
        add = router.add_api_route
        add("/session", self.show_own, methods=["GET"], summary="Show who I am", responses=refusals())
        add(
            "/session",
            self.log_out,
            methods=["DELETE"],
            status_code=204,
            summary="Log out",
            responses=refusals(404, is_change=True),
        )
        add("/sessions", self.list_sessions, methods=["GET"], summary="List sessions", responses=refusals(422))
        add(
            "/sessions/{session_id}",
            self.end,
            methods=["DELETE"],
            status_code=204,
            summary="End a session",
            responses=refusals(404, 422, is_change=True),
        )
        add(
            "/login-links",
            self.make_link,
            methods=["POST"],
            status_code=201,
            summary="Make a one-time link that logs a browser in",
            responses=refusals(422, is_change=True),
        )
        return router

    async def show_own(self, request: Request, caller: Caller) -> CurrentSessionView:
        """With a token too; `passkeys_here` depends on the host name in the request."""
        return await self._current.show(caller, request.headers)

    async def log_out(self, caller: Caller, response: Response) -> None:
        """Ends the session that asks; a token has none."""
        if caller.session is None:
            raise SessionNotFound("a token has no session", hint="replace the token to end what it opens")
        await self._sessions.log_out(caller.session)
        self._authenticator.cookies.take_session(response)

    async def list_sessions(
        self,
        caller: Caller,
        sight: Seen,
        *,
        limit: Limit = 100,
        after: After = "",
        person_id: Annotated[str | None, Query(max_length=64, description="Only this person's.")] = None,
    ) -> Page[SessionView]:
        """Those that last, in the order they began. Everybody sees their own; others are for who may audit."""
        if not sight.may(Action.AUDIT):
            person_id = caller.person_id or _NOBODY
        found, following = await self._sessions.list(
            self._organization_id, after=after, limit=limit, person_id=person_id
        )
        current = None if caller.session is None else caller.session.session_id
        return Page(items=[show_session(each, current=current) for each in found], next=following)

    async def end(
        self,
        session_id: Id,
        caller: Caller,
        sight: Seen,
        reason: Annotated[str, Query(max_length=REASON_MAX_CHARS, description="Why.")] = "",
    ) -> None:
        """Its browser is logged out at once, and its event streams end within seconds.

        Everybody may end their own; another person's asks for a role that takes access away.
        """
        if not await self._is_own(caller, session_id):
            sight.require(Action.RESTRICT)
        await self._sessions.end(self._organization_id, session_id, actor=caller.actor, reason=reason)

    async def make_link(self, caller: Caller, new: NewLoginLink = _EVERYTHING) -> LoginLink:
        """Whoever opens it first acts with the role that it gives, and can become a person here who has that role.

        A token may make one, and a person who logged in by passkey; a link's own session may not.
        """
        if not caller.may_let_in:
            raise MayNotLetIn(
                "a session of a link or a recovery code lets nobody else in",
                hint="register a passkey first; or on the server: vedette login-link",
            )
        role, scopes = await self._given(new)
        link = await self._sessions.make_link(self._organization_id, actor=caller.actor)
        await self._rights.roles.give_link(self._organization_id, link.link_id, role, scopes)
        return LoginLink(url=f"{self._url}/login?token={link.token}", expires_at=link.expires_at)

    async def _given(self, new: NewLoginLink) -> tuple[Role, Scopes]:
        scopes = await read_places(self._places, self._organization_id, sites=new.sites, groups=new.groups)
        return new.role, scopes

    async def _is_own(self, caller: Principal, session_id: str) -> bool:
        if caller.session is not None and caller.session.session_id == session_id:
            return True
        found = await self._sessions.find_by_id(self._organization_id, session_id)
        return found is not None and found.person_id is not None and found.person_id == caller.person_id
