"""The use cases of the device flow: a command line begins to wait, a person decides, the command line is logged in."""

from __future__ import annotations

from base64 import urlsafe_b64encode
from dataclasses import replace
from datetime import timedelta
from enum import StrEnum
from typing import Final

from vedette.kernel import Clock, IdSource, OrganizationId
from vedette.ledger import Entry, Ledger
from vedette.operators import device_flow_repository as waiting
from vedette.operators.device_flow import (
    LIFETIME,
    PENDING_MAX,
    PENDING_PER_ADDRESS_MAX,
    SLOWER_BY_S,
    AuthorizationState,
    DeviceAuthorization,
    NewDeviceAuthorization,
    is_device_code,
    new_user_code,
    parse_user_code,
)
from vedette.operators.errors import DeviceAuthorizationNotFound, PersonNeeded, TooManyWaiting
from vedette.operators.logins import Logins
from vedette.operators.model import Client, NewSession, Session, SessionKind, digest_of
from vedette.operators.people_service import PeopleService
from vedette.store import Store, Transaction

_CODE_BYTES: Final = 32
_MAY_APPROVE: Final = (SessionKind.PASSKEY, SessionKind.OIDC, SessionKind.TOTP)


class Wait(StrEnum):
    """Why a command line is not logged in, in the standard's words (RFC 8628 §3.5)."""

    PENDING = "authorization_pending"
    SLOW_DOWN = "slow_down"
    DENIED = "access_denied"
    EXPIRED = "expired_token"


class DeviceFlowService:
    """Lets people log a command line in from their browser."""

    def __init__(
        self, store: Store, ledger: Ledger, people: PeopleService, logins: Logins, *, clock: Clock, ids: IdSource
    ) -> None:
        self._store = store
        self._ledger = ledger
        self._people = people
        self._logins = logins
        self._clock = clock
        self._ids = ids

    async def begin(self, organization_id: OrganizationId, client: Client) -> NewDeviceAuthorization:
        """Have a command line wait for ten minutes.

        Raises:
            TooManyWaiting: Too many wait, from there or in all.
        """
        secret = urlsafe_b64encode(self._ids.random_bytes(_CODE_BYTES)).rstrip(b"=").decode("ascii")
        now = self._clock.now()
        made = DeviceAuthorization(
            organization_id=organization_id,
            code_sha256=digest_of(secret),
            user_code=new_user_code(self._ids),
            client=client,
            created_at=now,
            expires_at=now + LIFETIME,
        )

        def change(tx: Transaction) -> None:
            waiting.delete_expired(tx.connection, organization_id, now)
            from_there = waiting.count(tx.connection, organization_id, address=client.address)
            if from_there >= PENDING_PER_ADDRESS_MAX or waiting.count(tx.connection, organization_id) >= PENDING_MAX:
                raise TooManyWaiting("too many command lines wait to be approved", hint="wait ten minutes")
            waiting.insert(tx.connection, made)

        await self._store.write(change)
        return NewDeviceAuthorization(made, secret)

    async def show(self, organization_id: OrganizationId, user_code: str) -> DeviceAuthorization:
        """Return the command line that shows a code.

        Raises:
            DeviceAuthorizationNotFound: None waits with it.
        """
        code = parse_user_code(user_code)
        found = None
        if code is not None:
            found = await self._store.read(
                lambda connection: waiting.find_by_user_code(connection, organization_id, code)
            )
        if found is None or not self._is_undecided(found):
            raise _not_waiting()
        return found

    async def decide(self, session: Session, user_code: str, *, is_approved: bool) -> DeviceAuthorization:
        """Let a command line in as the person of a session, or keep it out.

        Raises:
            PersonNeeded: The session is a link's, a recovery code's, or a command line's own.
            DeviceAuthorizationNotFound: None waits with this code.
        """
        if session.person_id is None or session.kind not in _MAY_APPROVE:
            raise PersonNeeded(
                "only a person at a browser lets a command line in, and not by a recovery code",
                hint="log in by passkey",
            )
        code = parse_user_code(user_code)

        def change(tx: Transaction) -> DeviceAuthorization:
            found = None
            if code is not None:
                found = waiting.find_by_user_code(tx.connection, session.organization_id, code)
            if found is None or not self._is_undecided(found):
                raise _not_waiting()
            decided = replace(
                found,
                state=AuthorizationState.APPROVED if is_approved else AuthorizationState.DENIED,
                person_id=session.person_id,
                facts=replace(session.facts, id_token=b""),
            )
            waiting.decide(tx.connection, decided)
            self._record(tx, decided, session)
            return decided

        return await self._store.write(change, restricting=not is_approved)

    async def ask(self, organization_id: OrganizationId, device_code: str, client: Client) -> NewSession | Wait:
        """Answer a command line that asks whether it was let in; its session begins when it was."""
        if not is_device_code(device_code):
            return Wait.EXPIRED
        digest = digest_of(device_code)
        found = await self._store.read(
            lambda connection: waiting.find_by_device_code(connection, organization_id, digest)
        )
        if found is None or self._clock.now() >= found.expires_at:
            return Wait.EXPIRED

        def change(tx: Transaction) -> NewSession | Wait:
            now = self._clock.now()
            known = waiting.find_by_device_code(tx.connection, organization_id, digest)
            if known is None or now >= known.expires_at:
                return Wait.EXPIRED
            if known.state is AuthorizationState.DENIED:
                waiting.delete(tx.connection, known)
                return Wait.DENIED
            if known.state is AuthorizationState.APPROVED:
                return self._begin(tx, known, client)
            is_early = known.last_asked_at is not None and now - known.last_asked_at < timedelta(
                seconds=known.interval_s
            )
            interval_s = known.interval_s + (SLOWER_BY_S if is_early else 0)
            waiting.note_question(tx.connection, known, now, interval_s)
            return Wait.SLOW_DOWN if is_early else Wait.PENDING

        return await self._store.write(change)

    def _begin(self, tx: Transaction, known: DeviceAuthorization, client: Client) -> NewSession | Wait:
        waiting.delete(tx.connection, known)
        person = self._people.find(tx.connection, known.organization_id, known.person_id or "")
        if person.is_disabled:
            reason = f"{person.name} is disabled here"
            self._logins.deny(tx, person, SessionKind.CLI, reason=reason, client=client)
            return Wait.DENIED
        return self._logins.begin(
            tx,
            known.organization_id,
            SessionKind.CLI,
            client=client,
            former=None,
            person=person,
            facts=known.facts,
        )

    def _is_undecided(self, found: DeviceAuthorization) -> bool:
        return found.state is AuthorizationState.PENDING and self._clock.now() < found.expires_at

    def _record(self, tx: Transaction, decided: DeviceAuthorization, session: Session) -> None:
        self._ledger.append(
            tx,
            Entry(
                organization_id=session.organization_id,
                actor=session.actor,
                action="operators.approve_command_line",
                target=session.person_id or "",
                target_name=session.person_name,
                decision="allowed" if decided.state is AuthorizationState.APPROVED else "denied",
                details={
                    "user_code": decided.shown_code,
                    "address": decided.client.address,
                    "user_agent": decided.client.user_agent,
                },
            ),
        )


def _not_waiting() -> DeviceAuthorizationNotFound:
    return DeviceAuthorizationNotFound(
        "no command line waits with this code", hint="it is good for ten minutes, once: vedette login"
    )
