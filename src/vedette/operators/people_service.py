"""People: who may operate the platform, and their recovery codes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Literal

import sqlalchemy as sa

from vedette.kernel import Clock, IdSource, OrganizationId
from vedette.ledger import Actor, Entry, Ledger
from vedette.operators import external_identity_repository as external_identities
from vedette.operators import repository
from vedette.operators import service_token_repository as service_tokens
from vedette.operators import session_repository as rows
from vedette.operators import totp_repository as totp
from vedette.operators.errors import (
    LoginFailed,
    PersonDisabled,
    PersonExists,
    PersonNeeded,
    PersonNotFound,
    RevisionMismatch,
    TooMany,
)
from vedette.operators.events import PersonAdded, PersonChanged, RecoveryCodesMade
from vedette.operators.logins import Logins
from vedette.operators.model import (
    PEOPLE_MAX,
    Client,
    NewSession,
    Person,
    PersonId,
    PersonSummary,
    Session,
    SessionKind,
    check_name,
    is_same_name,
    person_actor,
)
from vedette.operators.recovery import code_digest, new_codes
from vedette.operators.service import digest_or_none
from vedette.store import Store, Transaction

PAGE_MAX: Final = 1000
_Change = Literal["rename", "disable", "enable", "delete"]
_DONE: Final[dict[_Change, str]] = {
    "rename": "renamed",
    "disable": "disabled",
    "enable": "enabled",
    "delete": "deleted",
}


class PeopleService:
    """The use cases of people; what takes access away works on a full disk too."""

    def __init__(self, store: Store, ledger: Ledger, logins: Logins, *, clock: Clock, ids: IdSource) -> None:
        self._store = store
        self._ledger = ledger
        self._logins = logins
        self._clock = clock
        self._ids = ids

    async def list(
        self, organization_id: OrganizationId, *, after: str = "", limit: int = 100
    ) -> tuple[Sequence[PersonSummary], str | None]:
        """Return people in the order they came, and what to pass as ``after`` next."""
        most = max(1, min(limit, PAGE_MAX))
        found = await self._store.read(
            lambda connection: repository.list_people(connection, organization_id, after=after, limit=most + 1)
        )
        page = found[:most]
        return page, page[-1].person.person_id if len(found) > most else None

    async def get(self, organization_id: OrganizationId, person_id: str) -> PersonSummary:
        """Return a person.

        Raises:
            PersonNotFound: There is none of that id.
        """
        return await self._store.read(
            lambda connection: repository.summarize(connection, self.find(connection, organization_id, person_id))
        )

    async def rename(
        self,
        organization_id: OrganizationId,
        person_id: str,
        name: str,
        *,
        actor: Actor,
        expected_revision: int | None = None,
    ) -> PersonSummary:
        """Give a person another name; entries on record keep the former one.

        Raises:
            PersonNotFound: There is none of that id.
            RevisionMismatch: They have changed meanwhile.
            InvalidName: It is none.
            PersonExists: Somebody else has it.
        """
        checked = check_name(name)

        def change(tx: Transaction) -> PersonSummary:
            person = self.find(tx.connection, organization_id, person_id)
            if expected_revision is not None and person.revision != expected_revision:
                raise RevisionMismatch(f"the person is at revision {person.revision}, not {expected_revision}")
            if person.name != checked:
                self._check_free(tx.connection, organization_id, checked, but=person.person_id)
                repository.update_person(tx.connection, organization_id, person_id, name=checked)
                self._record(tx, person, "rename", actor=actor, shown=checked)
            return repository.summarize(tx.connection, self.find(tx.connection, organization_id, person_id))

        return await self._store.write(change)

    async def disable(
        self, organization_id: OrganizationId, person_id: str, *, actor: Actor, reason: str
    ) -> PersonSummary:
        """Keep a person out until they are enabled: their sessions end at once.

        Raises:
            PersonNotFound: There is none of that id.
        """
        return await self._set_disabled(organization_id, person_id, is_disabled=True, actor=actor, reason=reason)

    async def enable(
        self, organization_id: OrganizationId, person_id: str, *, actor: Actor, reason: str = ""
    ) -> PersonSummary:
        """Let a person log in again.

        Raises:
            PersonNotFound: There is none of that id.
        """
        return await self._set_disabled(organization_id, person_id, is_disabled=False, actor=actor, reason=reason)

    async def delete(self, organization_id: OrganizationId, person_id: str, *, actor: Actor, reason: str) -> None:
        """Take a person away with their passkeys, recovery codes and sessions; the ledger keeps what they did.

        Raises:
            PersonNotFound: There is none of that id.
        """

        def change(tx: Transaction) -> None:
            person = self.find(tx.connection, organization_id, person_id)
            sessions = rows.sessions_of(tx.connection, organization_id, person_id)
            self._logins.end_all(tx, sessions, actor=actor, cause="person_deleted")
            external_identities.delete_of(tx.connection, organization_id, person_id)
            totp.delete(tx.connection, organization_id, person_id)
            service_tokens.delete_of(tx.connection, organization_id, person_id)
            repository.delete_person(tx.connection, organization_id, person_id)
            self._record(tx, person, "delete", actor=actor, reason=reason)

        await self._store.write(change, restricting=True)

    async def make_recovery_codes(self, session: Session) -> tuple[str, ...]:
        """Make ten new recovery codes for the person of a session; the former ones are void.

        Raises:
            PersonNeeded: The session is a link's.
            PersonNotFound: The person was deleted meanwhile.
        """
        person_id = session.person_id
        if person_id is None:
            raise PersonNeeded("a one-time link has no recovery codes", hint="register a passkey first")

        def change(tx: Transaction) -> tuple[str, ...]:
            return self._make_codes(tx, self.find(tx.connection, session.organization_id, person_id))

        return await self._store.write(change)

    async def log_in_by_code(
        self, organization_id: OrganizationId, code: str, *, client: Client, former_token: str = ""
    ) -> NewSession:
        """Use up a recovery code and begin a session.

        Raises:
            LoginFailed: The code was used before, is void, or never was.
            PersonDisabled: The person may not log in; the code stays.
        """
        failed = LoginFailed("this recovery code is not valid, or was used before", hint="each works once")
        digest = code_digest(code)
        if digest is None or not await self._store.read(
            lambda connection: repository.find_code(connection, organization_id, digest)
        ):
            raise failed

        def exchange(tx: Transaction) -> NewSession | PersonDisabled | None:
            person_id = repository.find_code(tx.connection, organization_id, digest)
            if person_id is None:
                return None
            person = self.find(tx.connection, organization_id, person_id)
            if person.is_disabled:
                problem = PersonDisabled(f"{person.name} is disabled here", hint="ask another operator")
                self._logins.deny(tx, person, SessionKind.RECOVERY, reason=problem.detail, client=client)
                return problem
            if not repository.take_code(tx.connection, organization_id, digest):
                return None
            return self._logins.begin(
                tx,
                organization_id,
                SessionKind.RECOVERY,
                client=client,
                former=digest_or_none(former_token),
                person=person,
            )

        outcome = await self._store.write(exchange)
        if outcome is None:
            raise failed
        if isinstance(outcome, PersonDisabled):
            raise outcome
        return outcome

    def find(self, connection: sa.Connection, organization_id: OrganizationId, person_id: str) -> Person:
        """Return a person, within a transaction.

        Raises:
            PersonNotFound: There is none of that id.
        """
        person = repository.find_person(connection, organization_id, person_id)
        if person is None:
            raise PersonNotFound(f"there is no person {person_id[:64]!r}", hint="see them: vedette person list")
        return person

    def add(
        self, tx: Transaction, organization_id: OrganizationId, person_id: PersonId, name: str, *, actor: Actor
    ) -> Person:
        """Add a person, within the transaction that registers their first passkey.

        Raises:
            PersonExists: Somebody has the name.
            TooMany: There are 500 people.
        """
        self._check_free(tx.connection, organization_id, name, but=person_id)
        person = Person(organization_id=organization_id, person_id=person_id, name=name, created_at=self._clock.now())
        repository.insert_person(tx.connection, person)
        self._ledger.append(
            tx,
            Entry(
                organization_id=organization_id,
                actor=actor,
                action="operators.add_person",
                target=person_id,
                target_name=name,
            ),
            event=PersonAdded(
                organization_id=organization_id, generation_id=person_id, person_name=name, added_by=actor.id
            ),
        )
        return person

    def make_first_codes(self, tx: Transaction, person: Person) -> tuple[str, ...]:
        """Make recovery codes for a person who has none, within the transaction that registers a passkey."""
        if repository.count_codes(tx.connection, person.organization_id, person.person_id):
            return ()
        return self._make_codes(tx, person)

    async def _set_disabled(
        self, organization_id: OrganizationId, person_id: str, *, is_disabled: bool, actor: Actor, reason: str
    ) -> PersonSummary:
        def change(tx: Transaction) -> PersonSummary:
            person = self.find(tx.connection, organization_id, person_id)
            if is_disabled:
                sessions = rows.sessions_of(tx.connection, organization_id, person_id)
                self._logins.end_all(tx, sessions, actor=actor, cause="person_disabled")
            if person.is_disabled is not is_disabled:
                repository.update_person(tx.connection, organization_id, person_id, is_disabled=is_disabled)
                self._record(tx, person, "disable" if is_disabled else "enable", actor=actor, reason=reason)
            return repository.summarize(tx.connection, self.find(tx.connection, organization_id, person_id))

        return await self._store.write(change, restricting=is_disabled)

    def _make_codes(self, tx: Transaction, person: Person) -> tuple[str, ...]:
        codes = new_codes(self._ids)
        digests = [digest for code in codes if (digest := code_digest(code)) is not None]
        repository.delete_codes(tx.connection, person.organization_id, person.person_id)
        repository.insert_codes(tx.connection, person.organization_id, person.person_id, digests, self._clock.now())
        self._ledger.append(
            tx,
            Entry(
                organization_id=person.organization_id,
                actor=person_actor(person.person_id, person.name),
                action="operators.make_recovery_codes",
                target=person.person_id,
                target_name=person.name,
                details={"codes": len(codes)},
            ),
            event=RecoveryCodesMade(organization_id=person.organization_id, generation_id=person.person_id),
        )
        return codes

    def _check_free(self, connection: sa.Connection, organization_id: str, name: str, *, but: PersonId) -> None:
        """Check that nobody else could be taken for a person of this name."""
        names = repository.read_names(connection, organization_id)
        if any(is_same_name(name, taken) for person_id, taken in names if person_id != but):
            raise PersonExists(f"somebody is called {name!r} already", hint="add what tells you apart")
        if len(names) >= PEOPLE_MAX and but not in {person_id for person_id, _ in names}:
            raise TooMany(f"there are {PEOPLE_MAX} people", hint="delete those who are gone", limit=PEOPLE_MAX)

    def _record(
        self, tx: Transaction, person: Person, change: _Change, *, actor: Actor, reason: str = "", shown: str = ""
    ) -> None:
        self._ledger.append(
            tx,
            Entry(
                organization_id=person.organization_id,
                actor=actor,
                action=f"operators.{change}_person",
                target=person.person_id,
                target_name=shown or person.name,
                reason=reason,
                details={"former_name": person.name} if shown else {},
            ),
            event=PersonChanged(
                organization_id=person.organization_id,
                generation_id=person.person_id,
                person_name=shown or person.name,
                change=_DONE[change],
                reason=reason,
            ),
        )
