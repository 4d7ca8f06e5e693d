"""``/v1/passkeys`` and ``/v1/recovery-codes``: what people log in with."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Request, Response

from vedette.api.authentication import Authenticator, Principal, client_in
from vedette.api.protection import host_name
from vedette.api.schema import REASON_MAX_CHARS, After, Caller, Limit, Page, api_router, holds_secret, refusals
from vedette.api.session_views import (
    NewPasskey,
    PasskeyOptionsView,
    PasskeyView,
    RecoveryCodesView,
    RegisteredPasskeyView,
    RegisterPasskey,
    show_passkey,
)
from vedette.api.sight import Seen, Sight
from vedette.kernel import OrganizationId
from vedette.operators import Action, PasskeyService, PeopleService, PersonNeeded, Session

_NOBODY = "-"
# What these sessions are for is to register a passkey; they have none that could confirm it.
_WITHOUT_PASSKEY = frozenset({"link", "recovery"})
Id = Annotated[str, Path(max_length=64, description="Generated id of the passkey.", examples=["pky_06h0"])]


class PasskeyRoutes:
    """What the routes below do, for one organization."""

    def __init__(
        self,
        organization_id: OrganizationId,
        passkeys: PasskeyService,
        people: PeopleService,
        authenticator: Authenticator,
    ) -> None:
        self._organization_id = organization_id
        self._passkeys = passkeys
        self._people = people
        self._authenticator = authenticator

    def build(self) -> APIRouter:
        """Return the routes."""
        router = api_router("people and sessions")
        add = router.add_api_route
        add("/passkeys", self.list_passkeys, methods=["GET"], summary="List passkeys", responses=refusals(422))
        add(
            "/passkey-options",
            self.ask,
            methods=["POST"],
            summary="Ask for a new passkey",
            responses=refusals(404, 409, 422, is_change=True),
        )
        add(
            "/passkeys",
            self.register,
            methods=["POST"],
            status_code=201,
            summary="Register a passkey",
            responses=refusals(404, 409, 422, is_change=True),
            dependencies=[Depends(holds_secret)],
        )
        add(
            "/passkeys/{passkey_id}",
            self.remove,
            methods=["DELETE"],
            status_code=204,
            summary="Remove a passkey",
            responses=refusals(404, 422, is_change=True),
        )
        add(
            "/recovery-codes",
            self.make_codes,
            methods=["POST"],
            status_code=201,
            summary="Make new recovery codes",
            responses=refusals(404, 409, 422, is_change=True),
            dependencies=[Depends(holds_secret)],
        )
        return router

    async def list_passkeys(
        self,
        caller: Caller,
        sight: Seen,
        *,
        limit: Limit = 100,
        after: After = "",
        person_id: Annotated[str | None, Query(max_length=64, description="Only this person's.")] = None,
    ) -> Page[PasskeyView]:
        """In the order they were added. Everybody sees their own; those of others are for who may audit."""
        if not sight.may(Action.AUDIT):
            person_id = caller.person_id or _NOBODY
        found, following = await self._passkeys.list(
            self._organization_id, person_id=person_id, after=after, limit=limit
        )
        return Page(items=[show_passkey(each) for each in found], next=following)

    async def ask(self, body: NewPasskey, caller: Caller, sight: Seen, request: Request) -> PasskeyOptionsView:
        """What a browser gives to `navigator.credentials.create`, good for five minutes and for this session.

        A person gets another passkey; the session of a one-time link adds a person, whose name is then needed.
        """
        _check_present(caller, sight)
        options = await self._passkeys.ask_to_register(
            _session(caller), host=host_name(request.headers), person_name=body.person_name
        )
        return PasskeyOptionsView(options=options)

    async def register(
        self, body: RegisterPasskey, caller: Caller, sight: Seen, request: Request, response: Response
    ) -> RegisteredPasskeyView:
        """The session begins anew, as the person's: the answer sets its cookie."""
        _check_present(caller, sight)
        done = await self._passkeys.register(
            _session(caller),
            body.credential.as_json(),
            passkey_name=body.name,
            person_name=body.person_name,
            client=client_in(request.scope),
        )
        self._authenticator.cookies.give_session(response, done.begun)
        return RegisteredPasskeyView(
            passkey=show_passkey(done.passkey),
            person_id=done.person.person_id,
            recovery_codes=list(done.recovery_codes),
        )

    async def remove(
        self,
        passkey_id: Id,
        caller: Caller,
        sight: Seen,
        reason: Annotated[str, Query(max_length=REASON_MAX_CHARS, description="Why.")] = "",
    ) -> None:
        """Sessions that it began end at once, but the one that asks. Another person's asks for an administrator."""
        if caller.person_id is not None and await self._is_own(caller.person_id, passkey_id):
            _check_present(caller, sight)
        else:
            sight.require(Action.MANAGE_PEOPLE)
        await self._passkeys.remove(
            self._organization_id,
            passkey_id,
            actor=caller.actor,
            reason=reason,
            spared=None if caller.session is None else caller.session.token_sha256,
        )

    async def make_codes(self, caller: Caller, sight: Seen) -> RecoveryCodesView:
        """Ten for the person who asks; the former ones are void."""
        _check_present(caller, sight)
        return RecoveryCodesView(recovery_codes=list(await self._people.make_recovery_codes(_session(caller))))

    async def _is_own(self, person_id: str, passkey_id: str) -> bool:
        own, _ = await self._passkeys.list(self._organization_id, person_id=person_id)
        return any(each.passkey_id == passkey_id for each in own)


def _check_present(caller: Principal, sight: Sight) -> None:
    """Check that whoever changes what a person logs in with has just shown that they are that person.

    Raises:
        Problem: They have not.
    """
    if caller.session is not None and caller.method not in _WITHOUT_PASSKEY:
        sight.require(Action.OWN_CREDENTIALS)


def _session(caller: Principal) -> Session:
    """Return the session of whoever asks.

    Raises:
        PersonNeeded: It is a token, which no authenticator belongs to.
    """
    if caller.session is None:
        raise PersonNeeded("a token is nobody's", hint="log in to the console: vedette login-link")
    return caller.session
