"""Roles: granted, withdrawn, given by one-time links; and what somebody holds at this moment."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Final

import sqlalchemy as sa

from vedette.kernel import Clock, IdSource, OrganizationId, to_rfc3339
from vedette.ledger import Actor, Entry, Event, Ledger
from vedette.operators import repository
from vedette.operators import role_repository as rows
from vedette.operators.errors import PersonNotFound, TooMany
from vedette.operators.events import PersonAdded, PersonChanged
from vedette.operators.model import LinkId, PersonId, Scopes
from vedette.operators.role_errors import GrantNotFound, InvalidGrant, LastAdministrator
from vedette.operators.role_events import RoleChanged
from vedette.operators.role_model import (
    GRANTS_MAX,
    REASON_MAX_CHARS,
    Grant,
    GrantId,
    GrantMode,
    Holding,
    LinkRole,
    NewGrant,
    Role,
    is_everywhere,
)
from vedette.store import Store, Transaction

PAGE_MAX: Final = 1000
# A session of a link lasts a week at most.
LINK_ROLES_KEPT: Final = timedelta(days=8)
_SYSTEM: Final = Actor("system", "operators")
_LINK: Final = "link:"


class RoleService:
    """The use cases of roles. Withdrawing works on a full disk too."""

    def __init__(self, store: Store, ledger: Ledger, *, clock: Clock, ids: IdSource) -> None:
        self._store = store
        self._ledger = ledger
        self._clock = clock
        self._ids = ids

    def project(self, tx: Transaction, event: Event) -> None:
        """Give whoever came by a one-time link what the link gives; called in the transaction that adds them."""
        match event:
            case PersonAdded(organization_id=organization_id, generation_id=person_id, added_by=added_by):
                if added_by.startswith(_LINK):
                    self._grant_by_link(tx, OrganizationId(organization_id), PersonId(person_id), added_by)
            case PersonChanged(organization_id=organization_id, generation_id=person_id, change="deleted"):
                rows.delete_grants_of(tx.connection, organization_id, person_id)

    async def adopt(self, organization_id: OrganizationId) -> int:
        """Make administrators of those who came before there were roles; return how many. Does nothing later on."""
        if await self._store.read(lambda connection: rows.has_grants(connection, organization_id)):
            return 0

        def change(tx: Transaction) -> int:
            if rows.has_grants(tx.connection, organization_id):
                return 0
            found = rows.people_of(tx.connection, organization_id)
            new = NewGrant(role=Role.ADMIN, reason="was here before there were roles")
            for person_id in found:
                self._insert(tx, organization_id, person_id, new, actor=_SYSTEM)
            return len(found)

        return await self._store.write(change)

    async def grant(self, organization_id: OrganizationId, person_id: str, new: NewGrant, *, actor: Actor) -> Grant:
        """Give a person a role.

        Raises:
            PersonNotFound: There is none of that id.
            InvalidGrant: Its end has passed, or its reason is too long.
            TooMany: The person has 20 grants.
        """
        if new.expires_at is not None and new.expires_at <= self._clock.now():
            raise InvalidGrant("the role would end before it begins", hint="choose a later expires_at")
        if len(new.reason) > REASON_MAX_CHARS:
            raise InvalidGrant(f"the reason is over {REASON_MAX_CHARS} characters", limit=REASON_MAX_CHARS)

        def change(tx: Transaction) -> Grant:
            if repository.find_person(tx.connection, organization_id, person_id) is None:
                raise PersonNotFound(f"there is no person {person_id[:64]!r}", hint="see them: vedette person list")
            held = rows.list_grants(tx.connection, organization_id, person_id=person_id, limit=GRANTS_MAX)
            if len(held) >= GRANTS_MAX:
                raise TooMany(f"the person has {GRANTS_MAX} grants", hint="withdraw one first", limit=GRANTS_MAX)
            return self._insert(tx, organization_id, PersonId(person_id), new, actor=actor)

        return await self._store.write(change)

    async def withdraw(
        self, organization_id: OrganizationId, grant_id: str, *, actor: Actor, reason: str = ""
    ) -> Grant:
        """Take a role away, and end what was elevated to it.

        Raises:
            GrantNotFound: There is none of that id.
            LastAdministrator: Nobody else would administer the whole platform.
        """
        return await self._store.write(
            lambda tx: self.withdraw_within(tx, organization_id, grant_id, actor=actor, reason=reason),
            restricting=True,
        )

    def withdraw_within(
        self, tx: Transaction, organization_id: OrganizationId, grant_id: str, *, actor: Actor, reason: str
    ) -> Grant:
        """Take a role away within a transaction.

        Raises:
            GrantNotFound: As ``withdraw``.
            LastAdministrator: As ``withdraw``.
        """
        grant = rows.find_grant(tx.connection, organization_id, grant_id)
        if grant is None:
            raise GrantNotFound(f"there is no grant {grant_id[:64]!r}", hint="see them: vedette role list")
        self._check_not_last(tx.connection, grant)
        now = self._clock.now()
        rows.delete_grant(tx.connection, organization_id, grant_id)
        rows.end_elevations_of_grant(tx.connection, organization_id, grant_id, at=now, by=actor.id)
        self._record(tx, grant, "withdraw", actor=actor, reason=reason)
        return grant

    async def get(self, organization_id: OrganizationId, grant_id: str) -> Grant:
        """Return a grant.

        Raises:
            GrantNotFound: There is none of that id.
        """
        found = await self._store.read(lambda connection: rows.find_grant(connection, organization_id, grant_id))
        if found is None:
            raise GrantNotFound(f"there is no grant {grant_id[:64]!r}", hint="see them: vedette role list")
        return found

    async def list(
        self, organization_id: OrganizationId, *, person_id: str | None = None, after: str = "", limit: int = 100
    ) -> tuple[Sequence[Grant], str | None]:
        """Return grants in the order they were given, and what to pass as ``after`` next."""
        most = max(1, min(limit, PAGE_MAX))
        found = await self._store.read(
            lambda connection: rows.list_grants(
                connection, organization_id, person_id=person_id, after=after, limit=most + 1
            )
        )
        page = found[:most]
        return page, page[-1].grant_id if len(found) > most else None

    async def give_link(self, organization_id: OrganizationId, link_id: LinkId, role: Role, scopes: Scopes) -> None:
        """Say what a one-time link gives, before it is handed over."""
        now = self._clock.now()

        def change(tx: Transaction) -> None:
            rows.delete_old_link_roles(tx.connection, organization_id, now - LINK_ROLES_KEPT)
            given = LinkRole(organization_id=organization_id, link_id=link_id, role=role, scopes=scopes)
            rows.insert_link_role(tx.connection, given, now)

        await self._store.write(change)

    def held_by_person(self, connection: sa.Connection, organization_id: str, person_id: str) -> tuple[Holding, ...]:
        """Return the roles of a person that count now: active grants, and elevations that last."""
        now = self._clock.now()
        grants = rows.list_grants(connection, organization_id, person_id=person_id, limit=GRANTS_MAX)
        living = {grant.grant_id: grant for grant in grants if grant.counts(now)}
        elevated = rows.living_elevations(connection, organization_id, person_id, now)
        return (
            *(Holding(grant.role, grant.scopes) for grant in living.values() if grant.mode is GrantMode.ACTIVE),
            # An elevation ends with the grant that it rests on.
            *(Holding(each.role, each.scopes) for each in elevated if each.counts(now) and each.grant_id in living),
        )

    def held_by_link(self, connection: sa.Connection, organization_id: str, link_id: str) -> tuple[Holding, ...]:
        """Return what the session of a one-time link may do; what the first person may, unless the link says less."""
        given = rows.find_link_role(connection, organization_id, link_id)
        return (Holding(Role.ADMIN),) if given is None else (Holding(given.role, given.scopes),)

    def _grant_by_link(self, tx: Transaction, organization_id: OrganizationId, person_id: PersonId, by: str) -> None:
        given = rows.find_link_role(tx.connection, organization_id, by.removeprefix(_LINK))
        new = NewGrant(role=Role.ADMIN, reason="came by a one-time link")
        if given is not None:
            new = NewGrant(role=given.role, scopes=given.scopes, reason="came by a one-time link")
        self._insert(tx, organization_id, person_id, new, actor=Actor("operator", by, "one-time link"))

    def _insert(
        self, tx: Transaction, organization_id: OrganizationId, person_id: PersonId, new: NewGrant, *, actor: Actor
    ) -> Grant:
        grant = Grant(
            organization_id=organization_id,
            grant_id=GrantId(self._ids.new("grt")),
            person_id=person_id,
            role=new.role,
            scopes=new.scopes,
            mode=new.mode,
            reason=new.reason,
            granted_at=self._clock.now(),
            granted_by=actor,
            expires_at=new.expires_at,
        )
        rows.insert_grant(tx.connection, grant)
        self._record(tx, grant, "grant", actor=actor, reason=new.reason)
        return grant

    def _check_not_last(self, connection: sa.Connection, grant: Grant) -> None:
        """Check that somebody still administers the whole platform once a grant is gone."""
        now = self._clock.now()
        if grant.role is not Role.ADMIN or not is_everywhere(grant.scopes) or grant.mode is not GrantMode.ACTIVE:
            return
        left = [
            each
            for each in rows.admins_who_can_log_in(connection, grant.organization_id)
            if each.grant_id != grant.grant_id and is_everywhere(each.scopes) and each.counts(now)
        ]
        is_needed = grant.counts(now) and not left
        if is_needed:
            raise LastAdministrator(
                "nobody else administers the whole platform", hint="grant somebody else the role admin first"
            )

    def _record(self, tx: Transaction, grant: Grant, change: str, *, actor: Actor, reason: str) -> None:
        self._ledger.append(
            tx,
            Entry(
                organization_id=grant.organization_id,
                actor=actor,
                action=f"operators.{change}_role",
                target=grant.person_id,
                target_name=grant.role.value,
                reason=reason[:REASON_MAX_CHARS],
                details={
                    "grant_id": grant.grant_id,
                    "role": grant.role.value,
                    "mode": grant.mode.value,
                    "sites": sorted(grant.scopes.sites),
                    "groups": sorted(grant.scopes.groups),
                    "expires_at": None if grant.expires_at is None else to_rfc3339(grant.expires_at),
                },
            ),
            event=RoleChanged(
                organization_id=grant.organization_id,
                generation_id=grant.person_id,
                role=grant.role.value,
                change="granted" if change == "grant" else "withdrawn",
                sites=sorted(grant.scopes.sites),
                groups=sorted(grant.scopes.groups),
            ),
        )
