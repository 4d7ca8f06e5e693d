"""Passkeys: registering one, logging in with one, taking one away."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from vedette.kernel import Clock, IdSource, OrganizationId
from vedette.ledger import Actor, Entry, Ledger
from vedette.operators import repository
from vedette.operators import session_repository as rows
from vedette.operators.ceremonies import (
    Assertion,
    Ceremonies,
    Json,
    NewCredential,
    RelyingParty,
    challenge_of,
    credential_id_of,
)
from vedette.operators.challenges import Challenges, end_of
from vedette.operators.errors import (
    InvalidPasskey,
    LoginFailed,
    PasskeyExists,
    PasskeyNotFound,
    PasskeySuspected,
    PersonDisabled,
    PersonNeeded,
    TooMany,
)
from vedette.operators.events import PasskeyAdded, PasskeyRemoved
from vedette.operators.logins import Logins
from vedette.operators.model import (
    PASSKEYS_MAX,
    Client,
    NewSession,
    Passkey,
    PasskeyId,
    Person,
    PersonId,
    Session,
    SessionKind,
    check_name,
)
from vedette.operators.people_service import PeopleService
from vedette.operators.service import digest_or_none
from vedette.store import Store, Transaction

PAGE_MAX: Final = 1000
_REGISTER: Final = "register"
_LOG_IN: Final = "log in"
_STEP_UP: Final = "step up"
_UNKNOWN: Final = "this passkey is not known here"


@dataclass(frozen=True, slots=True, kw_only=True)
class Registration:
    """A passkey that was registered.

    Attributes:
        recovery_codes: New ones, shown once; empty if the person has some.
        begun: The session that replaces the one before.
    """

    person: Person
    passkey: Passkey
    recovery_codes: tuple[str, ...] = field(repr=False)
    begun: NewSession


@dataclass(frozen=True, slots=True)
class _Denial:
    """Why somebody who proved who they are was refused; it is on record, so the transaction is kept."""

    problem: LoginFailed | PersonDisabled | PasskeySuspected


@dataclass(frozen=True, slots=True)
class _ShownPasskey:
    """A passkey whose signature is right."""

    challenge: bytes
    passkey: Passkey
    said: Assertion


class PasskeyService:
    """The use cases of passkeys."""

    def __init__(
        self,
        store: Store,
        ledger: Ledger,
        people: PeopleService,
        logins: Logins,
        *,
        ceremonies: Ceremonies,
        challenges: Challenges,
        clock: Clock,
        ids: IdSource,
    ) -> None:
        self._store = store
        self._ledger = ledger
        self._people = people
        self._logins = logins
        self._ceremonies = ceremonies
        self._challenges = challenges
        self._clock = clock
        self._ids = ids

    @property
    def party(self) -> RelyingParty:
        """Where passkeys work."""
        return self._ceremonies.party

    async def ask_to_register(self, session: Session, *, host: str, person_name: str = "") -> dict[str, Any]:
        """Return what a browser is asked to make a passkey from; JSON.

        Args:
            session: Of a person who wants another passkey, or of a link: then a new person is added.
            host: Under which the page was opened.
            person_name: Of the new person.

        Raises:
            PasskeysImpossible: Browsers use none there.
            InvalidName: The new person's name is none.
        """
        self.party.check(host)
        person_id, name = session.person_id, session.person_name
        existing: Sequence[Passkey] = ()
        if person_id is None:
            person_id, name = PersonId(self._ids.new("per")), check_name(person_name)
        else:
            existing, _ = await self.list(session.organization_id, person_id=person_id)
        challenge = self._challenges.issue(_REGISTER, session.token_sha256, person_id.encode("ascii"))
        return self._ceremonies.ask_to_register(challenge, person_id=person_id, name=name, existing=existing)

    async def register(
        self, session: Session, answer: Json, *, passkey_name: str, person_name: str = "", client: Client
    ) -> Registration:
        """Take what the browser answered: the passkey is registered and the session begins anew, as the person's.

        Raises:
            InvalidPasskey: The answer breaks a rule, or comes too late, or again.
            InvalidName: A name is none.
            PasskeyExists: It is registered already.
            PersonExists: Somebody else has the new person's name.
            PersonNotFound: The person was deleted meanwhile.
            TooMany: There are 20 passkeys, or 500 people.
        """
        checked = check_name(passkey_name)
        challenge = challenge_of(answer)
        payload = self._challenges.open(_REGISTER, session.token_sha256, challenge)
        if payload is None:
            raise InvalidPasskey("this was not asked for here, or too long ago", hint="begin again")
        person_id = PersonId(payload.decode("ascii"))
        made = await asyncio.to_thread(self._ceremonies.verify_registration, answer, challenge)
        new_name = None if session.person_id is not None else check_name(person_name)

        def change(tx: Transaction) -> Registration:
            if rows.find_session(tx.connection, session.organization_id, session.session_id) is None:
                raise InvalidPasskey("the session has ended meanwhile", hint="log in and begin again")
            if not self._use(tx, session.organization_id, challenge):
                raise InvalidPasskey("this answer was taken before", hint="begin again")
            if new_name is None:
                person = self._people.find(tx.connection, session.organization_id, person_id)
            else:
                person = self._people.add(tx, session.organization_id, person_id, new_name, actor=session.actor)
            passkey = self._add(tx, person, made, checked, begun_by=session)
            codes = self._people.make_first_codes(tx, person)
            begun = self._logins.begin(
                tx,
                session.organization_id,
                SessionKind.PASSKEY,
                client=client,
                former=session.token_sha256,
                person=person,
                passkey_id=passkey.passkey_id,
            )
            return Registration(person=person, passkey=passkey, recovery_codes=codes, begun=begun)

        return await self._store.write(change)

    def ask_to_log_in(self, browser: bytes, *, host: str) -> dict[str, Any]:
        """Return what a browser is asked for; JSON. Costs neither memory nor disk, since anybody may ask.

        Args:
            browser: What the browser keeps until it answers.
            host: Under which the page was opened.

        Raises:
            PasskeysImpossible: Browsers use none there.
        """
        self.party.check(host)
        return self._ceremonies.ask_to_log_in(self._challenges.issue(_LOG_IN, browser))

    async def log_in(
        self, organization_id: OrganizationId, browser: bytes, answer: Json, *, client: Client, former_token: str = ""
    ) -> NewSession:
        """Take what the browser answered and begin a session.

        Raises:
            LoginFailed: The answer is not valid, comes too late or again, or the passkey is not known.
            PersonDisabled: The person may not log in.
            PasskeySuspected: The passkey's counter went back.
        """
        shown = await self._prove(organization_id, _LOG_IN, browser, answer)

        def change(tx: Transaction) -> NewSession | _Denial:
            taken = self._take(tx, organization_id, shown, client)
            if isinstance(taken, _Denial):
                return taken
            return self._logins.begin(
                tx,
                organization_id,
                SessionKind.PASSKEY,
                client=client,
                former=digest_or_none(former_token),
                person=taken,
                passkey_id=shown.passkey.passkey_id,
            )

        return _granted(await self._store.write(change))

    def ask_to_step_up(self, session: Session, *, host: str) -> dict[str, Any]:
        """Return what a browser is asked for, so that its person proves that they are there; JSON.

        Raises:
            PasskeysImpossible: Browsers use none there.
            PersonNeeded: The session is a link's.
        """
        self.party.check(host)
        if session.person_id is None:
            raise PersonNeeded("a one-time link has no passkey to prove itself with", hint="register a passkey first")
        return self._ceremonies.ask_to_log_in(self._challenges.issue(_STEP_UP, session.token_sha256))

    async def step_up(self, session: Session, answer: Json, *, client: Client) -> NewSession:
        """Take what the browser answered: the session goes on under another secret, stepped up now.

        Raises:
            LoginFailed: The answer is not valid, comes too late or again, or is another person's.
            PersonDisabled: The person may not log in.
            PasskeySuspected: The passkey's counter went back.
        """
        organization_id = session.organization_id
        shown = await self._prove(organization_id, _STEP_UP, session.token_sha256, answer)
        if shown.passkey.person_id != session.person_id:
            raise LoginFailed("this passkey is another person's", hint="log out, and log in with it")

        def change(tx: Transaction) -> NewSession | _Denial:
            found = rows.find_session(tx.connection, organization_id, session.session_id)
            if found is None or found.token_sha256 != session.token_sha256:
                return _Denial(LoginFailed("the session has ended meanwhile", hint="log in again"))
            taken = self._take(tx, organization_id, shown, client)
            if isinstance(taken, _Denial):
                return taken
            facts = replace(found.facts, stepped_up_at=self._clock.now(), is_multi_factor=True)
            return self._logins.rotate(tx, found, client=client, facts=facts)

        return _granted(await self._store.write(change))

    async def list(
        self, organization_id: OrganizationId, *, person_id: str | None, after: str = "", limit: int = 100
    ) -> tuple[Sequence[Passkey], str | None]:
        """Return passkeys of a person, or of all, in the order they were added, and what to pass as ``after`` next."""
        most = max(1, min(limit, PAGE_MAX))
        found = await self._store.read(
            lambda connection: repository.list_passkeys(
                connection, organization_id, person_id=person_id, after=after, limit=most + 1
            )
        )
        page = found[:most]
        return page, page[-1].passkey_id if len(found) > most else None

    async def remove(
        self,
        organization_id: OrganizationId,
        passkey_id: str,
        *,
        actor: Actor,
        reason: str = "",
        spared: bytes | None = None,
    ) -> None:
        """Take a passkey away, and end the sessions that it began.

        Args:
            organization_id: Where.
            passkey_id: Which.
            actor: Who does it.
            reason: Why.
            spared: Digest of the session that asks: it stays.

        Raises:
            PasskeyNotFound: There is none of that id.
        """

        def change(tx: Transaction) -> None:
            passkey = repository.find_passkey(tx.connection, organization_id, passkey_id)
            if passkey is None:
                raise PasskeyNotFound(f"there is no passkey {passkey_id[:64]!r}", hint="see them: GET /v1/passkeys")
            repository.delete_passkey(tx.connection, organization_id, passkey_id)
            begun = [
                session
                for session in rows.sessions_of(tx.connection, organization_id, passkey.person_id)
                if session.passkey_id == passkey_id and session.token_sha256 != spared
            ]
            self._logins.end_all(tx, begun, actor=actor, cause="passkey_removed")
            self._record(tx, passkey, "operators.remove_passkey", actor=actor, reason=reason)

        await self._store.write(change, restricting=True)

    async def _prove(
        self, organization_id: OrganizationId, purpose: str, binding: bytes, answer: Json
    ) -> _ShownPasskey:
        """Verify what a browser answered, as far as that writes nothing."""
        challenge = challenge_of(answer)
        if self._challenges.open(purpose, binding, challenge) is None:
            raise LoginFailed("this was not asked for here, or too long ago", hint="begin again")
        credential_id = credential_id_of(answer)
        passkey = await self._store.read(
            lambda connection: repository.find_credential(connection, organization_id, credential_id)
        )
        if passkey is None:
            raise LoginFailed(_UNKNOWN, hint="it was removed, or belongs to another platform: use another way in")
        said = await asyncio.to_thread(self._ceremonies.verify_login, answer, challenge, passkey)
        if said.person_id != passkey.person_id:
            raise LoginFailed(_UNKNOWN)
        return _ShownPasskey(challenge, passkey, said)

    def _take(
        self, tx: Transaction, organization_id: OrganizationId, shown: _ShownPasskey, client: Client
    ) -> Person | _Denial:
        """Use up an answer, and judge whose it is by what holds now."""
        if not self._use(tx, organization_id, shown.challenge):
            return _Denial(LoginFailed("this answer was taken before", hint="begin again"))
        found = repository.find_credential(tx.connection, organization_id, shown.passkey.credential_id)
        if found is None or found.passkey_id != shown.passkey.passkey_id:
            return _Denial(LoginFailed(_UNKNOWN))
        person = self._people.find(tx.connection, organization_id, found.person_id)
        denied = self._judge(tx, person, found, shown.said, client)
        if denied is not None:
            return denied
        repository.note_use(tx.connection, found, sign_count=shown.said.sign_count, at=self._clock.now())
        return person

    def _use(self, tx: Transaction, organization_id: OrganizationId, challenge: bytes) -> bool:
        return rows.use_challenge(
            tx.connection,
            organization_id,
            hashlib.sha256(challenge).digest(),
            expires_at=end_of(challenge),
            now=self._clock.now(),
        )

    def _add(self, tx: Transaction, person: Person, made: NewCredential, name: str, *, begun_by: Session) -> Passkey:
        if repository.find_credential(tx.connection, person.organization_id, made.credential_id) is not None:
            raise PasskeyExists("this passkey is registered already", hint="log in with it")
        own = repository.list_passkeys(
            tx.connection, person.organization_id, person_id=person.person_id, limit=PASSKEYS_MAX
        )
        if len(own) >= PASSKEYS_MAX:
            raise TooMany(f"{person.name} has {PASSKEYS_MAX} passkeys", hint="remove one first", limit=PASSKEYS_MAX)
        passkey = Passkey(
            organization_id=person.organization_id,
            passkey_id=PasskeyId(self._ids.new("pky")),
            person_id=person.person_id,
            credential_id=made.credential_id,
            public_key=made.public_key,
            sign_count=made.sign_count,
            transports=made.transports,
            name=name,
            is_synced=made.is_synced,
            created_at=self._clock.now(),
        )
        repository.insert_passkey(tx.connection, passkey)
        self._record(tx, passkey, "operators.add_passkey", actor=begun_by.actor)
        return passkey

    def _judge(
        self, tx: Transaction, person: Person, passkey: Passkey, said: Assertion, client: Client
    ) -> _Denial | None:
        """Refuse whom a valid signature is not enough for, and put it on record."""
        problem: PersonDisabled | PasskeySuspected
        if person.is_disabled:
            problem = PersonDisabled(f"{person.name} is disabled here", hint="ask another operator")
        elif (said.sign_count or passkey.sign_count) and said.sign_count <= passkey.sign_count:
            problem = PasskeySuspected(
                "the passkey's counter went back: somebody may hold a copy",
                hint="log in another way and remove it",
            )
        else:
            return None
        self._logins.deny(
            tx, person, SessionKind.PASSKEY, reason=problem.detail, client=client, passkey_id=passkey.passkey_id
        )
        return _Denial(problem)

    def _record(self, tx: Transaction, passkey: Passkey, action: str, *, actor: Actor, reason: str = "") -> None:
        event_type = PasskeyAdded if action == "operators.add_passkey" else PasskeyRemoved
        self._ledger.append(
            tx,
            Entry(
                organization_id=passkey.organization_id,
                actor=actor,
                action=action,
                target=passkey.passkey_id,
                target_name=passkey.name,
                reason=reason,
                details={
                    "person_id": passkey.person_id,
                    "credential_sha256": hashlib.sha256(passkey.credential_id).hexdigest(),
                    "is_synced": passkey.is_synced,
                },
            ),
            event=event_type(
                organization_id=passkey.organization_id,
                generation_id=passkey.person_id,
                passkey_id=passkey.passkey_id,
            ),
        )


def _granted(outcome: NewSession | _Denial) -> NewSession:
    if isinstance(outcome, _Denial):
        raise outcome.problem
    return outcome
