"""Tickets: changes that were announced, so that what they do on the network is kept and raised to nobody."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

import sqlalchemy as sa

from vedette.incidents import quiet_repository as repository
from vedette.incidents.acts import entry_of, name_of, show_pattern
from vedette.incidents.alert_service import check_cursor
from vedette.incidents.errors import TicketNotFound, TooManyPatterns
from vedette.incidents.events import TicketEnded, TicketOpened
from vedette.incidents.pattern import Pattern
from vedette.incidents.standing import Ticket, check_people, check_text, check_ticket
from vedette.kernel import Clock, IdSource, OrganizationId, to_rfc3339
from vedette.ledger import Actor, Ledger
from vedette.registry import check_reason
from vedette.store import Store, Transaction

TICKETS_MAX: Final = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class NewTicket:
    """A change that somebody announces."""

    reference: str
    summary: str
    pattern: Pattern
    begins_at: datetime
    ends_at: datetime
    people: tuple[str, ...] = ()


class TicketService:
    """Keeps tickets.

    Args:
        store: Where they are kept.
        ledger: Where each act is told.
        clock: Source of time.
        ids: Source of ids.
    """

    def __init__(self, store: Store, ledger: Ledger, *, clock: Clock, ids: IdSource) -> None:
        self._store = store
        self._ledger = ledger
        self._clock = clock
        self._ids = ids

    async def open(self, organization_id: OrganizationId, new: NewTicket, *, actor: Actor) -> Ticket:
        """Announce a change; alerts of before stay as they are.

        Raises:
            InvalidPattern: It names no asset, a time that cannot be, or something outside its limits.
            TooManyPatterns: There are as many as there may be.
        """
        now = self._clock.now()
        made = Ticket(
            organization_id=organization_id,
            ticket_id=self._ids.new("tkt"),
            reference=check_text(new.reference, "a reference"),
            summary=check_text(new.summary, "a summary", is_required=False),
            people=check_people(new.people),
            pattern=check_ticket(new.pattern, new.begins_at, new.ends_at, now=now),
            begins_at=new.begins_at,
            ends_at=new.ends_at,
            created_at=now,
            created_by=name_of(actor),
        )

        def put(tx: Transaction) -> Ticket:
            if repository.count_in_force(tx.connection, organization_id, now)[1] >= TICKETS_MAX:
                raise TooManyPatterns(f"{TICKETS_MAX} tickets are not over", hint="end some: vedette ticket list")
            repository.insert_ticket(tx.connection, made)
            window = {"begins_at": to_rfc3339(made.begins_at), "ends_at": to_rfc3339(made.ends_at)}
            details = {"pattern": show_pattern(made.pattern), "people": list(made.people), **window}
            entry = entry_of(
                organization_id,
                actor,
                "incidents.open_ticket",
                target=made.ticket_id,
                reason=made.summary,
                details=details,
                name=made.reference,
            )
            event = TicketOpened(
                organization_id=organization_id,
                generation_id="",
                ticket_id=made.ticket_id,
                reference=made.reference,
                begins_at=window["begins_at"],
                ends_at=window["ends_at"],
            )
            self._ledger.append(tx, entry, event=event)
            return made

        return await self._store.write(put)

    async def end(self, organization_id: OrganizationId, ticket_id: str, *, actor: Actor, reason: str) -> Ticket:
        """End a change before its time; a second time changes nothing.

        Raises:
            TicketNotFound: There is none of that id.
        """
        checked = check_reason(reason)
        now = self._clock.now()

        def finish(tx: Transaction) -> Ticket:
            found = _require_ticket(tx.connection, organization_id, ticket_id)
            if found.state(now) == "over":
                return found
            who = name_of(actor)
            repository.end_ticket(tx.connection, organization_id, ticket_id, now, who)
            event = TicketEnded(organization_id=organization_id, generation_id="", ticket_id=ticket_id)
            entry = entry_of(
                organization_id,
                actor,
                "incidents.end_ticket",
                target=ticket_id,
                reason=checked,
                details={},
                name=found.reference,
            )
            self._ledger.append(tx, entry, event=event)
            return replace(found, ended_at=now, ended_by=who)

        return await self._store.write(finish)

    async def get(self, organization_id: OrganizationId, ticket_id: str) -> Ticket:
        """Return a ticket.

        Raises:
            TicketNotFound: There is none of that id.
        """
        return await self._store.read(lambda c: _require_ticket(c, organization_id, ticket_id))

    async def search(
        self, organization_id: OrganizationId, *, is_over: bool | None = None, after: str = "", limit: int = 100
    ) -> tuple[list[Ticket], str | None]:
        """Return tickets, youngest first, and what reads on.

        Raises:
            InvalidCursor: ``after`` is none.
        """
        before, now = check_cursor(after), self._clock.now()
        found = await self._store.read(
            lambda c: repository.list_tickets(
                c, organization_id, now=now, is_over=is_over, before=before, limit=limit + 1
            )
        )
        return found[:limit], found[limit - 1].ticket_id if len(found) > limit else None


def _require_ticket(connection: sa.Connection, organization_id: OrganizationId, ticket_id: str) -> Ticket:
    found = repository.find_ticket(connection, organization_id, ticket_id)
    if found is None:
        raise TicketNotFound(f"there is no ticket {ticket_id[:80]!r}", hint="see them: vedette ticket list")
    return found
