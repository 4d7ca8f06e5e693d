"""Who is in a dynamic group: decided in the very transaction that changes a device, before its posture is composed."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import sqlalchemy as sa

from vedette.kernel import GenerationId, OrganizationId
from vedette.ledger import Actor, Entry, Event, Ledger
from vedette.registry import group_repository as repository
from vedette.registry.events import (
    AccessListApplied,
    DeviceChanged,
    DeviceDeleted,
    DeviceDisabled,
    DeviceEnabled,
    DeviceRegistered,
    DeviceRetired,
    GroupMembershipChanged,
    LifecycleChanged,
)
from vedette.registry.group import Group, GroupKind
from vedette.registry.query import InvalidQuery, check_group_condition, condition, fields_of, parse_condition
from vedette.registry.query.documents import group_documents
from vedette.registry.query.tree import Node
from vedette.registry.repository import find_generations
from vedette.store import Transaction

log = logging.getLogger(__name__)

# A change is a posture record to be composed and signed: no more than these in one transaction.
CHANGES_MAX: Final = 250

_SYSTEM: Final = Actor("system", "registry")
_STATUS: Final = frozenset({"status", "statusReason", "statusUpdateTime"})
_LIFECYCLE: Final = frozenset({"lifecycle"})
_BLOCKED: Final = frozenset({"isBlocked"})
_REPORTED: Final = "properties.reported"
_PROPERTIES: Final = frozenset({"properties.desired", _REPORTED})
# Properties of devices, as events name them, and the fields that follow from them.
_FOLLOWING: Final[Mapping[str, frozenset[str]]] = {
    "authentication": frozenset(
        {"authenticationType", "x509Thumbprint.primaryThumbprint", "x509Thumbprint.secondaryThumbprint", "isBlocked"}
    ),
    "device_class": frozenset({"deviceClass"}),
    "failure_mode": frozenset({"failureMode"}),
    "hold_s": frozenset(),
    "identity_class": frozenset({"identityClass"}),
    "origin": frozenset({"enrollmentId", "authorityId", "isBlocked"}),
    "purdue_level": frozenset({"purdueLevel"}),
    "site": frozenset({"site"}),
    "tags": frozenset({"tags"}),
    "zone": frozenset({"zone"}),
}


@dataclass(frozen=True, slots=True)
class DynamicGroup:
    """A group's condition, ready to be asked.

    Attributes:
        node: The checked condition.
        fields: The fields it reads.
    """

    group_id: str
    node: Node
    test: Callable[[Mapping[str, Any]], bool]
    fields: frozenset[str]

    @property
    def feeds_policies(self) -> bool:
        """Whether policies may see the group: no device decides by what it reports who is in it."""
        return _REPORTED not in self.fields

    @classmethod
    def make(cls, group_id: str, text: str) -> DynamicGroup:
        """Prepare a condition.

        Raises:
            InvalidQuery: It breaks the grammar or a limit, or uses what a group cannot follow.
        """
        node = check_group_condition(parse_condition(text))
        fields = frozenset(field.name for field in fields_of([node]))
        return cls(group_id, node, condition(node), fields)


@dataclass(frozen=True, slots=True)
class _Rules:
    version: str
    dynamic: tuple[DynamicGroup, ...]


class GroupMembership:
    """Keeps the members of dynamic groups as their conditions say.

    Register ``project`` with the ledger before whatever composes records of devices, and have twins call
    ``on_twin_changed``.
    """

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._rules: dict[str, _Rules] = {}

    def project(self, tx: Transaction, event: Event) -> None:
        """Let groups follow an event of a device; called in the event's own transaction, after its rows are written."""
        organization_id = OrganizationId(event.organization_id)
        match event:
            case DeviceRegistered(generation_id=generation_id):
                self._follow(tx, organization_id, [generation_id], None)
            case DeviceChanged(generation_id=generation_id, changed=changed):
                self._follow(tx, organization_id, [generation_id], _fields_behind(changed))
            case DeviceEnabled(generation_id=generation_id) | DeviceDisabled(generation_id=generation_id):
                self._follow(tx, organization_id, [generation_id], _STATUS)
            case LifecycleChanged(generation_id=generation_id) | DeviceRetired(generation_id=generation_id):
                self._follow(tx, organization_id, [generation_id], _LIFECYCLE)
            case AccessListApplied(blocked=blocked, unblocked=unblocked):
                self._follow(tx, organization_id, [*blocked, *unblocked], _BLOCKED)
            case DeviceDeleted(generation_id=generation_id):
                self._leave(tx, organization_id, generation_id)

    def on_twin_changed(self, tx: Transaction, organization_id: OrganizationId, generation_id: GenerationId) -> None:
        """Let groups follow a change of desired or reported properties; called within its transaction."""
        self._follow(tx, organization_id, [generation_id], _PROPERTIES)

    def dynamic_groups(self, connection: sa.Connection, organization_id: str) -> tuple[DynamicGroup, ...]:
        """Return the dynamic groups as the connection's transaction sees them."""
        return self._load(connection, organization_id, repository.read_version(connection, organization_id)).dynamic

    def judge(
        self,
        tx: Transaction,
        organization_id: OrganizationId,
        generation_ids: Sequence[str],
        groups: Sequence[DynamicGroup],
    ) -> None:
        """Bring the membership of some devices in some groups up to date."""
        devices = find_generations(tx.connection, organization_id, generation_ids)
        has_properties = any(not group.fields.isdisjoint(_PROPERTIES) for group in groups)
        documents = group_documents(tx.connection, organization_id, devices, has_properties=has_properties)
        current = repository.groups_of(tx.connection, organization_id, devices)
        changes, unrecorded = _Changes(), _Changes()
        for generation_id, device in devices.items():
            known = current.get(generation_id, ())
            for group in groups:
                found = changes if group.feeds_policies else unrecorded
                belongs = device.deleted_at is None and group.test(documents[generation_id])
                if belongs and group.group_id not in known:
                    found.enter(group.group_id, generation_id, device.device_id)
                elif not belongs and group.group_id in known:
                    found.leave(group.group_id, generation_id)
        # As little on record as what is reported: a device could fill the ledger by changing its mind.
        _write(tx, organization_id, unrecorded.entered, unrecorded.left)
        self.record(tx, organization_id, changes.entered, changes.left)

    def record(
        self,
        tx: Transaction,
        organization_id: OrganizationId,
        entered: Mapping[str, Sequence[tuple[str, str]]],
        left: Mapping[str, Sequence[str]],
        *,
        actor: Actor = _SYSTEM,
    ) -> None:
        """Write who enters and who leaves groups, with the record of it.

        Args:
            tx: The caller's.
            organization_id: Whose groups.
            entered: By group, generation and device id of those that are no members yet.
            left: By group, generations of members.
            actor: Who decided it.
        """
        _write(tx, organization_id, entered, left)
        generations = {generation_id for added in entered.values() for generation_id, _ in added}
        generations.update(generation_id for removed in left.values() for generation_id in removed)
        if not generations:
            return
        group_ids = tuple(sorted({*entered, *left}))
        target = next(iter(generations)) if len(generations) == 1 else group_ids[0] if len(group_ids) == 1 else ""
        entry = Entry(
            organization_id=organization_id,
            actor=actor,
            action="registry.change_group_membership",
            target=target,
            details={
                "entered": {group_id: len(added) for group_id, added in entered.items()},
                "left": {group_id: len(removed) for group_id, removed in left.items()},
            },
        )
        event = GroupMembershipChanged(
            organization_id=organization_id, generation_ids=tuple(sorted(generations)), group_ids=group_ids
        )
        self._ledger.append(tx, entry, event=event)

    def _follow(
        self,
        tx: Transaction,
        organization_id: OrganizationId,
        generation_ids: Sequence[str],
        changed: Collection[str] | None,
    ) -> None:
        """Judge devices by the groups whose conditions read what changed; ``None`` is everything."""
        version = self._version(tx, organization_id)
        if not version:
            return
        groups = self._load(tx.connection, organization_id, version).dynamic
        if changed is not None:
            groups = tuple(group for group in groups if not group.fields.isdisjoint(changed))
        devices = [each for each in generation_ids if each.startswith("dev_")]
        if groups and devices:
            self.judge(tx, organization_id, devices, groups)

    def _leave(self, tx: Transaction, organization_id: OrganizationId, generation_id: str) -> None:
        """Take a deleted device out of every group; its deletion is the record of that."""
        if not self._version(tx, organization_id):
            return
        current = repository.groups_of(tx.connection, organization_id, [generation_id])
        for group_id in current.get(GenerationId(generation_id), ()):
            repository.remove_members(tx.connection, organization_id, group_id, [generation_id])

    def _version(self, tx: Transaction, organization_id: str) -> str:
        """Return the version of the groups; read once in a transaction that does not change it."""
        known: dict[str, str] = tx.state.setdefault(self, {})
        if organization_id not in known:
            known[organization_id] = repository.read_version(tx.connection, organization_id)
        return known[organization_id]

    def advance(self, tx: Transaction, organization_id: OrganizationId, version: str) -> None:
        """Give the groups a new version, after one of them was changed in the transaction."""
        repository.advance(tx.connection, organization_id, version)
        tx.state.setdefault(self, {})[organization_id] = version

    def _load(self, connection: sa.Connection, organization_id: str, version: str) -> _Rules:
        # A version is a generated id: one that was rolled back never comes again with another meaning.
        rules = self._rules.get(organization_id)
        if rules is None or rules.version != version:
            groups = map(_prepare, repository.list_all(connection, organization_id))
            rules = _Rules(version, tuple(group for group in groups if group is not None))
            self._rules[organization_id] = rules
        return rules


def _prepare(group: Group) -> DynamicGroup | None:
    """Prepare a stored condition; one that this release does not understand keeps its members as they are."""
    if group.kind is not GroupKind.DYNAMIC:
        return None
    try:
        return DynamicGroup.make(group.group_id, group.condition)
    except InvalidQuery as problem:
        log.error("a group's condition is not understood", extra={"group": group.group_id, "cause": problem.detail})  # noqa: TRY400 - no trace
        return None


def _write(
    tx: Transaction,
    organization_id: str,
    entered: Mapping[str, Sequence[tuple[str, str]]],
    left: Mapping[str, Sequence[str]],
) -> None:
    for group_id, added in entered.items():
        repository.add_members(tx.connection, organization_id, group_id, added)
    for group_id, removed in left.items():
        repository.remove_members(tx.connection, organization_id, group_id, removed)


class _Changes:
    def __init__(self) -> None:
        self.entered: dict[str, list[tuple[str, str]]] = {}
        self.left: dict[str, list[str]] = {}

    def enter(self, group_id: str, generation_id: str, device_id: str) -> None:
        self.entered.setdefault(group_id, []).append((generation_id, device_id))

    def leave(self, group_id: str, generation_id: str) -> None:
        self.left.setdefault(group_id, []).append(generation_id)


def _fields_behind(changed: Iterable[str]) -> frozenset[str] | None:
    """Return the fields that follow from changed properties; ``None``, for all, if one is not known here."""
    found: frozenset[str] = frozenset()
    for name in changed:
        if name not in _FOLLOWING:
            return None
        found |= _FOLLOWING[name]
    return found
