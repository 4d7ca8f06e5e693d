"""``/login/methods`` and ``/login/totp`` for strangers, ``/v1/totp`` and identities for people."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Request, Response
from pydantic import Field

from vedette.api.authentication import Authenticator, Principal, client_in, principal_of_session
from vedette.api.errors import WrongCode
from vedette.api.protection import host_name
from vedette.api.same_origin import check_own_script
from vedette.api.schema import (
    REASON_MAX_CHARS,
    Caller,
    Page,
    Timestamp,
    View,
    Who,
    api_router,
    holds_secret,
    refusals,
)
from vedette.api.session_views import CurrentSessionView
from vedette.api.sessions import CurrentSession
from vedette.api.sight import Seen
from vedette.kernel import OrganizationId
from vedette.operators import (
    Action,
    LoginFailed,
    OidcOff,
    PasskeysImpossible,
    PersonDisabled,
    PersonNeeded,
    RelyingParty,
    Session,
    SignIn,
    TotpHeld,
)

PersonPath = Annotated[str, Path(max_length=64, description="Generated id of the person.", examples=["per_06h0"])]
_Reason = Annotated[str, Query(min_length=1, max_length=REASON_MAX_CHARS, description="Why.")]


class LoginMethodsView(View):
    """What one can log in with here."""

    passkey: bool = Field(description="Browsers use passkeys at this address.")
    totp: bool = Field(description="Time-based codes are switched on.")
    oidc: str = Field(description="What the identity provider's button says; empty without one.")
    oidc_url: str = Field(description="Where the button leads; empty without one.")


class TotpLogin(View):
    """A sign-in key, and a code of the app that goes with it."""

    key: str = Field(min_length=1, max_length=64, description="Capitals and dashes do not matter.")
    code: str = Field(min_length=6, max_length=16, description="Six digits, good once.")


class TotpCode(View):
    """A code of the app."""

    code: str = Field(min_length=6, max_length=16, description="Six digits, good once.")


class NewTotpView(View):
    """What to put into an authenticator app; shown once."""

    secret: str = Field(description="To type into the app.")
    url: str = Field(description="The same for a QR code (`otpauth:`).")
    key: str = Field(description="The sign-in key: shown beside each code to log in.")


class IdentityView(View):
    """What a person is called at an identity provider."""

    external_id: str
    issuer: str
    subject: str
    created_at: Timestamp
    last_login_at: Timestamp | None


class OtherLoginRoutes:
    """What the routes below do, for one organization."""

    def __init__(
        self,
        organization_id: OrganizationId,
        sign_in: SignIn,
        party: RelyingParty,
        *,
        current: CurrentSession,
        authenticator: Authenticator,
    ) -> None:
        self._organization_id = organization_id
        self._sign_in = sign_in
        self._party = party
        self._current = current
        self._authenticator = authenticator

    def build_open(self) -> APIRouter:
        """Return what the console's page calls before anybody is logged in."""
        router = APIRouter(prefix="/login", tags=["logging in"])
        router.add_api_route(
            "/methods", self.methods, methods=["GET"], summary="Show what one can log in with", responses=refusals()
        )
        router.add_api_route(
            "/totp",
            self.log_in,
            methods=["POST"],
            summary="Log in by sign-in key and code",
            responses=refusals(409, 422, is_change=True),
            dependencies=[Depends(self._only_own_page)],
        )
        return router

    def build(self) -> APIRouter:
        """Return what people call."""
        router = api_router("people and sessions")
        add = router.add_api_route
        add(
            "/totp",
            self.begin,
            methods=["POST"],
            status_code=201,
            summary="Make a secret for my authenticator app",
            responses=refusals(409, 422, is_change=True),
            dependencies=[Depends(holds_secret)],
        )
        add(
            "/totp/confirm",
            self.confirm,
            methods=["POST"],
            status_code=204,
            summary="Confirm my authenticator app",
            responses=refusals(404, 409, 422, is_change=True),
        )
        add(
            "/people/{person_id}/totp",
            self.remove,
            methods=["DELETE"],
            status_code=204,
            summary="Remove an authenticator app",
            responses=refusals(404, 422, is_change=True),
        )
        add(
            "/people/{person_id}/identities",
            self.list_identities,
            methods=["GET"],
            summary="List a person's identities at providers",
            responses=refusals(404, 409, 422),
        )
        add(
            "/identities/{external_id}",
            self.unlink,
            methods=["DELETE"],
            status_code=204,
            summary="Take an identity at a provider from its person",
            responses=refusals(404, 409, 422, is_change=True),
        )
        return router

    async def methods(self, request: Request) -> LoginMethodsView:
        """What the login page shows."""
        try:
            self._party.check(host_name(request.headers))
            has_passkeys = True
        except PasskeysImpossible:
            has_passkeys = False
        oidc = self._sign_in.oidc
        return LoginMethodsView(
            passkey=has_passkeys,
            totp=self._sign_in.totp.is_enabled,
            oidc="" if oidc is None else oidc.settings.label,
            oidc_url="" if oidc is None else "/login/oidc",
        )

    async def log_in(self, body: TotpLogin, request: Request, response: Response) -> CurrentSessionView:
        """Sets the session's cookie; the code is used up. Off unless `api.totp` says otherwise."""
        cookies = self._authenticator.cookies
        try:
            begun = await self._sign_in.totp.log_in(
                self._organization_id,
                body.key,
                body.code,
                client=client_in(request.scope),
                former_token=cookies.session_in(request.headers),
            )
        except (LoginFailed, TotpHeld, PersonDisabled) as problem:
            raise self._authenticator.failures.count(request.scope, problem) from problem
        cookies.give_session(response, begun)
        return await self._current.show(principal_of_session(begun.session), request.headers)

    async def begin(self, caller: Caller) -> NewTotpView:
        """In the place of the one before. Its person must have stepped up in the last five minutes."""
        made = await self._sign_in.totp.begin(_session_of(caller))
        return NewTotpView(secret=made.secret, url=made.url, key=made.key)

    async def confirm(self, body: TotpCode, caller: Caller) -> None:
        """With a first code: from then on key and codes log in."""
        try:
            await self._sign_in.totp.confirm(_session_of(caller), body.code)
        except LoginFailed as problem:
            # Not as a wrong credential: the session that asks is as good as before.
            raise WrongCode("the code is not the one that the app shows now", hint=problem.hint) from problem

    async def remove(self, person_id: PersonPath, who: Who, caller: Caller, sight: Seen, reason: _Reason) -> None:
        """The sessions that it began end at once. Another person's asks for an administrator."""
        sight.require(Action.OWN_CREDENTIALS if caller.person_id == person_id else Action.MANAGE_PEOPLE)
        await self._sign_in.totp.remove(self._organization_id, person_id, actor=who, reason=reason)

    async def list_identities(self, person_id: PersonPath, caller: Caller, sight: Seen) -> Page[IdentityView]:
        """A person links them at `/login/oidc?purpose=link`, while they are logged in.

        Everybody sees their own; those of others are for who may audit.
        """
        if caller.person_id != person_id:
            sight.require(Action.AUDIT)
        if self._sign_in.oidc is None:
            raise _off()
        found = await self._sign_in.oidc.list_of(self._organization_id, person_id)
        items = [
            IdentityView(
                external_id=each.external_id,
                issuer=each.issuer,
                subject=each.subject,
                created_at=each.created_at,
                last_login_at=each.last_login_at,
            )
            for each in found
        ]
        return Page(items=items, next=None)

    async def unlink(
        self,
        external_id: Annotated[str, Path(max_length=64, description="Generated id.", examples=["ext_06h0"])],
        who: Who,
        caller: Caller,
        sight: Seen,
        reason: _Reason,
    ) -> None:
        """The sessions that it began end at once. Another person's asks for an administrator."""
        if self._sign_in.oidc is None:
            raise _off()
        is_own = False
        if caller.person_id is not None:
            own = await self._sign_in.oidc.list_of(self._organization_id, caller.person_id)
            is_own = any(each.external_id == external_id for each in own)
        sight.require(Action.OWN_CREDENTIALS if is_own else Action.MANAGE_PEOPLE)
        await self._sign_in.oidc.unlink(self._organization_id, external_id, actor=who, reason=reason)

    def _only_own_page(self, request: Request) -> None:
        check_own_script(request.headers, is_tls=self._authenticator.is_tls)


def _session_of(caller: Principal) -> Session:
    if caller.session is None:
        raise PersonNeeded("only a person at a browser has an authenticator app", hint="open the console")
    return caller.session


def _off() -> OidcOff:
    return OidcOff("no identity provider is configured", hint="set oidc.issuer and oidc.client_id")
