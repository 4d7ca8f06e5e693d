"""The use cases of groups; each change is on record."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

import sqlalchemy as sa

from vedette.kernel import Clock, IdSource, OrganizationId
from vedette.ledger import Actor, Entry, Ledger
from vedette.registry import group_repository as repository
from vedette.registry.clock_guard import ClockGuard
from vedette.registry.errors import (
    DeviceNotFound,
    GroupExists,
    GroupIsDynamic,
    GroupNotFound,
    InvalidFilter,
    InvalidGroup,
    RevisionMismatch,
    TooManyDevices,
    TooManyGroups,
)
from vedette.registry.events import GroupChanged
from vedette.registry.group import (
    DYNAMIC_MAX,
    GROUPS_MAX,
    Group,
    GroupKind,
    GroupMember,
    GroupProgress,
    NewGroup,
    check_description,
    check_name,
)
from vedette.registry.group_membership import DynamicGroup, GroupMembership
from vedette.registry.model import check_reason
from vedette.registry.repository import count_living, find_names
from vedette.store import Store, Transaction

PAGE_MAX: Final = 1000
BULK_MAX: Final = 1000
_CURSOR_MAX_CHARS: Final = 128
_GROUP_ID: Final = re.compile(r"grp_[0-9a-v]{26}")
_PATCHABLE: Final = frozenset({"name", "condition", "description"})


class GroupService:
    """Creates, reads, changes and ends groups of devices.

    A group is named by its id or by its name; neither can be taken for the other.

    Args:
        store: Holds them.
        ledger: Gets each change.
        membership: Decides who is in a dynamic group.
        guard: Holds changes while the clock cannot be believed, since policies grant by group.
        clock: Source of time.
        ids: Source of ids.
        on_work: Called after a commit that leaves members to be computed or taken out; it must not block.
    """

    def __init__(
        self,
        store: Store,
        ledger: Ledger,
        membership: GroupMembership,
        guard: ClockGuard,
        *,
        clock: Clock,
        ids: IdSource,
        on_work: Callable[[], None],
    ) -> None:
        self._store = store
        self._ledger = ledger
        self._membership = membership
        self._guard = guard
        self._clock = clock
        self._ids = ids
        self._on_work = on_work

    async def create(self, organization_id: OrganizationId, new: NewGroup, *, actor: Actor) -> Group:
        """Add a group; a dynamic one is computed in the background.

        Raises:
            InvalidGroup: A property is outside its limits.
            InvalidQuery: The condition is none, or uses what a group cannot follow.
            GroupExists: The name is taken.
            TooManyGroups: There are 200, or 100 dynamic ones.
            ClockJumped: The clock cannot be believed.
        """
        self._guard.check()
        name, description = check_name(new.name), check_description(new.description)
        condition, feeds_policies = "", True
        if new.condition is not None:
            condition, feeds_policies = _check_condition(new.condition)
        total = await self._count_devices(organization_id) if condition else 0

        def change(tx: Transaction) -> Group:
            self._check_room(tx.connection, organization_id, is_dynamic=bool(condition))
            self._check_free(tx.connection, organization_id, name)
            now = self._clock.now()
            group = Group(
                organization_id=organization_id,
                group_id=self._ids.new("grp"),
                name=name,
                kind=GroupKind.DYNAMIC if condition else GroupKind.STATIC,
                condition=condition,
                description=description,
                created_at=now,
                updated_at=now,
                revision=1,
                feeds_policies=feeds_policies,
                progress=GroupProgress(0, total) if condition else None,
            )
            repository.insert(tx.connection, group)
            self._record(tx, group, "created", actor=actor, details=_describe(group))
            if condition:
                tx.on_commit(self._on_work)
            return group

        return await self._store.write(change)

    async def get(self, organization_id: OrganizationId, group: str) -> Group:
        """Return a group by id or name.

        Raises:
            GroupNotFound: There is none.
        """
        return await self._store.read(lambda connection: require_group(connection, organization_id, group))

    async def list(
        self, organization_id: OrganizationId, *, after: str = "", limit: int = 100, name: str | None = None
    ) -> tuple[Sequence[Group], str | None]:
        """Return groups by name, in byte order, and what to pass as ``after`` next; with ``name`` that one alone.

        Raises:
            InvalidFilter: ``limit`` is outside 1 to 1000.
        """
        _check_page(after, limit, "a group's name")
        if name is not None:
            found = await self._store.read(
                lambda connection: repository.find_by_name(connection, organization_id, _storable(name))
            )
            return ([], None) if found is None else ([found], None)
        groups = await self._store.read(
            lambda connection: repository.list_page(connection, organization_id, after=after, limit=limit + 1)
        )
        page = groups[:limit]
        return page, page[-1].name if len(groups) > limit else None

    async def update(
        self,
        organization_id: OrganizationId,
        group: str,
        patch: Mapping[str, object],
        *,
        actor: Actor,
        if_match: int | None = None,
    ) -> Group:
        """Change name, condition or description by a merge patch; a new condition is computed in the background.

        Raises:
            GroupNotFound: There is none.
            RevisionMismatch: It has changed since ``if_match``.
            InvalidGroup: An unknown property, one outside its limits, or a condition for a static group.
            InvalidQuery: The condition is none, or uses what a group cannot follow.
            GroupExists: The name is taken.
            ClockJumped: The clock cannot be believed.
        """
        self._guard.check()
        changes = _check_patch(patch)
        total = await self._count_devices(organization_id) if "condition" in changes else 0

        def change(tx: Transaction) -> Group:
            before = require_group(tx.connection, organization_id, group, if_match=if_match)
            after = replace(before, **changes)
            if after == before:
                return before
            if after.name != before.name:
                self._check_free(tx.connection, organization_id, after.name)
            is_judged_anew = after.condition != before.condition
            if is_judged_anew and before.kind is GroupKind.STATIC:
                raise InvalidGroup(f"{before.name} is static: it has no condition", hint="create a dynamic group")
            if after.feeds_policies is not before.feeds_policies:
                raise InvalidGroup(
                    "whether a group's condition asks for properties.reported is settled when it is created, since "
                    "policies see no group that devices can report themselves into",
                    hint="create another group",
                )
            after = replace(after, revision=before.revision + 1, updated_at=self._clock.now())
            if not repository.update(tx.connection, after, expected=before.revision):
                raise RevisionMismatch(f"{before.name} was changed by somebody else", hint="read it again")
            if is_judged_anew:
                repository.start_computing(tx.connection, organization_id, before.group_id, total=total)
                after = replace(after, progress=GroupProgress(0, total))
                tx.on_commit(self._on_work)
            names = sorted(name for name in changes if getattr(after, name) != getattr(before, name))
            self._record(tx, after, "changed", actor=actor, details={"changed": names, **_describe(after)})
            return after

        return await self._store.write(change)

    async def delete(
        self,
        organization_id: OrganizationId,
        group: str,
        *,
        actor: Actor,
        reason: str = "",
        if_match: int | None = None,
    ) -> Group:
        """Delete a group and return what it was: its name is free at once, its devices leave it in the background.

        Raises:
            GroupNotFound: There is none.
            RevisionMismatch: It has changed since ``if_match``.
            ClockJumped: The clock cannot be believed.
        """
        self._guard.check()
        checked = check_reason(reason)

        def change(tx: Transaction) -> Group:
            found = require_group(tx.connection, organization_id, group, if_match=if_match)
            repository.delete(tx.connection, organization_id, found.group_id)
            details = {**_describe(found), "member_count": found.member_count}
            self._record(tx, found, "deleted", actor=actor, details=details, reason=checked)
            tx.on_commit(self._on_work)
            return found

        return await self._store.write(change)

    async def add(
        self, organization_id: OrganizationId, group: str, device_ids: Sequence[str], *, actor: Actor
    ) -> Group:
        """Put up to 1000 devices into a static group, all or none; members stay members.

        Raises:
            GroupNotFound: There is no such group.
            GroupIsDynamic: Its condition decides.
            TooManyDevices: None or more than 1000 are named.
            DeviceNotFound: No device holds one of the names.
            ClockJumped: The clock cannot be believed.
        """
        self._guard.check()
        names = _check_names(device_ids)

        def change(tx: Transaction) -> Group:
            found, generations = self._require_static(tx.connection, organization_id, group, names)
            known = repository.members_among(tx.connection, organization_id, found.group_id, generations)
            added = [(each, name) for each, name in generations.items() if each not in known]
            self._membership.record(tx, organization_id, {found.group_id: added}, {}, actor=actor)
            return replace(found, member_count=found.member_count + len(added))

        return await self._store.write(change)

    async def remove(
        self, organization_id: OrganizationId, group: str, device_ids: Sequence[str], *, actor: Actor
    ) -> Group:
        """Take up to 1000 devices out of a static group, all or none; others stay as they are.

        Raises:
            GroupNotFound: There is no such group.
            GroupIsDynamic: Its condition decides.
            TooManyDevices: None or more than 1000 are named.
            DeviceNotFound: No device holds one of the names.
            ClockJumped: The clock cannot be believed.
        """
        self._guard.check()
        names = _check_names(device_ids)

        def change(tx: Transaction) -> Group:
            found, generations = self._require_static(tx.connection, organization_id, group, names)
            known = repository.members_among(tx.connection, organization_id, found.group_id, generations)
            self._membership.record(tx, organization_id, {}, {found.group_id: sorted(known)}, actor=actor)
            return replace(found, member_count=found.member_count - len(known))

        return await self._store.write(change)

    async def members(
        self, organization_id: OrganizationId, group: str, *, after: str = "", limit: int = 100
    ) -> tuple[Sequence[GroupMember], str | None]:
        """Return members by device id, in byte order, and what to pass as ``after`` next.

        Raises:
            GroupNotFound: There is no such group.
            InvalidFilter: ``limit`` is outside 1 to 1000.
        """
        _check_page(after, limit, "a device id")

        def read(connection: sa.Connection) -> list[GroupMember]:
            found = require_group(connection, organization_id, group)
            return repository.list_members(connection, organization_id, found.group_id, after=after, limit=limit + 1)

        found = await self._store.read(read)
        page = found[:limit]
        return page, page[-1].device_id if len(found) > limit else None

    async def _count_devices(self, organization_id: OrganizationId) -> int:
        return await self._store.read(lambda connection: count_living(connection, organization_id))

    def _check_room(self, connection: sa.Connection, organization_id: OrganizationId, *, is_dynamic: bool) -> None:
        groups = repository.list_all(connection, organization_id)
        dynamic = sum(group.kind is GroupKind.DYNAMIC for group in groups)
        if len(groups) >= GROUPS_MAX or (is_dynamic and dynamic >= DYNAMIC_MAX):
            limit = DYNAMIC_MAX if len(groups) < GROUPS_MAX else GROUPS_MAX
            kind = "dynamic groups" if len(groups) < GROUPS_MAX else "groups"
            raise TooManyGroups(f"there are {limit} {kind} already", hint="delete one that is not needed", limit=limit)

    def _check_free(self, connection: sa.Connection, organization_id: OrganizationId, name: str) -> None:
        if repository.find_by_name(connection, organization_id, name) is not None:
            raise GroupExists(f"group {name!r} exists already", hint="choose another name")

    def _require_static(
        self, connection: sa.Connection, organization_id: OrganizationId, group: str, names: Sequence[str]
    ) -> tuple[Group, dict[str, str]]:
        found = require_group(connection, organization_id, group)
        if found.kind is GroupKind.DYNAMIC:
            raise GroupIsDynamic(
                f"{found.name} is dynamic: its condition decides who is in it",
                hint="change the device or the condition",
            )
        devices = find_names(connection, organization_id, names)
        for name in names:
            if name not in devices:
                raise DeviceNotFound(f"there is no device {name[:160]!r}", hint="see them: vedette device list")
        return found, {device.generation_id: device.device_id for device in devices.values()}

    def _record(
        self,
        tx: Transaction,
        group: Group,
        change: str,
        *,
        actor: Actor,
        details: dict[str, Any],  # Any: JSON values
        reason: str = "",
    ) -> None:
        self._membership.advance(tx, group.organization_id, self._ids.new("op"))
        verb = {"created": "create", "changed": "update", "deleted": "delete"}[change]
        entry = Entry(
            organization_id=group.organization_id,
            actor=actor,
            action=f"registry.{verb}_group",
            target=group.group_id,
            target_name=group.name,
            reason=reason,
            details=details,
        )
        event = GroupChanged(
            organization_id=group.organization_id, group_id=group.group_id, group_name=group.name, change=change
        )
        self._ledger.append(tx, entry, event=event)


def require_group(connection: sa.Connection, organization_id: str, group: str, *, if_match: int | None = None) -> Group:
    """Return a group by id or name.

    Raises:
        GroupNotFound: There is none.
        RevisionMismatch: It has changed since the revision the caller knows.
    """
    find = repository.find if _GROUP_ID.fullmatch(group) else repository.find_by_name
    found = find(connection, organization_id, _storable(group))
    if found is None:
        raise GroupNotFound(f"there is no group {group[:160]!r}", hint="see them: vedette group list")
    if if_match is not None and if_match != found.revision:
        raise RevisionMismatch(
            f"{found.name} is at revision {found.revision}, not {if_match}", hint="read it again, then change it"
        )
    return found


def _describe(group: Group) -> dict[str, Any]:  # Any: JSON values
    return {"kind": group.kind.value, "condition": group.condition, "feeds_policies": group.feeds_policies}


def _storable(name: str) -> str:
    """Return a name as databases take it; what none can be called becomes nobody's."""
    is_name = len(name) <= _CURSOR_MAX_CHARS and name.isprintable()
    return name if is_name else ""


def _check_condition(condition: object) -> tuple[str, bool]:
    """Return a condition, and whether policies may see the group that has it."""
    if not isinstance(condition, str) or not condition.strip():
        raise InvalidGroup("a condition is a text such as tags.site = 'north'", hint="a static group has none")
    return condition.strip(), DynamicGroup.make("", condition).feeds_policies


def _check_patch(patch: Mapping[str, object]) -> dict[str, Any]:  # Any: one type per property
    unknown = patch.keys() - _PATCHABLE
    if unknown:
        raise InvalidGroup(
            f"{min(unknown)[:80]!r} cannot be changed by a patch", hint=f"these can: {', '.join(sorted(_PATCHABLE))}"
        )
    changes: dict[str, Any] = {}
    if "name" in patch:
        changes["name"] = check_name(patch["name"])
    if "description" in patch:
        description = patch["description"]
        changes["description"] = check_description("" if description is None else description)
    if "condition" in patch:
        changes["condition"], changes["feeds_policies"] = _check_condition(patch["condition"])
    return changes


def _check_names(device_ids: Sequence[str]) -> list[str]:
    names = list(dict.fromkeys(device_ids))
    if not 1 <= len(names) <= BULK_MAX or any(len(name) > _CURSOR_MAX_CHARS or "\0" in name for name in names):
        raise TooManyDevices(f"name 1 to {BULK_MAX} devices", limit=BULK_MAX)
    return names


def _check_page(after: str, limit: int, what: str) -> None:
    if not 1 <= limit <= PAGE_MAX or len(after) > _CURSOR_MAX_CHARS or "\0" in after:
        raise InvalidFilter(f"limit is 1 to {PAGE_MAX}, after is {what}", limit=PAGE_MAX)
