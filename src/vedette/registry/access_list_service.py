"""The use cases of the access lists; each change is applied to every device it concerns."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from functools import partial
from typing import Any, Final

import sqlalchemy as sa

from vedette.kernel import Clock, IdSource, OrganizationId, Problem
from vedette.ledger import Actor, Entry, Ledger
from vedette.registry import access_list_repository as lists
from vedette.registry import repository
from vedette.registry.access_list import (
    ENTRIES_MAX,
    AccessEffect,
    AccessKind,
    AccessListEntry,
    check_entry_value,
)
from vedette.registry.clock_guard import ClockGuard
from vedette.registry.errors import (
    AccessListEntryExists,
    AccessListEntryNotFound,
    AccessListFull,
    InvalidFilter,
)
from vedette.registry.events import AccessListApplied, AccessListChanged
from vedette.registry.model import Device, check_reason
from vedette.registry.register import Register
from vedette.store import Store, Transaction

log = logging.getLogger(__name__)

PAGE_MAX: Final = 1000
CHUNK: Final = 500
RESUME_EVERY_S: Final = 10.0
_SYSTEM: Final = Actor("system", "registry")
_EVERY: Final = sa.true()


class AccessListService:
    """Puts entries on the allow and block lists, takes them off, and judges the devices again that they concern.

    The block list wins. The allow list counts once it has an entry: from then on what it does not name is blocked.
    """

    def __init__(
        self, store: Store, ledger: Ledger, register: Register, guard: ClockGuard, *, clock: Clock, ids: IdSource
    ) -> None:
        self._store = store
        self._ledger = ledger
        self._clock = clock
        self._ids = ids
        self._register = register
        self._guard = guard
        self._applying = 0

    async def add(
        self,
        organization_id: OrganizationId,
        effect: AccessEffect,
        kind: AccessKind,
        value: str,
        *,
        actor: Actor,
        reason: str,
    ) -> AccessListEntry:
        """Put an entry on a list; returns once every device it concerns has been judged again.

        Raises:
            InvalidAccessListEntry: The value does not fit the kind.
            AccessListEntryExists: The same entry is on the list.
            AccessListFull: The lists hold 10,000 entries.
            ReasonMissing: No reason is given.
            ClockJumped: An allow entry is added while the clock cannot be believed.
        """
        checked = check_reason(reason, is_required=True)
        named = check_entry_value(kind, value)
        if effect is AccessEffect.ALLOW:
            self._guard.check()

        def change(tx: Transaction) -> tuple[AccessListEntry, bool]:
            self._check_room(tx.connection, organization_id, effect, kind, named)
            before = self._register.rules(tx.connection, organization_id)
            entry = AccessListEntry(
                organization_id=organization_id,
                entry_id=self._ids.new("ale"),
                effect=effect,
                kind=kind,
                value=named,
                reason=checked,
                created_at=self._clock.now(),
                created_by=f"{actor.kind}:{actor.id}",
            )
            lists.insert_entry(tx.connection, entry)
            self._record(tx, entry, "added", actor=actor, reason=checked)
            concerns_all = effect is AccessEffect.ALLOW and not before.enforces_allow
            return entry, concerns_all

        # The first allow entry shuts everyone else out, so an entry of either list may restrict.
        entry, concerns_all = await self._store.write(change, restricting=effect is AccessEffect.BLOCK)
        await self._apply(organization_id, None if concerns_all else entry)
        return entry

    async def remove(
        self, organization_id: OrganizationId, entry_id: str, *, actor: Actor, reason: str
    ) -> AccessListEntry:
        """Take an entry off its list; returns once every device it concerned has been judged again.

        Raises:
            AccessListEntryNotFound: There is none of that id.
            ReasonMissing: No reason is given.
            ClockJumped: The clock cannot be believed.
        """
        checked = check_reason(reason, is_required=True)
        self._guard.check()

        def change(tx: Transaction) -> tuple[AccessListEntry, bool]:
            entry = lists.find_entry(tx.connection, organization_id, entry_id)
            if entry is None:
                raise AccessListEntryNotFound(
                    f"there is no entry {entry_id[:64]!r}", hint="see them: vedette access-list list"
                )
            lists.delete_entry(tx.connection, organization_id, entry_id)
            self._record(tx, entry, "removed", actor=actor, reason=checked)
            after = self._register.rules(tx.connection, organization_id)
            concerns_all = entry.effect is AccessEffect.ALLOW and not after.enforces_allow
            return entry, concerns_all

        entry, concerns_all = await self._store.write(change)
        await self._apply(organization_id, None if concerns_all else entry)
        return entry

    async def list(
        self,
        organization_id: OrganizationId,
        *,
        after: str = "",
        limit: int = 100,
        effect: AccessEffect | None = None,
    ) -> tuple[Sequence[AccessListEntry], str | None]:
        """Return entries in the order they were made, and what to pass as ``after`` next.

        Raises:
            InvalidFilter: ``limit`` is outside 1 to 1000.
        """
        if not 1 <= limit <= PAGE_MAX or "\0" in after:
            raise InvalidFilter(f"limit is 1 to {PAGE_MAX}, after is an entry's id", limit=PAGE_MAX)
        found = await self._store.read(
            lambda connection: lists.list_entries(
                connection, organization_id, after=after, limit=limit + 1, effect=effect
            )
        )
        page = found[:limit]
        return page, page[-1].entry_id if len(found) > limit else None

    async def resume(self) -> None:
        """Finish what a crash left half applied; call it at start, before doors open."""
        for organization_id in await self._store.read(lists.organizations_to_apply):
            restart = partial(lists.restart_application, organization_id=organization_id)
            await self._store.write(restart, restricting=True)
            await self._apply(organization_id, None)

    async def resume_forever(self, *, every_s: float = RESUME_EVERY_S) -> None:
        """Finish what a failing database left half applied, until cancelled: a block must not wait for a restart."""
        while True:
            await asyncio.sleep(every_s)
            if self._applying:
                continue
            try:
                await self.resume()
            except Problem as problem:
                log.warning("access lists are not applied to every device yet", extra={"cause": problem.code})

    def _check_room(
        self, connection: sa.Connection, organization_id: str, effect: AccessEffect, kind: AccessKind, value: str
    ) -> None:
        if lists.find_same(connection, organization_id, effect, kind, value) is not None:
            raise AccessListEntryExists(f"{kind} {value[:80]!r} is on the {effect} list already")
        if lists.count_entries(connection, organization_id) >= ENTRIES_MAX:
            raise AccessListFull(
                f"the lists hold {ENTRIES_MAX} entries",
                hint="use prefixes, authorities or enrollments",
                limit=ENTRIES_MAX,
            )

    def _record(self, tx: Transaction, entry: AccessListEntry, change: str, *, actor: Actor, reason: str) -> None:
        lists.advance(tx.connection, entry.organization_id, self._ids.new("op"))
        facts = {"effect": entry.effect.value, "kind": entry.kind.value, "value": entry.value}
        self._ledger.append(
            tx,
            Entry(
                organization_id=entry.organization_id,
                actor=actor,
                action="registry.add_access_list_entry" if change == "added" else "registry.remove_access_list_entry",
                target=entry.entry_id,
                target_name=entry.value,
                reason=reason,
                details=facts,
            ),
            event=AccessListChanged(
                organization_id=entry.organization_id,
                entry_id=entry.entry_id,
                change=change,
                effect=entry.effect.value,
                kind=entry.kind.value,
                value=entry.value,
                reason=reason,
            ),
        )

    async def _apply(self, organization_id: OrganizationId, entry: AccessListEntry | None) -> None:
        """Judge devices again, a chunk to a transaction: those an entry names, or all."""
        self._applying += 1
        try:
            await self._apply_chunks(organization_id, entry)
        finally:
            self._applying -= 1

    async def _apply_chunks(self, organization_id: OrganizationId, entry: AccessListEntry | None) -> None:
        after: str | None = ""
        while after is not None:
            position = after

            def judge(tx: Transaction, position: str = position) -> str | None:
                condition = _EVERY if entry is None else self._condition(tx.connection, entry)
                devices = repository.list_matching(
                    tx.connection, organization_id, condition, after=position, limit=CHUNK
                )
                self._judge(tx, organization_id, devices)
                if len(devices) == CHUNK:
                    return devices[-1].generation_id
                lists.finish_application(tx.connection, organization_id)
                return None

            after = await self._store.write(judge, restricting=True)

    def _judge(self, tx: Transaction, organization_id: OrganizationId, devices: Sequence[Device]) -> None:
        rules = self._register.rules(tx.connection, organization_id)
        now_blocked: list[str] = []
        now_free: list[str] = []
        for device in devices:
            verdict = rules.judge(self._register.subject(tx.connection, device, rules))
            if verdict.is_blocked is not device.is_blocked:
                (now_blocked if verdict.is_blocked else now_free).append(device.generation_id)
        now = self._clock.now()
        for generation_ids, is_blocked in ((now_blocked, True), (now_free, False)):
            if generation_ids:
                repository.update_blocked(tx.connection, organization_id, generation_ids, now, is_blocked=is_blocked)
        if now_blocked or now_free:
            details: dict[str, Any] = {"blocked": len(now_blocked), "unblocked": len(now_free)}  # Any: JSON values
            self._ledger.append(
                tx,
                Entry(
                    organization_id=organization_id,
                    actor=_SYSTEM,
                    action="registry.apply_access_lists",
                    target="",
                    details=details,
                ),
                event=AccessListApplied(
                    organization_id=organization_id, blocked=tuple(now_blocked), unblocked=tuple(now_free)
                ),
            )

    def _condition(self, connection: sa.Connection, entry: AccessListEntry) -> sa.ColumnElement[bool]:
        """Return which devices an entry concerns, by an index; issued certificates name theirs."""
        c = repository.devices.c
        if entry.kind is AccessKind.DEVICE_ID:
            return c.device_id == entry.value
        if entry.kind is AccessKind.DEVICE_ID_PREFIX:
            return sa.and_(c.device_id >= entry.value, c.device_id < entry.value + "\x7f")
        if entry.kind is AccessKind.AUTHORITY:
            return c.authority_id == entry.value
        if entry.kind is AccessKind.ENROLLMENT:
            return c.enrollment_id == entry.value
        holder = self._register.holder_of(connection, entry.organization_id, entry.value)
        return sa.or_(
            c.primary_thumbprint == entry.value,
            c.secondary_thumbprint == entry.value,
            c.onboarding_sha256 == entry.value,
            c.generation_id == (holder or ""),
        )
