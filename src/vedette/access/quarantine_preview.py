"""What a quarantine would do, before it is asked for: how deep it would go, and what it would count against."""

from __future__ import annotations

from dataclasses import dataclass

import sqlalchemy as sa

from vedette.access import quarantine_repository as repository
from vedette.access.blast_radius import BlastRadius, Budget, Surroundings, budgets_of, judge
from vedette.access.quarantine_facts import look_around
from vedette.access.quarantine_model import FREEDOM, QuarantineMode
from vedette.kernel import Clock, OrganizationId
from vedette.ledger import Actor
from vedette.registry import Device, Register, find_modules_of, presence_of
from vedette.store import Store

_PERSON = "operator"


@dataclass(frozen=True, slots=True, kw_only=True)
class QuarantinePreview:
    """What would become of a device.

    Attributes:
        present_mode: Its quarantine now; ``None``: it is in none.
        mode: Its quarantine afterwards.
        narrowed_because: Why that is less than what was asked for; empty: it is not.
        needs_second_person: Another person would have to approve what was asked for.
        may_override: Whoever asks may go beyond what narrows it.
        is_last_gateway: No other gateway of its site is connected.
        sessions: Live sessions that would be narrowed or cut: its own, and those of its modules.
        budgets: What a cut counts against.
    """

    present_mode: QuarantineMode | None
    mode: QuarantineMode
    narrowed_because: str
    needs_second_person: bool
    may_override: bool
    is_last_gateway: bool
    sessions: int
    budgets: tuple[Budget, ...]


class QuarantinePreviews:
    """Tells what quarantines would do; changes nothing.

    Args:
        store: Where quarantines are kept.
        register: Knows the devices.
        radius: How much may be cut off at once.
        clock: Source of time.
    """

    def __init__(self, store: Store, register: Register, *, radius: BlastRadius, clock: Clock) -> None:
        self._store = store
        self._register = register
        self._radius = radius
        self._clock = clock

    async def preview(
        self,
        organization_id: OrganizationId,
        device_id: str,
        *,
        mode: QuarantineMode,
        actor: Actor,
        is_override: bool = False,
    ) -> QuarantinePreview:
        """Tell what a quarantine would do if this actor asked for it now.

        Raises:
            DeviceNotFound: There is no such device.
        """
        is_person = actor.kind == _PERSON
        source = f"{actor.kind}:{actor.id}"[:128]

        def look(connection: sa.Connection) -> QuarantinePreview:
            device = self._register.require(connection, organization_id, device_id)
            around = look_around(connection, device, self._clock.now())
            known = repository.find(connection, organization_id, device.generation_id)
            present = None if known is None else known.mode

            def ask(*, is_override: bool) -> tuple[QuarantineMode, str, bool]:
                found = judge(self._radius, around, mode, source, is_person=is_person, is_override=is_override)
                return _deeper(present, found.mode), found.because, found.needs_second_person

            after, because, needs_second_person = ask(is_override=is_override)
            return QuarantinePreview(
                present_mode=present,
                mode=after,
                narrowed_because=because if after is not mode else "",
                needs_second_person=needs_second_person,
                may_override=bool(because) and ask(is_override=True)[0] is mode,
                is_last_gateway=around.other_gateways == 0,
                sessions=_sessions(connection, device),
                budgets=_budgets(self._radius, around, source, is_person=is_person),
            )

        return await self._store.read(look)


def _deeper(present: QuarantineMode | None, asked: QuarantineMode) -> QuarantineMode:
    return present if present is not None and FREEDOM[present] <= FREEDOM[asked] else asked


def _sessions(connection: sa.Connection, device: Device) -> int:
    modules = find_modules_of(connection, device.organization_id, [device.generation_id])
    identities = [device.generation_id, *(module.generation_id for module in modules)]
    return sum(each.is_connected for each in presence_of(connection, device.organization_id, identities).values())


def _budgets(radius: BlastRadius, around: Surroundings, source: str, *, is_person: bool) -> tuple[Budget, ...]:
    return tuple(budgets_of(radius, around, source, is_person=is_person))
